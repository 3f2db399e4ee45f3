//! The rows of the cases on logs, and the comparison of pages with them.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use crate::conformance::case_failure::{CaseFailure, CaseResult, ensure, same};
use crate::conformance::handle::Handle;
use crate::conformance::harness::Harness;
use crate::conformance::store_dump::Content;
use crate::rng::SeededRng;
use fluvius_core::Error;
use fluvius_store::{
    AggregateId, ContextRecord, LogEntry, LogKind, LogQuery, LogRecord, RealmFilter, ResumeToken,
    Store, StoreError, UnitOfWork,
};

/// The realms of the test data.
pub(super) const REALMS: [Option<&str>; 4] = [None, Some("north"), Some("south"), Some("")];

/// The domains of the test data.
pub(super) const DOMAINS: [&str; 3] = ["conformance", "Conformance", "o'domain"];

/// The keys of the test data.
pub(super) const KEYS: [&str; 5] = ["set-data", "Set-Data", "set_data", "it's\"%", "\u{e9}"];

/// The users of the test data.
pub(super) const USERS: [Option<Uuid>; 3] =
    [None, Some(Uuid::from_u128(1)), Some(Uuid::from_u128(2))];

/// A log under test: its name and its rows.
pub(super) type Log = (&'static str, Vec<LogRow>);

/// A row under test, with the values that conditions refer to.
#[derive(Debug, Clone)]
pub(super) struct LogRow {
    pub(super) position: u64,
    aggregate_id: AggregateId,
    domain: Option<String>,
    key: Option<String>,
    context: Option<ContextRecord>,
}

impl LogRow {
    pub(super) fn meets(&self, query: &LogQuery) -> bool {
        let (domain, key) = (self.domain.as_deref(), self.key.as_deref());
        query.has_position(self.position)
            && query.admits(&self.aggregate_id, domain, key, self.context.as_ref())
    }
}

/// Commits aggregates of all realms, with rows in all four logs, and rows of rejections and of
/// activities only. Domains, keys and users vary.
pub(super) async fn fill(harness: &Harness, store: &Handle) -> CaseResult {
    let mut rng = SeededRng::new(harness.number());
    for other_realm in REALMS.into_iter().take(3) {
        for realm in REALMS {
            let context = context(harness, realm, &mut rng);
            let (aggregate_id, other) = (harness.aggregate_id(), harness.aggregate_id());
            let draft = harness
                .draft(&context, &aggregate_id)
                .writes(&aggregate_id, 0)
                .message()
                .activity();
            let draft = draft.command(&other).writes(&other, 0).message().message().activity();
            let rejection = harness.draft(&context, &other).rejected().reads(&other, 1).activity();
            let units = [draft.done(), rejection.done()].map(|unit| varied(unit, &mut rng));
            harness.commit_all(store, units).await?;
            // A command on the aggregate from another realm.
            let foreign = self::context(harness, other_realm, &mut rng);
            let draft = harness
                .draft(&foreign, &aggregate_id)
                .writes(&aggregate_id, 1)
                .message()
                .activity();
            let mut denied = harness.draft(&foreign, &other).activity().done();
            denied.commands.clear();
            let units = [draft.done(), denied].map(|unit| varied(unit, &mut rng));
            harness.commit_all(store, units).await?;
        }
    }
    harness.holds(store).await
}

fn context(harness: &Harness, realm: Option<&str>, rng: &mut SeededRng) -> Arc<ContextRecord> {
    let mut context = harness.context_of(realm);
    let record = Arc::make_mut(&mut context);
    record.domain = (*rng.pick(&DOMAINS)).into();
    record.actor.user_id = *rng.pick(&USERS);
    // The user's, not the profile's, is the id of the actor.
    record.actor.profile_id = *rng.pick(&USERS);
    context
}

/// Returns the unit with domains and keys of the test data.
fn varied(mut unit: UnitOfWork, rng: &mut SeededRng) -> UnitOfWork {
    for command in &mut unit.commands {
        let command = Arc::make_mut(command);
        command.domain = (*rng.pick(&DOMAINS)).into();
        command.command = (*rng.pick(&KEYS)).into();
    }
    for event in &mut unit.events {
        let event = Arc::make_mut(event);
        event.domain = (*rng.pick(&DOMAINS)).into();
        event.event = (*rng.pick(&KEYS)).into();
    }
    for message in &mut unit.messages {
        Arc::make_mut(message).key = (*rng.pick(&KEYS)).into();
    }
    for activity in &mut unit.activities {
        let code = rng.happens(700).then(|| (*rng.pick(&KEYS)).into());
        Arc::make_mut(activity).code = code;
    }
    unit
}

pub(super) fn logs(content: &Content) -> [Log; 4] {
    let of_command = |id| {
        let found = content.by_id.get(&id);
        found.map(|(command, context)| (command.record.domain.to_string(), context.clone()))
    };
    let of_context = |id| content.contexts.get(&id).cloned();
    [
        (
            "command",
            rows(&content.commands, |row| {
                let domain = Some(row.domain.to_string());
                (&row.aggregate_id, domain, of_context(row.context_id))
            }),
        ),
        (
            "event",
            rows(&content.events, |row| {
                let context = of_command(row.command_id).map(|(_, context)| context);
                (&row.aggregate_id, Some(row.domain.to_string()), context)
            }),
        ),
        (
            "message",
            rows(&content.messages, |row| {
                let (domain, context) = of_command(row.command_id).unzip();
                (&row.aggregate_id, domain, context)
            }),
        ),
        (
            "activity",
            rows(&content.activities, |row| {
                let context = of_context(row.context_id);
                let domain = context.as_ref().map(|context| context.domain.to_string());
                (&row.aggregate_id, domain, context)
            }),
        ),
    ]
}

fn rows<T: LogRecord>(
    log: &[LogEntry<T>],
    facts: impl Fn(&T) -> (&AggregateId, Option<String>, Option<ContextRecord>),
) -> Vec<LogRow> {
    let row = |row: &LogEntry<T>| {
        let (aggregate_id, domain, context) = facts(&row.record);
        LogRow {
            position: row.position,
            aggregate_id: aggregate_id.clone(),
            domain,
            key: row.record.row_key().map(str::to_owned),
            context,
        }
    };
    log.iter().map(row).collect()
}

/// A page under test.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) positions: Vec<u64>,
    pub(super) scanned_to: ResumeToken,
    pub(super) newest: u64,
    pub(super) is_last: bool,
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
    let is_last = page.is_last();
    Ok(Read { positions, scanned_to: page.scanned_to, newest: page.newest, is_last })
}

