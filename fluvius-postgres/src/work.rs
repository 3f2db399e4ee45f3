//! Work rows: their reads and writes, and the incarnation.

use std::sync::Arc;

use fluvius_store::chrono::{DateTime, Utc};
use fluvius_store::uuid::Uuid;
use fluvius_store::work::{
    Incarnation, WorkChange, WorkKey, WorkOutcome, WorkPage, WorkQuery, WorkRow, WorkUnit,
};
use fluvius_store::{ActivityRecord, ContextRecord, Json, StoreError};
use serde_json::{Value, json};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::error::Fault;
use crate::pool::{CallFault, ReadPool};
use crate::read::rows::{serde_variant_name, to_json_text};
use crate::read::saturating_i64;
use crate::statement_params::param;

/// A row without a work row has the time and the newest position.
const READ: &str = "SELECT w.kind, w.name, w.part, w.token, w.data, w.written_at, b.now, b.newest \
    FROM (SELECT clock_timestamp() AS now, coalesce(greatest((SELECT max(position) FROM \
    command_log), (SELECT max(position) FROM event_log), (SELECT max(position) FROM message_log), \
    (SELECT max(position) FROM activity_log)), 0) AS newest) AS b LEFT JOIN LATERAL (SELECT * FROM \
    work WHERE kind = ANY ($1) AND ($2::text IS NULL OR name = $2) AND ($3::text IS NULL OR (kind, \
    name, part) > ($3, $4, $5)) ORDER BY kind, name, part LIMIT $6) AS w ON true \
    ORDER BY w.kind, w.name, w.part";

const WRITE: &str = "SELECT * FROM write_work($1::text::json)";

/// Reads the work rows that meet a query.
pub(crate) async fn read(pool: &ReadPool, query: &WorkQuery) -> Result<WorkPage, Fault> {
    let after = query.after.clone();
    let (after_kind, after_name, after_part) = match after {
        Some(after) => (Some(after.kind), Some(after.name), Some(after.part)),
        None => (None, None, None),
    };
    let mut limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
    // No row has such a text, and the server rejects it.
    let is_storable = |text: &String| !text.contains('\0');
    let kinds: Vec<String> = query.kinds.iter().filter(|kind| is_storable(kind)).cloned().collect();
    let name = query.name.clone().filter(is_storable);
    if name != query.name {
        limit = 0;
    }
    let params = vec![
        param(kinds, Type::TEXT_ARRAY),
        param(name, Type::TEXT),
        param(after_kind, Type::TEXT),
        param(after_name, Type::TEXT),
        param(after_part, Type::TEXT),
        param(limit, Type::INT8),
    ];
    let found = pool.query_prepared(READ, params).await?;
    let Some(first) = found.first() else {
        return Err(Fault::damaged("work", "the server returned no row"));
    };
    let (now, newest): (DateTime<Utc>, i64) = (first.try_get(6)?, first.try_get(7)?);
    let rows: Result<Vec<_>, _> = found.iter().map(row).collect();
    Ok(WorkPage::new(rows?.into_iter().flatten().collect(), now, newest.unsigned_abs()))
}

fn row(row: &Row) -> Result<Option<WorkRow>, Fault> {
    let Some(kind) = row.try_get::<_, Option<String>>(0)? else { return Ok(None) };
    let key = WorkKey::new(kind, row.try_get::<_, String>(1)?, row.try_get::<_, String>(2)?);
    work_row(row, key, 3).map(Some)
}

/// Decodes the token, the data and the time, from a column on.
fn work_row(row: &Row, key: WorkKey, first: usize) -> Result<WorkRow, Fault> {
    let (token, data): (i64, &str) = (row.try_get(first)?, row.try_get(first + 1)?);
    let data = Json::parse(data).map_err(|error| Fault::damaged("work", error))?;
    Ok(WorkRow::new(key, token.unsigned_abs(), data, row.try_get(first + 2)?))
}

/// Writes units, and returns the outcome of each.
pub(crate) async fn write(pool: &ReadPool, units: &Arc<[WorkUnit]>) -> Vec<WorkOutcome> {
    let malformed: Vec<Option<StoreError>> =
        units.iter().map(|unit| unit.validate().err()).collect();
    let well_formed: Vec<&WorkUnit> = units
        .iter()
        .zip(&malformed)
        .filter(|(_, error)| error.is_none())
        .map(|(unit, _)| unit)
        .collect();
    let mut outcomes = match write_all(pool, &well_formed).await {
        Ok(outcomes) => outcomes,
        Err(CallFault { fault, is_in_doubt: true }) => {
            tracing::debug!(error = %fault, "a write of work rows is in doubt");
            well_formed.iter().map(|_| WorkOutcome::InDoubt).collect()
        }
        Err(CallFault { fault, .. }) => {
            let error = StoreError::from(fault);
            well_formed.iter().map(|_| WorkOutcome::Failed(error.clone())).collect()
        }
    }
    .into_iter();
    let next = |error: Option<StoreError>| match error {
        Some(error) => WorkOutcome::Failed(error),
        None => outcomes.next().unwrap_or(WorkOutcome::InDoubt),
    };
    malformed.into_iter().map(next).collect()
}

