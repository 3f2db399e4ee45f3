//! JSON schemas of commands, events, answers and states, from their descriptors.
//!
//! The payload of a command is read, so its schema has the input contract of schemars; the others
//! are written and have the output contract. Each document contains the definitions that it refers
//! to.

use schemars::generate::{Contract, SchemaSettings};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};

use super::{TypeSchema, bounds};
use crate::model::{ActionDescriptor, AggregateDescriptor, FieldDescriptor};

/// Returns the schema of an action's payload.
pub(crate) fn payload(action: &ActionDescriptor) -> Value {
    document(Contract::Deserialize, |generator| {
        let fields = action.fields.iter();
        let required = action.fields.iter().filter(|field| !field.optional);
        let properties = fields.map(|each| (each.name.to_owned(), field(each, generator)));
        let schema = json_schema!({
            "title": action.command,
            "type": "object",
            "properties": properties.collect::<Map<String, Value>>(),
            "required": required.map(|field| field.name).collect::<Vec<_>>(),
            "additionalProperties": false,
        });
        with_description(schema, action.docs)
    })
}

/// Returns the schema of an action's event: its fields, and the data that the action returned as
/// `data`; `None` for a read-only action.
pub(crate) fn event(action: &ActionDescriptor) -> Option<Value> {
    let event = action.event?;
    Some(document(Contract::Serialize, |generator| {
        let kept = action.fields.iter().filter(|field| !field.secret);
        let mut properties: Map<String, Value> =
            kept.map(|each| (each.name.to_owned(), stored_field(each, generator))).collect();
        if let Some(output) = action.output {
            properties.insert("data".to_owned(), output.generate(generator).to_value());
        }
        let schema = json_schema!({
            "title": event.name,
            "type": "object",
            "required": properties.keys().cloned().collect::<Vec<_>>(),
            "properties": properties,
        });
        with_description(schema, event.docs)
    }))
}

/// Returns the schema of the data of a response: what the action returns, or the state.
pub(crate) fn output(action: &ActionDescriptor, aggregate: &AggregateDescriptor) -> Value {
    of_type(action.output.unwrap_or(aggregate.state))
}

/// Returns the schema of a state.
pub(crate) fn state(aggregate: &AggregateDescriptor) -> Value {
    of_type(aggregate.state)
}

fn of_type(schema: TypeSchema) -> Value {
    document(Contract::Serialize, |generator| schema.generate(generator))
}

/// Generates a document of draft 2020-12 with the definitions that it refers to.
fn document(contract: Contract, root: impl FnOnce(&mut SchemaGenerator) -> Schema) -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.contract = contract;
    let mut generator = settings.into_generator();
    let mut schema = root(&mut generator);
    let definitions = generator.take_definitions(false);
    if !definitions.is_empty() {
        schema.insert("$defs".to_owned(), definitions.into());
    }
    bounds::add(&mut schema);
    schema.to_value()
}

/// Returns the schema of a field in a payload.
fn field(field: &FieldDescriptor, generator: &mut SchemaGenerator) -> Value {
    let mut schema = described(field, generator);
    if field.secret {
        schema.insert("writeOnly".to_owned(), true.into());
    }
    if let Some(default) = field.default_value() {
        schema.insert("default".to_owned(), default);
    }
    if let Some(example) = field.example_value() {
        schema.insert("examples".to_owned(), Value::from(vec![example]));
    }
    schema.to_value()
}

/// Returns the schema of a field in an event.
fn stored_field(field: &FieldDescriptor, generator: &mut SchemaGenerator) -> Value {
    described(field, generator).to_value()
}

/// Returns the schema of the field's type, with the author's documentation of the parameter.
fn described(field: &FieldDescriptor, generator: &mut SchemaGenerator) -> Schema {
    let mut schema = field.schema.generate(generator);
    schema.ensure_object();
    with_description(schema, field.docs)
}

/// Adds the author's documentation, if there is any.
fn with_description(mut schema: Schema, docs: &str) -> Schema {
    if !docs.is_empty() {
        schema.insert("description".to_owned(), docs.into());
    }
    schema
}
