//! Contexts: who sends a command, and what a rule may ask for while it runs.

mod action;
mod domain;
mod error;

pub use action::{ActionContext, Invoke};
pub use domain::DomainContext;
pub use error::ContextError;

pub(crate) use action::{Frame, Inputs};
