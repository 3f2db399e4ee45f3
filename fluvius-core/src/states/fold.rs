//! The fold of an aggregate's events to its earlier states, at a bounded cost.

use chrono::{DateTime, Utc};

use crate::error::Error;
use fluvius_store::{AggregateId, DynStore, EventRecord, Json, LogEntry, Store, StoreError};

/// Maximum distance between two snapshots in the log of an aggregate, in versions. Folding any
/// version reads at most this many events.
pub(crate) const SNAPSHOT_INTERVAL: u64 = 64;

/// Returns the state of an aggregate at a version, and the revision of its shape.
///
/// Patches are applied as they were written. The caller upcasts the result.
pub(crate) async fn state_at(
    store: &DynStore,
    aggregate_id: &AggregateId,
    version: u64,
) -> Result<(u32, Json), Error> {
    let first = version.saturating_sub(SNAPSHOT_INTERVAL - 1).max(1);
    let events = store.history(aggregate_id, first, version).await?;
    let start = events
        .iter()
        .rposition(|event| event.record.delta.is_snapshot())
        .ok_or_else(|| broken(aggregate_id, version, "no snapshot is near enough"))?;
    let mut state = None;
    let mut revision = 0;
    for event in &events[start..] {
        let next = event.record.delta.apply(state);
        state = Some(
            next.map_err(|error| broken(aggregate_id, event.record.version, &error.to_string()))?,
        );
        revision = event.record.revision;
    }
    let state = state.ok_or_else(|| broken(aggregate_id, version, "it has no events"))?;
    match Json::from_value(&state) {
        Ok(state) => Ok((revision, state)),
        Err(error) => Err(broken(aggregate_id, version, &error.to_string())),
    }
}

/// Returns the last version of an aggregate, up to `last`, whose event occurred at or before a
/// time; 0 if there is none.
pub(super) async fn version_at(
    store: &DynStore,
    aggregate_id: &AggregateId,
    last: u64,
    time: DateTime<Utc>,
) -> Result<u64, Error> {
    // Binary search: along an aggregate `occurred_at` never decreases.
    let (mut low, mut high) = (0, last);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if event_at(store, aggregate_id, middle).await?.record.occurred_at <= time {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    Ok(low)
}

/// Returns the event that created a version of an aggregate.
pub(super) async fn event_at(
    store: &DynStore,
    aggregate_id: &AggregateId,
    version: u64,
) -> Result<LogEntry<EventRecord>, Error> {
    let mut events = store.history(aggregate_id, version, version).await?;
    events.pop().ok_or_else(|| broken(aggregate_id, version, "its event is missing"))
}

/// Returns the version that an aggregate had for the command at a position: that of the last event
/// whose own command precedes that position.
///
/// The position of the event itself is no criterion: in the unit of an atomic group all commands
/// precede all events.
pub(crate) async fn version_before(
    store: &DynStore,
    aggregate_id: &AggregateId,
    position: u64,
) -> Result<u64, Error> {
    // Binary search: versions rise with the positions of their commands.
    let mut low = 0;
    let mut high = store.load(aggregate_id).await?.map_or(0, |row| row.version);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        let event = event_at(store, aggregate_id, middle).await?;
        let command = store.command(event.record.command_id).await?;
        let (command, _) =
            command.ok_or_else(|| broken(aggregate_id, middle, "its command is missing"))?;
        if command.position < position {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    Ok(low)
}

fn broken(aggregate_id: &AggregateId, version: u64, why: &str) -> Error {
    Error::from(StoreError::permanent(format!(
        "the log of {aggregate_id} cannot be read back at version {version}: {why}"
    )))
}
