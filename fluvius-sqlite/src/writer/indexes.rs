//! Values of declared fields: written with each state, and filled in for existing states.
//!
//! The file lists the fields, so fields that another program has declared are maintained too.

use std::sync::Arc;

use fluvius_store::query::Field;
use rusqlite::params;

use super::transaction::Transaction;
use crate::error::Fault;
use crate::field;
use crate::read::query_optional;

/// Bounds of one transaction: aggregates and bytes of states to fill in, values to remove.
const MAX_AGGREGATES: i64 = 2_000;
const MAX_BYTES: usize = 8 * 1024 * 1024;
const MAX_REMOVED_VALUES: i64 = 5_000;

/// A declared field.
#[derive(Debug)]
pub(super) struct Index {
    id: i64,
    resource: Box<str>,
    field: Field,
}

impl Transaction<'_, '_, '_> {
    /// Writes the values of the written states.
    pub(super) fn write_values(&mut self) -> Result<(), Fault> {
        let indexes = self.indexes()?;
        if indexes.is_empty() {
            return Ok(());
        }
        for row in self.overlay.aggregates.values() {
            let (aggregate_id, data) = (&row.state.aggregate_id, row.state.data.as_str());
            let Some(number) = row.number else { continue };
            for index in indexes.iter().filter(|index| *index.resource == *aggregate_id.resource) {
                let value = field::stored_value_of(data, &index.field);
                self.put_value(number, index.id, &value, aggregate_id.id.as_bytes())?;
            }
        }
        Ok(())
    }

    /// Declares the fields of a resource, if any are given, and does a part of the remaining work.
    /// Returns true if more may remain.
    pub(super) fn declare_indexes(
        &mut self,
        resource: &str,
        fields: Option<&[Field]>,
    ) -> Result<bool, Fault> {
        self.cache.indexes = None;
        if let Some(fields) = fields {
            self.declare(resource, fields)?;
        }
        Ok(self.fill(resource)? || self.remove()?)
    }

    /// Replaces the declared fields of a resource.
    fn declare(&mut self, resource: &str, fields: &[Field]) -> Result<(), Fault> {
        let mut wanted: Vec<_> = fields.iter().filter_map(field::stored).collect();
        let name = match self.known_name(resource)? {
            Some(name) => name,
            None if wanted.is_empty() => return Ok(()),
            None => self.name(resource)?,
        };
        let mut select = self
            .connection
            .prepare_cached("SELECT id, path, kind FROM field WHERE resource = ?1")?;
        let mut rows = select.query((name,))?;
        let mut undeclared: Vec<i64> = Vec::new();
        while let Some(row) = rows.next()? {
            let (path, kind): (String, String) = (row.get(1)?, row.get(2)?);
            let before = wanted.len();
            wanted.retain(|(other, other_kind)| *other != path || *other_kind != kind);
            if wanted.len() == before {
                undeclared.push(row.get(0)?);
            }
        }
        drop(rows);
        for id in undeclared {
            self.connection.prepare_cached("DELETE FROM field WHERE id = ?1")?.execute((id,))?;
            self.database.reach("undeclared")?;
        }
        for (path, kind) in wanted {
            // A field may be declared twice.
            let insert = "INSERT INTO field (resource, path, kind, filled_to) VALUES (?1, ?2, ?3, \
                0) ON CONFLICT DO NOTHING";
            self.connection.prepare_cached(insert)?.execute((name, path, kind))?;
            self.database.reach("declared")?;
        }
        Ok(())
    }

    /// Fills in some values of an incomplete field of the resource.
    fn fill(&mut self, resource: &str) -> Result<bool, Fault> {
        const UNFILLED: &str = "SELECT f.id, f.path, f.kind, f.filled_to, f.resource FROM field AS \
            f JOIN name AS r ON r.id = f.resource WHERE r.text = ?1 AND f.filled_to IS NOT NULL \
            ORDER BY f.id LIMIT 1";
        const LAST: &str = "SELECT max(number) FROM aggregate";
        const STATES: &str = "SELECT a.number, a.identifier, s.data FROM aggregate AS a JOIN state \
             AS s ON s.aggregate = a.number WHERE a.number > ?1 AND a.number <= ?2 AND a.resource \
             = ?3 ORDER BY a.number";
        let unfilled = query_optional(self.connection, UNFILLED, (resource,), |row| {
            let (path, kind): (String, String) = (row.get(1)?, row.get(2)?);
            let of = field::from_stored(&path, &kind)
                .ok_or_else(|| Fault::damaged("field", format!("`{path}` is no field")))?;
            Ok((row.get::<_, i64>(0)?, of, row.get::<_, i64>(3)?, row.get::<_, i64>(4)?))
        })?;
        let Some((id, of, filled, name)) = unfilled else { return Ok(false) };
        let last: Option<i64> =
            query_optional(self.connection, LAST, [], |row| Ok(row.get(0)?))?.flatten();
        let mut until = filled.saturating_add(MAX_AGGREGATES);
        let mut states = self.connection.prepare_cached(STATES)?;
        let mut rows = states.query((filled, until, name))?;
        let mut bytes = 0;
        while let Some(row) = rows.next()? {
            let number = row.get(0)?;
            // A damaged state has no value; a query that reads its row reports it.
            let data = row.get_ref(2)?.as_bytes().unwrap_or_default();
            let value = field::stored_value_of(std::str::from_utf8(data).unwrap_or_default(), &of);
            let identifier: [u8; 16] = row.get(1)?;
            self.put_value(number, id, &value, &identifier)?;
            bytes += data.len();
            if bytes > MAX_BYTES {
                until = number;
                break;
            }
        }
        let filled = (until < last.unwrap_or(0)).then_some(until);
        let update = "UPDATE field SET filled_to = ?2 WHERE id = ?1";
        self.connection.prepare_cached(update)?.execute((id, filled))?;
        self.database.reach("filled")?;
        Ok(true)
    }

    /// Removes some values of fields that are no longer declared.
    fn remove(&self) -> Result<bool, Fault> {
        const GONE: &str = "WITH RECURSIVE kept (id) AS ( SELECT min(field) FROM field_value UNION \
                 ALL SELECT (SELECT min(field) FROM field_value WHERE field > kept.id) FROM kept \
                 WHERE kept.id IS NOT NULL) SELECT id FROM kept WHERE id IS NOT NULL AND id NOT IN \
                 (SELECT id FROM field) LIMIT 1";
        let gone = query_optional(self.connection, GONE, [], |row| Ok(row.get::<_, i64>(0)?))?;
        let Some(gone) = gone else { return Ok(false) };
        let delete = "DELETE FROM field_value WHERE (aggregate, field) IN ( \
             SELECT aggregate, field FROM field_value WHERE field = ?1 LIMIT ?2)";
        self.connection.prepare_cached(delete)?.execute((gone, MAX_REMOVED_VALUES))?;
        self.database.reach("removed")?;
        Ok(true)
    }

    fn put_value(
        &self,
        aggregate_id: i64,
        field: i64,
        value: &rusqlite::types::Value,
        identifier: &[u8],
    ) -> Result<(), Fault> {
        let put = "INSERT INTO field_value (aggregate, field, value, identifier) VALUES (?1, ?2, \
             ?3, ?4) ON CONFLICT (aggregate, field) DO UPDATE SET value = excluded.value WHERE \
             value IS NOT excluded.value";
        self.connection.prepare_cached(put)?.execute(params![
            aggregate_id,
            field,
            value,
            identifier
        ])?;
        self.database.reach("value")
    }

    /// Returns the declared fields of all resources.
    fn indexes(&mut self) -> Result<Arc<[Index]>, Fault> {
        if let Some(indexes) = &self.cache.indexes {
            return Ok(Arc::clone(indexes));
        }
        const SQL: &str = "SELECT f.id, r.text, f.path, f.kind FROM field AS f \
             JOIN name AS r ON r.id = f.resource";
        let mut select = self.connection.prepare_cached(SQL)?;
        let mut rows = select.query([])?;
        let mut indexes = Vec::new();
        while let Some(row) = rows.next()? {
            let (resource, path, kind): (String, String, String) =
                (row.get(1)?, row.get(2)?, row.get(3)?);
            let field = field::from_stored(&path, &kind)
                .ok_or_else(|| Fault::damaged("field", format!("`{path}` is no field")))?;
            indexes.push(Index { id: row.get(0)?, resource: resource.into(), field });
        }
        Ok(Arc::clone(self.cache.indexes.insert(indexes.into())))
    }
}
