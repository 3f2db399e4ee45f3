//! Reading the stored state.

mod as_of;
mod fold;
mod manager;
mod query_builder;
mod record;

pub use as_of::PointInTime;
pub use manager::{StateManager, Versioned};
pub use query_builder::{StatePage, StateQueryBuilder};
pub use record::StateRecord;

pub(crate) use fold::{SNAPSHOT_INTERVAL, state_at, version_before};
pub(crate) use manager::invalid_state;
