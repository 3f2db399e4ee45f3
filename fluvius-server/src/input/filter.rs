//! Filters and orders of queries, from query parameters and from JSON.
//!
//! | form | example |
//! |---|---|
//! | parameter | `balance.ge=10`, `owner_name!contains=Ada`, `@version=3`, `due:time.lt=..` |
//! | JSON | `{"any": [{"field": "balance", "op": "ge", "value": 10}, {"not": ..}]}` |

use std::borrow::Cow;

use fluvius_core::query::{Column, Field, Filter, Kind, Operand, SortKey};
use fluvius_core::registry::AggregateDescription;
use serde::Deserialize;
use serde_json::Value;

use super::params::short;
use crate::problem::Problem;

/// The columns that a client may name, after `@`.
pub(crate) const COLUMNS: [Column; 9] = [
    Column::Identifier,
    Column::Version,
    Column::Revision,
    Column::CreatedAt,
    Column::CreatedBy,
    Column::UpdatedAt,
    Column::UpdatedBy,
    Column::ClosedAt,
    Column::Resource,
];

/// An operator of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Operator {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Between,
    In,
    Contains,
    Starts,
    Null,
}

const OPERATORS: [(&str, Operator); 11] = [
    ("eq", Operator::Eq),
    ("ne", Operator::Ne),
    ("lt", Operator::Lt),
    ("le", Operator::Le),
    ("gt", Operator::Gt),
    ("ge", Operator::Ge),
    ("between", Operator::Between),
    ("in", Operator::In),
    ("contains", Operator::Contains),
    ("starts", Operator::Starts),
    ("null", Operator::Null),
];

/// Returns the filter of the parameters that are conditions. All of them must hold.
///
/// # Errors
/// `invalid-query`.
pub(crate) fn of_params(
    params: Vec<(Cow<'_, str>, Cow<'_, str>)>,
    aggregate: &AggregateDescription,
) -> Result<Filter, Problem> {
    let mut conditions: Vec<(Cow<'_, str>, Vec<Value>)> = Vec::new();
    for (name, value) in params {
        let value = Value::String(value.into_owned());
        // `in` and `between` repeat the parameter. Any other is a condition of its own.
        let is_list = matches!(parsed(&name).1, Operator::In | Operator::Between);
        match conditions.iter_mut().find(|(before, _)| is_list && *before == name) {
            Some((_, values)) => values.push(value),
            None => conditions.push((name, vec![value])),
        }
    }
    let filters = conditions.into_iter().map(|(name, values)| {
        let (field, operator, is_negated) = parsed(&name);
        let filter = condition(field_of(field, None, aggregate)?, operator, &values)?;
        Ok(if is_negated { !filter } else { filter })
    });
    Ok(Filter::All(filters.collect::<Result<_, Problem>>()?))
}

/// Splits the name of a parameter into the field with its kind, the operator, and the negation.
fn parsed(name: &str) -> (&str, Operator, bool) {
    let operator = |word| OPERATORS.iter().find(|(each, _)| *each == word).map(|(_, op)| *op);
    for (separator, is_negated) in [('.', false), ('!', true)] {
        if let Some((field, word)) = name.rsplit_once(separator)
            && let Some(operator) = operator(word)
            && !field.is_empty()
        {
            return (field, operator, is_negated);
        }
    }
    (name, Operator::Eq, false)
}

/// A filter in JSON.
#[derive(Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum JsonFilter {
    All { all: Vec<JsonFilter> },
    Any { any: Vec<JsonFilter> },
    Not { not: Box<JsonFilter> },
    Condition(Condition),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Condition {
    field: String,
    kind: Option<String>,
    op: Operator,
    #[serde(default)]
    value: Value,
}

/// Returns the filter of a JSON text.
///
/// # Errors
/// `invalid-query`.
pub(crate) fn of_json(text: &str, aggregate: &AggregateDescription) -> Result<Filter, Problem> {
    let filter: JsonFilter = serde_json::from_str(text).map_err(|_| {
        invalid(
            "a filter in JSON is `{\"all\": [..]}`, `{\"any\": [..]}`, `{\"not\": ..}` or \
             `{\"field\": .., \"op\": .., \"value\": ..}` with an optional `kind`",
        )
    })?;
    of_tree(filter, aggregate)
}

fn of_tree(filter: JsonFilter, aggregate: &AggregateDescription) -> Result<Filter, Problem> {
    let each = |filters: Vec<JsonFilter>| {
        filters.into_iter().map(|filter| of_tree(filter, aggregate)).collect::<Result<_, _>>()
    };
    Ok(match filter {
        JsonFilter::All { all } => Filter::All(each(all)?),
        JsonFilter::Any { any } => Filter::Any(each(any)?),
        JsonFilter::Not { not } => !of_tree(*not, aggregate)?,
        JsonFilter::Condition(Condition { field, kind, op, value }) => {
            let values = match value {
                Value::Array(values) => values,
                value => vec![value],
            };
            condition(field_of(&field, kind.as_deref(), aggregate)?, op, &values)?
        }
    })
}

/// Returns the order of `sort=a,-b`: ascending by `a`, then descending by `b`.
///
/// # Errors
/// `invalid-query`.
pub(crate) fn sort(text: &str, aggregate: &AggregateDescription) -> Result<Vec<SortKey>, Problem> {
    let keys = text.split(',').filter(|key| !key.is_empty());
    let keys = keys.map(|key| match key.strip_prefix('-') {
        Some(name) => Ok(field_of(name, None, aggregate)?.descending()),
        None => Ok(field_of(key, None, aggregate)?.ascending()),
    });
    keys.collect()
}

/// Returns a field by its name, with or without its kind: `due`, `due:time`, `@version`.
fn field_of(
    name: &str,
    kind: Option<&str>,
    aggregate: &AggregateDescription,
) -> Result<Field, Problem> {
    if let Some(column) = name.strip_prefix('@') {
        let known = COLUMNS.iter().find(|each| each.name() == column);
        return known.map(|column| Field::column(*column)).ok_or_else(|| {
            let names: Vec<String> =
                COLUMNS.iter().map(|each| format!("`@{}`", each.name())).collect();
            invalid(format!("no column is `@{}`, only {}", short(column), names.join(", ")))
        });
    }
    let (path, kind) = match (kind, name.rsplit_once(':')) {
        (Some(kind), _) => (name, Some(kind)),
        (None, Some((path, kind))) => (path, Some(kind)),
        (None, None) => (name, None),
    };
    if !aggregate.may_have_field(path) {
        return Err(invalid(format!("the state has no field `{}`", short(path))));
    }
    let kind = match kind {
        Some(kind) => kind_of(kind)?,
        None => aggregate.field_kind(path).ok_or_else(|| {
            let path = short(path);
            invalid(format!(
                "the kind of `{path}` is unknown: name it, for example `{path}:text` or \
                 `{path}:number`"
            ))
        })?,
    };
    Ok(Field::at(path.split('.'), kind))
}

fn kind_of(name: &str) -> Result<Kind, Problem> {
    let kinds = [Kind::Boolean, Kind::Number, Kind::Text, Kind::Uuid, Kind::Time];
    kinds.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
        let name = short(name);
        invalid(format!(
            "no kind is `{name}`: kinds are `boolean`, `number`, `text`, `uuid` and `time`"
        ))
    })
}

