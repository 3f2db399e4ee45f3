//! The sequencer: in which order commands are decided, admitted and committed.
//!
//! Plain state without I/O, tasks or clocks. In go accepted commands, decisions and fates; out
//! come [`Step`]s: decide this command, commit this batch, answer that one. Whoever tells it
//! something takes steps until there are none, does the work, and comes back with the result;
//! that may be tokio, or a test with a seed.
//!
//! What it holds true:
//!
//! - A command is decided on the newest heads, durable or not, and admitted only if all heads
//!   that it has read are still the newest.
//! - A unit of work depends on every unit whose head it has read. If one falls, all that stand
//!   on it are taken back and decided again, in their old order.
//! - No command is answered before its unit, and so all that it depends on, is durable.
//! - The oldest of those who wait for the turn of a root has it next, and one who has it is not
//!   admitted while an older one waits. A command that others have made stale has it while it
//!   backs off. So commands of one root that are decided again keep their order.
//! - A command that stood on a fallen unit is decided after that unit's own, and one of a
//!   stream after the one before it.
//! - Nobody waits for a turn while holding one, but for commands that take all their turns in
//!   the order of the roots, and those that wait for others to be decided: these give way to
//!   older ones.
//! - Where another process keeps changing a root, no unit on it is admitted but under the turn
//!   that the store gives among processes. It is kept for a while, and no longer than until those
//!   that are to be decided under it are; who waits for one meanwhile waits for a root behind it
//!   in the order of the roots, or for a while that the store bounds.

mod across;
#[cfg(test)]
mod fixtures;
mod heads;
mod order;
mod queue;
mod state;
#[cfg(test)]
mod tests;
mod turns;

pub(crate) use queue::Batch;
pub(crate) use state::{Decision, Limits, Sequencer, Settled, Step};

/// A command, or an atomic group, in the order of acceptance.
pub(crate) type Ticket = u64;

/// A unit of work, in the order of admission.
pub(crate) type UnitNumber = u64;
