//! Bounds of numbers that the schemas of schemars leave out.
//!
//! A value that matches a schema should be readable. The schemas of schemars admit integers and
//! decimals of any size, so this module adds the limits of their types.

use schemars::Schema;
use schemars::transform::{Transform, transform_subschemas};
use serde_json::{Value, json};

/// The pattern of a `rust_decimal::Decimal` in the input contract of schemars. No other type of
/// schemars is both a string and a number.
const UNBOUNDED_DECIMAL: &str = r"^-?\d+(\.\d+)?([eE]\d+)?$";

/// The strings of a decimal. It holds those with up to 28 digits in total exactly, but a limit of
/// the length would exclude texts with leading zeros, which it holds too.
const DECIMAL: &str = r"^-?\d{1,28}(\.\d{1,28})?$";

/// The note in the description of a decimal.
const DECIMAL_NOTE: &str =
    "A decimal of up to 28 digits. Send a string: a JSON number that would be rounded is invalid.";

/// The note in the description of an integer of 64 bits or more.
const INT64_NOTE: &str =
    "int64: clients that read JSON numbers as doubles lose digits beyond 2^53.";

/// Adds the bounds to a schema and to all schemas inside it.
pub(super) fn add(schema: &mut Schema) {
    Bounds.transform(schema);
}

#[derive(Debug)]
struct Bounds;

impl Transform for Bounds {
    fn transform(&mut self, schema: &mut Schema) {
        let is_decimal = schema.get("type").is_some_and(Value::is_array)
            && schema.get("pattern").and_then(Value::as_str) == Some(UNBOUNDED_DECIMAL);
        if is_decimal {
            bound_decimal(schema);
        }
        if let Some(format) = schema.get("format").and_then(Value::as_str).map(str::to_owned) {
            bound_integer(schema, &format);
        }
        transform_subschemas(self, schema);
    }
}

fn bound_decimal(schema: &mut Schema) {
    schema.insert("pattern".to_owned(), DECIMAL.into());
    // As a number, the value that a decimal holds depends on its digits, not on its size.
    let text = schema.get("description").and_then(Value::as_str);
    let text =
        text.map_or_else(|| DECIMAL_NOTE.to_owned(), |text| format!("{text}\n\n{DECIMAL_NOTE}"));
    schema.insert("description".to_owned(), text.into());
}

fn bound_integer(schema: &mut Schema, format: &str) {
    let (minimum, maximum) = match format {
        "int32" => (json!(i32::MIN), json!(i32::MAX)),
        "uint32" => (json!(0), json!(u32::MAX)),
        "int64" | "int" | "int128" => (json!(i64::MIN), json!(i64::MAX)),
        "uint64" | "uint" | "uint128" => (json!(0), json!(u64::MAX)),
        _ => return,
    };
    let object = schema.ensure_object();
    object.entry("minimum").or_insert(minimum);
    object.entry("maximum").or_insert(maximum);
    if !format.ends_with("32") {
        let text = object.get("description").and_then(Value::as_str);
        let text =
            text.map_or_else(|| INT64_NOTE.to_owned(), |text| format!("{text}\n\n{INT64_NOTE}"));
        object.insert("description".to_owned(), text.into());
    }
}
