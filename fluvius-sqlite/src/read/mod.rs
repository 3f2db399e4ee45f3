//! Reads: plain functions of a connection, each of one page at most.
//!
//! They run on a reader thread, or on the writer's thread for a store in memory.

mod bounds;
mod functions;
mod history;
mod index;
mod log;
mod query;
pub(crate) mod rows;
mod work;

use std::sync::Arc;

use fluvius_store::uuid::Uuid;
use fluvius_store::{AggregateId, ContextRecord, StateRecord, StoredCommand};
use rusqlite::{Connection, Row};

use crate::error::Fault;
use rows::{select_command, select_context, select_state};

use history::of_aggregate;

pub(crate) use bounds::{ReadBounds, install_bounds_check};
pub(crate) use functions::register;
pub(crate) use history::history;
pub(crate) use log::{Scan, log};
pub(crate) use query::{query, scan, snapshot};
pub(crate) use work::{work, work_row};

/// A part of a result, and the start of the next one.
#[derive(Debug)]
pub(crate) struct Part<T> {
    pub(crate) rows: Vec<T>,
    pub(crate) next: Option<u64>,
}

impl<T> Part<T> {
    fn last(rows: Vec<T>) -> Self {
        Self { rows, next: None }
    }
}

const LOAD: &str = concat!(select_state!(), " WHERE r.text = ?1 AND a.identifier = ?2");

/// Returns the state of an aggregate.
pub(crate) fn load(
    connection: &Connection,
    aggregate_id: &AggregateId,
) -> Result<Option<StateRecord>, Fault> {
    query_optional(connection, LOAD, (&aggregate_id.resource, aggregate_id.id), |row| {
        rows::state(row, aggregate_id)
    })
}

/// Returns a command with its context.
pub(crate) fn command(connection: &Connection, id: Uuid) -> Result<Option<StoredCommand>, Fault> {
    const SQL: &str = concat!(select_command!(), " WHERE c.id = ?1");
    let Some(command) = query_optional(connection, SQL, (id,), rows::command)? else {
        return Ok(None);
    };
    match context(connection, command.record.context_id)? {
        Some(context) => Ok(Some((command, context))),
        None => Err(Fault::damaged("command", "its context is missing")),
    }
}

/// Returns a context.
pub(crate) fn context(
    connection: &Connection,
    id: Uuid,
) -> Result<Option<Arc<ContextRecord>>, Fault> {
    const SQL: &str = concat!(select_context!(), " WHERE x.id = ?1");
    Ok(query_optional(connection, SQL, (id,), rows::context)?.map(Arc::new))
}

/// Returns the row of a statement, if there is one.
pub(crate) fn query_optional<T>(
    connection: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
    read: impl FnOnce(&Row<'_>) -> Result<T, Fault>,
) -> Result<Option<T>, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    rows.next()?.map(read).transpose()
}

/// Converts a number to SQLite's type; one beyond its range becomes the largest.
pub(crate) fn saturating_i64(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;
    use crate::SqliteStore;

    #[tokio::test]
    async fn a_statement_is_planned_once_for_all_values() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("store.db");
        let _store = SqliteStore::open(&file).await.unwrap();
        let connection = crate::connection::open_reader(&file).unwrap();
        for number in 0..3 {
            let aggregate_id = AggregateId::new("purse", Uuid::from_u128(number));
            assert_eq!(load(&connection, &aggregate_id).unwrap(), None);
        }
        let statement = connection.prepare_cached(LOAD).unwrap();
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
        assert_eq!(statement.get_status(StatementStatus::Run), 3);
    }
}
