//! The description of a domain as plain data: its aggregate types, actions, fields, events and
//! codes, with their JSON schemas.
//!
//! Documents, tools and forms are made from it. It has no functions and no Rust types of the
//! author, so it can be written as JSON.

use std::time::Duration;

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::model::{
    ActionDescriptor, AggregateDescriptor, Deprecation, FieldDescriptor, Lifecycle, RejectionCodes,
};
use fluvius_store::query::FieldIndex;

/// The description of a domain.
///
/// # Shape
/// `aggregates` is sorted by main resource. The actions of an aggregate type are in the order of
/// its block, the fields of an action in that of the parameters.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DomainDescription {
    /// The namespace.
    pub namespace: &'static str,
    /// The title.
    pub title: &'static str,
    /// The purpose of the domain.
    pub description: &'static str,
    /// The tags.
    pub tags: &'static [&'static str],
    /// The revision of the domain.
    pub revision: u32,
    /// The aggregate types.
    pub aggregates: Vec<AggregateDescription>,
    /// The types without a JSON schema. Empty without the feature `schema`.
    pub missing_schemas: Vec<MissingSchema>,
}

/// The description of an aggregate type.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AggregateDescription {
    /// The name of the Rust type, with its path.
    pub type_name: &'static str,
    /// The documentation of the block, or else that of the state's schema.
    pub docs: String,
    /// The resources; the first is the main one.
    pub resources: &'static [&'static str],
    /// The revision of the shape of the state and the events.
    pub revision: u32,
    /// The indexed fields of the state.
    pub indexes: &'static [FieldIndex],
    /// The JSON schema of the state, as written; `None` without the feature `schema`.
    pub state: Option<Value>,
    /// The actions, internal ones included.
    pub actions: Vec<ActionDescription>,
}

/// The description of an action.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ActionDescription {
    /// The command's key.
    pub key: &'static str,
    /// The name of the command struct.
    pub command: &'static str,
    /// The name of the method.
    pub method: &'static str,
    /// The author's documentation of the method.
    pub docs: &'static str,
    /// The effect of the action on its aggregate.
    pub lifecycle: Lifecycle,
    /// The resources that the action is allowed on.
    pub resources: &'static [&'static str],
    /// Set if the action runs only by `invoke` from another action.
    pub internal: bool,
    /// Set if the command must have an expected version or etag.
    pub if_match_required: bool,
    /// Set if MCP clients may use the action as a tool.
    pub mcp: bool,
    /// The action's own timeout, in JSON as seconds; `None` for the runtime's.
    #[serde(serialize_with = "seconds")]
    pub timeout: Option<Duration>,
    /// Maximum number of bytes of the command's JSON payload; `None` for the domain's limit.
    pub body_limit: Option<usize>,
    /// The deprecation, if the action is deprecated.
    pub deprecated: Option<Deprecation>,
    /// The day on which the action is removed: `2027-06-30`.
    pub sunset: Option<&'static str>,
    /// The command's fields.
    pub fields: Vec<FieldDescription>,
    /// The JSON schema of the command's payload, as read; `None` without the feature `schema`.
    pub payload: Option<Value>,
    /// The JSON schema of the response's data, as written; `None` without the feature `schema`.
    pub output: Option<Value>,
    /// The recorded event; `None` for a read-only action.
    pub event: Option<EventDescription>,
    /// The codes that the action can reject the command with.
    #[serde(flatten)]
    pub rejections: RejectionCodes,
}

/// The description of a command's field.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FieldDescription {
    /// The name in JSON.
    pub name: &'static str,
    /// Further names of the field in JSON.
    pub aliases: &'static [&'static str],
    /// The type, as the author wrote it.
    pub type_name: &'static str,
    /// The documentation of the parameter.
    pub docs: &'static str,
    /// Set if the field may be absent.
    pub optional: bool,
    /// Set if the value is a secret, which is not stored.
    pub secret: bool,
    /// The default, if the author wrote a literal.
    pub default: Option<Value>,
    /// The example.
    pub example: Option<Value>,
    /// The JSON schema of the field: a part of [`payload`](ActionDescription::payload), which has
    /// the definitions that it refers to. `None` without the feature `schema`.
    pub schema: Option<Value>,
}

/// The description of an event.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EventDescription {
    /// The key.
    pub key: &'static str,
    /// The name of the event struct.
    pub name: &'static str,
    /// The documentation.
    pub docs: &'static str,
    /// The JSON schema of the event, as written: its fields, and the data that the action returned
    /// as `data`. `None` without the feature `schema`.
    pub schema: Option<Value>,
}

