//! Queries over states as SQL. Every value of a query is a parameter of the statement.
//!
//! A function of the schema reads a field of a state, and returns null for a value of another kind.
//! It runs once per row, however often the query names the field.

mod scan;

use std::sync::Arc;

use fluvius_store::query::{
    Column, Comparison, Constraint, Field, FieldSource, Filter, Kind, Operand,
};
use fluvius_store::{RealmFilter, StateQuery, StateRecord};
use tokio_postgres::types::{ToSql, Type};

use super::saturating_i64;
use crate::error::Fault;
use crate::indexes::{Index, Indexes};
use crate::pool::ReadPool;
use crate::read::rows::{self, STATE};
use crate::statement_params::{Param, param};

pub(crate) use scan::scan;

/// Reads the rows that a query selects.
pub(crate) async fn query(
    pool: &ReadPool,
    indexes: &Indexes,
    query: &StateQuery,
) -> Result<Vec<StateRecord>, Fault> {
    let Some(resource) = &query.resource else { return select(pool, &[], query).await };
    let mut known = indexes.for_resource(resource);
    loop {
        match select(pool, &known, query).await {
            // Another process has removed one of them.
            Err(fault) if fault.is_undefined_table() && !known.is_empty() => {
                indexes.refresh(pool, resource).await?;
                let now = indexes.for_resource(resource);
                // If nothing has changed, the table is lost, and the query uses no index.
                known = if now == known { Arc::default() } else { now };
            }
            answer => return answer,
        }
    }
}

async fn select(
    pool: &ReadPool,
    indexes: &[Index],
    query: &StateQuery,
) -> Result<Vec<StateRecord>, Fault> {
    let sql = Sql::new(query, indexes);
    let found = pool.query_once(sql.text, sql.params).await?;
    found.iter().map(|row| rows::state(row, 0)).collect()
}

/// Builder of a statement.
struct Sql<'i> {
    text: String,
    params: Vec<Param<'static>>,
    /// The indexes that are joined: each has one row per aggregate of the resource.
    joined: Vec<&'i Index>,
    /// The other fields of the state, without duplicates: the state of a row is parsed once, and
    /// each field is read once.
    read: Vec<Field>,
}

impl<'i> Sql<'i> {
    fn new(query: &StateQuery, indexes: &'i [Index]) -> Self {
        let is_used = |index: &&Index| {
            query.sort.iter().any(|key| key.field == index.field)
                || names(&query.filter, &index.field)
        };
        let joined: Vec<&Index> = indexes.iter().filter(is_used).collect();
        let mut tables = format!("SELECT {STATE} FROM resource_state AS s");
        for Index { id, .. } in &joined {
            tables += &format!(" JOIN field_{id} AS f{id} ON f{id}.identifier = s.identifier");
        }
        let (text, params, read) = (String::new(), Vec::new(), Vec::new());
        let mut sql = Self { text, params, joined: joined.clone(), read };
        sql.push(" WHERE ");
        sql.filter(&query.filter);
        for index in joined {
            sql.index_constraints(query, index);
        }
        if let Some(resource) = &query.resource {
            sql.push(" AND s.resource = ");
            sql.param(resource.to_string(), Type::TEXT);
        }
        if !query.with_closed {
            sql.push(" AND s.closed_at IS NULL");
        }
        match &query.realm {
            RealmFilter::All => {}
            RealmFilter::Only(None) => sql.push(" AND s.realm IS NULL"),
            RealmFilter::Only(Some(realm)) => {
                sql.push(" AND s.realm = ");
                sql.param(realm.clone(), Type::TEXT);
            }
        }
        if query.after.is_some() {
            sql.push(" AND ");
            sql.filter(&query.after_filter());
        }
        sql.push(" ORDER BY ");
        let is_of_one_realm = query.resource.is_some() && query.realm != RealmFilter::All;
        if query.sort.is_empty() && is_of_one_realm && sql.joined.is_empty() {
            // The order of an index. The planner does not know that `IS NULL` leaves one value.
            sql.push("s.realm, ");
        }
        for (index, key) in query.sort_keys().iter().enumerate() {
            sql.push(if index == 0 { "" } else { ", " });
            if index == 0
                && let Some(id) = sql.joined_id(&key.field)
            {
                sql.push(&format!("f{id}.key{}", if key.is_descending { " DESC" } else { " ASC" }));
                if is_exact(key.field.kind) {
                    continue;
                }
                sql.push(", ");
            }
            sql.field(&key.field);
            // Null sorts first. A column that is never null gets no clause for it, since its index
            // would not match the clause.
            sql.push(match (is_never_null(&key.field), key.is_descending) {
                (true, false) => " ASC",
                (true, true) => " DESC",
                (false, false) => " ASC NULLS FIRST",
                (false, true) => " DESC NULLS LAST",
            });
        }
        sql.push(" LIMIT ");
        sql.param(saturating_i64(query.limit as u64), Type::INT8);
        let conditions = std::mem::replace(&mut sql.text, tables);
        sql.values();
        sql.text += &conditions;
        sql
    }