async fn write_all(pool: &ReadPool, units: &[&WorkUnit]) -> Result<Vec<WorkOutcome>, CallFault> {
    if units.is_empty() {
        return Ok(Vec::new());
    }
    let encoded: Result<Vec<Value>, Fault> = units.iter().map(|unit| encode(unit)).collect();
    let encoded = Value::Array(encoded?).to_string();
    let params = vec![param(encoded, Type::TEXT)];
    let rows = pool.call(WRITE, params).await?;
    // The rows are stored by now.
    let outcomes: Result<Vec<_>, Fault> = rows.iter().map(outcome).collect();
    outcomes.map_err(|fault| CallFault { fault, is_in_doubt: true })
}

fn outcome(row: &Row) -> Result<WorkOutcome, Fault> {
    if let Some(token) = row.try_get::<_, Option<i64>>(1)? {
        return Ok(WorkOutcome::Stored { token: token.unsigned_abs() });
    }
    let text = |column| row.try_get::<_, String>(column);
    let key = WorkKey::new(text(2)?, text(3)?, text(4)?);
    let found = match row.try_get::<_, Option<i64>>(5)? {
        Some(_) => Some(Box::new(work_row(row, key.clone(), 5)?)),
        None => None,
    };
    Ok(WorkOutcome::Stale { key, found })
}

/// Returns a unit as `write_work` takes it.
fn encode(unit: &WorkUnit) -> Result<Value, Fault> {
    let writes = unit.writes.iter().map(|write| {
        let (change, data) = match &write.change {
            WorkChange::Keep => ("keep", None),
            WorkChange::Put(data) => ("put", Some(data.as_str())),
            WorkChange::Delete => ("delete", None),
        };
        json!({
            "kind": write.key.kind,
            "name": write.key.name,
            "part": write.key.part,
            "expected": write.expected.map(saturating_i64),
            "change": change,
            "data": data,
        })
    });
    let writes: Vec<Value> = writes.collect();
    let activities: Result<Vec<Value>, Fault> =
        unit.activities.iter().map(|row| activity(row)).collect();
    let context = unit.context.as_deref().map(context).transpose()?;
    Ok(json!({ "writes": writes, "context": context, "activities": activities? }))
}

fn activity(row: &ActivityRecord) -> Result<Value, Fault> {
    Ok(json!({
        "id": row.id,
        "resource": row.aggregate_id.resource,
        "identifier": row.aggregate_id.id,
        "context_id": row.context_id,
        "command_id": row.command_id,
        "message": row.message,
        "kind": serde_variant_name(&row.kind)?,
        "label": row.label,
        "code": row.code,
        "data": row.data.as_ref().map(|data| data.as_str()),
    }))
}

fn context(row: &ContextRecord) -> Result<Value, Fault> {
    Ok(json!({
        "id": row.id,
        "domain": row.domain,
        "revision": row.revision,
        "transport": serde_variant_name(&row.transport)?,
        "source": row.source,
        "headers": to_json_text(&row.headers)?,
        "user_id": row.actor.user_id,
        "profile_id": row.actor.profile_id,
        "organization_id": row.actor.organization_id,
        "roles": to_json_text(&row.roles)?,
        "realm": row.realm,
        "correlation": row.correlation,
        "causation": row.causation,
    }))
}

/// Returns the incarnation of the content.
pub(crate) async fn incarnation(pool: &ReadPool) -> Result<Incarnation, Fault> {
    let found = pool.query_optional("SELECT * FROM draw_incarnation()", Vec::new()).await?;
    let row = found.ok_or_else(|| Fault::damaged("incarnation", "its row is missing"))?;
    Ok(Incarnation { store: row.try_get(0)?, copy: row.try_get(1)? })
}

/// Returns the processes whose sessions have ended.
pub(crate) async fn ended(pool: &ReadPool, processes: &[Uuid]) -> Result<Vec<Uuid>, Fault> {
    let params = vec![param(processes.to_vec(), Type::UUID_ARRAY)];
    let rows = pool.query_prepared("SELECT * FROM ended_processes($1)", params).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}
