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

/// A log: its table, its columns, the decoder of its rows, and the sources of its conditions.
struct Log<T> {
    table: &'static str,
    columns: &'static str,
    read: fn(&Row) -> Result<LogEntry<T>, Fault>,
    /// The domain of a row `l`.
    domain: &'static str,
    /// The key of a row `l`.
    key: &'static str,
    /// The `FROM` clause that selects the context `x` of a row `l`.
    context: &'static str,
    /// Set if an index finds the rows of an aggregate by version.
    has_versions: bool,
}

const LOGS: [&str; 4] = ["command_log", "event_log", "message_log", "activity_log"];

/// For rows with a context id.
const BY_CONTEXT_ID: &str = "FROM context_log AS x WHERE x.id = l.context_id";
/// For rows with a command id.
const BY_COMMAND_ID: &str =
    "FROM command_log AS c JOIN context_log AS x ON x.id = c.context_id WHERE c.id = l.command_id";

const COMMANDS: Log<CommandRecord> = Log {
    table: "command_log",
    columns: COMMAND,
    read: rows::command,
    domain: "l.domain",
    key: "l.command",
    context: BY_CONTEXT_ID,
    has_versions: false,
};
const EVENTS: Log<EventRecord> = Log {
    table: "event_log",
    columns: EVENT,
    read: rows::event,
    domain: "l.domain",
    key: "l.event",
    context: BY_COMMAND_ID,
    has_versions: true,
};
const MESSAGES: Log<MessageRecord> = Log {
    table: "message_log",
    columns: MESSAGE,
    read: rows::message,
    domain: "(SELECT c.domain FROM command_log AS c WHERE c.id = l.command_id)",
    key: "l.key",
    context: BY_COMMAND_ID,
    has_versions: false,
};
const ACTIVITIES: Log<ActivityRecord> = Log {
    table: "activity_log",
    columns: ACTIVITY,
    read: rows::activity,
    domain: "(SELECT x.domain FROM context_log AS x WHERE x.id = l.context_id)",
    key: "l.code",
    context: BY_CONTEXT_ID,
    has_versions: false,
};

/// Returns the query for the position of the newest committed row that meets a condition. The
/// sequence may be ahead of it.
fn newest(condition: &str) -> String {
    let of = |table: &str| format!("SELECT max(position) AS position FROM {table} {condition}");
    let all = LOGS.map(of);
    format!("(SELECT max(position) FROM ({}) AS n)", all.join(" UNION ALL "))
}

/// Returns the query for the identifier of the row at a position, in any of the logs.
fn row_at(position: &str) -> String {
    let of = |table: &str| format!("SELECT id FROM {table} WHERE position = {position}");
    format!("(SELECT id FROM ({}) AS r LIMIT 1)", LOGS.map(of).join(" UNION ALL "))
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
    // Connections keep prepared statements, so the number of their texts must be small.
    let found = match is_prepared(query) {
        true => pool.query_prepared(sql, params).await?,
        false => pool.query_once(sql, params).await?,
    };
    let damaged = |why: &dyn std::fmt::Display| Fault::damaged(log.table, why);
    let Some(first) = found.first() else {
        return Err(damaged(&"a page has no end of the scan"));
    };
    let page_end = PageEnd::read(first).map_err(|error| damaged(&error))?;
    query.after.check(page_end.found, page_end.newest)?;
    if let Some(before) = query.before {
        before.check_upper(page_end.found_before, page_end.newest)?;
    }
    let is_row = |row: &&Row| match row.try_get::<_, Option<i64>>(0) {
        Ok(position) => position.is_some(),
        Err(_) => true,
    };
    let rows = found.iter().filter(is_row).map(log.read).collect::<Result<Vec<_>, _>>()?;
    let (scanned_to, is_last) = match query.limit {
        0 => (query.start(page_end.newest), false),
        _ => (page_end.scanned_to.unwrap_or(query.after), page_end.is_last),
    };
    let page = LogPage::new(rows, scanned_to, page_end.newest);
    let is_newest = page.is_last() && !query.descending && query.before.is_none();
    Ok(page.with_last(is_last || is_newest).into())
}

/// Returns true if the statement of a query is one of a few.
fn is_prepared(query: &LogQuery) -> bool {
    let has_value = query.domain.is_some() || query.keys.is_some() || query.actor.is_some();
    !(has_value || query.before.is_some() || query.descending)
}

