//! The JSON schemas of a tool: of its arguments, and of its structured result.
//!
//! Each schema is complete: definitions of the author's types are in its own `$defs`. A result is
//! the body of the same answer over HTTP, or a problem. Some clients check errors against the
//! schema too, so it admits both.

use fluvius_core::Lifecycle;
use fluvius_core::registry::{ActionDescription, AggregateDescription};
use serde_json::{Map, Value, json};

use crate::operations::{DEFAULT_LIMIT, MAX_EVENTS, MAX_LIMIT};
use crate::schemas;

/// The schemas of a tool.
#[derive(Debug)]
pub(super) struct ToolSchemas {
    pub(super) input: Map<String, Value>,
    pub(super) output: Map<String, Value>,
}

/// Returns the schemas of the tool for an action.
pub(super) fn of_action(action: &ActionDescription, has_actors: bool) -> ToolSchemas {
    let creates = action.lifecycle == Lifecycle::Create;
    let payload = action.payload.clone().unwrap_or_else(|| json!({ "type": "object" }));
    let mut input = Arguments::default();
    if action.resources.len() > 1 {
        let schema = json!({
            "type": "string",
            "enum": action.resources,
            "description": "The resource of the aggregate.",
        });
        input.add("resource", schema, true);
    }
    let description = match creates {
        true => "The id of the new aggregate. If it is absent, the server draws one.",
        false => "The id of the aggregate.",
    };
    input.add("id", described(schemas::uuid(), description), !creates);
    let needs_payload = action.fields.iter().any(|field| !field.optional);
    input.embed("payload", &payload, needs_payload);
    if !creates {
        let description = "The `etag` of the state that the decision was made on. If the \
            aggregate has changed since, the call fails with `precondition-failed`. `*`: the \
            aggregate must exist.";
        let schema = described(json!({ "type": "string" }), description);
        input.add("if_match", schema, action.if_match_required);
    }
    input.add("idempotency_key", idempotency_key(has_actors), false);
    ToolSchemas {
        input: input.into_schema(),
        output: result(action.output.as_ref(), schemas::answer),
    }
}

/// Returns the schemas of the tool that reads a state.
pub(super) fn of_get(aggregate: &AggregateDescription, resource: &str) -> ToolSchemas {
    let mut input = Arguments::default();
    input.add("id", described(schemas::uuid(), "The id of the aggregate."), true);
    let version = json!({ "type": "integer", "minimum": 1, "maximum": u64::MAX });
    let description = "The version to read, in place of the newest one.";
    input.add("at_version", described(version, description), false);
    let description = "The time to read at, in place of now. Not beside `at_version`.";
    input.add("at_time", described(schemas::time(), description), false);
    input.add("closed", flag("Set to read a closed aggregate too."), false);
    let output = result(aggregate.state.as_ref(), |data| schemas::state(resource, data));
    ToolSchemas { input: input.into_schema(), output }
}

/// Returns the schemas of the tool that queries a resource.
pub(super) fn of_query(resource: &str) -> ToolSchemas {
    let texts = |description| {
        described(json!({ "type": "array", "items": { "type": "string" } }), description)
    };
    let mut input = Arguments::default();
    let description = "Conditions on fields of the state: `{\"all\": [..]}`, `{\"any\": [..]}`, \
        `{\"not\": ..}` or `{\"field\": .., \"op\": .., \"value\": ..}`. An `op` is one of `eq ne \
        lt le gt ge between in contains starts null`. Columns are `@version`, `@created_at` and so \
        on.";
    input.add("filter", described(json!({ "type": "object" }), description), false);
    let description = "The order: names of fields, `-` before a descending one.";
    input.add("sort", texts(description), false);
    input.add("limit", limit(MAX_LIMIT), false);
    let description = "The `next` of the page before, with the same other arguments.";
    input.add("cursor", described(json!({ "type": "string" }), description), false);
    let description = "The parts of the state to return: `owner`, `address.city`.";
    input.add("fields", texts(description), false);
    input.add("closed", flag("Set to return closed aggregates too."), false);
    // Parts of a state may be left out.
    let row = schemas::state(resource, &json!({ "type": "object" }));
    ToolSchemas { input: input.into_schema(), output: result(None, |_| schemas::page(&row)) }
}

