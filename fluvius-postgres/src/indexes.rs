//! Declared fields: their tables, and which of them queries may join.
//!
//! The database makes, fills and keeps them. A field that cannot be made, since others are in the way or the user may
//! not, is left out with a warning: queries give the same without it.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use fluvius_core::query::{Field, Kind, Place};
use tokio_postgres::types::Type;

use crate::error::Fault;
use crate::params::{Param, param};
use crate::readers::Readers;

/// How many aggregates are filled in at once: for so long a commit on one of them may have to wait.
const ROOT_COUNT_MAX: i64 = 500;

/// How often it is tried to make or to remove a table, and what lies between.
const TRY_COUNT: usize = 5;
const PAUSE: Duration = Duration::from_millis(200);

/// A field of a resource, as the database has it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Index {
    pub(crate) id: i64,
    pub(crate) field: Field,
    is_filled: bool,
}

/// The fields that queries may join, by resource: those that were declared by this store and are filled.
#[derive(Debug, Default)]
pub(crate) struct Indexes {
    known: RwLock<HashMap<String, Arc<[Index]>>>,
}

impl Indexes {
    /// Those of a resource.
    pub(crate) fn of(&self, resource: &str) -> Arc<[Index]> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(resource).cloned().unwrap_or_default()
    }

    /// Asks the database for them, since another process may have changed them.
    pub(crate) async fn refresh(&self, readers: &Readers, resource: &str) -> Result<(), Fault> {
        let mut indexes = stored(readers, resource).await?;
        indexes.retain(|index| index.is_filled);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(resource.to_owned(), indexes.into());
        Ok(())
    }

    /// Makes the fields of a resource those, whatever they were, and fills them.
    pub(crate) async fn declare(
        &self,
        readers: &Readers,
        resource: &str,
        fields: &[Field],
    ) -> Result<(), Fault> {
        let mut undeclared = stored(readers, resource).await?;
        let mut wanted: Vec<&Field> = fields.iter().filter(|field| path(field).is_some()).collect();
        wanted.retain(|field| !undeclared.iter().any(|index| index.field == **field));
        undeclared.retain(|index| !fields.contains(&index.field));
        // Where one has to be done without, the others are not tried: each try holds commits up.
        let mut is_done = true;
        for index in &undeclared {
            let forget = "SELECT forget_field($1)";
            let params = || vec![param(index.id, Type::INT8)];
            is_done = is_done && try_to(readers, forget, params, &index.field).await?;
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
            is_done = is_done && try_to(readers, declare, params, field).await?;
        }
        // What another process takes away meanwhile is not made again: the last one that has declared decides.
        for index in stored(readers, resource).await? {
            while !index.is_filled && fill(readers, index.id).await? {}
        }
        self.refresh(readers, resource).await
    }
}

/// Fills a part in. Tells whether there may be more.
async fn fill(readers: &Readers, id: i64) -> Result<bool, Fault> {
    let params = vec![param(id, Type::INT8), param(ROOT_COUNT_MAX, Type::INT8)];
    let found = readers.once("SELECT fill_field($1, $2)", params).await?;
    Ok(found.first().map_or(Ok(false), |row| row.try_get(0))?)
}

/// Calls a function that changes which fields there are, and does without where that cannot be. Tells whether it is done.
async fn try_to(
    readers: &Readers,
    sql: &str,
    params: impl Fn() -> Vec<Param<'static>>,
    field: &Field,
) -> Result<bool, Fault> {
    let mut count = 0;
    loop {
        count += 1;
        match readers.once(sql, params()).await {
            Ok(_) => return Ok(true),
            Err(fault) if fault.is_of_lock() && count < TRY_COUNT => {
                readers.pause(PAUSE).await?;
            }
            Err(fault) if fault.is_of_lock() || fault.is_of_rights() => {
                tracing::warn!(%field, error = %fault, "an index stays as it was, and is looked at again at the next start");
                return Ok(false);
            }
            Err(fault) => return Err(fault),
        }
    }
}

/// The fields of a resource.
async fn stored(readers: &Readers, resource: &str) -> Result<Vec<Index>, Fault> {
    let sql = "SELECT id, path, kind, is_filled FROM field WHERE resource = $1 ORDER BY id";
    let found = readers.fixed(sql, vec![param(resource.to_owned(), Type::TEXT)]).await?;
    let index = |row: &tokio_postgres::Row| {
        let (path, kind): (Vec<String>, String) = (row.try_get(1)?, row.try_get(2)?);
        let kinds = [Kind::Boolean, Kind::Number, Kind::Text, Kind::Uuid, Kind::Time];
        let known = kinds.into_iter().find(|known| known.name() == kind);
        let kind =
            known.ok_or_else(|| Fault::damaged("field", format!("there is no kind `{kind}`")))?;
        Ok(Index { id: row.try_get(0)?, field: Field::at(path, kind), is_filled: row.try_get(3)? })
    };
    found.iter().map(index).collect()
}

/// The path of a field; none of a column, of which nothing is kept.
fn path(field: &Field) -> Option<&Vec<String>> {
    match &field.place {
        Place::Path(path) => Some(path),
        Place::Column(_) => None,
    }
}
