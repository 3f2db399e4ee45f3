//! Work rows.

use fluvius_store::work::{WorkKey, WorkPage, WorkQuery, WorkRow};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::log::newest_token;
use super::{query_optional, rows};
use crate::error::Fault;

macro_rules! select_work {
    () => {
        "SELECT kind, name, part, token, data, written_at FROM work"
    };
}

/// Returns the work rows that meet a query.
pub(crate) fn work(connection: &Connection, query: &WorkQuery) -> Result<WorkPage, Fault> {
    // One transaction, so that the newest position is of the same snapshot.
    let snapshot = connection.unchecked_transaction()?;
    let newest = newest_token(&snapshot, i64::MAX)?.position();
    let mut kinds = query.kinds.clone();
    kinds.sort_unstable();
    kinds.dedup();
    let mut rows = Vec::new();
    // One kind after the other, in the order of the keys: each is a range of the primary key.
    for kind in kinds {
        read_kind(&snapshot, query, kind, &mut rows)?;
    }
    Ok(WorkPage::new(rows, query.now, newest))
}

/// Adds the rows of one kind, up to the limit of the query.
fn read_kind(
    connection: &Connection,
    query: &WorkQuery,
    kind: String,
    rows: &mut Vec<WorkRow>,
) -> Result<(), Fault> {
    let mut sql = select_work!().to_owned();
    sql.push_str(" WHERE kind = ?1");
    let mut params = vec![Value::from(kind.clone())];
    if let Some(name) = &query.name {
        sql.push_str(" AND name = ?2");
        params.push(Value::from(name.clone()));
    }
    match &query.after {
        Some(after) if after.kind > kind => return Ok(()),
        Some(after) if after.kind == kind => {
            let next = params.len() + 1;
            sql.push_str(&format!(" AND (name, part) > (?{next}, ?{})", next + 1));
            params.extend([&after.name, &after.part].map(|text| Value::from(text.clone())));
        }
        _ => {}
    }
    sql.push_str(" ORDER BY name, part");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut found = statement.query(params_from_iter(params))?;
    while rows.len() < query.limit
        && let Some(row) = found.next()?
    {
        rows.push(rows::work(row)?);
    }
    Ok(())
}

/// Returns the work row with a key.
pub(crate) fn work_row(connection: &Connection, key: &WorkKey) -> Result<Option<WorkRow>, Fault> {
    const SQL: &str = concat!(select_work!(), " WHERE kind = ?1 AND name = ?2 AND part = ?3");
    query_optional(connection, SQL, (&key.kind, &key.name, &key.part), rows::work)
}
