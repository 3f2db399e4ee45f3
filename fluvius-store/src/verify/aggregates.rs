//! Checks of each aggregate: the fold of its log must give its row.

use serde_json::Value;

use super::{FaultKind, Verification};
use crate::dyn_store::ErasedStore;
use crate::error::StoreError;
use crate::etag::ETag;
use crate::json::SNAPSHOT_INTERVAL;
use crate::query::{Cursor, StateQuery};
use crate::record::{EventRecord, LogEntry, StateRecord};

/// Number of rows that are read at once.
const ROWS_AT_ONCE: usize = 64;
/// Number of events of an aggregate that are read at once.
const EVENTS_AT_ONCE: u64 = 64;

/// Checks every aggregate against its log.
pub(super) async fn check(
    store: &dyn ErasedStore,
    report: &mut Verification,
) -> Result<(), StoreError> {
    let mut query = StateQuery::every(ROWS_AT_ONCE);
    loop {
        let rows = store.query(&query).await?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        if query.after.as_ref().is_some_and(|before| last.aggregate_id <= *before.aggregate_id()) {
            // Without progress, the loop would not end.
            return Err(StoreError::permanent("the pages of a query lead no further"));
        }
        query.after = Some(Cursor::of(&query, last));
        for row in &rows {
            report.aggregates += 1;
            Fold::of(row).run(store, report).await?;
        }
    }
}

/// The log of an aggregate up to the version of its row, and the progress of reading it.
struct Fold<'a> {
    row: &'a StateRecord,
    /// The first event and the last one read.
    first: Option<LogEntry<EventRecord>>,
    last: Option<LogEntry<EventRecord>>,
    /// The state after the last event. `None` before the first event, and from a delta that does
    /// not fit until the next snapshot.
    state: Option<Value>,
    last_snapshot: u64,
}

impl<'a> Fold<'a> {
    fn of(row: &'a StateRecord) -> Self {
        Self { row, first: None, last: None, state: None, last_snapshot: 0 }
    }

    async fn run(
        mut self,
        store: &dyn ErasedStore,
        report: &mut Verification,
    ) -> Result<(), StoreError> {
        let aggregate_id = &self.row.aggregate_id;
        let mut next = 1;
        while next <= self.row.version {
            let end = self.row.version.min(next.saturating_add(EVENTS_AT_ONCE - 1));
            for event in store.history(aggregate_id, next, end).await? {
                self.add(event, &mut next, report);
            }
            if next <= end {
                self.missing(next, end, report);
                next = end + 1;
            }
        }
        self.compare(store, report).await
    }

    fn add(&mut self, event: LogEntry<EventRecord>, next: &mut u64, report: &mut Verification) {
        let (aggregate_id, position) = (&self.row.aggregate_id, Some(event.position));
        let version = event.record.version;
        if version < *next {
            let detail = format!("version {version} has a second event");
            report.add(FaultKind::HistoryUnordered, aggregate_id, position, detail);
            return;
        }
        if version > *next {
            self.missing(*next, version - 1, report);
        }
        *next = version + 1;
        if let Some(last) = &self.last {
            if event.position <= last.position {
                let detail = format!(
                    "the position of version {version} is below that of the version before it"
                );
                report.add(FaultKind::HistoryUnordered, aggregate_id, position, detail);
            }
            if event.record.occurred_at < last.record.occurred_at {
                let detail = format!("version {version} occurred before the one before it");
                report.add(FaultKind::TimeDecreases, aggregate_id, position, detail);
            }
        }
        if event.record.delta.is_snapshot() {
            self.last_snapshot = version;
        } else if version - self.last_snapshot == SNAPSHOT_INTERVAL {
            // Reported once, where it begins.
            let detail = format!("version {version} needs more than {SNAPSHOT_INTERVAL} changes");
            report.add(FaultKind::SnapshotOverdue, aggregate_id, position, detail);
        }
        let was_lost = self.state.is_none() && version > 1 && !event.record.delta.is_snapshot();
        match event.record.delta.apply(self.state.take()) {
            Ok(state) => self.state = Some(state),
            // After a fault no delta fits until the next snapshot; only the first is reported.
            Err(_) if was_lost => {}
            Err(error) => {
                let detail = format!("the change of version {version}: {error}");
                report.add(FaultKind::DeltaInvalid, aggregate_id, position, detail);
            }
        }
        if self.first.is_none() {
            self.first = Some(event.clone());
        }
        self.last = Some(event);
    }

    fn missing(&mut self, first: u64, last: u64, report: &mut Verification) {
        let detail = match first == last {
            true => format!("version {first} has no event"),
            false => format!("versions {first} to {last} have no events"),
        };
        report.add(FaultKind::VersionMissing, &self.row.aggregate_id, None, detail);
        self.state = None;
    }

    async fn compare(
        &self,
        store: &dyn ErasedStore,
        report: &mut Verification,
    ) -> Result<(), StoreError> {
        let row = self.row;
        // A fold that did not reach the end was reported before.
        if self.state.as_ref().is_some_and(|state| *state != row.data.to_value()) {
            let detail = format!("the fold of the log is not the state of version {}", row.version);
            report.add(FaultKind::StateDiffers, &row.aggregate_id, None, detail);
        }
        let mut differing = Vec::new();
        if let Some(first) = self.first.as_ref().filter(|event| event.record.version == 1) {
            if row.created_at != first.record.occurred_at {
                differing.push("created_at");
            }
            // The check of the logs reports a missing command or context.
            if let Some((_, context)) = store.command(first.record.command_id).await? {
                if row.created_by != context.actor.id() {
                    differing.push("created_by");
                }
                if row.realm.as_deref() != context.realm.as_deref() {
                    differing.push("realm");
                }
            }
        }
        if let Some(last) = self.last.as_ref().filter(|event| event.record.version == row.version) {
            if row.etag != ETag::new(row.version, last.record.command_id) {
                differing.push("etag");
            }
            if row.revision != last.record.revision {
                differing.push("revision");
            }
            if row.updated_at != last.record.occurred_at {
                differing.push("updated_at");
            }
            if row.closed_at.is_some_and(|closed_at| closed_at != last.record.occurred_at) {
                differing.push("closed_at");
            }
            if let Some((_, context)) = store.command(last.record.command_id).await?
                && row.updated_by != context.actor.id()
            {
                differing.push("updated_by");
            }
        }
        if row.version == 0 {
            differing.push("version");
        }
        for column in differing {
            let detail = format!("the column `{column}` is not what the log says");
            report.add(FaultKind::RowDiffers, &row.aggregate_id, None, detail);
        }
        Ok(())
    }
}