/// Returns the row id at each position.
pub(super) fn ids(content: &Content) -> BTreeMap<u64, Uuid> {
    fn of<T: LogRecord>(rows: &[LogEntry<T>]) -> impl Iterator<Item = (u64, Uuid)> {
        rows.iter().map(|row| (row.position, row.record.row_id()))
    }
    let rows = of(&content.commands).chain(of(&content.events));
    rows.chain(of(&content.messages)).chain(of(&content.activities)).collect()
}

/// Checks the page of each log against the expected content.
pub(super) async fn check(content: &Content, store: &Handle, query: &LogQuery) -> CaseResult {
    for index in 0..4 {
        check_log(content, store, index, query).await?;
    }
    Ok(())
}

/// Checks the page of one log, and returns it.
pub(super) async fn check_log(
    content: &Content,
    store: &Handle,
    index: usize,
    query: &LogQuery,
) -> Result<Read, CaseFailure> {
    let (log, rows) = &logs(content)[index];
    let described = |what: &str| format!("{what} of the {log} log for {query:?}");
    let found = read(store, index, query).await?;
    let ids = ids(content);
    let newest = ids.last_key_value().map_or(0, |(position, _)| *position);
    let (start, after) = (query.start(newest).position(), query.after.position());
    let end = found.scanned_to.position();
    let is_scanned = |position: u64| {
        query.has_position(position)
            && if query.descending { position >= end } else { position <= end }
    };
    let matching = rows.iter().filter(|row| row.meets(query) && is_scanned(row.position));
    let mut expected: Vec<u64> = matching.map(|row| row.position).collect();
    if query.descending {
        expected.reverse();
    }
    same(&described("the rows up to the scanned position"), &expected, &found.positions)?;

    let is_row = ids.get(&end).map(|id| ResumeToken::new(end, *id)) == Some(found.scanned_to);
    let is_start = query.limit == 0 && found.scanned_to == query.start(newest);
    ensure!(
        is_row || is_start || found.scanned_to == query.after,
        "{} is not a row: {}",
        described("the scanned position"),
        found.scanned_to
    );
    same(&described("the newest position"), &newest, &found.newest)?;

    // A page ends only at a limit or at the end of the range.
    ensure!(found.positions.len() <= query.limit, "{} are too many", described("the rows"));
    let scanned = rows.iter().filter(|row| is_scanned(row.position)).count();
    if query.aggregate_id.is_none() {
        ensure!(scanned <= query.scan_limit.max(1), "{scanned} rows {}", described("are scanned"));
    }
    let is_full = found.positions.len() == query.limit || scanned >= query.scan_limit.max(1);
    let in_range = ids.keys().rev().find(|position| query.has_position(**position));
    let range_end = if query.descending { after } else { in_range.copied().unwrap_or(after) };
    ensure!(is_full || end == range_end, "{} is at {end}, too early", described("the end"));
    ensure!(is_full || found.is_last, "{} is not known", described("the end"));
    ensure!(!found.is_last || end == range_end, "{} is claimed", described("the end"));
    let has_moved = if query.descending { end < start } else { end > start };
    let has_moved = has_moved || end == range_end || query.limit == 0;
    ensure!(has_moved, "{} does not advance", described("the scanned position"));
    Ok(found)
}

