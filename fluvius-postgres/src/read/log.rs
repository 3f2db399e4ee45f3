//! Pages of the logs, by position.

use fluvius_store::uuid::Uuid;
use fluvius_store::{
    ActivityRecord, AnyRecord, CommandRecord, EventRecord, LogEntry, LogKind, LogPage, LogQuery,
    LogRecord, MessageRecord, RealmFilter, ResumeToken,
};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::saturating_i64;
use crate::error::Fault;
use crate::pool::ReadPool;
use crate::read::rows::{self, ACTIVITY, COMMAND, EVENT, MESSAGE};
use crate::statement_params::{Param, param};

/// A log: its table, its columns, the decoder of its rows, and the source of their realm.
struct Log<T> {
    table: &'static str,
    columns: &'static str,
    read: fn(&Row) -> Result<LogEntry<T>, Fault>,
    /// The `FROM` clause that selects the context `x` of a row `l`.
    context: &'static str,
    /// Set if an index finds the rows of an aggregate by version.
    has_versions: bool,
}

/// For rows with a context id.
const BY_CONTEXT_ID: &str = "FROM context_log AS x WHERE x.id = l.context_id";
/// For rows with a command id.
const BY_COMMAND_ID: &str =
    "FROM command_log AS c JOIN context_log AS x ON x.id = c.context_id WHERE c.id = l.command_id";

const COMMANDS: Log<CommandRecord> = Log {
    table: "command_log",
    columns: COMMAND,
    read: rows::command,
    context: BY_CONTEXT_ID,
    has_versions: false,
};
const EVENTS: Log<EventRecord> = Log {
    table: "event_log",
    columns: EVENT,
    read: rows::event,
    context: BY_COMMAND_ID,
    has_versions: true,
};
const MESSAGES: Log<MessageRecord> = Log {
    table: "message_log",
    columns: MESSAGE,
    read: rows::message,
    context: BY_COMMAND_ID,
    has_versions: false,
};
const ACTIVITIES: Log<ActivityRecord> = Log {
    table: "activity_log",
    columns: ACTIVITY,
    read: rows::activity,
    context: BY_CONTEXT_ID,
    has_versions: false,
};

/// The position of the newest committed row. The sequence may be ahead of it.
const NEWEST: &str = "(SELECT max(position) FROM (SELECT max(position) AS position FROM \
    command_log UNION ALL SELECT max(position) FROM event_log UNION ALL SELECT max(position) FROM \
    message_log UNION ALL SELECT max(position) FROM activity_log) AS n)";

/// Returns the query for the identifier of the row at a position, in any of the logs.
fn row_at(position: &str) -> String {
    let of = |table: &str| format!("SELECT id FROM {table} WHERE position = {position}");
    let all = ["command_log", "event_log", "message_log", "activity_log"].map(of);
    format!("(SELECT id FROM ({}) AS r LIMIT 1)", all.join(" UNION ALL "))
}

/// Reads a page of a log. Its rows, the check of the resume token and the end of the scan are of
/// one snapshot.
///
/// A snapshot with a row has all rows at lower positions (`draw_positions` in
/// `migrations/functions.sql`). So no row can appear later at or below the newest position.
pub(crate) async fn log(
    pool: &ReadPool,
    kind: LogKind,
    query: &LogQuery,
) -> Result<LogPage<AnyRecord>, Fault> {
    match kind {
        LogKind::Commands => page(pool, &COMMANDS, query).await,
        LogKind::Events => page(pool, &EVENTS, query).await,
        LogKind::Messages => page(pool, &MESSAGES, query).await,
        LogKind::Activities => page(pool, &ACTIVITIES, query).await,
    }
}

async fn page<T: LogRecord>(
    pool: &ReadPool,
    log: &Log<T>,
    query: &LogQuery,
) -> Result<LogPage<AnyRecord>, Fault> {
    let (sql, params) = statement(log, query);
    let found = pool.query_prepared(sql, params).await?;
    let damaged = |why: &dyn std::fmt::Display| Fault::damaged(log.table, why);
    let Some(first) = found.first() else {
        return Err(damaged(&"a page has no end of the scan"));
    };
    let page_end = PageEnd::read(first).map_err(|error| damaged(&error))?;
    query.after.check(page_end.found, page_end.newest)?;
    let is_row = |row: &&Row| match row.try_get::<_, Option<i64>>(0) {
        Ok(position) => position.is_some(),
        Err(_) => true,
    };
    let rows = found.iter().filter(is_row).map(log.read).collect::<Result<Vec<_>, _>>()?;
    let scanned_to = page_end.scanned_to.unwrap_or(query.after);
    Ok(LogPage::new(rows, scanned_to, page_end.newest).into())
}

