//! Reads: one statement each, so that all it gives is of one moment.

mod log;
mod query;

use std::sync::Arc;

use fluvius_core::uuid::Uuid;
use fluvius_core::{AggregateId, ContextRecord, EventRecord, LogEntry, StateRecord, StoredCommand};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

pub(crate) use log::{ACTIVITIES, COMMANDS, EVENTS, MESSAGES, page};
pub(crate) use query::query;

use crate::error::Fault;
use crate::params::param;
use crate::readers::Readers;
use crate::rows::{self, COMMAND, COMMAND_COUNT, CONTEXT, EVENT, STATE};

/// The rows of several roots.
pub(crate) async fn snapshot(
    readers: &Readers,
    aggregate_ids: &[AggregateId],
) -> Result<Vec<Option<StateRecord>>, Fault> {
    snapshot_rows(readers, aggregate_ids).await?.iter().map(state).collect()
}

/// One row of a snapshot.
pub(crate) fn state(row: &Row) -> Result<Option<StateRecord>, Fault> {
    match rows::has_state(row, 0)? {
        true => rows::state(row, 0).map(Some),
        false => Ok(None),
    }
}

/// A snapshot as the server gives it: one row per aggregate.
pub(crate) async fn snapshot_rows(
    readers: &Readers,
    aggregate_ids: &[AggregateId],
) -> Result<Vec<Row>, Fault> {
    let sql = format!(
        "SELECT {STATE} FROM unnest($1, $2) WITH ORDINALITY AS r (resource, identifier, number) \
         LEFT JOIN resource_state AS s ON s.resource = r.resource AND s.identifier = r.identifier \
         ORDER BY r.number"
    );
    let resources: Vec<String> =
        aggregate_ids.iter().map(|aggregate_id| aggregate_id.resource.to_string()).collect();
    let identifiers: Vec<Uuid> = aggregate_ids.iter().map(|aggregate_id| aggregate_id.id).collect();
    let params = vec![param(resources, Type::TEXT_ARRAY), param(identifiers, Type::UUID_ARRAY)];
    readers.fixed(sql, params).await
}

/// The row of a command, with its context.
pub(crate) async fn command(readers: &Readers, id: Uuid) -> Result<Option<StoredCommand>, Fault> {
    let sql = format!(
        "SELECT {COMMAND}, {CONTEXT} FROM command_log AS l JOIN context_log AS x ON x.id = l.context_id \
         WHERE l.id = $1"
    );
    let found = readers.fixed(sql, vec![param(id, Type::UUID)]).await?;
    let Some(row) = found.first() else { return Ok(None) };
    Ok(Some((rows::command(row)?, Arc::new(rows::context(row, COMMAND_COUNT)?))))
}

/// The row of a context.
pub(crate) async fn context(
    readers: &Readers,
    id: Uuid,
) -> Result<Option<Arc<ContextRecord>>, Fault> {
    let sql = format!("SELECT {CONTEXT} FROM context_log AS x WHERE x.id = $1");
    let found = readers.fixed(sql, vec![param(id, Type::UUID)]).await?;
    found.first().map(|row| rows::context(row, 0).map(Arc::new)).transpose()
}

/// The events of an aggregate with these versions.
pub(crate) async fn history(
    readers: &Readers,
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
    let found = readers.fixed(sql, params).await?;
    found.iter().map(rows::event).collect()
}

/// Claims resource names for a domain.
pub(crate) async fn register_domain(
    readers: &Readers,
    domain: &str,
    resources: &[&'static str],
) -> Result<(), Fault> {
    let sql = "SELECT register_domain($1, $2)";
    let params =
        vec![param(domain.to_owned(), Type::TEXT), param(resources.to_vec(), Type::TEXT_ARRAY)];
    readers.fixed(sql, params).await?;
    Ok(())
}

/// A bound that PostgreSQL can count to: no number is greater there.
pub(crate) fn saturating_i64(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
