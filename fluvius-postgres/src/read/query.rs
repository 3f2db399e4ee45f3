//! Queries over states: conditions to SQL. All that comes from outside is a parameter.
//!
//! A field of a state is read by a function of the schema, which gives null where it is none of its kind.

use fluvius_core::query::{Column, Comparison, Field, Filter, Kind, Operand, Place};
use fluvius_core::{RealmFilter, StateQuery, StateRecord};
use tokio_postgres::types::{ToSql, Type};

use super::clamped;
use crate::error::Fault;
use crate::readers::Readers;
use crate::rows::{self, STATE};

/// The rows that a query asks for.
pub(crate) async fn query(
    readers: &Readers,
    query: &StateQuery,
) -> Result<Vec<StateRecord>, Fault> {
    let sql = Sql::of(query);
    let params: Vec<(&(dyn ToSql + Sync), Type)> = sql
        .params
        .iter()
        .map(|(value, of)| {
            let value: &(dyn ToSql + Sync) = value.as_ref();
            (value, of.clone())
        })
        .collect();
    let found = readers.once(&sql.text, &params).await?;
    found.iter().map(|row| rows::state(row, 0)).collect()
}

/// A statement that is being put together.
struct Sql {
    text: String,
    params: Vec<(Box<dyn ToSql + Sync + Send>, Type)>,
}

impl Sql {
    fn of(query: &StateQuery) -> Self {
        let text = format!("SELECT {STATE} FROM resource_state AS s WHERE ");
        let mut sql = Self { text, params: Vec::new() };
        sql.filter(&query.filter);
        if let Some(resource) = &query.resource {
            sql.push(" AND s.resource = ");
            sql.param(resource.to_string(), Type::TEXT);
        }
        if !query.with_closed {
            sql.push(" AND s.deleted IS NULL");
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
        for (index, key) in query.sort_keys().iter().enumerate() {
            sql.push(if index == 0 { " ORDER BY " } else { ", " });
            sql.field(&key.field);
            // Null is the smallest. A column that is never null says so as well: its index has them last.
            sql.push(match (is_never_null(&key.field), key.is_descending) {
                (true, false) => " ASC",
                (true, true) => " DESC",
                (false, false) => " ASC NULLS FIRST",
                (false, true) => " DESC NULLS LAST",
            });
        }
        sql.push(" LIMIT ");
        sql.param(clamped(query.limit as u64), Type::INT8);
        sql
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn param(&mut self, value: impl ToSql + Sync + Send + 'static, of: Type) {
        self.params.push((Box::new(value), of));
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
                self.compared(field, sign(*comparison), operand);
            }
            Filter::OneOf { field, operands } => {
                // What is of another kind equals no value of the field.
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
            Filter::Contains { field, text } => self.looked_into("strpos", field, text, " > 0"),
            Filter::StartsWith { field, text } => self.looked_into("starts_with", field, text, ""),
            Filter::IsNull { field } => {
                self.push("(");
                self.field(field);
                self.push(" IS NULL)");
            }
        }
    }

    /// Several conditions in one; `none` is what holds of none.
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
            return self.push("NULL::boolean");
        }
        self.push("(");
        self.field(field);
        self.push(sign);
        self.operand(field, operand);
        self.push(")");
    }

    fn looked_into(&mut self, function: &str, field: &Field, text: &str, holds: &str) {
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

    fn field(&mut self, field: &Field) {
        let function = match (&field.place, field.kind) {
            (Place::Column(column), kind) if column.kind() != kind => return self.push("NULL"),
            (Place::Column(column), _) => return self.column(*column),
            (Place::Path(_), Kind::Boolean) => "field_boolean",
            (Place::Path(_), Kind::Number) => "field_number",
            (Place::Path(_), Kind::Text) => "field_text",
            (Place::Path(_), Kind::Uuid) => "field_uuid",
            (Place::Path(_), Kind::Time) => "field_time",
        };
        let Place::Path(path) = &field.place else { return };
        self.push(function);
        self.push("(s.data, ");
        self.param(path.clone(), Type::TEXT_ARRAY);
        self.push(if field.kind == Kind::Text { ") COLLATE \"C\"" } else { ")" });
    }

    fn column(&mut self, column: Column) {
        self.push("s.");
        self.push(column.name());
        // Numbers of any size are compared with it.
        if column.kind() == Kind::Number {
            self.push("::numeric");
        }
    }

    /// A value as its field compares.
    fn operand(&mut self, field: &Field, operand: &Operand) {
        match operand {
            Operand::Boolean(value) => self.param(*value, Type::BOOL),
            Operand::Number(number) => {
                self.param(number.to_string(), Type::TEXT);
                self.push("::numeric");
            }
            Operand::Text(text) => self.param(text.clone(), Type::TEXT),
            Operand::Uuid(id) => self.param(*id, Type::UUID),
            Operand::Time(time) => match field.place {
                Place::Column(_) => self.param(*time, Type::TIMESTAMPTZ),
                Place::Path(_) => self.param(time.timestamp_micros(), Type::INT8),
            },
        }
    }
}

fn is_never_null(field: &Field) -> bool {
    matches!(field.place, Place::Column(Column::Resource | Column::Identifier))
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
