//! The processor: takes a command through its stages, one module each.
//!
//! decode -> authorize -> recall -> load -> decide -> commit -> publish. What is decided is
//! plain data; only commit hands it to the store.

mod accept;
mod attempt;
mod authorize;
mod commit;
pub(crate) mod decide;
pub(crate) mod decode;
mod driver;
mod environment;
mod head;
mod job;
pub(crate) mod load;
mod metrics;
mod publish;
mod recall;
mod refusal;
mod spans;
mod task;
mod work;

pub(crate) use accept::{Place, Processor};
pub(crate) use environment::{Environment, Settings};
pub(crate) use head::Head;
pub(crate) use metrics::Metrics;
pub(crate) use task::{Answer, Sender, Task};
pub(crate) use work::Work;
