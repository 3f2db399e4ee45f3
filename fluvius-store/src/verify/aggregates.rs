//! Checks of each aggregate: the fold of its log must give its row.

use serde_json::Value;

use super::progress::Reporter;
use super::{FaultKind, Range, Verification};
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
    reporter: &mut Reporter<'_>,
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
        reporter.report(report, 0);
    }
}

/// The log of an aggregate up to the version of its row or the end of a range, and the progress of
/// reading it.
pub(super) struct Fold<'a> {
    row: &'a StateRecord,
    /// The range of the events whose faults are reported.
    range: Range,
    /// Set from the first event in the range on. The events before it lead to its state.
    is_in_range: bool,
    /// The version that is read next.
    next: u64,
    /// The first event in the range and the last one read.
    first: Option<LogEntry<EventRecord>>,
    last: Option<LogEntry<EventRecord>>,
    /// The state after the last event. `None` before the first event, and from a delta that does
    /// not fit until the next snapshot.
    state: Option<Value>,
    last_snapshot: u64,
}

impl<'a> Fold<'a> {
    fn of(row: &'a StateRecord) -> Self {
        Self { is_in_range: true, ..Self::in_range(row, 1, Range::ALL) }
    }

    /// Returns the fold of the events in a range, which has the event of this version.
    pub(super) fn in_range(row: &'a StateRecord, version: u64, range: Range) -> Self {
        // One of these events is a snapshot, or a snapshot is overdue at the version.
        let next = version.saturating_sub(SNAPSHOT_INTERVAL - 1).max(1);
        Self {
            row,
            range,
            is_in_range: false,
            next,
            first: None,
            last: None,
            state: None,
            last_snapshot: next - 1,
        }
    }

    pub(super) async fn run(
        mut self,
        store: &dyn ErasedStore,
        report: &mut Verification,
    ) -> Result<(), StoreError> {
        let aggregate_id = &self.row.aggregate_id;
        while self.next <= self.row.version {
            let end = self.row.version.min(self.next.saturating_add(EVENTS_AT_ONCE - 1));
            for event in store.history(aggregate_id, self.next, end).await? {
                if event.position > self.range.last {
                    return self.compare_creation(store, report).await;
                }
                self.is_in_range |= event.position >= self.range.first;
                self.add(event, report);
            }
            if self.next <= end {
                self.missing(end, report);
                self.next = end + 1;
            }
        }
        self.compare(store, report).await
    }

    /// Reports a fault, unless the range begins later.
    fn report(
        &self,
        report: &mut Verification,
        kind: FaultKind,
        position: Option<u64>,
        detail: String,
    ) {
        if self.is_in_range {
            report.add(kind, &self.row.aggregate_id, position, detail);
        }
    }

    fn add(&mut self, event: LogEntry<EventRecord>, report: &mut Verification) {
        let (position, version) = (Some(event.position), event.record.version);
        if version < self.next {
            let detail = format!("version {version} has a second event");
            self.report(report, FaultKind::HistoryUnordered, position, detail);
            return;
        }
        if version > self.next {
            self.missing(version - 1, report);
        }
        self.next = version + 1;
        if let Some(last) = &self.last {
            if event.position <= last.position {
                let detail = format!(
                    "the position of version {version} is below that of the version before it"
                );
                self.report(report, FaultKind::HistoryUnordered, position, detail);
            }
            if event.record.occurred_at < last.record.occurred_at {
                let detail = format!("version {version} occurred before the one before it");
                self.report(report, FaultKind::TimeDecreases, position, detail);
            }
        }
        if event.record.delta.is_snapshot() {
            self.last_snapshot = version;
        } else if version - self.last_snapshot == SNAPSHOT_INTERVAL {
            // Reported once, where it begins.
            let detail = format!("version {version} needs more than {SNAPSHOT_INTERVAL} changes");
            self.report(report, FaultKind::SnapshotOverdue, position, detail);
        }
        let was_lost = self.state.is_none() && version > 1 && !event.record.delta.is_snapshot();
        match event.record.delta.apply(self.state.take()) {
            Ok(state) => self.state = Some(state),
            // After a fault no delta fits until the next snapshot; only the first is reported.
            Err(_) if was_lost => {}
            Err(error) => {
                let detail = format!("the change of version {version}: {error}");
                self.report(report, FaultKind::DeltaInvalid, position, detail);
            }
        }
        if self.first.is_none() && self.is_in_range {
            self.first = Some(event.clone());
        }
        self.last = Some(event);
    }

    /// Adds the versions from the next one to `last`, which have no events.
    fn missing(&mut self, last: u64, report: &mut Verification) {
        let first = self.next;
        let detail = match first == last {
            true => format!("version {first} has no event"),
            false => format!("versions {first} to {last} have no events"),
        };
        self.report(report, FaultKind::VersionMissing, None, detail);
        self.state = None;
    }

    /// Compares the row with the last event, and its columns of the creation with the first one.
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
        self.compare_creation(store, report).await?;
        let mut differing = Vec::new();
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
        self.report_columns(&differing, report);
        Ok(())
    }

    async fn compare_creation(
        &self,
        store: &dyn ErasedStore,
        report: &mut Verification,
    ) -> Result<(), StoreError> {
        let row = self.row;
        let Some(first) = self.first.as_ref().filter(|event| event.record.version == 1) else {
            return Ok(());
        };
        let mut differing = Vec::new();
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
        self.report_columns(&differing, report);
        Ok(())
    }

    fn report_columns(&self, differing: &[&str], report: &mut Verification) {
        for column in differing {
            let detail = format!("the column `{column}` is not what the log says");
            report.add(FaultKind::RowDiffers, &self.row.aggregate_id, None, detail);
        }
    }
}
