//! The operations that send commands.

use fluvius_core::registry::{ActionDescription, AggregateDescription};
use fluvius_core::{Lifecycle, RejectionCode};
use serde_json::{Map, Value, json};

use super::components::{Components, reference};
use super::problems::Errors;
use super::{Document, answer, header, operation_id, parameters, summary};
use crate::mounted::Mounted;
use crate::routes::{MAX_COMMANDS, Route, command_routes};
use crate::schemas;

/// Adds the schemas of atomic groups.
pub(super) fn add_schemas(components: &mut Components) {
    let member = json!({
        "type": "object",
        "properties": {
            "resource": { "type": "string" },
            "identifier": {
                "anyOf": [schemas::uuid(), { "type": "null" }],
                "description": "The aggregate; a creating command may leave it out.",
            },
            "command": { "type": "string", "description": "The key of the command." },
            "payload": { "type": "object" },
            "if_match": {
                "type": ["string", "null"],
                "description": "As the header `If-Match`, for the state before the group.",
            },
        },
        "required": ["resource", "command"],
        "additionalProperties": false,
    });
    let member = components.insert("GroupMember", member);
    let group = json!({
        "type": "object",
        "properties": {
            "commands": {
                "type": "array",
                "items": member,
                "minItems": 1,
                "maxItems": MAX_COMMANDS,
            },
        },
        "required": ["commands"],
        "additionalProperties": false,
    });
    components.insert("Group", group);
    let answers = json!({
        "type": "object",
        "properties": {
            "answers": { "type": "array", "items": schemas::answer(&json!({})) },
        },
        "required": ["answers"],
    });
    components.insert("GroupAnswers", answers);
}

/// Adds the schema of dry runs.
pub(super) fn add_dry_run(components: &mut Components) {
    let event = json!({
        "type": "object",
        "properties": {
            "event": { "type": "string" },
            "resource": { "type": "string" },
            "identifier": schemas::uuid(),
            "version": { "type": "integer", "minimum": 1 },
            "fields": { "type": "object" },
            "delta": { "description": "The change of the state, as in a history." },
        },
        "required": ["event", "resource", "identifier", "version", "fields", "delta"],
    });
    let schema = json!({
        "type": "object",
        "description": "The effect that the commands would have. Nothing of it is stored.",
        "properties": {
            "dry_run": { "type": "boolean", "const": true },
            "data": { "type": "array", "items": {}, "description": "The data of each command." },
            "events": { "type": "array", "items": event },
            "messages": { "type": "array", "items": { "type": "object" } },
        },
        "required": ["dry_run", "data", "events", "messages"],
    });
    components.insert("DryRun", schema);
}

/// Adds the operations of a domain's commands.
pub(super) fn add(document: &mut Document<'_>, domain: &Mounted) {
    for route in command_routes(domain) {
        let Some((aggregate, action)) = described(domain, route) else { continue };
        let operation = operation(document, domain, aggregate, action, route);
        document.insert(&format!("/{}{}", domain.namespace(), route.path()), "post", operation);
    }
    let atomic = atomic(document, domain);
    document.insert(&format!("/{}/atomic", domain.namespace()), "post", atomic);
}

fn described(
    domain: &Mounted,
    route: Route,
) -> Option<(&AggregateDescription, &ActionDescription)> {
    let aggregate = domain.aggregate(route.resource)?;
    let action = aggregate.actions.iter().find(|action| action.key == route.action.key)?;
    Some((aggregate, action))
}

fn operation(
    document: &mut Document<'_>,
    domain: &Mounted,
    aggregate: &AggregateDescription,
    action: &ActionDescription,
    route: Route,
) -> Value {
    let creates = action.lifecycle == Lifecycle::Create;
    let mut parameters = vec![parameters::idempotency_key(document.has_authenticator)];
    if route.has_id {
        parameters.insert(0, parameters::id("The aggregate."));
    }
    parameters.push(parameters::dry_run());
    match creates {
        true => parameters.push(parameters::must_not_exist()),
        false => parameters.push(parameters::if_match(action.if_match_required)),
    }
    let payload = action.payload.clone().unwrap_or_else(|| json!({ "type": "object" }));
    let payload = document.components.add(action.command, &payload);
    let is_required = action.fields.iter().any(|field| !field.optional);
    let mut content = json!({ "schema": payload });
    if let Some(example) = example(action) {
        content["example"] = example;
    }

    let output = action.output.clone().unwrap_or_else(|| json!({}));
    let output = match output.as_object().is_some_and(Map::is_empty) {
        true => json!({}),
        false => document.components.add(&format!("{}Data", action.command), &output),
    };
    let mut responses = Map::new();
    let (status, mut success) = success(creates, &output);
    success["links"] = links(domain, aggregate, route.resource);
    responses.insert(status.to_owned(), success);
    let dry_run = reference("DryRun");
    match creates {
        true => {
            let headers = json!({});
            responses.insert("200".to_owned(), answer("The dry run.", &dry_run, headers));
        }
        false => {
            let schema = &mut responses["200"]["content"]["application/json"]["schema"];
            *schema = json!({ "anyOf": [schema.take(), dry_run] });
        }
    }
    let base_path = &document.settings.base_path;
    let mut errors = Errors::of_command(base_path, document.has_authenticator, &[]);
    let (codes, is_open) = rejections(domain, action);
    errors.add_rejections(domain.namespace(), &codes, is_open);
    errors.write(&mut responses);

    let mut parts = vec![domain.namespace(), route.resource, action.key];
    if creates && !route.has_id {
        parts.push("new");
    }
    let docs = match action.docs {
        "" => format!("Runs the command `{}`.", action.key),
        docs => docs.to_owned(),
    };
    let mut operation = json!({
        "operationId": operation_id(&parts),
        "tags": [route.resource],
        "summary": summary(&docs),
        "description": docs,
        "parameters": parameters,
        "requestBody": {
            "required": is_required,
            "content": { "application/json": content },
        },
        "responses": responses,
    });
    if let Some(deprecated) = action.deprecated {
        operation["deprecated"] = true.into();
        if let Some(note) = deprecated.note {
            operation["description"] = format!("{docs}\n\nDeprecated: {note}.").into();
        }
    }
    if let Some(day) = action.sunset {
        operation["x-sunset"] = day.into();
    }
    operation
}

