//! The processor: takes a command through its stages, one module each.
//!
//! decode -> authorize -> recall -> load -> decide -> commit -> publish. What is decided is
//! plain data; only commit hands it to the store.

mod authorize;
mod commit;
pub(crate) mod decide;
pub(crate) mod decode;
mod environment;
mod execute;
mod head;
pub(crate) mod load;
mod publish;
mod recall;
mod refusal;
mod task;
mod turns;
mod work;

pub(crate) use environment::{Environment, Settings};
pub(crate) use execute::Processor;
pub(crate) use head::Head;
pub(crate) use task::{Answer, Sender, Task};
pub(crate) use work::Work;
