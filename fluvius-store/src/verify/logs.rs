//! Checks of the four logs together, in the order of positions.

use std::collections::BTreeMap;

use super::look_up::LookUp;
use super::progress::Reporter;
use super::touched::Touched;
use super::{FaultKind, Range, Verification};
use crate::aggregate_id::AggregateId;
use crate::dyn_store::ErasedStore;
use crate::error::StoreError;
use crate::json;
use crate::query::LogQuery;
use crate::record::{
    AnyRecord, CommandRecord, CommandStatus, LogEntry, LogKind, LogPage, ResumeToken,
};

/// Number of rows of a log that are read at once.
const ROWS_AT_ONCE: usize = 256;

/// The rows of a log that were read and not yet checked, the next one last.
struct Reader {
    log: LogKind,
    rows: Vec<LogEntry<AnyRecord>>,
    after: ResumeToken,
    /// Set once the end of the range was reached.
    is_over: bool,
}

/// Checks the order of the logs in a range, and the references of their rows. `touched` also checks
/// the aggregates of their events.
pub(super) async fn check(
    store: &dyn ErasedStore,
    range: Range,
    mut touched: Option<Touched>,
    report: &mut Verification,
    reporter: &mut Reporter<'_>,
) -> Result<(), StoreError> {
    let after = ResumeToken::from(range.first - 1);
    let mut readers =
        LogKind::ALL.map(|log| Reader { log, rows: Vec::new(), after, is_over: false });
    let mut look_up = LookUp::new(store);
    let mut last = 0;
    loop {
        // A reader has all rows of its log up to its token.
        let next = readers.iter().filter_map(|reader| reader.rows.last()).map(|row| row.position);
        let next = next.min();
        for reader in &mut readers {
            if next.is_none_or(|next| next > reader.after.position()) {
                reader.fill(store, range, report, reporter).await?;
            }
        }
        let next = readers.iter_mut().filter(|reader| !reader.rows.is_empty());
        let next = next.min_by_key(|reader| reader.rows.last().map(|row| row.position));
        let Some(row) = next.and_then(|reader| reader.rows.pop()) else {
            return Ok(());
        };
        if row.position == last {
            let detail = "another row has the same position";
            report.add(
                FaultKind::PositionDuplicate,
                row.record.aggregate_id(),
                Some(row.position),
                detail,
            );
        }
        last = row.position;
        check_row(store, &mut look_up, &row, report).await?;
        if let (Some(touched), AnyRecord::Event(event)) = (&mut touched, &row.record) {
            touched.check(store, event, report).await?;
        }
        if report.rows().is_multiple_of(ROWS_AT_ONCE as u64) {
            reporter.report(report, last);
        }
    }
}

impl Reader {
    /// Reads the next page with rows if the current one is used up.
    async fn fill(
        &mut self,
        store: &dyn ErasedStore,
        range: Range,
        report: &mut Verification,
        reporter: &mut Reporter<'_>,
    ) -> Result<(), StoreError> {
        while self.rows.is_empty() && !self.is_over {
            let is_last = self.read(store, range, report, reporter).await?;
            if is_last {
                break;
            }
        }
        Ok(())
    }

    /// Reads a page. Returns true if no further page can be read now.
    async fn read(
        &mut self,
        store: &dyn ErasedStore,
        range: Range,
        report: &mut Verification,
        reporter: &mut Reporter<'_>,
    ) -> Result<bool, StoreError> {
        let query = LogQuery {
            after: self.after,
            before: range.last.checked_add(1).map(ResumeToken::from),
            limit: ROWS_AT_ONCE,
            scan_limit: ROWS_AT_ONCE,
            ..LogQuery::all()
        };
        let page = store.log(self.log, &query).await?;
        let is_last = page.is_last();
        let LogPage { rows, scanned_to, newest, .. } = page;
        reporter.raise_last(newest.min(range.last));
        // Rows that are stored later are behind the range.
        self.is_over = is_last && newest >= range.last;
        self.rows = rows;
        let mut before = self.after.position();
        for row in &self.rows {
            if row.position <= before {
                let detail = format!("it is read behind position {before}");
                report.add(
                    FaultKind::LogUnordered,
                    row.record.aggregate_id(),
                    Some(row.position),
                    detail,
                );
            }
            before = before.max(row.position);
        }
        if self.log == LogKind::Events {
            check_versions(store, &self.rows, report).await?;
        }
        let has_moved = scanned_to.position() > self.after.position();
        if !has_moved {
            // A page without progress would be read repeatedly. Its faults were reported above.
            self.rows.clear();
        }
        self.after = scanned_to;
        self.rows.sort_by_key(|row| std::cmp::Reverse(row.position));
        Ok(is_last || !has_moved)
    }
}