/// Returns the schemas of the tool that reads the events of an aggregate.
pub(super) fn of_history() -> ToolSchemas {
    let mut input = Arguments::default();
    input.add("id", described(schemas::uuid(), "The id of the aggregate."), true);
    let version = json!({ "type": "integer", "minimum": 0, "maximum": u64::MAX });
    let description = "The version after which the page begins, in its order: the `next` of the \
        page before, as a number.";
    input.add("after", described(version, description), false);
    input.add("limit", limit(MAX_EVENTS), false);
    let order = json!({ "type": "string", "enum": ["asc", "desc"], "default": "asc" });
    input.add("order", described(order, "The order of versions."), false);
    let output = result(None, |_| schemas::page(&schemas::past_event()));
    ToolSchemas { input: input.into_schema(), output }
}

/// The schema of arguments in the making.
#[derive(Debug, Default)]
struct Arguments {
    properties: Map<String, Value>,
    required: Vec<&'static str>,
    definitions: Map<String, Value>,
}

impl Arguments {
    fn add(&mut self, name: &'static str, schema: Value, is_required: bool) {
        self.properties.insert(name.to_owned(), schema);
        if is_required {
            self.required.push(name);
        }
    }

    /// Adds an argument whose schema is a document with definitions.
    fn embed(&mut self, name: &'static str, document: &Value, is_required: bool) {
        let schema = split(document, &mut self.definitions);
        self.add(name, schema, is_required);
    }

    fn into_schema(self) -> Map<String, Value> {
        let mut schema = Map::new();
        schema.insert("type".to_owned(), "object".into());
        schema.insert("properties".to_owned(), self.properties.into());
        if !self.required.is_empty() {
            schema.insert("required".to_owned(), self.required.into());
        }
        schema.insert("additionalProperties".to_owned(), false.into());
        add_definitions(&mut schema, self.definitions);
        schema
    }
}

/// Returns the schema of a result: the answer with data of this schema, or a problem.
fn result(data: Option<&Value>, answer: impl FnOnce(&Value) -> Value) -> Map<String, Value> {
    let mut definitions = Map::new();
    let data = data.map_or_else(|| json!({}), |data| split(data, &mut definitions));
    let mut schema = Map::new();
    schema.insert("type".to_owned(), "object".into());
    schema.insert("anyOf".to_owned(), Value::from(vec![answer(&data), problem()]));
    add_definitions(&mut schema, definitions);
    schema
}

/// Returns the schema of a problem, without the list of all codes, which each tool would repeat.
fn problem() -> Value {
    let mut schema = schemas::problem();
    schema["properties"]["code"] = json!({ "type": "string" });
    schema
}

/// Returns a schema without its definitions, which move to the root of the tool's schema. Its
/// references stay valid, since a schema of a tool has one author's document.
fn split(document: &Value, definitions: &mut Map<String, Value>) -> Value {
    let mut schema = document.clone();
    if let Some(members) = schema.as_object_mut() {
        members.remove("$schema");
        if let Some(Value::Object(own)) = members.remove("$defs") {
            definitions.extend(own);
        }
    }
    schema
}

fn add_definitions(schema: &mut Map<String, Value>, definitions: Map<String, Value>) {
    if !definitions.is_empty() {
        schema.insert("$defs".to_owned(), definitions.into());
    }
}

/// Returns the schema of an idempotency key. That of a sender without an actor is a UUID.
fn idempotency_key(has_actors: bool) -> Value {
    let schema = match has_actors {
        true => {
            json!({ "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" })
        }
        false => schemas::uuid(),
    };
    let description = "A key that the client draws for this call. A call that is sent again with \
        it has no further effect, and gets the first answer.";
    described(schema, description)
}

fn flag(description: &str) -> Value {
    described(json!({ "type": "boolean", "default": false }), description)
}

fn limit(max: usize) -> Value {
    let schema =
        json!({ "type": "integer", "minimum": 1, "maximum": max, "default": DEFAULT_LIMIT });
    described(schema, "The maximum number of rows of the page.")
}

fn described(mut schema: Value, description: &str) -> Value {
    schema["description"] = description.into();
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_at_the_root_of_the_schema() {
        let document = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "properties": { "shelf": { "$ref": "#/$defs/Shelf" } },
            "$defs": { "Shelf": { "type": "string" } },
        });
        let mut input = Arguments::default();
        input.embed("payload", &document, true);
        let schema = Value::Object(input.into_schema());
        let expected = json!({
            "type": "object",
            "properties": {
                "payload": { "properties": { "shelf": { "$ref": "#/$defs/Shelf" } } },
            },
            "required": ["payload"],
            "additionalProperties": false,
            "$defs": { "Shelf": { "type": "string" } },
        });
        assert_eq!(schema, expected);
        let output = Value::Object(result(Some(&document), |data| json!({ "data": data })));
        assert_eq!(output["$defs"], expected["$defs"]);
        assert_eq!(output["anyOf"][0]["data"], expected["properties"]["payload"]);
    }
}
