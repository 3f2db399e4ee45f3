//! Fields of states in SQLite: their stored form, and values that compare as the field does.

use fluvius_store::query::{Field, FieldSource, Kind, Operand, read_at};
use rusqlite::types::Value;

/// The stored null: less than every other value, of any kind.
pub(crate) const NULL: i64 = i64::MIN;

/// Returns a value that SQLite compares with others of its kind.
pub(crate) fn value(operand: &Operand) -> Value {
    match operand {
        Operand::Boolean(value) => Value::Integer(i64::from(*value)),
        Operand::Number(number) => Value::Blob(number.sort_bytes()),
        Operand::Text(text) => Value::Text(text.clone()),
        Operand::Uuid(id) => Value::Blob(id.as_bytes().to_vec()),
        Operand::Time(time) => Value::Integer(time.timestamp_micros()),
    }
}

/// Returns the stored form of an optional value.
pub(crate) fn sql_value(operand: Option<&Operand>) -> Value {
    operand.map_or(Value::Integer(NULL), value)
}

/// Returns the stored value of a field in a state.
pub(crate) fn stored_value_of(state: &str, field: &Field) -> Value {
    let found = match &field.source {
        FieldSource::Path(path) => read_at(state, path, field.kind),
        FieldSource::Column(_) => None,
    };
    sql_value(found.as_ref())
}

/// Returns path and kind of a field, as they are stored; `None` for a column.
pub(crate) fn stored(field: &Field) -> Option<(String, &'static str)> {
    match &field.source {
        FieldSource::Path(path) => {
            Some((serde_json::Value::from(path.as_slice()).to_string(), field.kind.name()))
        }
        FieldSource::Column(_) => None,
    }
}

/// Returns the field of a stored path and kind.
pub(crate) fn from_stored(path: &str, kind: &str) -> Option<Field> {
    let kinds = [Kind::Boolean, Kind::Number, Kind::Text, Kind::Uuid, Kind::Time];
    let kind = kinds.into_iter().find(|known| known.name() == kind)?;
    let path: Vec<String> = serde_json::from_str(path).ok()?;
    Some(Field::at(path, kind))
}
