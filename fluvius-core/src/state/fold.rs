//! Reading a root's past back from its events, at a bounded cost.

use chrono::{DateTime, Utc};

use crate::error::Error;
use crate::event::EventRecord;
use crate::json::Json;
use crate::log_entry::LogEntry;
use crate::root::AggregateRoot;
use crate::store::{DynStore, StoreError};

/// From one whole state in the log to the next there are at most this many versions, so that
/// reading any version back reads at most this many changes.
pub(crate) const SNAPSHOT_INTERVAL: u64 = 64;

/// The state of a root as it was at a version, and the revision in whose shape it is.
///
/// Changes are applied as they were written; to lift what they give is the reader's.
pub(crate) async fn state_at(
    store: &dyn DynStore,
    root: &AggregateRoot,
    version: u64,
) -> Result<(u32, Json), Error> {
    let first = version.saturating_sub(SNAPSHOT_INTERVAL - 1).max(1);
    let events = store.history(root, first, version).await?;
    let start = events
        .iter()
        .rposition(|event| event.change.is_whole())
        .ok_or_else(|| broken(root, version, "no whole state is in reach"))?;
    let mut state = None;
    let mut revision = 0;
    for event in &events[start..] {
        let next = event.change.apply(state);
        state = Some(next.map_err(|error| broken(root, event.version, &error.to_string()))?);
        revision = event.revision;
    }
    let state = state.ok_or_else(|| broken(root, version, "it has no events"))?;
    match Json::from_value(&state) {
        Ok(state) => Ok((revision, state)),
        Err(error) => Err(broken(root, version, &error.to_string())),
    }
}

/// The last version of a root, up to this one, whose event occurred at a time or before it; 0 where
/// there is none.
pub(super) async fn version_at(
    store: &dyn DynStore,
    root: &AggregateRoot,
    last: u64,
    time: DateTime<Utc>,
) -> Result<u64, Error> {
    // Along a root `occurred` never falls, so the last one can be searched by halving.
    let (mut low, mut high) = (0, last);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if event_at(store, root, middle).await?.occurred <= time {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    Ok(low)
}

/// The event that gave a root a version.
pub(super) async fn event_at(
    store: &dyn DynStore,
    root: &AggregateRoot,
    version: u64,
) -> Result<LogEntry<EventRecord>, Error> {
    let mut events = store.history(root, version, version).await?;
    events.pop().ok_or_else(|| broken(root, version, "its event is missing"))
}

/// The version that a root had for the command at a position: that of the last event whose own
/// command stands before it.
///
/// The event's own position does not tell: in the unit of an atomic group all commands stand
/// before all events.
pub(crate) async fn version_before(
    store: &dyn DynStore,
    root: &AggregateRoot,
    position: u64,
) -> Result<u64, Error> {
    // Versions rise with the positions of their commands, so the last one before can be searched
    // by halving.
    let mut low = 0;
    let mut high = store.load(root).await?.map_or(0, |row| row.version);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        let event = event_at(store, root, middle).await?;
        let command = store.command(event.src_cmd).await?;
        let (command, _) = command.ok_or_else(|| broken(root, middle, "its command is missing"))?;
        if command.position < position {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    Ok(low)
}

fn broken(root: &AggregateRoot, version: u64, why: &str) -> Error {
    Error::from(StoreError::permanent(format!(
        "the log of {root} cannot be read back at version {version}: {why}"
    )))
}