/// Returns the statement of a page. Six columns after those of a record are the same in all rows:
/// the newest position, the identifiers of the rows at `after` and at `before`, position and
/// identifier of the last scanned row, and true if the page is the last one.
fn statement<T>(log: &Log<T>, query: &LogQuery) -> (String, Vec<Param<'static>>) {
    let (after, limit) =
        (saturating_i64(query.after.position()), saturating_i64(query.limit as u64));
    let scan_limit = saturating_i64(query.scan_limit.max(1) as u64);
    let mut params =
        vec![param(after, Type::INT8), param(limit, Type::INT8), param(scan_limit, Type::INT8)];
    let mut bind = |param: Param<'static>| {
        params.push(param);
        format!("${}", params.len())
    };
    let before = query.before.map(|before| {
        let position = saturating_i64(before.position());
        (bind(param(position, Type::INT8)), before.row_id().is_some())
    });
    let in_range = |position: &str| match &before {
        Some((before, _)) => format!("{position} > $1 AND {position} < {before}"),
        None => format!("{position} > $1"),
    };
    let (last, direction) = if query.descending { ("min", " DESC") } else { ("max", "") };

    let is_by_version = query.aggregate_id.is_some() && log.has_versions;
    let mut conditions = in_range("l.position");
    let mut order = "l.position";
    if let Some(aggregate_id) = &query.aggregate_id {
        let resource = bind(param(aggregate_id.resource.to_string(), Type::TEXT));
        let identifier = bind(param(aggregate_id.id, Type::UUID));
        if is_by_version {
            // An index finds the events of an aggregate by version, and versions rise with
            // positions.
            let version_at =
                |position: &str| format!("version_at({resource}, {identifier}, {position})");
            conditions = format!("l.version > {}", version_at("$1"));
            if let Some((before, _)) = &before {
                let last = version_at(&format!("{before} - 1"));
                conditions += &format!(" AND l.version <= {last}");
            }
            order = "l.version";
        }
        conditions += &format!(" AND l.resource = {resource} AND l.identifier = {identifier}");
    }
    // A subquery is evaluated for scanned rows only; a join may read others.
    match &query.realm {
        RealmFilter::All => {}
        RealmFilter::Only(None) => {
            conditions += &format!(" AND (SELECT x.realm IS NULL {})", log.context);
        }
        RealmFilter::Only(Some(realm)) => {
            let realm = bind(param(realm.clone(), Type::TEXT));
            conditions += &format!(" AND (SELECT x.realm = {realm} {})", log.context);
        }
    }
    if let Some(domain) = &query.domain {
        let domain = bind(param(domain.clone(), Type::TEXT));
        conditions += &format!(" AND {} = {domain}", log.domain);
    }
    if let Some(keys) = &query.keys {
        let keys = bind(param(Vec::from_iter(keys.clone()), Type::TEXT_ARRAY));
        conditions += &format!(" AND {} = ANY ({keys})", log.key);
    }
    if let Some(actor) = query.actor {
        let actor = bind(param(actor, Type::UUID));
        conditions += &format!(" AND (SELECT x.user_id = {actor} {})", log.context);
    }

    let rest =
        format!("FROM {} WHERE {} ORDER BY position{direction}", log.table, in_range("position"));
    // The rows to scan, and the position of the last of them if there may be more.
    let (scanned, scan_end) = match is_by_version {
        true => (log.table.to_owned(), "CASE WHEN $3 < 0 THEN $1 END".to_owned()),
        false => (
            format!("(SELECT * {rest} LIMIT $3)"),
            format!("(SELECT position {rest} OFFSET $3 - 1 LIMIT 1)"),
        ),
    };
    // The newest row of the range, of any log.
    let range_end = match &before {
        _ if query.descending => "NULL::bigint".to_owned(),
        Some(_) => newest(&format!("WHERE {}", in_range("position"))),
        None => newest(""),
    };
    let found_before = match &before {
        Some((before, true)) => row_at(before),
        _ => "NULL::uuid".to_owned(),
    };
    let sql = format!(
        "WITH page AS MATERIALIZED ( SELECT {} FROM {scanned} AS l WHERE {conditions} ORDER BY \
         {order}{direction} LIMIT $2 ), scan_end AS MATERIALIZED ( SELECT CASE WHEN (SELECT \
         count(*) FROM page) >= $2 THEN (SELECT {last}(position) FROM page) ELSE {scan_end} END \
         AS position ), page_end AS MATERIALIZED ( SELECT coalesce(position, {range_end}) AS \
         position, position IS NULL AS is_last FROM scan_end ) SELECT l.*, {}, {}, \
         {found_before}, page_end.position, {}, page_end.is_last FROM page_end LEFT JOIN page AS \
         l ON true ORDER BY l.position{direction}",
        log.columns,
        newest(""),
        row_at("$1"),
        row_at("page_end.position"),
    );
    (sql, params)
}

/// The last six columns of a page.
struct PageEnd {
    newest: u64,
    found: Option<Uuid>,
    found_before: Option<Uuid>,
    scanned_to: Option<ResumeToken>,
    is_last: bool,
}

impl PageEnd {
    fn read(row: &Row) -> Result<Self, Box<dyn std::error::Error>> {
        let first = row.len().saturating_sub(6);
        let position = |column: usize| -> Result<Option<u64>, Box<dyn std::error::Error>> {
            let position: Option<i64> = row.try_get(first + column)?;
            Ok(position.map(u64::try_from).transpose()?)
        };
        let scanned_to = position(3)?.zip(row.try_get(first + 4)?);
        Ok(Self {
            newest: position(0)?.unwrap_or(0),
            found: row.try_get(first + 1)?,
            found_before: row.try_get(first + 2)?,
            scanned_to: scanned_to.map(|(position, id)| ResumeToken::new(position, id)),
            is_last: row.try_get(first + 5)?,
        })
    }
}

#[cfg(test)]
mod plans;
#[cfg(test)]
mod tests;
