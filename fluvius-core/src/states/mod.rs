//! Reading the stored state.

mod as_of;
mod bounded_page;
mod fold;
mod manager;
mod query_builder;

pub use manager::StateManager;
pub use query_builder::{StatePage, StateQueryBuilder};

pub(crate) use fold::{state_at, version_before};
