//! The kind of a field of a state, as a query reads it, from declared indexes and the JSON schema.

use serde_json::Value;

use super::AggregateDescription;
use fluvius_store::query::Kind;

/// The pattern of schemars for a `rust_decimal::Decimal` that is written as a text.
const DECIMAL: &str = r"^-?\d+(\.\d+)?$";

/// Maximum number of references that are followed for one field.
const MAX_REFERENCES: usize = 16;

impl AggregateDescription {
    /// Returns the kind of a field of the state by its path, with dots between the names.
    ///
    /// A declared index determines it, else the JSON schema of the state. Returns `None` if neither
    /// has the field, or if its values are of several kinds.
    pub fn field_kind(&self, path: &str) -> Option<Kind> {
        let declared = self.indexes.iter().find(|index| index.path == path);
        declared.map(|index| index.kind).or_else(|| {
            let schema = self.state.as_ref()?;
            kind(schema, field(schema, path)?)
        })
    }

    /// Returns true if the state may have a field with this path. Without a schema, any path is
    /// possible.
    pub fn may_have_field(&self, path: &str) -> bool {
        self.state.as_ref().is_none_or(|schema| may_have(schema, path))
    }
}

/// Returns the schema of the field with this path.
fn field<'a>(root: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(root, |schema, name| property(root, schema, name))
}

/// Returns the schema of a member of an object.
fn property<'a>(root: &'a Value, schema: &'a Value, name: &str) -> Option<&'a Value> {
    let schema = non_null(root, schema)?;
    schema["properties"].get(name)
}

fn may_have(root: &Value, path: &str) -> bool {
    let mut schema = root;
    for name in path.split('.') {
        let Some(resolved) = non_null(root, schema) else { return true };
        let Some(properties) = resolved["properties"].as_object() else { return true };
        match properties.get(name) {
            Some(next) => schema = next,
            // An object that lists its members has no others, unless some are flattened into it.
            None => {
                let is_closed =
                    resolved.get("additionalProperties").is_none_or(|rest| *rest == false);
                let is_plain = ["allOf", "anyOf", "oneOf", "$ref"]
                    .iter()
                    .all(|word| resolved.get(*word).is_none());
                return !(is_closed && is_plain);
            }
        }
    }
    true
}

/// Follows references, and the value of an `Option`.
fn non_null<'a>(root: &'a Value, schema: &'a Value) -> Option<&'a Value> {
    let mut schema = schema;
    for _ in 0..MAX_REFERENCES {
        if let Some(reference) = schema["$ref"].as_str() {
            schema = root.pointer(reference.strip_prefix('#')?)?;
        } else if let Some(variants) = schema["anyOf"].as_array() {
            let mut values = variants.iter().filter(|variant| variant["type"] != "null");
            schema = values.next().filter(|_| values.next().is_none())?;
        } else {
            return Some(schema);
        }
    }
    None
}

/// Returns the kind of the values of a schema.
fn kind(root: &Value, schema: &Value) -> Option<Kind> {
    let schema = non_null(root, schema)?;
    let name = match &schema["type"] {
        Value::String(name) => name.as_str(),
        Value::Array(names) => {
            let mut names = names.iter().filter_map(Value::as_str).filter(|name| *name != "null");
            names.next().filter(|_| names.next().is_none())?
        }
        // The variants of an enum without data.
        _ if is_text_enum(schema) => "string",
        _ => return None,
    };
    match (name, schema["format"].as_str()) {
        ("boolean", _) => Some(Kind::Boolean),
        ("integer" | "number", _) => Some(Kind::Number),
        ("string", Some("uuid")) => Some(Kind::Uuid),
        ("string", Some("date-time")) => Some(Kind::Time),
        ("string", _) if schema["pattern"] == DECIMAL => Some(Kind::Number),
        ("string", _) => Some(Kind::Text),
        _ => None,
    }
}

fn is_text_enum(schema: &Value) -> bool {
    let variants = schema["oneOf"].as_array();
    variants.is_some_and(|variants| variants.iter().all(|variant| variant["const"].is_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn kind_follows_references_and_options() {
        let schema = json!({
            "properties": {
                "balance": { "type": "string", "pattern": DECIMAL },
                "limit": { "anyOf": [
                    { "type": "string", "pattern": DECIMAL },
                    { "type": "null" },
                ] },
                "count": { "type": "integer" },
                "owner": { "$ref": "#/$defs/Owner" },
                "frozen": { "type": ["boolean", "null"] },
                "state": { "oneOf": [{ "const": "open" }, { "const": "closed" }] },
                "either": { "type": ["string", "number"] },
                "tags": { "type": "array" },
            },
            "additionalProperties": false,
            "$defs": { "Owner": { "type": "object", "properties": {
                "id": { "type": "string", "format": "uuid" },
                "since": { "type": "string", "format": "date-time" },
                "self": { "$ref": "#/$defs/Owner" },
            } } },
        });
        let of = |path: &str| kind(&schema, field(&schema, path)?);
        assert_eq!(of("balance"), Some(Kind::Number));
        assert_eq!(of("limit"), Some(Kind::Number));
        assert_eq!(of("count"), Some(Kind::Number));
        assert_eq!(of("owner.id"), Some(Kind::Uuid));
        assert_eq!(of("owner.self.self.since"), Some(Kind::Time));
        assert_eq!(of("frozen"), Some(Kind::Boolean));
        assert_eq!(of("state"), Some(Kind::Text));
        for none in ["either", "tags", "owner", "missing", "balance.x", ""] {
            assert_eq!(of(none), None, "{none}");
        }
        for possible in ["balance", "owner.id", "tags.x"] {
            assert!(may_have(&schema, possible), "{possible}");
        }
        for impossible in ["missing", "owner.missing"] {
            assert!(!may_have(&schema, impossible), "{impossible}");
        }
    }

    #[test]
    fn endless_reference_has_no_kind() {
        let schema = json!({ "$ref": "#/$defs/A", "$defs": { "A": { "$ref": "#/$defs/A" } } });
        assert_eq!(kind(&schema, &schema), None);
    }
}