    /// Selects the fields of each row's state. `OFFSET 0` keeps the planner from inlining the
    /// expression at each of its uses.
    fn values(&mut self) {
        let read = std::mem::take(&mut self.read);
        for (index, field) in read.iter().enumerate() {
            let FieldSource::Path(path) = &field.source else { continue };
            self.push(if index == 0 { " CROSS JOIN LATERAL (SELECT " } else { ", " });
            self.push(match field.kind {
                Kind::Boolean => "field_boolean",
                Kind::Number => "field_number",
                Kind::Text => "field_text",
                Kind::Uuid => "field_uuid",
                Kind::Time => "field_time",
            });
            self.push("(d.state, ");
            self.param(path.clone(), Type::TEXT_ARRAY);
            self.push(if field.kind == Kind::Text { ") COLLATE \"C\"" } else { ")" });
            self.push(&format!(" AS v{index}"));
        }
        if !read.is_empty() {
            self.push(" FROM (SELECT state_json(s.data) AS state OFFSET 0) AS d OFFSET 0) AS v");
        }
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn param(&mut self, value: impl ToSql + Sync + Send + 'static, of: Type) {
        self.params.push(param(value, of));
        self.text.push_str(&format!("${}", self.params.len()));
    }

    fn filter(&mut self, filter: &Filter) {
        match filter {
            Filter::All(filters) => self.filters(filters, " AND ", "true"),
            Filter::Any(filters) => self.filters(filters, " OR ", "false"),
            Filter::Not(filter) => {
                self.push("(NOT ");
                self.filter(filter);
                self.push(")");
            }
            Filter::Compare { field, comparison, operand } => {
                self.compare(field, sign(*comparison), operand);
            }
            Filter::OneOf { field, operands } => {
                // An operand of another kind equals no value of the field.
                let own: Vec<_> =
                    operands.iter().filter(|operand| operand.kind() == field.kind).collect();
                if own.is_empty() {
                    return self.push("false");
                }
                self.push("(");
                self.field(field);
                self.push(" IN (");
                for (index, operand) in own.into_iter().enumerate() {
                    self.push(if index == 0 { "" } else { ", " });
                    self.operand(field, operand);
                }
                self.push("))");
            }
            Filter::Contains { field, text } => self.text_match("strpos", field, text, " > 0"),
            Filter::StartsWith { field, text } => self.text_match("starts_with", field, text, ""),
            Filter::IsNull { field } => {
                self.push("(");
                self.field(field);
                self.push(" IS NULL)");
            }
        }
    }

    /// Joins conditions by an operator. `none` is the value without conditions.
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

    fn compare(&mut self, field: &Field, sign: &str, operand: &Operand) {
        if operand.kind() != field.kind {
            return self.push("NULL::boolean");
        }
        self.push("(");
        self.field(field);
        self.push(sign);
        self.operand(field, operand);
        self.push(")");
    }

    fn text_match(&mut self, function: &str, field: &Field, text: &str, holds: &str) {
        if field.kind != Kind::Text {
            return self.push("NULL::boolean");
        }
        self.push("(");
        self.push(function);
        self.push("(");
        self.field(field);
        self.push(", ");
        self.param(text.to_owned(), Type::TEXT);
        self.push(")");
        self.push(holds);
        self.push(")");
    }

    /// Adds the constraints on the keys of a field that its index can look up.
    fn index_constraints(&mut self, query: &StateQuery, index: &Index) {
        let (id, field) = (index.id, &index.field);
        let is_first = query.sort.first().is_some_and(|key| key.field == *field);
        let after = query.cursor_constraint().filter(|_| is_first);
        for bound in query.index_constraints(field).into_iter().chain(after.clone()) {
            self.push(&format!(" AND f{id}.key"));
            match bound {
                Constraint::Compare(comparison, value) => {
                    self.push(match comparison {
                        // Different values may have the same key.
                        Comparison::Lt if !is_exact(field.kind) => sign(Comparison::Le),
                        Comparison::Gt if !is_exact(field.kind) && value.is_some() => {
                            sign(Comparison::Ge)
                        }
                        comparison => sign(comparison),
                    });
                    self.key(field, value.as_ref());
                }
                Constraint::OneOf(operands) if operands.is_empty() => self.push(" IS NULL"),
                Constraint::OneOf(operands) => {
                    self.push(" IN (");
                    for (index, operand) in operands.iter().enumerate() {
                        self.push(if index == 0 { "" } else { ", " });
                        self.key(field, Some(operand));
                    }
                    self.push(")");
                }
            }
        }
        let Some(cursor) = &query.after else { return };
        if query.sort.is_empty() {
            self.push(&format!(" AND f{id}.identifier > "));
            self.param(cursor.aggregate_id().id, Type::UUID);
        } else if let Some(Constraint::Compare(Comparison::Ge, value)) = after
            && query.sort.len() == 1
            && is_exact(field.kind)
        {
            self.push(&format!(" AND (f{id}.key, f{id}.identifier) > ("));
            self.key(field, value.as_ref());
            self.push(", ");
            self.param(cursor.aggregate_id().id, Type::UUID);
            self.push(")");
        }
    }

    /// Adds the key of a value.
    fn key(&mut self, field: &Field, value: Option<&Operand>) {
        self.push("field_key(");
        match value {
            Some(operand) => self.operand(field, operand),
            None => self.push("NULL"),
        }
        self.push(match field.kind {
            Kind::Boolean => "::boolean)",
            Kind::Number => "::numeric)",
            Kind::Text => "::text)",
            Kind::Uuid => "::uuid)",
            Kind::Time => "::bigint)",
        });
    }

    fn joined_id(&self, field: &Field) -> Option<i64> {
        self.joined.iter().find(|index| index.field == *field).map(|index| index.id)
    }

    fn field(&mut self, field: &Field) {
        if let Some(id) = self.joined_id(field) {
            return self.push(&format!("f{id}.value"));
        }
        match &field.source {
            FieldSource::Column(column) if column.kind() != field.kind => self.push("NULL"),
            FieldSource::Column(column) => self.column(*column),
            FieldSource::Path(_) => {
                let known = self.read.iter().position(|known| known == field);
                let index = known.unwrap_or_else(|| {
                    self.read.push(field.clone());
                    self.read.len() - 1
                });
                self.push(&format!("v.v{index}"));
            }
        }
    }

    fn column(&mut self, column: Column) {
        self.push("s.");
        self.push(column.name());
        // An operand may be any number.
        if column.kind() == Kind::Number {
            self.push("::numeric");
        }
    }

    /// Adds an operand, converted for its field.
    fn operand(&mut self, field: &Field, operand: &Operand) {
        match operand {
            Operand::Boolean(value) => self.param(*value, Type::BOOL),
            Operand::Number(number) => {
                self.param(number.to_string(), Type::TEXT);
                self.push("::numeric");
            }
            Operand::Text(text) => self.param(text.clone(), Type::TEXT),
            Operand::Uuid(id) => self.param(*id, Type::UUID),
            Operand::Time(time) => match field.source {
                FieldSource::Column(_) => self.param(*time, Type::TIMESTAMPTZ),
                FieldSource::Path(_) => self.param(time.timestamp_micros(), Type::INT8),
            },
        }
    }
}

/// Returns true if different values of the kind have different keys.
fn is_exact(kind: Kind) -> bool {
    !matches!(kind, Kind::Number | Kind::Text)
}

/// Returns true if a filter names a field.
fn names(filter: &Filter, named: &Field) -> bool {
    match filter {
        Filter::All(filters) | Filter::Any(filters) => {
            filters.iter().any(|filter| names(filter, named))
        }
        Filter::Not(filter) => names(filter, named),
        Filter::Compare { field, .. }
        | Filter::OneOf { field, .. }
        | Filter::Contains { field, .. }
        | Filter::StartsWith { field, .. }
        | Filter::IsNull { field } => field == named,
    }
}

fn is_never_null(field: &Field) -> bool {
    matches!(field.source, FieldSource::Column(Column::Resource | Column::Identifier))
}

fn sign(comparison: Comparison) -> &'static str {
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
