//! Indexes of declared fields: their tables, and those that queries may join.
//!
//! Functions of the schema create and fill the tables, and triggers maintain them. If a lock is
//! held for too long or the user lacks a privilege, the table is omitted with a warning. Queries
//! have the same results without it.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use fluvius_store::query::{Field, FieldSource, Kind};
use tokio_postgres::types::Type;

use crate::error::Fault;
use crate::pool::ReadPool;
use crate::statement_params::{Param, param};

/// The number of aggregates that one statement fills in. A commit on one of them waits for it.
const MAX_FILL_AGGREGATES: i64 = 500;

/// The largest number of attempts to create or drop a table, and the pause between them.
const MAX_ATTEMPTS: usize = 5;
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// A field of a resource, with its table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Index {
    pub(crate) id: i64,
    pub(crate) field: Field,
    is_filled: bool,
}

/// The indexes that queries may join, by resource: declared by this store, and filled.
#[derive(Debug, Default)]
pub(crate) struct Indexes {
    ready: RwLock<HashMap<String, Arc<[Index]>>>,
}

impl Indexes {
    /// Returns the indexes of a resource.
    pub(crate) fn for_resource(&self, resource: &str) -> Arc<[Index]> {
        let ready = self.ready.read().unwrap_or_else(PoisonError::into_inner);
        ready.get(resource).cloned().unwrap_or_default()
    }

    /// Reads the indexes of a resource again, since another process may have changed them.
    pub(crate) async fn refresh(&self, pool: &ReadPool, resource: &str) -> Result<(), Fault> {
        let mut indexes = stored(pool, resource).await?;
        indexes.retain(|index| index.is_filled);
        let mut ready = self.ready.write().unwrap_or_else(PoisonError::into_inner);
        ready.insert(resource.to_owned(), indexes.into());
        Ok(())
    }

    /// Replaces the indexes of a resource by those of these fields, and fills them.
    pub(crate) async fn declare(
        &self,
        pool: &ReadPool,
        resource: &str,
        fields: &[Field],
    ) -> Result<(), Fault> {
        let mut undeclared = stored(pool, resource).await?;
        let mut wanted: Vec<&Field> = fields.iter().filter(|field| path(field).is_some()).collect();
        wanted.retain(|field| !undeclared.iter().any(|index| index.field == **field));
        undeclared.retain(|index| !fields.contains(&index.field));
        // After one failed change the others are not attempted, since each attempt delays commits.
        let mut is_done = true;
        for index in &undeclared {
            let forget = "SELECT forget_field($1)";
            let params = || vec![param(index.id, Type::INT8)];
            is_done = is_done && alter(pool, forget, params, &index.field).await?;
        }
        for field in wanted {
            let Some(path) = path(field) else { continue };
            let kind = field.kind.name();
            let params = || {
                vec![
                    param(resource.to_owned(), Type::TEXT),
                    param(path.clone(), Type::TEXT_ARRAY),
                    param(kind, Type::TEXT),
                ]
            };
            let declare = "SELECT declare_field($1, $2, $3)";
            is_done = is_done && alter(pool, declare, params, field).await?;
        }
        // An index that another process drops here is not created again: the last declaration
        // counts.
        for index in stored(pool, resource).await? {
            while !index.is_filled && fill(pool, index.id).await? {}
        }
        self.refresh(pool, resource).await
    }
}

/// Fills in the values of some aggregates. Returns true if there may be more.
async fn fill(pool: &ReadPool, id: i64) -> Result<bool, Fault> {
    let params = vec![param(id, Type::INT8), param(MAX_FILL_AGGREGATES, Type::INT8)];
    let found = pool.query_once("SELECT fill_field($1, $2)", params).await?;
    Ok(found.first().map_or(Ok(false), |row| row.try_get(0))?)
}

/// Calls a function that creates or drops a table. Returns true if it is done; a failure for lack
/// of a lock or a privilege is logged.
async fn alter(
    pool: &ReadPool,
    sql: &str,
    params: impl Fn() -> Vec<Param<'static>>,
    field: &Field,
) -> Result<bool, Fault> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        match pool.query_once(sql, params()).await {
            Ok(_) => return Ok(true),
            Err(fault) if fault.is_lock_timeout() && attempts < MAX_ATTEMPTS => {
                pool.pause(RETRY_PAUSE).await?;
            }
            Err(fault) if fault.is_lock_timeout() || fault.is_permission_denied() => {
                tracing::warn!(%field, error = %fault, "an index is left unchanged until the next \
                    start");
                return Ok(false);
            }
            Err(fault) => return Err(fault),
        }
    }
}

/// Reads the indexes of a resource.
async fn stored(pool: &ReadPool, resource: &str) -> Result<Vec<Index>, Fault> {
    let sql = "SELECT id, path, kind, is_filled FROM field WHERE resource = $1 ORDER BY id";
    let found = pool.query_prepared(sql, vec![param(resource.to_owned(), Type::TEXT)]).await?;
    let index = |row: &tokio_postgres::Row| {
        let (path, kind): (Vec<String>, String) = (row.try_get(1)?, row.try_get(2)?);
        let kinds = [Kind::Boolean, Kind::Number, Kind::Text, Kind::Uuid, Kind::Time];
        let known = kinds.into_iter().find(|known| known.name() == kind);
        let kind = known
            .ok_or_else(|| Fault::damaged("field", format!("`{kind}` is no kind of field")))?;
        Ok(Index { id: row.try_get(0)?, field: Field::at(path, kind), is_filled: row.try_get(3)? })
    };
    found.iter().map(index).collect()
}

/// Returns the path of a field; `None` for a column, which has no table.
fn path(field: &Field) -> Option<&Vec<String>> {
    match &field.source {
        FieldSource::Path(path) => Some(path),
        FieldSource::Column(_) => None,
    }
}
