//! The parameters and headers of operations.

use serde_json::{Value, json};

use crate::operations::{MAX_EVENTS, MAX_LIMIT};
use crate::schemas::{time, uuid};

pub(super) fn id(description: &str) -> Value {
    json!({
        "name": "id",
        "in": "path",
        "required": true,
        "description": description,
        "schema": uuid(),
    })
}

/// Returns the parameter of a dry run.
pub(super) fn dry_run() -> Value {
    flag(
        "dry_run",
        "Set to decide and discard: the answer has the data, events and messages that the command \
         would have. The idempotency key is ignored.",
    )
}

/// Returns the header `Idempotency-Key`. That of an anonymous sender is a UUID.
pub(super) fn idempotency_key(has_authenticator: bool) -> Value {
    let schema = match has_authenticator {
        true => {
            json!({ "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" })
        }
        false => uuid(),
    };
    header(
        "Idempotency-Key",
        "A key that the client draws for the command. A request that is sent again with it has no \
         further effect, and gets the first answer.",
        false,
        &schema,
    )
}

pub(super) fn if_match(is_required: bool) -> Value {
    let description = "The etag of the version that the decision was made on, from `ETag` of the \
        state or `etag` of an answer, in double quotes; `*` if the aggregate must exist.";
    header("If-Match", description, is_required, &json!({ "type": "string" }))
}

pub(super) fn must_not_exist() -> Value {
    let description = "`*`: the aggregate must not exist.";
    header("If-None-Match", description, false, &json!({ "type": "string", "enum": ["*"] }))
}

pub(super) fn if_none_match() -> Value {
    let description = "The `ETag` of the client's copy: if it is current, the answer is 304.";
    header("If-None-Match", description, false, &json!({ "type": "string" }))
}

fn header(name: &str, description: &str, is_required: bool, schema: &Value) -> Value {
    json!({
        "name": name,
        "in": "header",
        "required": is_required,
        "description": description,
        "schema": schema,
    })
}

pub(super) fn query(name: &str, description: &str, schema: &Value) -> Value {
    json!({ "name": name, "in": "query", "description": description, "schema": schema })
}

fn flag(name: &str, description: &str) -> Value {
    query(name, description, &json!({ "type": "boolean", "default": false }))
}

/// Returns the parameters of a state.
pub(super) fn of_state() -> Vec<Value> {
    vec![
        query(
            "at_version",
            "The version to read, in place of the newest one.",
            &json!({ "type": "integer", "minimum": 1, "maximum": u64::MAX }),
        ),
        query("at_time", "The time to read at, in place of now. Not beside `at_version`.", &time()),
        flag("closed", "Set to read a closed aggregate too."),
        if_none_match(),
    ]
}

/// Returns the parameters of a query.
pub(super) fn of_query() -> Vec<Value> {
    let text = json!({ "type": "string" });
    vec![
        limit(MAX_LIMIT),
        query("cursor", "The `next` of the page before, with the same other parameters.", &text),
        query(
            "sort",
            "The order: names of fields, `-` before a descending one: `-balance,name`. In a large \
             resource the first one needs an index.",
            &text,
        ),
        query("fields", "The parts of the state to return: `owner,address.city`.", &text),
        flag("closed", "Set to return closed aggregates too."),
        query(
            "filter",
            "A filter in JSON: `{\"all\": [..]}`, `{\"any\": [..]}`, `{\"not\": ..}` or \
             `{\"field\": .., \"op\": .., \"value\": ..}`.",
            &text,
        ),
    ]
}

/// Returns the parameters of a history.
pub(super) fn of_history() -> Vec<Value> {
    vec![
        query(
            "after",
            "The version after which the page begins, in its order: the `next` of the page before.",
            &json!({ "type": "integer", "minimum": 0, "maximum": u64::MAX }),
        ),
        limit(MAX_EVENTS),
        query(
            "order",
            "The order of versions.",
            &json!({ "type": "string", "enum": ["asc", "desc"] }),
        ),
    ]
}

pub(super) fn limit(max: usize) -> Value {
    let schema = json!({ "type": "integer", "minimum": 1, "maximum": max, "default": 50 });
    query("limit", "The maximum number of rows of the page.", &schema)
}

/// Returns the parameters of a page of events.
pub(super) fn of_events() -> Vec<Value> {
    let text = json!({ "type": "string" });
    let texts = json!({ "type": "array", "items": text });
    vec![
        query("after", "The `next` of the page before.", &text),
        limit(MAX_EVENTS),
        query("event", "The key of the events; may be repeated.", &texts),
        query("resource", "The resource of their aggregates.", &text),
        query("identifier", "Their aggregate; needs `resource`.", &uuid()),
        query("actor", "The user whose commands recorded them.", &uuid()),
    ]
}
