//! Selection of the index for a query, by its conditions and the number of matching values.
//!
//! An index only limits and orders the rows: all conditions are checked on the states themselves.

use fluvius_store::StateQuery;
use fluvius_store::query::{Comparison, Constraint, Field, MAX_CANDIDATES};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use crate::error::Fault;
use crate::field;
use crate::read::query_optional;

/// An index with fewer matching values is always used.
const MAX_COUNTED: usize = MAX_CANDIDATES;

/// Maximum number of constraints used for a field. All conditions are checked on the states in any
/// case.
const MAX_CONSTRAINTS: usize = 16;

/// The index of one field.
#[derive(Debug)]
pub(super) struct Index {
    id: i64,
    field: Field,
    index_constraints: Vec<Constraint>,
    /// True if the values come in the order of the query's first key.
    pub(super) is_in_order: bool,
    /// The number of matching values, if it is less than `MAX_COUNTED`.
    pub(super) candidates: Option<usize>,
}

impl Index {
    /// Returns the index to use for a query, if any.
    pub(super) fn of(connection: &Connection, query: &StateQuery) -> Result<Option<Self>, Fault> {
        let Some(resource) = &query.resource else { return Ok(None) };
        let mut indexes = filled(connection, resource)?;
        for index in &mut indexes {
            index.index_constraints = query.index_constraints(&index.field);
            // The most selective ones first.
            index.index_constraints.sort_by_key(|bound| match bound {
                Constraint::Compare(Comparison::Eq, _) => 0,
                Constraint::OneOf(_) => 1,
                Constraint::Compare(..) => 2,
            });
            index.index_constraints.truncate(MAX_CONSTRAINTS);
            // Equal values are in order of identifiers, the order of a query without keys.
            index.is_in_order = match query.sort.first() {
                Some(key) => key.field == index.field,
                None => index.index_constraints.iter().any(Constraint::is_equal),
            };
        }
        indexes.retain(|index| index.is_in_order || !index.index_constraints.is_empty());
        let mut best: Option<(usize, Self)> = None;
        let mut in_order = None;
        for index in indexes {
            // Without constraints, all values would be counted.
            let count = match index.index_constraints.is_empty() {
                true => MAX_COUNTED,
                false => index.count(connection)?,
            };
            if index.is_in_order && count >= MAX_COUNTED {
                in_order.get_or_insert(index);
            } else if best.as_ref().is_none_or(|(least, _)| count < *least) {
                best = Some((count, index));
            }
        }
        let is_sorted_anyway = !query.sort.is_empty();
        Ok(match (best, in_order) {
            (Some((count, index)), _) if count < MAX_COUNTED => {
                Some(Self { candidates: Some(count), ..index })
            }
            (_, Some(index)) => Some(index),
            // Without an index all rows would have to be sorted.
            (Some((_, index)), None) if is_sorted_anyway => Some(index),
            // In order of identifiers, a page is soon full if many rows match.
            _ => None,
        })
    }

    /// Counts the values that match the constraints, up to `MAX_COUNTED`.
    fn count(&self, connection: &Connection) -> Result<usize, Fault> {
        let mut sql = "SELECT count(*) FROM (SELECT 1 FROM field_value AS i WHERE ".to_owned();
        let mut params = Vec::new();
        self.conditions(None, &mut |text, value| push(&mut sql, &mut params, text, value));
        push(
            &mut sql,
            &mut params,
            " LIMIT ",
            Some(Value::from(i64::try_from(MAX_COUNTED).unwrap_or(i64::MAX))),
        );
        sql.push(')');
        let count = query_optional(connection, &sql, params_from_iter(params), |row| {
            Ok(row.get::<_, i64>(0)?)
        })?;
        Ok(count.and_then(|count| usize::try_from(count).ok()).unwrap_or(0))
    }

