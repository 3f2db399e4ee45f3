//! The processor: takes a command through its stages, one module each.
//!
//! decode -> authorize -> deduplicate -> load -> decide -> commit -> publish. A decision is plain data; only commit hands
//! it to the store. An id in flight is recognized at acceptance. The log is asked for an id only before an answer that
//! leaves no row, and if the commit finds the id taken, so that a new command that succeeds pays no read for it.

mod accept;
mod action_backend;
mod attempt;
mod authorize;
mod commit;
mod contention;
pub(crate) mod decide;
pub(crate) mod decode;
mod deduplicate;
mod executor;
mod in_doubt;
mod job;
pub(crate) mod load;
mod pace;
mod publish;
mod rejection_record;
mod request_log;
mod services;
mod task;
mod timeout;
mod veto;
mod write_set;

pub use decode::without_values;

pub(crate) use accept::{PermitMode, Processor};
pub(crate) use services::{Services, Settings};
pub(crate) use task::{Sender, Task};
pub(crate) use timeout::timeout;
