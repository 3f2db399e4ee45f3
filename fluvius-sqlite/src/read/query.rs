//! Queries over states: conditions as SQL. All external values are parameters.
//!
//! A function of this crate checks all conditions on a state, and reads each state once. So the
//! results equal those of every other store, for any number of terms. Conditions on columns only
//! are SQL, so that SQLite can look them up. Functions also return the sort keys, as values that
//! SQLite compares in the same way: numbers as bytes, times as microseconds.

use std::fmt::Write as _;

use fluvius_store::query::{
    Column, Comparison, CompiledFilter, Field, FieldSource, Filter, Kind, Operand, StateScan,
};
use fluvius_store::{AggregateId, RealmFilter, StateQuery, StateRecord};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::functions::{Current, FIELDS, INTEGER, MATCHES};
use super::index::Index;
use super::saturating_i64;
use crate::error::Fault;
use crate::field::value;
use crate::read::rows::{self, select_state};

/// Maximum number of conditions on columns that are SQL: SQLite limits the depth of expressions to
/// 1,000.
const MAX_COLUMN_TERMS: usize = 500;

/// Returns the states that match a query.
pub(crate) fn query(
    connection: &Connection,
    query: &StateQuery,
) -> Result<Vec<StateRecord>, Fault> {
    // Fields and values are of one snapshot. The transaction is read-only.
    let connection = connection.unchecked_transaction()?;
    let index = Index::of(&connection, query)?;
    select(&connection, query, index.as_ref(), |states| states.collect())
}

/// Returns the states that match a query, among a limited number of scanned ones.
pub(crate) fn scan(
    connection: &Connection,
    query: &StateQuery,
    scan_limit: usize,
) -> Result<StateScan, Fault> {
    // The transaction is read-only.
    let connection = connection.unchecked_transaction()?;
    if let Some(index) = Index::of(&connection, query)?
        && let Some(candidates) = index.candidates
    {
        let one_more = query.clone().limit(query.limit.max(1).saturating_add(1));
        let rows = select(&connection, &one_more, Some(&index), |states| states.collect())?;
        return Ok(StateScan::complete(query, rows, candidates));
    }
    let window = query.window(scan_limit);
    let index = Index::of(&connection, &window)?;
    // SQLite stops at the last scanned row, unless it has to sort.
    select(&connection, &window, index.as_ref(), |states| query.scan(states, scan_limit))
}

