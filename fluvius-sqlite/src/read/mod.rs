//! Reading: plain functions of a connection, each the length of one page at the most.
//!
//! They do not know on which thread they run: on one of the readers, or on the writer's.

mod bounds;
mod history;
mod index;
mod log;
mod query;
pub(crate) mod rows;

use std::sync::Arc;

use fluvius_store::uuid::Uuid;
use fluvius_store::{AggregateId, ContextRecord, StateRecord, StoredCommand};
use rusqlite::{Connection, Row};

use crate::error::Fault;
use rows::{select_command, select_context, select_state};

use history::of_aggregate;

pub(crate) use bounds::{ReadBounds, install_bounds_check};
pub(crate) use history::history;
pub(crate) use log::{ACTIVITIES, COMMANDS, MESSAGES, Scan, page, page_of_aggregate};
pub(crate) use query::{query, register, snapshot};

/// A part of what was asked for, and where the next one begins.
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

/// The row of an aggregate.
pub(crate) fn load(
    connection: &Connection,
    aggregate_id: &AggregateId,
) -> Result<Option<StateRecord>, Fault> {
    query_optional(connection, LOAD, (&aggregate_id.resource, aggregate_id.id), |row| {
        rows::state(row, aggregate_id)
    })
}

/// The row of a command, with its context.
pub(crate) fn command(connection: &Connection, id: Uuid) -> Result<Option<StoredCommand>, Fault> {
    const SQL: &str = concat!(select_command!(), " WHERE c.id = ?1");
    let Some(command) = query_optional(connection, SQL, (id,), rows::command)? else {
        return Ok(None);
    };
    match context(connection, command.context_id)? {
        Some(context) => Ok(Some((command, context))),
        None => Err(Fault::damaged("command", "its context is missing")),
    }
}

/// The row of a context.
pub(crate) fn context(
    connection: &Connection,
    id: Uuid,
) -> Result<Option<Arc<ContextRecord>>, Fault> {
    const SQL: &str = concat!(select_context!(), " WHERE x.id = ?1");
    Ok(query_optional(connection, SQL, (id,), rows::context)?.map(Arc::new))
}

/// The one row that a statement gives, if any.
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

/// A number of the interface as SQLite has it: one beyond its range is the largest.
pub(crate) fn saturating_i64(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;
    use crate::SqliteStore;

    #[tokio::test]
    async fn a_statement_is_planned_once_whatever_is_bound_to_it() {
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
