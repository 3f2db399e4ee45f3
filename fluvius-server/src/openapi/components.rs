//! The shared schemas of the document.
//!
//! Each schema of the core is a document of its own, with its definitions under `$defs`. Here the
//! definitions move into `components.schemas`, where equal ones are shared. Definitions with one
//! name and different contents get different names: a type may be read in another form than it is
//! written.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// The schemas of the document by name.
#[derive(Debug, Default)]
pub(super) struct Components {
    schemas: BTreeMap<String, Value>,
    /// The source of each schema: the definition, and all that it refers to.
    sources: BTreeMap<String, String>,
}

impl Components {
    /// Adds a schema that refers to other components only, and returns a reference to it.
    pub(super) fn insert(&mut self, name: &str, schema: Value) -> Value {
        self.schemas.insert(name.to_owned(), schema);
        reference(name)
    }

    /// Adds a schema with its definitions, and returns a reference to it.
    pub(super) fn add(&mut self, name: &str, schema: &Value) -> Value {
        let mut root = schema.clone();
        let definitions = match root.as_object_mut() {
            Some(members) => {
                members.remove("$schema");
                members.remove("$defs")
            }
            None => None,
        };
        let definitions = definitions.unwrap_or_else(|| json!({}));
        let definitions = definitions.as_object().cloned().unwrap_or_default();
        let mut names = BTreeMap::new();
        for each in definitions.keys() {
            let source = closure(&definitions[each], &definitions);
            names.insert(each.clone(), self.name_for(&sanitized(each), source));
        }
        for (each, mut definition) in definitions.clone() {
            rename(&mut definition, &names);
            self.schemas.insert(names[&each].clone(), definition);
        }
        // A schema that is a reference alone needs no name of its own.
        if let Some(target) = root["$ref"].as_str().and_then(definition_name)
            && let Some(name) = names.get(target)
        {
            return reference(name);
        }
        let source = closure(&root, &definitions);
        let name = self.name_for(&sanitized(name), source);
        rename(&mut root, &names);
        self.schemas.insert(name.clone(), root);
        reference(&name)
    }

    /// Returns the name of a schema with this source: that of an equal one, or a new one.
    fn name_for(&mut self, wanted: &str, source: String) -> String {
        let mut name = wanted.to_owned();
        let mut number = 1;
        loop {
            match self.sources.get(&name) {
                Some(known) if *known == source => return name,
                None if !self.schemas.contains_key(&name) => {
                    self.sources.insert(name.clone(), source);
                    return name;
                }
                _ => {
                    number += 1;
                    name = format!("{wanted}{number}");
                }
            }
        }
    }

    pub(super) fn into_value(self) -> Value {
        Value::Object(self.schemas.into_iter().collect())
    }
}

/// Returns a reference to a component.
pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// Returns a text that is equal for equal definitions: the schema, and all that it refers to.
fn closure(schema: &Value, definitions: &Map<String, Value>) -> String {
    let mut reached = BTreeMap::new();
    let mut pending = vec![schema];
    while let Some(schema) = pending.pop() {
        for_each_reference(schema, &mut |name| {
            if let Some(definition) = definitions.get(name)
                && reached.insert(name.to_owned(), definition).is_none()
            {
                pending.push(definition);
            }
        });
    }
    json!([schema, reached]).to_string()
}

fn for_each_reference<'a>(schema: &'a Value, found: &mut impl FnMut(&'a str)) {
    match schema {
        Value::Object(members) => {
            if let Some(name) =
                members.get("$ref").and_then(Value::as_str).and_then(definition_name)
            {
                found(name);
            }
            members.values().for_each(|member| for_each_reference(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| for_each_reference(item, found)),
        _ => {}
    }
}

/// Replaces the references to definitions by references to components.
fn rename(schema: &mut Value, names: &BTreeMap<String, String>) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::String(target)) = members.get_mut("$ref")
                && let Some(name) = definition_name(target).and_then(|name| names.get(name))
            {
                *target = format!("#/components/schemas/{name}");
            }
            members.values_mut().for_each(|member| rename(member, names));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, names)),
        _ => {}
    }
}

fn definition_name(reference: &str) -> Option<&str> {
    reference.strip_prefix("#/$defs/")
}

/// Returns a name with the characters that OpenAPI allows for components.
fn sanitized(name: &str) -> String {
    let allowed =
        |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
    name.chars().map(|letter| if allowed(letter) { letter } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(kind: &str) -> Value {
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": { "outer": { "$ref": "#/$defs/Outer" } },
            "$defs": {
                "Outer": { "items": { "$ref": "#/$defs/Inner" } },
                "Inner": { "type": kind },
            },
        })
    }

    #[test]
    fn equal_definitions_are_shared() {
        let mut components = Components::default();
        let one = components.add("One", &document("string"));
        let two = components.add("Two", &document("string"));
        assert_eq!((one, two), (reference("One"), reference("Two")));
        let schemas = components.into_value();
        let names: Vec<&str> = schemas.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["Inner", "One", "Outer", "Two"]);
        assert_eq!(schemas["Outer"]["items"], reference("Inner"));
        assert!(!schemas.to_string().contains("$defs"));
    }

    #[test]
    fn a_name_with_two_contents_is_two_schemas() {
        let mut components = Components::default();
        components.add("One", &document("string"));
        components.add("Two", &document("number"));
        let schemas = components.into_value();
        // `Outer` has the same text twice, but refers to different schemas.
        assert_eq!(schemas["Two"]["properties"]["outer"], reference("Outer2"));
        assert_eq!(schemas["Outer2"]["items"], reference("Inner2"));
        assert_eq!(schemas["Inner2"]["type"], "number");
    }
}