/// Passes the states that match a query to a function, one by one.
fn select<T>(
    connection: &Connection,
    query: &StateQuery,
    index: Option<&Index>,
    read: impl FnOnce(&mut dyn Iterator<Item = Result<StateRecord, Fault>>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let sql = Sql::of(query, index);
    let mut statement = connection.prepare_cached(&sql.text)?;
    let _filter = Current::set(sql.filter);
    let mut rows = statement.query_and_then(params_from_iter(sql.params), |row| {
        let aggregate_id = rows::aggregate_of_state(row)?;
        rows::state(row, &aggregate_id)
    })?;
    read(&mut rows)
}

/// Returns the states of several aggregates, from one snapshot.
pub(crate) fn snapshot(
    connection: &Connection,
    aggregate_ids: &[AggregateId],
) -> Result<Vec<Option<StateRecord>>, Fault> {
    // The transaction is read-only.
    let moment = connection.unchecked_transaction()?;
    aggregate_ids.iter().map(|aggregate_id| super::load(&moment, aggregate_id)).collect()
}

/// A statement under construction.
#[derive(Debug)]
pub(super) struct Sql {
    pub(super) text: String,
    pub(super) params: Vec<Value>,
    /// The conditions that the function checks.
    pub(super) filter: Option<CompiledFilter>,
}

impl Sql {
    pub(super) fn of(query: &StateQuery, index: Option<&Index>) -> Self {
        let text = match index {
            None => concat!(select_state!(", r.text, a.identifier"), " WHERE "),
            Some(_) => concat!(
                select_state!(
                    ", r.text, a.identifier",
                    " FROM field_value AS i CROSS JOIN aggregate AS a ON a.number = i.aggregate \
CROSS JOIN name AS r ON r.id = a.resource CROSS JOIN state AS s ON s.aggregate = i.aggregate CROSS \
JOIN event AS e ON e.position = s.event CROSS JOIN command AS c ON c.position = e.command"
                ),
                " WHERE "
            ),
        };
        let mut sql = Self { text: text.to_owned(), params: Vec::new(), filter: None };
        if let Some(index) = index {
            index.conditions(Some(query), &mut |text, value| {
                super::index::push(&mut sql.text, &mut sql.params, text, value);
            });
            sql.push(" AND ");
        }
        let (of_columns, mut of_states) = split(&query.filter);
        let after = query.after_filter();
        let is_after_of_columns = is_of_columns(&after);
        sql.filter(&Filter::All(of_columns));
        if let Some(resource) = &query.resource {
            sql.push(" AND r.text = ");
            sql.param(resource.to_string());
        }
        if !query.with_closed {
            sql.push(" AND s.closed_at IS NULL");
        }
        match &query.realm {
            RealmFilter::All => {}
            RealmFilter::Only(None) => sql.push(" AND a.realm IS NULL"),
            RealmFilter::Only(Some(realm)) => {
                sql.push(" AND a.realm = ");
                sql.param(realm.clone());
            }
        }
        if query.after.is_some() {
            if is_after_of_columns {
                sql.push(" AND ");
                sql.filter(&after);
            } else {
                of_states.push(after);
            }
        }
        sql.matches(of_states);
        for (number, key) in query.sort_keys().iter().enumerate() {
            sql.push(if number == 0 { " ORDER BY " } else { ", " });
            let is_identifier = key.field.source == FieldSource::Column(Column::Identifier);
            match index {
                Some(_) if is_identifier => sql.push("i.identifier"),
                Some(index) if index.is_in_order && number == 0 => sql.push("i.value"),
                _ => sql.field(&key.field),
            }
            // Null sorts first, as in SQLite.
            sql.push(if key.is_descending { " DESC" } else { " ASC" });
        }
        sql.push(" LIMIT ");
        sql.param(saturating_i64(query.limit as u64));
        sql
    }

    /// Adds the conditions that the function checks. They come last, since the others are cheaper.
    fn matches(&mut self, filters: Vec<Filter>) {
        if filters.is_empty() {
            return;
        }
        let filter = CompiledFilter::new(&Filter::All(filters));
        self.push(" AND ");
        self.push(MATCHES);
        self.push("(s.data");
        for column in filter.columns() {
            self.push(", ");
            self.push(column_name(*column));
        }
        self.push(")");
        self.filter = Some(filter);
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn param(&mut self, value: impl Into<Value>) {
        self.params.push(value.into());
        let _ = write!(self.text, "?{}", self.params.len());
    }

    fn filter(&mut self, filter: &Filter) {
        match filter {
            Filter::All(filters) => self.filters(filters, " AND ", "1"),
            Filter::Any(filters) => self.filters(filters, " OR ", "0"),
            Filter::Not(filter) => {
                self.push("(NOT ");
                self.filter(filter);
                self.push(")");
            }
            Filter::Compare { field, comparison, operand } => {
                self.compared(field, sign(*comparison), operand);
            }
            Filter::OneOf { field, operands } => {
                self.push("(");
                self.field(field);
                self.push(" IN (");
                // An operand of another kind equals no value of the field.
                let own = operands.iter().filter(|operand| operand.kind() == field.kind);
                for (index, operand) in own.enumerate() {
                    self.push(if index == 0 { "" } else { ", " });
                    self.param(value(operand));
                }
                self.push("))");
            }
            Filter::Contains { field, text } => {
                self.push("(instr(");
                self.text_field(field);
                self.push(", ");
                self.param(text.clone());
                self.push(") > 0)");
            }
            Filter::StartsWith { field, text } => {
                self.push("(substr(");
                self.text_field(field);
                self.push(", 1, length(");
                self.param(text.clone());
                self.push(")) = ");
                self.param(text.clone());
                self.push(")");
            }
            Filter::IsNull { field } => {
                self.push("(");
                self.field(field);
                self.push(" IS NULL)");
            }
        }
    }

    /// Joins several conditions; `none` is the result for an empty list.
    fn filters(&mut self, filters: &[Filter], between: &str, none: &str) {
        if filters.is_empty() {
            return self.push(none);
        }
        self.push("(");
        for (index, filter) in filters.iter().enumerate() {
            self.push(if index == 0 { "" } else { between });
            self.filter(filter);
        }
        self.push(")");
    }

    fn compared(&mut self, field: &Field, sign: &str, operand: &Operand) {
        if operand.kind() != field.kind {
            return self.push("NULL");
        }
        self.push("(");
        self.field(field);
        self.push(sign);
        self.param(value(operand));
        self.push(")");
    }

    fn text_field(&mut self, field: &Field) {
        match field.kind {
            Kind::Text => self.field(field),
            _ => self.push("NULL"),
        }
    }

    fn field(&mut self, field: &Field) {
        match &field.source {
            FieldSource::Column(column) if column.kind() != field.kind => self.push("NULL"),
            FieldSource::Column(column) => self.column(*column),
            FieldSource::Path(path) => {
                let function = FIELDS.iter().find(|(kind, _)| *kind == field.kind);
                self.push(function.map_or("", |(_, name)| name));
                self.push("(s.data, ");
                self.param(serde_json::Value::from(path.as_slice()).to_string());
                self.push(")");
            }
        }
    }

    fn column(&mut self, column: Column) {
        let name = column_name(column);
        match column.kind() {
            Kind::Number => {
                self.push(INTEGER);
                self.push("(");
                self.push(name);
                self.push(")");
            }
            _ => self.push(name),
        }
    }
}

/// Splits the conditions of a filter into those on columns only, and the others.
fn split(filter: &Filter) -> (Vec<Filter>, Vec<Filter>) {
    let all = match filter {
        Filter::All(filters) => filters.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut count = 0;
    let is_taken = |filter: &&Filter| {
        if !is_of_columns(filter) {
            return false;
        }
        count += term_count(filter);
        count <= MAX_COLUMN_TERMS
    };
    let (of_columns, of_states): (Vec<&Filter>, Vec<&Filter>) = all.iter().partition(is_taken);
    (of_columns.into_iter().cloned().collect(), of_states.into_iter().cloned().collect())
}

/// Returns true for a filter on columns only.
fn is_of_columns(filter: &Filter) -> bool {
    match filter {
        Filter::All(filters) | Filter::Any(filters) => filters.iter().all(is_of_columns),
        Filter::Not(filter) => is_of_columns(filter),
        Filter::Compare { field, .. }
        | Filter::OneOf { field, .. }
        | Filter::Contains { field, .. }
        | Filter::StartsWith { field, .. }
        | Filter::IsNull { field } => matches!(field.source, FieldSource::Column(_)),
    }
}

fn term_count(filter: &Filter) -> usize {
    match filter {
        Filter::All(filters) | Filter::Any(filters) => {
            1 + filters.iter().map(term_count).sum::<usize>()
        }
        Filter::Not(filter) => 1 + term_count(filter),
        _ => 1,
    }
}

fn column_name(column: Column) -> &'static str {
    match column {
        Column::Resource => "r.text",
        Column::Identifier => "a.identifier",
        Column::Version => "s.version",
        Column::Revision => "s.revision",
        Column::CreatedAt => "a.created_at",
        Column::CreatedBy => "a.created_by",
        Column::UpdatedAt => "s.updated_at",
        Column::UpdatedBy => "s.updated_by",
        Column::ClosedAt => "s.closed_at",
        Column::Realm => "a.realm",
    }
}

pub(super) fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Eq => " = ",
        Comparison::Ne => " <> ",
        Comparison::Lt => " < ",
        Comparison::Le => " <= ",
        Comparison::Gt => " > ",
        Comparison::Ge => " >= ",
    }
}

#[cfg(test)]
mod tests;
