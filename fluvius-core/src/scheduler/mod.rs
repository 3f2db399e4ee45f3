//! The scheduler: orders decisions, admissions and commits.
//!
//! It is plain state without I/O, tasks or clocks. Its inputs are accepted commands, decisions,
//! commit outcomes and lease grants. Its outputs are [`Effect`]s: decide this command, commit this
//! batch, answer that command. After each input the caller takes effects until there are none. The
//! executor carries them out on tokio, a test on a seeded scheduler.
//!
//! # Invariants
//!
//! - A command is decided on the newest versions, durable or not. It is admitted only if every
//!   version that it has read is still the newest: optimistic concurrency control with backward
//!   validation (Kung, Robinson 1981).
//! - A unit of work depends on every unit whose version it has read. If one aborts, its dependents
//!   abort too and are decided again in their old order (commit dependencies and cascading aborts:
//!   Larson et al. 2011).
//! - No command is answered before its unit, and every unit that it depends on, is durable.
//! - A lock goes to the oldest command that waits for it. Its holder is not admitted while an older
//!   command waits. A command with a version conflict keeps its lock while it backs off. So
//!   commands on one aggregate that are decided again keep their order.
//! - A command that depended on an aborted unit is decided after that unit's own command. A command
//!   of a stream is decided after the previous one.
//! - Deadlock freedom: a command waits while it holds a lock only if it acquires its locks in the
//!   order of the aggregates, or waits for older commands. In both cases it yields its locks to an
//!   older command (wound-wait: Rosenkrantz et al. 1978).
//! - If other processes keep changing an aggregate, its units are admitted only under a lease that
//!   the store grants (Gray, Cheriton 1989). This process holds the lease for a time slice. It
//!   returns the lease once the commands to be decided under it are admitted and their units are
//!   durable. A command that waits for a lease holds leases of earlier aggregates only, and every
//!   wait is bounded.

mod cached_version;
mod commit_queue;
mod effect;
#[cfg(test)]
mod fixtures;
mod leases;
mod lock_table;
#[expect(clippy::module_inception, reason = "the module is named after its main type")]
mod scheduler;
mod scheduling;
#[cfg(test)]
mod tests;
mod version_cache;

pub(crate) use cached_version::CachedVersion;
pub(crate) use commit_queue::Batch;
pub(crate) use effect::{Effect, Resolution};
pub(crate) use scheduler::{Decision, Limits, Scheduler};

/// Number of a command or an atomic group, in the order of acceptance.
pub(crate) type CommandSeq = u64;

/// Number of a unit of work, in the order of admission.
pub(crate) type UnitNumber = u64;
