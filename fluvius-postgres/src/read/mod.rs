//! Reads. Each is one statement, so all of its rows are of one snapshot.

mod log;
mod query;
pub(crate) mod rows;

use std::sync::Arc;

use fluvius_store::uuid::Uuid;
use fluvius_store::{
    AggregateId, ContextRecord, EventRecord, LogEntry, StateRecord, StoredCommand,
};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

pub(crate) use log::log;
pub(crate) use query::{query, scan};

use self::rows::{COMMAND, COMMAND_COUNT, CONTEXT, EVENT, STATE};
use crate::error::Fault;
use crate::pool::ReadPool;
use crate::statement_params::param;

/// Reads the states of several aggregates.
pub(crate) async fn snapshot(
    pool: &ReadPool,
    aggregate_ids: &[AggregateId],
) -> Result<Vec<Option<StateRecord>>, Fault> {
    snapshot_rows(pool, aggregate_ids).await?.iter().map(state).collect()
}

/// Decodes a row of a snapshot.
pub(crate) fn state(row: &Row) -> Result<Option<StateRecord>, Fault> {
    match rows::has_state(row, 0)? {
        true => rows::state(row, 0).map(Some),
        false => Ok(None),
    }
}

/// Reads the rows of a snapshot: one per aggregate, in the given order.
pub(crate) async fn snapshot_rows(
    pool: &ReadPool,
    aggregate_ids: &[AggregateId],
) -> Result<Vec<Row>, Fault> {
    let sql = format!(
        "SELECT {STATE} FROM unnest($1, $2) WITH ORDINALITY AS a (resource, identifier, number) \
         LEFT JOIN resource_state AS s ON s.resource = a.resource AND s.identifier = a.identifier \
         ORDER BY a.number"
    );
    let resources: Vec<String> =
        aggregate_ids.iter().map(|aggregate_id| aggregate_id.resource.to_string()).collect();
    let identifiers: Vec<Uuid> = aggregate_ids.iter().map(|aggregate_id| aggregate_id.id).collect();
    let params = vec![param(resources, Type::TEXT_ARRAY), param(identifiers, Type::UUID_ARRAY)];
    pool.query_prepared(sql, params).await
}

/// Reads a command with its context.
pub(crate) async fn command(pool: &ReadPool, id: Uuid) -> Result<Option<StoredCommand>, Fault> {
    let sql = format!(
        "SELECT {COMMAND}, {CONTEXT} FROM command_log AS l JOIN context_log AS x ON x.id = \
        l.context_id WHERE l.id = $1"
    );
    let found = pool.query_optional(sql, vec![param(id, Type::UUID)]).await?;
    let Some(row) = found else { return Ok(None) };
    Ok(Some((rows::command(&row)?, Arc::new(rows::context(&row, COMMAND_COUNT)?))))
}

/// Reads a context.
pub(crate) async fn context(
    pool: &ReadPool,
    id: Uuid,
) -> Result<Option<Arc<ContextRecord>>, Fault> {
    let sql = format!("SELECT {CONTEXT} FROM context_log AS x WHERE x.id = $1");
    let found = pool.query_optional(sql, vec![param(id, Type::UUID)]).await?;
    found.map(|row| rows::context(&row, 0).map(Arc::new)).transpose()
}

/// Reads the events of an aggregate from version `first` to `last`.
pub(crate) async fn history(
    pool: &ReadPool,
    aggregate_id: &AggregateId,
    first: u64,
    last: u64,
) -> Result<Vec<LogEntry<EventRecord>>, Fault> {
    let sql = format!(
        "SELECT {EVENT} FROM event_log AS l WHERE l.identifier = $1 AND l.resource = $2 \
         AND l.version BETWEEN $3 AND $4 ORDER BY l.version"
    );
    let params = vec![
        param(aggregate_id.id, Type::UUID),
        param(aggregate_id.resource.to_string(), Type::TEXT),
        param(saturating_i64(first), Type::INT8),
        param(saturating_i64(last), Type::INT8),
    ];
    let found = pool.query_prepared(sql, params).await?;
    found.iter().map(rows::event).collect()
}

/// Registers the resources of a domain.
pub(crate) async fn register_domain(
    pool: &ReadPool,
    domain: &str,
    resources: &[&'static str],
) -> Result<(), Fault> {
    let sql = "SELECT register_domain($1, $2)";
    let params =
        vec![param(domain.to_owned(), Type::TEXT), param(resources.to_vec(), Type::TEXT_ARRAY)];
    pool.query_prepared(sql, params).await?;
    Ok(())
}

/// Converts a bound to `bigint`, whose maximum no stored number exceeds.
pub(crate) fn saturating_i64(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
