//! Reading the stored state.

mod history;
mod manager;
mod past;
mod reader;
mod record;

pub use manager::{StateManager, Stored};
pub use past::PointInTime;
pub use reader::{StatePage, StateReader};
pub use record::StateRecord;

pub(crate) use history::{SNAPSHOT_INTERVAL, state_at, version_before};
pub(crate) use manager::invalid_state;
