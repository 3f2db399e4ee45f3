//! The four logs, in the order of positions.

use fluvius_store::uuid::Uuid;
use fluvius_store::{
    ActivityRecord, AggregateId, AnyRecord, CommandRecord, EventRecord, LogEntry, LogKind, LogPage,
    LogQuery, LogRecord, MessageRecord, RealmFilter, ResumeToken,
};
use rusqlite::{Connection, Row, params};

use super::{of_aggregate, query_optional, saturating_i64};
use crate::error::Fault;
use crate::read::rows::{self, select_activity, select_command, select_event, select_message};

/// Largest number of rows of a log that one read transaction scans: a longer one would keep the
/// write-ahead log from restarting.
const ROWS_AT_ONCE: i64 = 2_000;

/// Minimum number of events scanned for a part that is not the last one.
const COUNT_OF_ROOT_MIN: usize = 64;

/// The statements of a log and the function that reads a row.
struct Log<T> {
    table: &'static str,
    /// The last position of the window after `?1`, and the number of its rows.
    window: &'static str,
    /// The rows of the window up to `?2` that match the conditions.
    rows: &'static str,
    read: fn(&Row<'_>) -> Result<LogEntry<T>, Fault>,
}

/// The statements of a log; the conditions are the same for all logs.
macro_rules! log {
    (
        $table:literal, $alias:literal, $resource:literal, $identifier:literal,
        $columns:expr, $read:path
    ) => {
        Log {
            table: $table,
            window: concat!(
                "SELECT max(position), count(*) FROM (SELECT position FROM ",
                $table,
                " WHERE position > ?1 ORDER BY position LIMIT ?2)"
            ),
            rows: concat!(
                $columns,
                " WHERE ",
                $alias,
                ".position > ?1 AND ",
                $alias,
                ".position <= ?2 AND (?4 IS NULL OR (",
                $resource,
                " = ?4 AND ",
                $identifier,
                " = ?5)) AND (?6 OR x.realm IS ?7) ORDER BY ",
                $alias,
                ".position LIMIT ?3"
            ),
            read: $read,
        }
    };
}

const COMMANDS: Log<CommandRecord> =
    log!("command", "c", "t.resource", "c.identifier", select_command!(), rows::command);
const EVENTS: Log<EventRecord> =
    log!("event", "e", "r.text", "a.identifier", select_event!(), rows::event);
const MESSAGES: Log<MessageRecord> =
    log!("message", "m", "r.text", "m.identifier", select_message!(), rows::message);
const ACTIVITIES: Log<ActivityRecord> =
    log!("activity", "a", "r.text", "a.identifier", select_activity!(), rows::activity);

/// The part of a page from one transaction.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) page: LogPage<AnyRecord>,
    /// Number of scanned rows, or a lower bound of it.
    pub(crate) count: usize,
    /// Set if there are no more rows.
    pub(crate) is_end: bool,
}

/// Reads the matching rows of a log, among the rows that one transaction scans.
pub(crate) fn log(connection: &Connection, kind: LogKind, query: &LogQuery) -> Result<Scan, Fault> {
    match (kind, &query.aggregate_id) {
        (LogKind::Commands, _) => page(connection, &COMMANDS, query),
        (LogKind::Events, None) => page(connection, &EVENTS, query),
        (LogKind::Events, Some(aggregate_id)) => page_of_aggregate(connection, aggregate_id, query),
        (LogKind::Messages, _) => page(connection, &MESSAGES, query),
        (LogKind::Activities, _) => page(connection, &ACTIVITIES, query),
    }
}