    /// Emits the conditions on the values as SQL, each with an optional parameter. With a query,
    /// they include those of the cursor.
    pub(super) fn conditions(
        &self,
        query: Option<&StateQuery>,
        push: &mut dyn FnMut(&str, Option<Value>),
    ) {
        push("i.field = ", Some(self.id.into()));
        let mut index_constraints: Vec<&Constraint> = self.index_constraints.iter().collect();
        let is_equal = index_constraints.iter().any(|bound| bound.is_equal());
        let after = query.filter(|_| self.is_in_order).and_then(|query| query.after.as_ref());
        let mut cursor_constraint = None;
        if let (Some(query), Some(after)) = (query, after) {
            let identifier = Value::Blob(after.aggregate_id().id.as_bytes().to_vec());
            let is_last_key = query.sort.len() <= 1;
            if is_equal && is_last_key {
                push(" AND i.identifier > ", Some(identifier));
            } else if let Some(Constraint::Compare(comparison, value)) = query.cursor_constraint() {
                let is_ascending = comparison == Comparison::Ge;
                if is_ascending && is_last_key {
                    push(
                        " AND (i.value, i.identifier) > (",
                        Some(field::sql_value(value.as_ref())),
                    );
                    push(", ", Some(identifier));
                    push(")", None);
                } else {
                    cursor_constraint = Some(Constraint::Compare(comparison, value));
                }
                // SQLite seeks by one of several bounds: keep that of the cursor.
                index_constraints.retain(|bound| match bound {
                    Constraint::Compare(Comparison::Gt | Comparison::Ge, _) => !is_ascending,
                    Constraint::Compare(Comparison::Lt | Comparison::Le, _) => is_ascending,
                    _ => true,
                });
            }
        }
        // One lower bound suffices.
        let has_lower = index_constraints.iter().any(|bound| {
            matches!(bound, Constraint::Compare(Comparison::Gt | Comparison::Ge, Some(_)))
        });
        if has_lower {
            index_constraints.retain(|bound| **bound != Constraint::Compare(Comparison::Gt, None));
        }
        for bound in index_constraints.into_iter().chain(&cursor_constraint) {
            match bound {
                Constraint::Compare(comparison, value) => {
                    push(" AND i.value", None);
                    push(super::query::sign(*comparison), Some(field::sql_value(value.as_ref())));
                }
                Constraint::OneOf(operands) => {
                    push(" AND i.value IN (", None);
                    for (index, operand) in operands.iter().enumerate() {
                        push(if index == 0 { "" } else { ", " }, Some(field::value(operand)));
                    }
                    push(")", None);
                }
            }
        }
    }
}

/// Returns the completely filled fields of a resource.
fn filled(connection: &Connection, resource: &str) -> Result<Vec<Index>, Fault> {
    const SQL: &str = "SELECT f.id, f.path, f.kind FROM field AS f JOIN name AS r ON r.id = \
        f.resource WHERE r.text = ?1 AND f.filled_to IS NULL ORDER BY f.id";
    let mut select = connection.prepare_cached(SQL)?;
    let mut rows = select.query((resource,))?;
    let mut indexes = Vec::new();
    while let Some(row) = rows.next()? {
        let (path, kind): (String, String) = (row.get(1)?, row.get(2)?);
        let field = field::from_stored(&path, &kind)
            .ok_or_else(|| Fault::damaged("field", format!("`{path}` is no field")))?;
        indexes.push(Index {
            id: row.get(0)?,
            field,
            index_constraints: Vec::new(),
            is_in_order: false,
            candidates: None,
        });
    }
    Ok(indexes)
}

/// Appends a text and, if given, a parameter.
pub(super) fn push(sql: &mut String, params: &mut Vec<Value>, text: &str, value: Option<Value>) {
    sql.push_str(text);
    if let Some(value) = value {
        params.push(value);
        sql.push_str(&format!("?{}", params.len()));
    }
}

#[cfg(test)]
mod tests;
