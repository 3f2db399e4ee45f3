//! The rows of the cases on logs, and the comparison of pages with them.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::conformance::case_failure::{CaseFailure, CaseResult, ensure, same};
use crate::conformance::handle::Handle;
use crate::conformance::harness::Harness;
use crate::conformance::store_dump::Content;
use fluvius_store::{
    AggregateId, LogEntry, LogKind, LogQuery, LogRecord, ResumeToken, Store, StoreError,
};

/// The realms of the test data.
pub(super) const REALMS: [Option<&str>; 4] = [None, Some("north"), Some("south"), Some("")];

/// A log under test: its name, and the position, aggregate and realm of each row.
pub(super) type Log = (&'static str, Vec<(u64, AggregateId, Option<String>)>);

/// Commits aggregates of all realms, with rows in all four logs, and rows of rejections and of
/// activities only.
pub(super) async fn fill(harness: &Harness, store: &Handle) -> CaseResult {
    for other_realm in REALMS.into_iter().take(3) {
        for realm in REALMS {
            let context = harness.context_of(realm);
            let (aggregate_id, other) = (harness.aggregate_id(), harness.aggregate_id());
            let draft = harness
                .draft(&context, &aggregate_id)
                .writes(&aggregate_id, 0)
                .message()
                .activity();
            let draft = draft.command(&other).writes(&other, 0).message().message().activity();
            let rejection = harness.draft(&context, &other).rejected().reads(&other, 1).activity();
            harness.commit_all(store, [draft.done(), rejection.done()]).await?;
            // A command on the aggregate from another realm.
            let foreign = harness.context_of(other_realm);
            let draft = harness
                .draft(&foreign, &aggregate_id)
                .writes(&aggregate_id, 1)
                .message()
                .activity();
            let mut denied = harness.draft(&foreign, &other).activity().done();
            denied.commands.clear();
            harness.commit_all(store, [draft.done(), denied]).await?;
        }
    }
    harness.holds(store).await
}

pub(super) fn logs(content: &Content) -> [Log; 4] {
    let realm_of_command = |id| {
        let row = content.by_id.get(&id);
        row.and_then(|(_, context)| context.realm.clone())
    };
    let realm_of_context = |id| content.contexts.get(&id).and_then(|row| row.realm.clone());
    let commands = content.commands.iter();
    let events = content.events.iter();
    let messages = content.messages.iter();
    let activities = content.activities.iter();
    [
        (
            "command",
            commands
                .map(|row| {
                    (
                        row.position,
                        row.record.aggregate_id.clone(),
                        realm_of_context(row.record.context_id),
                    )
                })
                .collect(),
        ),
        (
            "event",
            events
                .map(|row| {
                    (
                        row.position,
                        row.record.aggregate_id.clone(),
                        realm_of_command(row.record.command_id),
                    )
                })
                .collect(),
        ),
        (
            "message",
            messages
                .map(|row| {
                    (
                        row.position,
                        row.record.aggregate_id.clone(),
                        realm_of_command(row.record.command_id),
                    )
                })
                .collect(),
        ),
        (
            "activity",
            activities
                .map(|row| {
                    (
                        row.position,
                        row.record.aggregate_id.clone(),
                        realm_of_context(row.record.context_id),
                    )
                })
                .collect(),
        ),
    ]
}

/// A page under test.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) positions: Vec<u64>,
    pub(super) scanned_to: ResumeToken,
    pub(super) newest: u64,
}

/// Returns the page of a log.
pub(super) async fn read(
    store: &Handle,
    log: usize,
    query: &LogQuery,
) -> Result<Read, CaseFailure> {
    Ok(read_page(store, log, query).await?)
}

pub(super) async fn read_page(
    store: &Handle,
    log: usize,
    query: &LogQuery,
) -> Result<Read, StoreError> {
    let page = store.log(LogKind::ALL[log], query).await?;
    let positions = page.rows.iter().map(|row| row.position).collect();
    Ok(Read { positions, scanned_to: page.scanned_to, newest: page.newest })
}

/// Returns the row id at each position.
pub(super) fn ids(content: &Content) -> BTreeMap<u64, Uuid> {
    fn of<T: LogRecord>(rows: &[LogEntry<T>]) -> impl Iterator<Item = (u64, Uuid)> {
        rows.iter().map(|row| (row.position, row.record.row_id()))
    }
    let rows = of(&content.commands).chain(of(&content.events));
    rows.chain(of(&content.messages)).chain(of(&content.activities)).collect()
}

pub(super) fn newest(content: &Content) -> Option<(u64, Uuid)> {
    ids(content).pop_last()
}

/// Checks the page of each log against the expected content.
pub(super) async fn check(content: &Content, store: &Handle, query: &LogQuery) -> CaseResult {
    for index in 0..4 {
        check_log(content, store, index, query).await?;
    }
    Ok(())
}

pub(super) async fn check_log(
    content: &Content,
    store: &Handle,
    index: usize,
    query: &LogQuery,
) -> Result<ResumeToken, CaseFailure> {
    let (log, rows) = &logs(content)[index];
    let described = |what: &str| format!("{what} of the {log} log for {query:?}");
    let found = read(store, index, query).await?;
    let (after, end) = (query.after.position(), found.scanned_to.position());
    let matches = |(position, aggregate_id, realm): &&(u64, AggregateId, Option<String>)| {
        *position > after
            && query.aggregate_id.as_ref().is_none_or(|wanted| wanted == aggregate_id)
            && query.realm.admits(realm.as_deref())
    };
    let matching: Vec<u64> = rows.iter().filter(matches).map(|(position, ..)| *position).collect();
    let returned: Vec<u64> = matching.iter().copied().filter(|position| *position <= end).collect();
    same(&described("the rows up to the scanned position"), &returned, &found.positions)?;

    let end_token = ids(content).get(&end).map(|id| ResumeToken::new(end, *id));
    let is_row = Some(found.scanned_to) == end_token || found.scanned_to == query.after;
    ensure!(is_row, "{} is not a row: {}", described("the scanned position"), found.scanned_to);
    let newest = newest(content).map_or(0, |(position, _)| position);
    same(&described("the newest position"), &newest, &found.newest)?;

    // A page ends only at a limit or at the end of the log.
    ensure!(found.positions.len() <= query.limit, "{} are too many", described("the rows"));
    let scanned = rows.iter().filter(|(position, ..)| (after + 1..=end).contains(position)).count();
    if query.aggregate_id.is_none() {
        ensure!(scanned <= query.scan_limit.max(1), "{scanned} rows {}", described("are scanned"));
    }
    let is_full = found.positions.len() == query.limit || scanned >= query.scan_limit.max(1);
    ensure!(is_full || end == newest, "{} is at {end}, too early", described("the end"));
    let has_moved = end > after || end == newest || query.limit == 0;
    ensure!(has_moved, "{} does not advance", described("the scanned position"));
    Ok(found.scanned_to)
}

pub(super) async fn history(
    content: &Content,
    store: &Handle,
    aggregate_id: &AggregateId,
    first: u64,
    last: u64,
) -> CaseResult {
    let whole = content.histories.get(aggregate_id).map_or(&[][..], Vec::as_slice);
    let expected: Vec<u64> = whole
        .iter()
        .map(|event| event.record.version)
        .filter(|version| (first..=last).contains(version))
        .collect();
    let found = store.history(aggregate_id, first, last).await?;
    let found: Vec<u64> = found.iter().map(|event| event.record.version).collect();
    same(&format!("the history from {first} to {last}"), &expected, &found)
}