fn page<T: LogRecord>(
    connection: &Connection,
    log: &Log<T>,
    query: &LogQuery,
) -> Result<Scan, Fault> {
    let transaction = connection.unchecked_transaction()?;
    let newest = check_resume_token(&transaction, query)?;
    if query.limit == 0 {
        return Ok(nothing(query, newest));
    }
    let after = query.after.position();
    let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
    let is_whole = query.aggregate_id.is_none() && query.realm == RealmFilter::All;
    let window = i64::try_from(query.scan_limit).unwrap_or(i64::MAX).min(ROWS_AT_ONCE);
    // Without conditions, every scanned row is in the page.
    let window = if is_whole { window.min(limit) } else { window };
    let look = |after: i64, window: i64| {
        query_optional(&transaction, log.window, (after, window), |row| {
            Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, i64>(1)?))
        })
    };
    let Some((Some(end), count)) = look(saturating_i64(after), window)? else {
        let page = LogPage::new(Vec::new(), newest, newest.position());
        return Ok(Scan { page, count: 0, is_end: true });
    };
    let is_end = count < window;
    // In a damaged file each next part could begin at the same position.
    let position = u64::try_from(end).ok().filter(|position| *position > after);
    let position = position.filter(|position| *position <= newest.position());
    // Rows would be omitted if there were some after the last one.
    let is_whole_window = !is_end || matches!(look(end, 1)?, Some((None, _)));
    position
        .filter(|_| is_whole_window)
        .ok_or_else(|| Fault::damaged(log.table, "its positions do not rise"))?;
    let (resource, identifier) = query
        .aggregate_id
        .as_ref()
        .map(|aggregate_id| (&aggregate_id.resource, aggregate_id.id))
        .unzip();
    let (is_any_realm, realm) = match &query.realm {
        RealmFilter::All => (true, None),
        RealmFilter::Only(realm) => (false, realm.as_deref()),
    };
    let mut statement = transaction.prepare_cached(log.rows)?;
    let mut found = statement.query(params![
        saturating_i64(after),
        end,
        limit,
        resource,
        identifier,
        is_any_realm,
        realm
    ])?;
    let mut rows: Vec<LogEntry<T>> = Vec::new();
    while let Some(row) = found.next()? {
        let row = (log.read)(row)?;
        if row.position <= rows.last().map_or(after, |last| last.position) {
            return Err(Fault::damaged(log.table, "its positions do not rise"));
        }
        rows.push(row);
    }
    let scanned_to = match rows.last() {
        // The window may contain more of them.
        Some(last) if rows.len() == query.limit => last.resume_token(),
        _ if is_end => newest,
        _ => resume_token(&transaction, end)?,
    };
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let page = LogPage::new(rows, scanned_to, newest.position()).into();
    Ok(Scan { page, count, is_end })
}

/// Reads the matching events of one aggregate, among those that one transaction reads.
fn page_of_aggregate(
    connection: &Connection,
    aggregate_id: &AggregateId,
    query: &LogQuery,
) -> Result<Scan, Fault> {
    let transaction = connection.unchecked_transaction()?;
    let newest = check_resume_token(&transaction, query)?;
    if query.limit == 0 {
        return Ok(nothing(query, newest));
    }
    let part =
        of_aggregate(&transaction, aggregate_id, query, query.after.position(), query.limit)?;
    let scanned_to = match part.next {
        Some(next) => resume_token(&transaction, saturating_i64(next))?,
        None => newest,
    };
    let is_end = part.next.is_none();
    let count = part.rows.len().max(COUNT_OF_ROOT_MIN);
    let page = LogPage::new(part.rows, scanned_to, newest.position()).truncated(query.limit);
    Ok(Scan { page: page.into(), count, is_end })
}

/// Returns a page without a scan.
fn nothing(query: &LogQuery, newest: ResumeToken) -> Scan {
    let page = LogPage::new(Vec::new(), query.after, newest.position());
    Scan { page, count: 0, is_end: true }
}

/// Checks the resume token of a query, and returns that of the newest row.
fn check_resume_token(connection: &Connection, query: &LogQuery) -> Result<ResumeToken, Fault> {
    const NEWEST: &str = "SELECT max(position) FROM (SELECT max(position) AS position FROM command \
        UNION ALL SELECT max(position) FROM event UNION ALL SELECT max(position) FROM message \
        UNION ALL SELECT max(position) FROM activity)";
    let after = query.after;
    let found = match after.row_id() {
        Some(_) => row_at(connection, saturating_i64(after.position()))?,
        None => None,
    };
    let newest = query_optional(connection, NEWEST, (), |row| Ok(row.get::<_, Option<i64>>(0)?))?;
    let newest = match newest.flatten() {
        Some(newest) => resume_token(connection, newest)?,
        None => ResumeToken::START,
    };
    after.check(found, newest.position())?;
    Ok(newest)
}

/// Returns the resume token of the row at a position, which must exist.
fn resume_token(connection: &Connection, position: i64) -> Result<ResumeToken, Fault> {
    let found = row_at(connection, position)?.zip(u64::try_from(position).ok());
    let (id, position) =
        found.ok_or_else(|| Fault::damaged("log", format!("there is no row at {position}")))?;
    Ok(ResumeToken::new(position, id))
}

/// Returns the identifier of the row at a position, in any of the logs.
fn row_at(connection: &Connection, position: i64) -> Result<Option<Uuid>, Fault> {
    const ROW: &str = "SELECT id FROM command WHERE position = ?1 UNION ALL SELECT id FROM event \
        WHERE position = ?1 UNION ALL SELECT id FROM message WHERE position = ?1 UNION ALL SELECT \
        id FROM activity WHERE position = ?1 LIMIT 1";
    query_optional(connection, ROW, (position,), |row| Ok(row.get(0)?))
}
