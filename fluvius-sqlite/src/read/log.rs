//! The four logs, in the order of positions.

use fluvius_store::uuid::Uuid;
use fluvius_store::{
    ActivityRecord, AggregateId, AnyRecord, CommandRecord, EventRecord, LogEntry, LogKind, LogPage,
    LogQuery, LogRecord, MessageRecord, RealmFilter, ResumeToken,
};
use rusqlite::{Connection, Row, params};

use super::{of_aggregate, query_optional, saturating_i64};
use crate::error::Fault;
use crate::read::rows::{
    self, select_activity, select_command, select_event, select_message, to_json_text,
};

/// Largest number of rows of a log that one read transaction scans: a longer one would keep the
/// write-ahead log from restarting.
const ROWS_AT_ONCE: i64 = 2_000;

/// Minimum number of events scanned for a part that is not the last one.
const COUNT_OF_ROOT_MIN: usize = 64;

/// The statements of a log and the function that reads a row.
struct Log<T> {
    table: &'static str,
    ascending: Statements,
    descending: Statements,
    read: fn(&Row<'_>) -> Result<LogEntry<T>, Fault>,
}

/// The statements of a log in one order.
struct Statements {
    /// The last position of a window, and the number of its rows. The window begins after `?1`, or
    /// at `?2` if the order is descending, and has up to `?3` rows.
    window: &'static str,
    /// The first `?3` rows after `?1` and up to `?2` that match the conditions.
    rows: &'static str,
}

/// The statements of a log; the conditions are the same for all logs.
macro_rules! log {
    (
        $table:literal, $alias:literal, $resource:literal, $identifier:literal, $domain:literal,
        $key:literal, $columns:expr, $read:path
    ) => {
        Log {
            table: $table,
            ascending: log!(
                @statements $table, $alias, $resource, $identifier, $domain, $key, $columns,
                "max", ""
            ),
            descending: log!(
                @statements $table, $alias, $resource, $identifier, $domain, $key, $columns,
                "min", " DESC"
            ),
            read: $read,
        }
    };
    (
        @statements $table:literal, $alias:literal, $resource:literal, $identifier:literal,
        $domain:literal, $key:literal, $columns:expr, $last:literal, $order:literal
    ) => {
        Statements {
            window: concat!(
                "SELECT ",
                $last,
                "(position), count(*) FROM (SELECT position FROM ",
                $table,
                " WHERE position > ?1 AND position <= ?2 ORDER BY position",
                $order,
                " LIMIT ?3)"
            ),
            // A condition without a value is true at once. The subqueries are evaluated only for
            // conditions with a value.
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
                " = ?5)) AND (?6 OR x.realm IS ?7) AND (?8 IS NULL OR ",
                $domain,
                " = ?8) AND (?9 IS NULL OR ",
                $key,
                " IN (SELECT value FROM json_each(?9))) AND (?10 IS NULL OR x.user_id = ?10) \
                 ORDER BY ",
                $alias,
                ".position",
                $order,
                " LIMIT ?3"
            ),
        }
    };
}

const COMMANDS: Log<CommandRecord> = log!(
    "command",
    "c",
    "t.resource",
    "c.identifier",
    "t.domain",
    "t.command",
    select_command!(),
    rows::command
);
const EVENTS: Log<EventRecord> = log!(
    "event",
    "e",
    "r.text",
    "a.identifier",
    "t.domain",
    "t.event",
    select_event!(),
    rows::event
);
const MESSAGES: Log<MessageRecord> = log!(
    "message",
    "m",
    "r.text",
    "m.identifier",
    "(SELECT d.domain FROM command_type AS d WHERE d.id = c.type)",
    "k.text",
    select_message!(),
    rows::message
);
const ACTIVITIES: Log<ActivityRecord> = log!(
    "activity",
    "a",
    "r.text",
    "a.identifier",
    "(SELECT d.text FROM name AS d WHERE d.id = x.domain)",
    "a.code",
    select_activity!(),
    rows::activity
);

