//! SQL functions that read the fields of a state and evaluate the filter of a query.

use std::cell::RefCell;

use fluvius_store::chrono::{DateTime, Utc};
use fluvius_store::query::{Column, CompiledFilter, Kind, Number, Operand, read_at};
use fluvius_store::uuid::Uuid;
use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::FromSql;

use crate::error::Fault;
use crate::field::value;

/// The functions that read a field of a state, one for each kind.
pub(super) const FIELDS: [(Kind, &str); 5] = [
    (Kind::Boolean, "fluvius_boolean"),
    (Kind::Number, "fluvius_number"),
    (Kind::Text, "fluvius_text"),
    (Kind::Uuid, "fluvius_uuid"),
    (Kind::Time, "fluvius_time"),
];
pub(super) const INTEGER: &str = "fluvius_integer";

/// The function that evaluates the filter of the query on this thread. Its arguments are the state
/// and the columns that the filter names.
pub(super) const MATCHES: &str = "fluvius_matches";

thread_local! {
    /// The filter of the query that runs on this thread.
    static FILTER: RefCell<Option<CompiledFilter>> = const { RefCell::new(None) };
}

/// The filter on this thread, until it is dropped.
pub(super) struct Current;

impl Current {
    pub(super) fn set(filter: Option<CompiledFilter>) -> Self {
        FILTER.set(filter);
        Self
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        FILTER.set(None);
    }
}

/// Registers the functions with a connection.
pub(crate) fn register(connection: &Connection) -> Result<(), Fault> {
    let how = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    for (kind, name) in FIELDS {
        connection.create_scalar_function(name, 2, how, move |row| {
            let path = row.get_or_create_aux(1, |path| {
                serde_json::from_str::<Vec<String>>(path.as_str()?).map_err(AuxError::from)
            })?;
            let state = row.get_raw(0).as_str().map_err(failed)?;
            Ok(read_at(state, &path, kind).as_ref().map(value))
        })?;
    }
    connection.create_scalar_function(INTEGER, 1, how, |row| {
        Ok(Number::from(row.get::<i64>(0)?).sort_bytes())
    })?;
    connection.create_scalar_function(MATCHES, -1, FunctionFlags::SQLITE_UTF8, |row| {
        FILTER.with_borrow(|filter| {
            let Some(filter) = filter else { return Err(failed(MissingFilter)) };
            let state = row.get_raw(0).as_str().map_err(failed)?;
            let columns = filter.columns().iter().enumerate();
            let columns = columns.map(|(index, column)| operand(row, index + 1, *column));
            let columns = columns.collect::<Result<Vec<_>, _>>()?;
            let of = |column| {
                let index = filter.columns().iter().position(|other| *other == column)?;
                columns[index].clone()
            };
            Ok(filter.holds(state, of))
        })
    })?;
    Ok(())
}

/// The error of a call outside of the store's queries.
#[derive(Debug, thiserror::Error)]
#[error("`{MATCHES}` belongs to the queries of the store")]
struct MissingFilter;

/// Returns the value of a column argument.
fn operand(row: &Context<'_>, index: usize, column: Column) -> rusqlite::Result<Option<Operand>> {
    fn get<T: FromSql>(row: &Context<'_>, index: usize) -> rusqlite::Result<Option<T>> {
        row.get(index)
    }
    Ok(match column.kind() {
        Kind::Text => get::<String>(row, index)?.map(Operand::Text),
        Kind::Uuid => get::<Uuid>(row, index)?.map(Operand::Uuid),
        Kind::Number => get::<i64>(row, index)?.map(Operand::from),
        Kind::Boolean => get::<bool>(row, index)?.map(Operand::from),
        Kind::Time => match get::<i64>(row, index)?.map(DateTime::<Utc>::from_timestamp_micros) {
            Some(None) => return Err(failed(Fault::damaged("state", "a time is none"))),
            time => time.flatten().map(Operand::Time),
        },
    })
}

type AuxError = Box<dyn std::error::Error + Send + Sync>;

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::UserFunctionError(Box::new(error))
}
