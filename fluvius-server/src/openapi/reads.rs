//! The operations that read.

use fluvius_core::registry::AggregateDescription;
use serde_json::{Map, Value, json};

use super::components::reference;
use super::problems::Errors;
use super::{Document, answer, header, operation_id, parameters};
use crate::mounted::Mounted;
use crate::schemas;

/// Adds the operations of a domain that read.
pub(super) fn add(document: &mut Document<'_>, domain: &Mounted) {
    let namespace = domain.namespace();
    let event = document.components.insert("Event", schemas::event());
    let past_event = document.components.insert("HistoryEvent", schemas::past_event());
    for aggregate in &domain.description.aggregates {
        for resource in aggregate.resources {
            add_resource(document, domain, aggregate, resource, &past_event);
        }
    }
    let events = read(
        document,
        &[namespace, "events"],
        namespace,
        ("Read the events of the domain", "The events in the order of their commits."),
        parameters::of_events(),
        answer("A page of events.", &schemas::page(&event), json!({})),
        &["invalid-position", "permission-denied"],
    );
    document.insert(&format!("/{namespace}/events"), "get", events);
    let meta = read(
        document,
        &[namespace, "meta"],
        namespace,
        ("Read the description of the domain", "The aggregate types, actions, events and codes."),
        Vec::new(),
        answer("The description.", &json!({ "type": "object" }), json!({})),
        &[],
    );
    document.insert(&format!("/{namespace}/meta"), "get", meta);
    let status = json!({
        "type": "object",
        "properties": {
            "command_id": schemas::uuid(),
            "status": { "type": "string", "enum": ["applied", "rejected"] },
            "answer": schemas::answer(&json!({})),
            "problem": reference("Problem"),
        },
        "required": ["command_id", "status"],
    });
    let status = document.components.insert("CommandStatus", status);
    let command = read(
        document,
        &[namespace, "command"],
        namespace,
        (
            "Read the status of a command",
            "A command that the same actor has sent in the same realm: `applied` with its answer, \
             or `rejected` with its problem. One in flight is not found yet.",
        ),
        vec![parameters::id("The id of the command.")],
        answer("The status.", &status, json!({})),
        &[],
    );
    document.insert(&format!("/{namespace}/commands/{{id}}"), "get", command);
}

fn add_resource(
    document: &mut Document<'_>,
    domain: &Mounted,
    aggregate: &AggregateDescription,
    resource: &str,
    event: &Value,
) {
    let namespace = domain.namespace();
    let type_name = aggregate.type_name.rsplit("::").next().unwrap_or(aggregate.type_name);
    let data = aggregate.state.clone().unwrap_or_else(|| json!({}));
    let data = document.components.add(type_name, &data);
    let schema = schemas::state(resource, &data);
    let state = document.components.add(&format!("{type_name}State"), &schema);
    let headers = json!({ "ETag": header("The tag of the version, for `If-Match`.") });
    let mut parameters = vec![parameters::id("The aggregate.")];
    parameters.extend(parameters::of_state());
    let mut get = read(
        document,
        &[namespace, resource, "state"],
        resource,
        (
            &format!("Read a {resource}"),
            "The state of the aggregate: the newest one, or that at a version or a time.",
        ),
        parameters,
        answer("The state.", &state, headers),
        &[],
    );
    get["responses"]["304"] = json!({ "description": "The client's copy is current." });
    document.insert(&format!("/{namespace}/{resource}/{{id}}"), "get", get);

    let mut row = schema;
    // Fields may be left out.
    row["properties"]["data"] = json!({ "type": "object" });
    let row = document.components.add(&format!("{type_name}Row"), &row);
    let query = read(
        document,
        &[namespace, resource, "query"],
        resource,
        (
            &format!("Find aggregates of the resource {resource}"),
            "A page of aggregates. A parameter `name.op=value` is a condition: `op` is one of `eq \
             ne lt le gt ge between in contains starts null`, `!op` is its negation, and a name \
             alone is `eq`. Columns are `@version`, `@created_at` and so on. A page may be short \
             or empty and have a `next`: the number of aggregates that are read for it is limited.",
        ),
        parameters::of_query(),
        answer("A page of aggregates.", &schemas::page(&row), json!({})),
        &["invalid-query"],
    );
    document.insert(&format!("/{namespace}/{resource}"), "get", query);

    let mut parameters = vec![parameters::id("The aggregate.")];
    parameters.extend(parameters::of_history());
    let history = read(
        document,
        &[namespace, resource, "history"],
        resource,
        (
            &format!("Read the history of a {resource}"),
            "The events of the aggregate with the changes that they made, of a closed one too.",
        ),
        parameters,
        answer("A page of events.", &schemas::page(event), json!({})),
        &[],
    );
    document.insert(&format!("/{namespace}/{resource}/{{id}}/history"), "get", history);
}

/// Adds the routes of the server itself.
pub(super) fn add_health(document: &mut Document<'_>) {
    let schema = json!({
        "type": "object",
        "properties": { "status": { "type": "string" } },
        "required": ["status"],
    });
    for (path, summary) in [
        ("/livez", "Tell that the process runs"),
        ("/readyz", "Tell that the server answers requests"),
    ] {
        let mut responses = Map::new();
        responses.insert("200".to_owned(), answer("It does.", &schema, json!({})));
        if path == "/readyz" {
            responses.insert(
                "503".to_owned(),
                json!({
                    "description": "It does not, or not any more.",
                    "content": { "application/problem+json": { "schema": reference("Problem") } },
                }),
            );
        }
        if !document.has_authenticator {
            responses.insert(
                "403".to_owned(),
                json!({
                    "description": "`foreign-origin`",
                    "content": { "application/problem+json": { "schema": reference("Problem") } },
                }),
            );
        }
        let operation = json!({
            "operationId": path.trim_start_matches('/'),
            "tags": ["server"],
            "summary": summary,
            "description": format!("{summary}."),
            "security": [],
            "responses": responses,
        });
        document.insert(path, "get", operation);
    }
}

/// Returns an operation that reads.
fn read(
    document: &Document<'_>,
    id: &[&str],
    tag: &str,
    (summary, description): (&str, &str),
    parameters: Vec<Value>,
    success: Value,
    codes: &[&str],
) -> Value {
    let mut responses = Map::new();
    responses.insert("200".to_owned(), success);
    let base_path = &document.settings.base_path;
    Errors::of_read(base_path, document.has_authenticator, codes).write(&mut responses);
    json!({
        "operationId": operation_id(id),
        "tags": [tag],
        "summary": summary,
        "description": description,
        "parameters": parameters,
        "responses": responses,
    })
}
