//! Reading the stored state.

mod as_of;
mod fold;
mod manager;
mod query_builder;

pub use as_of::PointInTime;
pub use manager::{StateManager, Versioned};
pub use query_builder::{StatePage, StateQueryBuilder};

pub(crate) use fold::{state_at, version_before};
pub(crate) use manager::{check_resource, invalid_state};
