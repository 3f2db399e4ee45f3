//! The four logs, in the order of positions.

use fluvius_core::{
    ActivityRecord, CommandRecord, EventRecord, LogQuery, Logged, MessageRecord, RealmFilter,
};
use rusqlite::{Connection, Row, params};

use super::{Part, clamped, one};
use crate::error::Fault;
use crate::rows::{self, select_activity, select_command, select_event, select_message};

/// So many rows of a log are looked at in one read transaction: a longer one would keep the
/// write-ahead log from beginning anew.
const ROWS_AT_ONCE: i64 = 2_000;

/// A log: how its rows are read, and those of one window of it.
pub(crate) struct Log<T> {
    table: &'static str,
    /// The last position of the window behind `?1`.
    window: &'static str,
    /// The rows of the window up to `?2` that meet the conditions.
    rows: &'static str,
    read: fn(&Row<'_>) -> Result<Logged<T>, Fault>,
}

/// The window, and the rows in it; the conditions are the same for all logs.
macro_rules! log {
    ($table:literal, $alias:literal, $resource:literal, $identifier:literal, $columns:expr, $read:path) => {
        Log {
            table: $table,
            window: concat!(
                "SELECT max(position) FROM (SELECT position FROM ",
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

pub(crate) const COMMANDS: Log<CommandRecord> =
    log!("command", "c", "k.resource", "c.identifier", select_command!(), rows::command);
pub(crate) const EVENTS: Log<EventRecord> =
    log!("event", "e", "r.text", "o.identifier", select_event!(), rows::event);
pub(crate) const MESSAGES: Log<MessageRecord> =
    log!("message", "m", "r.text", "m.identifier", select_message!(), rows::message);
pub(crate) const ACTIVITIES: Log<ActivityRecord> =
    log!("activity", "a", "r.text", "a.identifier", select_activity!(), rows::activity);

/// The rows of a log behind a position that meet a query, at the most so many, or as many as are
/// looked at at once. The next part begins behind the position that it says.
pub(crate) fn page<T>(
    connection: &Connection,
    log: &Log<T>,
    query: &LogQuery,
    after: u64,
    limit: usize,
) -> Result<Part<Logged<T>>, Fault> {
    let transaction = connection.unchecked_transaction()?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let is_whole = query.root.is_none() && query.realm == RealmFilter::All;
    // Without conditions every row that is looked at is one of the page.
    let window = if is_whole { limit.min(ROWS_AT_ONCE) } else { ROWS_AT_ONCE };
    let end = one(&transaction, log.window, (clamped(after), window), |row| {
        Ok(row.get::<_, Option<i64>>(0)?)
    })?;
    let Some(end) = end.flatten() else { return Ok(Part::last(Vec::new())) };
    // In a damaged file the next part would begin here again, and so for ever.
    let next = u64::try_from(end).ok().filter(|next| *next > after);
    let next = next.ok_or_else(|| Fault::damaged(log.table, "its positions do not rise"))?;
    let (resource, identifier) =
        query.root.as_ref().map(|root| (&root.resource, root.identifier)).unzip();
    let (is_any_realm, realm) = match &query.realm {
        RealmFilter::All => (true, None),
        RealmFilter::Only(realm) => (false, realm.as_deref()),
    };
    let mut statement = transaction.prepare_cached(log.rows)?;
    let mut found = statement.query(params![
        clamped(after),
        end,
        limit,
        resource,
        identifier,
        is_any_realm,
        realm
    ])?;
    let mut rows: Vec<Logged<T>> = Vec::new();
    while let Some(row) = found.next()? {
        let row = (log.read)(row)?;
        if row.position <= rows.last().map_or(after, |last| last.position) {
            return Err(Fault::damaged(log.table, "its positions do not rise"));
        }
        rows.push(row);
    }
    Ok(Part { rows, next: Some(next) })
}