/// Returns the statement of a page. Four columns after those of a record are the same in all rows:
/// the newest position, the identifier of the row at `after`, and position and identifier of the
/// last scanned row.
fn statement<T>(log: &Log<T>, query: &LogQuery) -> (String, Vec<Param<'static>>) {
    let (after, limit) =
        (saturating_i64(query.after.position()), saturating_i64(query.limit as u64));
    let scan_limit = saturating_i64(query.scan_limit.max(1) as u64);
    let mut params =
        vec![param(after, Type::INT8), param(limit, Type::INT8), param(scan_limit, Type::INT8)];
    let mut conditions = "l.position > $1".to_owned();
    let mut order = "l.position";
    if let Some(aggregate_id) = &query.aggregate_id {
        params.push(param(aggregate_id.resource.to_string(), Type::TEXT));
        params.push(param(aggregate_id.id, Type::UUID));
        if log.has_versions {
            // An index finds the events of an aggregate by version, and versions rise with
            // positions.
            conditions = "l.version > version_at($4, $5, $1)".to_owned();
            order = "l.version";
        }
        conditions += " AND l.resource = $4 AND l.identifier = $5";
    }
    // A subquery is evaluated for scanned rows only; a join may read others.
    match &query.realm {
        RealmFilter::All => {}
        RealmFilter::Only(None) => {
            conditions += &format!(" AND (SELECT x.realm IS NULL {})", log.context);
        }
        RealmFilter::Only(Some(realm)) => {
            params.push(param(realm.clone(), Type::TEXT));
            let number = params.len();
            conditions += &format!(" AND (SELECT x.realm = ${number} {})", log.context);
        }
    }
    let rest = format!("FROM {} WHERE position > $1 ORDER BY position", log.table);
    // The rows to scan, and the position of the last of them if there may be more.
    let (scanned, end) = match query.aggregate_id.is_some() && log.has_versions {
        true => (log.table.to_owned(), format!("CASE WHEN $3 > 0 THEN {NEWEST} END")),
        false => (
            format!("(SELECT * {rest} LIMIT $3)"),
            format!("coalesce((SELECT position {rest} OFFSET $3 - 1 LIMIT 1), {NEWEST})"),
        ),
    };
    let sql = format!(
        "WITH page AS MATERIALIZED ( SELECT {} FROM {scanned} AS l WHERE {conditions} ORDER BY \
             {order} LIMIT $2 ), page_end AS MATERIALIZED ( SELECT CASE WHEN (SELECT count(*) FROM \
             page) >= $2 THEN (SELECT max(position) FROM page) ELSE {end} END AS position ) SELECT \
             l.*, {NEWEST}, {}, page_end.position, {} FROM page_end LEFT JOIN page AS l ON true \
             ORDER BY l.position",
        log.columns,
        row_at("$1"),
        row_at("page_end.position"),
    );
    (sql, params)
}

/// The last four columns of a page.
struct PageEnd {
    newest: u64,
    found: Option<Uuid>,
    scanned_to: Option<ResumeToken>,
}

impl PageEnd {
    fn read(row: &Row) -> Result<Self, Box<dyn std::error::Error>> {
        let first = row.len().saturating_sub(4);
        let position = |column: usize| -> Result<Option<u64>, Box<dyn std::error::Error>> {
            let position: Option<i64> = row.try_get(first + column)?;
            Ok(position.map(u64::try_from).transpose()?)
        };
        let scanned_to = position(2)?.zip(row.try_get(first + 3)?);
        Ok(Self {
            newest: position(0)?.unwrap_or(0),
            found: row.try_get(first + 1)?,
            scanned_to: scanned_to.map(|(position, id)| ResumeToken::new(position, id)),
        })
    }
}

#[cfg(test)]
mod plans;
#[cfg(test)]
mod tests;