/// Checks that the row of each aggregate has reached the versions of its events, with one query per
/// page.
async fn check_versions(
    store: &dyn ErasedStore,
    page: &[LogEntry<AnyRecord>],
    report: &mut Verification,
) -> Result<(), StoreError> {
    // The event with the highest version of each aggregate.
    let mut highest: BTreeMap<&AggregateId, (u64, u64)> = BTreeMap::new();
    for row in page {
        if let AnyRecord::Event(event) = &row.record {
            let found = (event.version, row.position);
            let highest = highest.entry(&event.aggregate_id).or_insert(found);
            *highest = found.max(*highest);
        }
    }
    let aggregate_ids: Vec<AggregateId> =
        highest.keys().map(|aggregate_id| (*aggregate_id).clone()).collect();
    let states = store.snapshot(&aggregate_ids).await?;
    for ((aggregate_id, (version, position)), state) in highest.into_iter().zip(states) {
        let reached = state.as_ref().map(|row| row.version);
        if reached.is_none_or(|reached| reached < version) {
            let detail = match reached {
                Some(reached) => {
                    format!("it has an event {version}, and its row version {reached}")
                }
                None => format!("it has an event {version}, and no row"),
            };
            report.add(FaultKind::EventSurplus, aggregate_id, Some(position), detail);
        }
    }
    Ok(())
}

async fn check_row(
    store: &dyn ErasedStore,
    look_up: &mut LookUp<'_>,
    row: &LogEntry<AnyRecord>,
    report: &mut Verification,
) -> Result<(), StoreError> {
    let position = row.position;
    match &row.record {
        AnyRecord::Command(command) => {
            report.commands += 1;
            check_command(look_up, command, position, report).await
        }
        AnyRecord::Event(event) => {
            report.events += 1;
            let history = store.history(&event.aggregate_id, event.version, event.version).await?;
            let is_there = matches!(history.as_slice(), [found]
                if found.position == position && found.record.id == event.id);
            if !is_there {
                let detail = format!("the history has another event at version {}", event.version);
                report.add(FaultKind::EventLost, &event.aggregate_id, Some(position), detail);
            }
            look_up
                .check_source("an event", &event.aggregate_id, position, event.command_id, report)
                .await
        }
        AnyRecord::Message(message) => {
            report.messages += 1;
            let (aggregate_id, source) = (&message.aggregate_id, message.command_id);
            look_up.check_source("a message", aggregate_id, position, source, report).await
        }
        AnyRecord::Activity(activity) => {
            report.activities += 1;
            // A denial by the policy has an activity, but no command.
            check_context(look_up, activity.context_id, &activity.aggregate_id, position, report)
                .await
        }
    }
}

async fn check_command(
    look_up: &mut LookUp<'_>,
    command: &CommandRecord,
    position: u64,
    report: &mut Verification,
) -> Result<(), StoreError> {
    let aggregate_id = &command.aggregate_id;
    if let Some(parent) = command.parent {
        let parents = look_up.command(parent).await?.map(|(row, _)| row.position);
        let is_before = parents.is_some_and(|parent| parent < position);
        if parents.is_none() {
            let detail = format!("its parent {parent} is not there");
            report.add(FaultKind::CommandMissing, aggregate_id, Some(position), detail);
        } else if !is_before {
            let detail = format!("its parent {parent} is at a later position");
            report.add(FaultKind::CommandMismatch, aggregate_id, Some(position), detail);
        }
    }
    let found = look_up.command(command.id).await?;
    if found.is_none_or(|(row, _)| row.position != position || row.record != *command) {
        let detail = format!("command {} is not found under its identifier", command.id);
        report.add(FaultKind::CommandLost, aggregate_id, Some(position), detail);
    }
    if json::hash(&json::canonical(&command.payload, &[])) != command.payload_hash {
        let detail = format!("the hash of command {} is not that of its payload", command.id);
        report.add(FaultKind::PayloadDiffers, aggregate_id, Some(position), detail);
    }
    if command.code.is_some() != (command.status == CommandStatus::Rejected) {
        let detail = format!("command {} was applied with a code, or rejected without", command.id);
        report.add(FaultKind::CodeMismatch, aggregate_id, Some(position), detail);
    }
    check_context(look_up, command.context_id, aggregate_id, position, report).await
}

async fn check_context(
    look_up: &mut LookUp<'_>,
    id: uuid::Uuid,
    aggregate_id: &AggregateId,
    position: u64,
    report: &mut Verification,
) -> Result<(), StoreError> {
    if !look_up.has_context(id).await? {
        let detail = format!("its context {id} is not there");
        report.add(FaultKind::ContextMissing, aggregate_id, Some(position), detail);
    }
    Ok(())
}