/// The part of a page from one transaction.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) page: LogPage<AnyRecord>,
    /// Number of scanned rows, or a lower bound of it.
    pub(crate) count: usize,
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
    let newest = check_resume_tokens(&transaction, query)?;
    if query.limit == 0 {
        return Ok(nothing(query, newest));
    }
    let statements = if query.descending { &log.descending } else { &log.ascending };
    let (after, last) = (saturating_i64(query.after.position()), last_position(query));
    let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
    let window = i64::try_from(query.scan_limit).unwrap_or(i64::MAX).min(ROWS_AT_ONCE);
    // Without conditions, every scanned row is in the page.
    let window = if query.is_unconditional() { window.min(limit) } else { window };
    let look = |after: i64, last: i64, window: i64| {
        query_optional(&transaction, statements.window, (after, last, window), |row| {
            Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, i64>(1)?))
        })
    };
    let Some((Some(end), count)) = look(after, last, window)? else {
        return last_part(&transaction, query, Vec::<LogEntry<T>>::new(), newest, 0);
    };
    let is_end = count < window;
    // In a damaged file each next part could begin at the same position.
    let is_in_range = end > after && end <= last.min(saturating_i64(newest.position()));
    let (first, last, rest) = match query.descending {
        true => (end - 1, last, (after, end - 1)),
        false => (after, end, (end, last)),
    };
    // Rows would be omitted if there were some after the last one.
    if !is_in_range || (is_end && !matches!(look(rest.0, rest.1, 1)?, Some((None, _)))) {
        return Err(Fault::damaged(log.table, "its positions do not rise"));
    }
    let (resource, identifier) = query
        .aggregate_id
        .as_ref()
        .map(|aggregate_id| (&aggregate_id.resource, aggregate_id.id))
        .unzip();
    let (is_any_realm, realm) = match &query.realm {
        RealmFilter::All => (true, None),
        RealmFilter::Only(realm) => (false, realm.as_deref()),
    };
    let keys = query.keys.as_ref().map(to_json_text).transpose()?;
    let mut statement = transaction.prepare_cached(statements.rows)?;
    let mut found = statement.query(params![
        first,
        last,
        limit,
        resource,
        identifier,
        is_any_realm,
        realm,
        query.domain,
        keys,
        query.actor
    ])?;
    let mut rows: Vec<LogEntry<T>> = Vec::new();
    while let Some(row) = found.next()? {
        let row = (log.read)(row)?;
        let is_ordered = rows.last().is_none_or(|last| match query.descending {
            true => row.position < last.position,
            false => row.position > last.position,
        });
        if !is_ordered || !query.has_position(row.position) {
            return Err(Fault::damaged(log.table, "its positions do not rise"));
        }
        rows.push(row);
    }
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let scanned_to = match rows.last() {
        // The window may contain more of them.
        Some(last) if rows.len() == query.limit => last.resume_token(),
        _ if is_end => return last_part(&transaction, query, rows, newest, count),
        _ => resume_token(&transaction, end)?,
    };
    let is_last = !query.descending && scanned_to.position() == newest.position();
    let page = LogPage::new(rows, scanned_to, newest.position()).with_last(is_last);
    Ok(Scan { page: page.into(), count })
}

/// Reads the matching events of one aggregate, among those that one transaction reads.
fn page_of_aggregate(
    connection: &Connection,
    aggregate_id: &AggregateId,
    query: &LogQuery,
) -> Result<Scan, Fault> {
    let transaction = connection.unchecked_transaction()?;
    let newest = check_resume_tokens(&transaction, query)?;
    if query.limit == 0 {
        return Ok(nothing(query, newest));
    }
    let part = of_aggregate(&transaction, aggregate_id, query)?;
    let count = part.rows.len().max(COUNT_OF_ROOT_MIN);
    let Some(next) = part.next else {
        return last_part(&transaction, query, part.rows, newest, count);
    };
    let scanned_to = resume_token(&transaction, saturating_i64(next))?;
    let page = LogPage::new(part.rows, scanned_to, newest.position()).with_last(false);
    Ok(Scan { page: page.truncated(query.limit).into(), count })
}

/// Returns the last part of a page, or its first rows if they are more than its limit.
fn last_part<T: LogRecord>(
    connection: &Connection,
    query: &LogQuery,
    rows: Vec<LogEntry<T>>,
    newest: ResumeToken,
    count: usize,
) -> Result<Scan, Fault> {
    let scanned_to = match (query.descending, query.before) {
        (true, _) => query.after,
        (false, None) => newest,
        (false, Some(_)) => {
            let token = newest_token(connection, last_position(query))?;
            if token.position() > query.after.position() { token } else { query.after }
        }
    };
    let page = LogPage::new(rows, scanned_to, newest.position()).with_last(true);
    Ok(Scan { page: page.truncated(query.limit).into(), count })
}

/// Returns a page without a scan.
fn nothing(query: &LogQuery, newest: ResumeToken) -> Scan {
    let page = LogPage::new(Vec::new(), query.start(newest.position()), newest.position());
    let is_last = page.is_last() && !query.descending && query.before.is_none();
    Scan { page: page.with_last(is_last), count: 0 }
}

/// Returns the last position of the range of a query, inclusive.
fn last_position(query: &LogQuery) -> i64 {
    let before = query.before.map_or(u64::MAX, |before| before.position());
    saturating_i64(before.saturating_sub(1))
}

/// Checks the resume tokens of a query, and returns that of the newest row.
fn check_resume_tokens(connection: &Connection, query: &LogQuery) -> Result<ResumeToken, Fault> {
    let newest = newest_token(connection, i64::MAX)?;
    let found = |token: ResumeToken| match token.row_id() {
        Some(_) => row_at(connection, saturating_i64(token.position())),
        None => Ok(None),
    };
    query.after.check(found(query.after)?, newest.position())?;
    if let Some(before) = query.before {
        before.check_upper(found(before)?, newest.position())?;
    }
    Ok(newest)
}

/// Returns the token of the newest row up to a position, of all logs.
pub(super) fn newest_token(connection: &Connection, last: i64) -> Result<ResumeToken, Fault> {
    const NEWEST: &str = "SELECT max(position) FROM (\
        SELECT max(position) AS position FROM command WHERE position <= ?1 \
        UNION ALL SELECT max(position) FROM event WHERE position <= ?1 \
        UNION ALL SELECT max(position) FROM message WHERE position <= ?1 \
        UNION ALL SELECT max(position) FROM activity WHERE position <= ?1)";
    let newest =
        query_optional(connection, NEWEST, (last,), |row| Ok(row.get::<_, Option<i64>>(0)?))?;
    match newest.flatten() {
        Some(newest) => resume_token(connection, newest),
        None => Ok(ResumeToken::START),
    }
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

#[cfg(test)]
mod tests;