/// Reads each log to the end of the query's range, each page from the end of the previous one.
pub(super) async fn check_pages(content: &Content, store: &Handle, query: &LogQuery) -> CaseResult {
    for (index, (log, rows)) in logs(content).into_iter().enumerate() {
        let (mut rest, mut seen) = (query.clone(), Vec::new());
        // Each page makes progress, so the pages number at most the rows, plus one to find the end.
        for _ in 0..=rows.len() {
            let page = check_log(content, store, index, &rest).await?;
            seen.extend(page.positions);
            rest = rest.resume(page.scanned_to);
            if page.is_last {
                break;
            }
        }
        let matching = rows.iter().filter(|row| row.meets(query)).map(|row| row.position);
        let mut expected: Vec<u64> = matching.collect();
        if query.descending {
            expected.reverse();
        }
        same(&format!("the pages of the {log} log for {query:?}"), &expected, &seen)?;
    }
    Ok(())
}

/// Checks that every log fails permanently for a resume token of the query.
pub(super) async fn check_rejected(store: &Handle, query: &LogQuery) -> CaseResult {
    for index in 0..4 {
        let error = match read_page(store, index, query).await {
            Ok(page) => {
                return Err(CaseFailure::new(format!("{query:?} is answered: {page:?}")));
            }
            Err(error) => error,
        };
        ensure!(!error.is_retryable(), "{query:?} fails with a retryable error: {error}");
        let code = Error::from(error).framework_code();
        same(&format!("the code for {query:?}"), &"invalid-position", &code)?;
    }
    Ok(())
}

/// Returns the filter of one realm.
pub(super) fn only(realm: &str) -> RealmFilter {
    RealmFilter::Only(Some(realm.to_owned()))
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
