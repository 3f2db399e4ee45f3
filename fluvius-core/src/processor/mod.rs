//! The processor: takes a command through its stages, one module each.
//!
//! decode -> authorize -> recall -> load -> decide -> commit -> publish. What is decided is
//! plain data; only commit hands it to the store. Recall asks at once whether the identifier is
//! in work; the log it asks only before an answer that the log does not keep, and where the
//! commit finds the identifier taken, so that a fresh command that succeeds pays no read for it.

mod accept;
mod attempt;
mod authorize;
mod commit;
mod deadline;
pub(crate) mod decide;
pub(crate) mod decode;
mod driver;
mod environment;
mod head;
mod job;
pub(crate) mod load;
mod metrics;
mod pace;
mod publish;
mod recall;
mod refusal;
mod request_log;
mod spans;
mod task;
mod waits;
mod work;

pub(crate) use accept::{Place, Processor};
pub(crate) use deadline::within;
pub(crate) use environment::{Environment, Settings};
pub(crate) use head::Head;
pub(crate) use metrics::Metrics;
pub(crate) use task::{Answer, Sender, Task};
pub(crate) use work::Work;