fn success(creates: bool, output: &Value) -> (&'static str, Value) {
    let replayed = header("`true` if the answer was read from the log.");
    let schema = schemas::answer(output);
    match creates {
        true => {
            let headers = json!({
                "Location": header("The path of the state."),
                "Idempotent-Replayed": replayed,
            });
            ("201", answer("The aggregate is created.", &schema, headers))
        }
        false => {
            let headers = json!({
                "Link": header("The path of the state, as `related`."),
                "Idempotent-Replayed": replayed,
            });
            ("200", answer("The command is applied.", &schema, headers))
        }
    }
}

/// Returns links from an answer to the state, and to every command of the aggregate.
fn links(domain: &Mounted, aggregate: &AggregateDescription, resource: &str) -> Value {
    let link = |parts: &[&str]| {
        json!({
            "operationId": operation_id(parts),
            "parameters": { "id": "$response.body#/identifier" },
        })
    };
    let mut links = Map::new();
    links.insert("state".to_owned(), link(&[domain.namespace(), resource, "state"]));
    links.insert("history".to_owned(), link(&[domain.namespace(), resource, "history"]));
    for action in &aggregate.actions {
        let is_next = !action.internal
            && action.lifecycle != Lifecycle::Create
            && action.resources.contains(&resource);
        if is_next {
            links.insert(action.key.to_owned(), link(&[domain.namespace(), resource, action.key]));
        }
    }
    let status = json!({
        "operationId": operation_id(&[domain.namespace(), "command"]),
        "parameters": { "id": "$response.body#/command_id" },
    });
    links.insert("command".to_owned(), status);
    Value::Object(links)
}

/// Returns the codes that an action may reject with, and true if there may be others.
fn rejections(domain: &Mounted, action: &ActionDescription) -> (Vec<RejectionCode>, bool) {
    let mut codes = action.rejections.codes.clone();
    if action.rejections.invoked {
        for code in domain.rejections() {
            if codes.iter().all(|known| known.code != code.code) {
                codes.push(code);
            }
        }
    }
    (codes, action.rejections.open)
}

/// Returns an example of the payload, if each required field has one.
fn example(action: &ActionDescription) -> Option<Value> {
    let mut example = Map::new();
    for field in &action.fields {
        match field.example.clone().or_else(|| field.default.clone()) {
            Some(value) => {
                example.insert(field.name.to_owned(), value);
            }
            None if field.optional => {}
            None => return None,
        }
    }
    Some(Value::Object(example))
}

fn atomic(document: &mut Document<'_>, domain: &Mounted) -> Value {
    let mut responses = Map::new();
    let headers =
        json!({ "Idempotent-Replayed": header("`true` if the answer was read from the log.") });
    let schema = json!({ "anyOf": [reference("GroupAnswers"), reference("DryRun")] });
    let success = answer("All commands are applied.", &schema, headers);
    responses.insert("200".to_owned(), success);
    let codes = ["group-rejected", "unknown-command", "resource-not-allowed"];
    let base_path = &document.settings.base_path;
    Errors::of_command(base_path, document.has_authenticator, &codes).write(&mut responses);
    json!({
        "operationId": operation_id(&[domain.namespace(), "atomic"]),
        "tags": [domain.namespace()],
        "summary": "Apply several commands as one unit of work",
        "description": "Each command is decided on the result of those before it. Either all are \
            applied, or none. The path of a problem begins with that of its command.",
        "parameters": [
            parameters::idempotency_key(document.has_authenticator),
            parameters::dry_run(),
        ],
        "requestBody": {
            "required": true,
            "content": { "application/json": { "schema": reference("Group") } },
        },
        "responses": responses,
    })
}