/// A type of the author without a JSON schema. Its schema has no requirements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MissingSchema {
    /// The type, as the author wrote it.
    pub type_name: &'static str,
    /// The main resource of the aggregate type.
    pub resource: &'static str,
    /// The command's key; `None` for the state.
    pub command: Option<&'static str>,
    /// The command's field; `None` for the state and for the data that an action returns.
    pub field: Option<&'static str>,
}

impl AggregateDescription {
    pub(super) fn of(aggregate: &AggregateDescriptor) -> Self {
        let state = schema_of_state(aggregate);
        Self {
            type_name: aggregate.type_name(),
            docs: match aggregate.docs {
                "" => description_of(state.as_ref()).unwrap_or_default(),
                docs => docs.to_owned(),
            },
            resources: aggregate.resources,
            revision: aggregate.revision,
            indexes: aggregate.indexes,
            state,
            actions: aggregate
                .actions
                .iter()
                .map(|action| ActionDescription::of(action, aggregate))
                .collect(),
        }
    }
}

impl ActionDescription {
    fn of(action: &ActionDescriptor, aggregate: &AggregateDescriptor) -> Self {
        let [payload, output, event] = schemas_of_action(action, aggregate);
        Self {
            key: action.key,
            command: action.command,
            method: action.method,
            docs: action.docs,
            lifecycle: action.lifecycle,
            resources: action.resources,
            internal: action.internal,
            if_match_required: action.if_match_required,
            mcp: action.mcp,
            timeout: action.timeout,
            body_limit: action.body_limit,
            deprecated: action.deprecated,
            sunset: action.sunset,
            fields: action
                .fields
                .iter()
                .map(|field| FieldDescription::of(field, payload.as_ref()))
                .collect(),
            payload,
            output,
            event: action.event.map(|described| EventDescription {
                key: described.key,
                name: described.name,
                docs: described.docs,
                schema: event,
            }),
            rejections: RejectionCodes::from_entries(action.codes),
        }
    }
}

impl FieldDescription {
    fn of(field: &FieldDescriptor, payload: Option<&Value>) -> Self {
        Self {
            name: field.name,
            aliases: field.aliases,
            type_name: field.type_name,
            docs: field.docs,
            optional: field.optional,
            secret: field.secret,
            default: field.default_value(),
            example: field.example_value(),
            schema: payload.map(|payload| payload["properties"][field.name].clone()),
        }
    }
}

#[cfg(feature = "schema")]
fn schema_of_state(aggregate: &AggregateDescriptor) -> Option<Value> {
    Some(crate::model::schema::state(aggregate))
}

#[cfg(not(feature = "schema"))]
fn schema_of_state(_: &AggregateDescriptor) -> Option<Value> {
    None
}

/// Returns the schemas of the payload, of the response's data and of the event.
#[cfg(feature = "schema")]
fn schemas_of_action(
    action: &ActionDescriptor,
    aggregate: &AggregateDescriptor,
) -> [Option<Value>; 3] {
    use crate::model::schema;

    [Some(schema::payload(action)), Some(schema::output(action, aggregate)), schema::event(action)]
}

#[cfg(not(feature = "schema"))]
fn schemas_of_action(_: &ActionDescriptor, _: &AggregateDescriptor) -> [Option<Value>; 3] {
    [None, None, None]
}

/// Returns the types without a schema, of the state first.
#[cfg(feature = "schema")]
pub(super) fn missing_schemas(aggregate: &AggregateDescriptor) -> Vec<MissingSchema> {
    let resource = aggregate.resources[0];
    let state = [(None, None, aggregate.state)];
    let of_actions = aggregate.actions.iter().flat_map(|action| {
        let fields = action.fields.iter().map(|field| (Some(field.name), field.schema));
        let all = fields.chain(action.output.map(|output| (None, output)));
        all.map(|(field, schema)| (Some(action.key), field, schema))
    });
    let missing = state.into_iter().chain(of_actions).filter(|(.., schema)| schema.is_missing());
    missing
        .map(|(command, field, schema)| MissingSchema {
            type_name: schema.type_name(),
            resource,
            command,
            field,
        })
        .collect()
}

#[cfg(not(feature = "schema"))]
pub(super) fn missing_schemas(_: &AggregateDescriptor) -> Vec<MissingSchema> {
    Vec::new()
}

/// Returns the description in a schema, or in the definition that it refers to.
fn description_of(schema: Option<&Value>) -> Option<String> {
    let schema = schema?;
    let definition =
        schema["$ref"].as_str().and_then(|path| schema.pointer(path.strip_prefix('#')?));
    definition.unwrap_or(schema)["description"].as_str().map(str::to_owned)
}

fn seconds<S: Serializer>(timeout: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    timeout.as_ref().map(Duration::as_secs_f64).serialize(to)
}