fn condition(field: Field, operator: Operator, values: &[Value]) -> Result<Filter, Problem> {
    if operator == Operator::Null {
        return match values {
            [] | [Value::Null | Value::Bool(true)] => Ok(field.is_null()),
            [Value::Bool(false)] => Ok(!field.is_null()),
            [Value::String(text)] if text.is_empty() || text == "true" => Ok(field.is_null()),
            [Value::String(text)] if text == "false" => Ok(!field.is_null()),
            _ => Err(invalid("`null` takes `true` or `false`")),
        };
    }
    let mut operands = Vec::with_capacity(values.len());
    for value in values {
        operands.push(operand(&field, value)?);
    }
    if operator == Operator::In {
        return Ok(field.one_of(operands));
    }
    let mut operands = operands.into_iter();
    match (operator, operands.next(), operands.next(), operands.next()) {
        (Operator::Between, Some(low), Some(high), None) => Ok(field.between(low, high)),
        (Operator::Between, ..) => Err(invalid("`between` takes two values")),
        (_, Some(_), Some(_), _) => Err(invalid("only `in` and `between` take several values")),
        (_, None, ..) => Err(invalid("a condition needs a value")),
        (Operator::Eq, Some(value), ..) => Ok(field.eq(value)),
        (Operator::Ne, Some(value), ..) => Ok(field.ne(value)),
        (Operator::Lt, Some(value), ..) => Ok(field.lt(value)),
        (Operator::Le, Some(value), ..) => Ok(field.le(value)),
        (Operator::Gt, Some(value), ..) => Ok(field.gt(value)),
        (Operator::Ge, Some(value), ..) => Ok(field.ge(value)),
        (Operator::Contains, Some(Operand::Text(text)), ..) => Ok(field.contains(text)),
        (Operator::Starts, Some(Operand::Text(text)), ..) => Ok(field.starts_with(text)),
        (_, Some(_), ..) => Err(invalid(format!("{field} is not a text, so it contains no other"))),
    }
}

/// Reads a value as the kind of its field. A text of any kind is accepted, as parameters have it.
fn operand(field: &Field, value: &Value) -> Result<Operand, Problem> {
    let read = match (field.kind, value) {
        (Kind::Boolean, Value::Bool(value)) => Some(Operand::from(*value)),
        (Kind::Number, Value::Number(number)) => {
            number.to_string().parse().ok().map(Operand::Number)
        }
        (_, Value::String(text)) => read_text(field.kind, text),
        _ => None,
    };
    read.ok_or_else(|| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        invalid(format!("{field} cannot be compared with `{}`", short(&text)))
    })
}

fn read_text(kind: Kind, text: &str) -> Option<Operand> {
    match kind {
        Kind::Boolean => text.parse::<bool>().ok().map(Operand::from),
        Kind::Number => text.parse().ok().map(Operand::Number),
        Kind::Text => Some(Operand::from(text)),
        Kind::Uuid => text.parse::<fluvius_core::uuid::Uuid>().ok().map(Operand::from),
        Kind::Time => {
            let time = fluvius_core::chrono::DateTime::parse_from_rfc3339(text).ok()?;
            Some(Operand::from(time.to_utc()))
        }
    }
}

pub(crate) fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new("invalid-query", detail)
}
