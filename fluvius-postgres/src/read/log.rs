//! Reading the logs by position.

use fluvius_core::{
    ActivityRecord, CommandRecord, EventRecord, LogQuery, Logged, MessageRecord, RealmFilter,
};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::clamped;
use crate::error::Fault;
use crate::readers::{Param, Readers, param};
use crate::rows::{self, ACTIVITY, COMMAND, EVENT, MESSAGE};

/// A log: its table, its columns, how its rows are read, and how their context is found.
pub(crate) struct Log<T> {
    table: &'static str,
    columns: &'static str,
    read: fn(&Row) -> Result<Logged<T>, Fault>,
    context: &'static str,
    /// Set if the rows of a root can be found by their versions.
    has_versions: bool,
}

/// The context of a row that names it.
const OF_CONTEXT: &str = " JOIN context_log AS x ON x.id = l.context_id";
/// The context of the command that gave the row.
const OF_COMMAND: &str =
    " JOIN command_log AS c ON c.id = l.src_cmd JOIN context_log AS x ON x.id = c.context_id";

pub(crate) const COMMANDS: Log<CommandRecord> = Log {
    table: "command_log",
    columns: COMMAND,
    read: rows::command,
    context: OF_CONTEXT,
    has_versions: false,
};
pub(crate) const EVENTS: Log<EventRecord> = Log {
    table: "event_log",
    columns: EVENT,
    read: rows::event,
    context: OF_COMMAND,
    has_versions: true,
};
pub(crate) const MESSAGES: Log<MessageRecord> = Log {
    table: "message_log",
    columns: MESSAGE,
    read: rows::message,
    context: OF_COMMAND,
    has_versions: false,
};
pub(crate) const ACTIVITIES: Log<ActivityRecord> = Log {
    table: "activity_log",
    columns: ACTIVITY,
    read: rows::activity,
    context: OF_CONTEXT,
    has_versions: false,
};

/// The rows that a query asks for.
pub(crate) async fn page<T>(
    readers: &Readers,
    log: &Log<T>,
    query: &LogQuery,
) -> Result<Vec<Logged<T>>, Fault> {
    let (sql, params) = statement(log, query);
    readers.fixed(sql, params).await?.iter().map(log.read).collect()
}

fn statement<T>(log: &Log<T>, query: &LogQuery) -> (String, Vec<Param>) {
    let (after, limit) = (clamped(query.after), clamped(query.limit as u64));
    let mut params: Vec<Param> = vec![param(after, Type::INT8), param(limit, Type::INT8)];
    let mut tables = format!("{} AS l", log.table);
    let mut conditions = "l.position > $1".to_owned();
    let mut order = "l.position";
    if let Some(root) = &query.root {
        params.push(param(root.resource.to_string(), Type::TEXT));
        params.push(param(root.identifier, Type::UUID));
        conditions += " AND l.resource = $3 AND l.identifier = $4";
        // The events of a root are found by their versions, which rise with their positions.
        if log.has_versions {
            conditions =
                conditions.replacen("l.position > $1", "l.version > version_at($3, $4, $1)", 1);
            order = "l.version";
        }
    }
    match &query.realm {
        RealmFilter::All => {}
        RealmFilter::Only(None) => {
            tables += log.context;
            conditions += " AND x.realm IS NULL";
        }
        RealmFilter::Only(Some(realm)) => {
            tables += log.context;
            params.push(param(realm.clone(), Type::TEXT));
            conditions += &format!(" AND x.realm = ${}", params.len());
        }
    }
    let sql = format!(
        "SELECT {} FROM {tables} WHERE {conditions} ORDER BY {order} LIMIT $2",
        log.columns
    );
    (sql, params)
}

#[cfg(test)]
mod tests;
