//! The JSON schemas of answers, which the OpenAPI document and the tools share.

use serde_json::{Value, json};

use crate::problem::CODES;

/// The pattern of a UUID in its canonical form.
const UUID: &str = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$";

/// Returns the schema of a UUID.
pub(crate) fn uuid() -> Value {
    json!({ "type": "string", "format": "uuid", "pattern": UUID })
}

/// Returns the schema of a time.
pub(crate) fn time() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

/// Returns the schema of the answer to a command, with data of this schema.
pub(crate) fn answer(data: &Value) -> Value {
    json!({
        "type": "object",
        "properties": {
            "command_id": uuid(),
            "command": { "type": "string" },
            "resource": { "type": "string" },
            "identifier": uuid(),
            "version": { "type": "integer", "minimum": 1 },
            "etag": { "type": "string", "description": "For `If-Match`, in double quotes." },
            "event": {
                "type": ["string", "null"],
                "description": "The key of the recorded event; null if the action only answers.",
            },
            "position": {
                "type": "integer",
                "minimum": 1,
                "description": "The position of the last row of the command in the log.",
            },
            "occurred_at": time(),
            "data": data,
        },
        "required": [
            "command_id", "command", "resource", "identifier", "version", "etag", "event",
            "position", "occurred_at", "data",
        ],
    })
}

/// Returns the schema of a state with data of this schema.
pub(crate) fn state(resource: &str, data: &Value) -> Value {
    let optional = |schema: Value| json!({ "anyOf": [schema, { "type": "null" }] });
    json!({
        "type": "object",
        "properties": {
            "resource": { "type": "string", "const": resource },
            "identifier": uuid(),
            "version": { "type": "integer", "minimum": 1 },
            "etag": { "type": "string", "description": "For `If-Match`, in double quotes." },
            "revision": { "type": "integer", "minimum": 1 },
            "created_at": time(),
            "created_by": optional(uuid()),
            "updated_at": time(),
            "updated_by": optional(uuid()),
            "closed_at": optional(time()),
            "data": data,
        },
        "required": [
            "resource", "identifier", "version", "etag", "revision", "created_at", "created_by",
            "updated_at", "updated_by", "closed_at", "data",
        ],
    })
}

/// Returns the schema of an event.
pub(crate) fn event() -> Value {
    json!({
        "type": "object",
        "properties": {
            "position": { "type": "integer", "minimum": 1 },
            "id": uuid(),
            "event": { "type": "string" },
            "resource": { "type": "string" },
            "identifier": uuid(),
            "version": { "type": "integer", "minimum": 1 },
            "revision": { "type": "integer", "minimum": 1 },
            "command_id": uuid(),
            "occurred_at": time(),
            "fields": {
                "type": "object",
                "description": "The arguments of the command, and the data that the action \
                    returned as `data`.",
            },
        },
        "required": [
            "position", "id", "event", "resource", "identifier", "version", "revision",
            "command_id", "occurred_at", "fields",
        ],
    })
}

/// Returns the schema of an event in a history, which has its delta.
pub(crate) fn past_event() -> Value {
    let mut event = event();
    event["properties"]["delta"] = json!({
        "description": "The change of the state: a JSON Patch (RFC 6902), or a snapshot.",
        "anyOf": [
            { "type": "array", "items": { "type": "object" } },
            { "type": "object", "properties": { "snapshot": {} }, "required": ["snapshot"] },
        ],
    });
    event
}

/// Returns the schema of a page of rows of this schema.
pub(crate) fn page(row: &Value) -> Value {
    json!({
        "type": "object",
        "properties": {
            "rows": { "type": "array", "items": row },
            "next": {
                "type": ["string", "null"],
                "description": "The start of the next page; null if there is none. A page may be \
                    short or empty and have a next one, since the rows read for it are limited.",
            },
        },
        "required": ["rows", "next"],
    })
}

/// Returns the schema of a problem.
pub(crate) fn problem() -> Value {
    let codes: Vec<&str> = CODES.iter().map(|code| code.code).collect();
    let text = json!({ "type": "string" });
    json!({
        "type": "object",
        "description": "A problem (RFC 9457).",
        "properties": {
            "type": { "type": "string", "description": "The path of the page about the code." },
            "title": text,
            "status": { "type": "integer", "minimum": 400, "maximum": 599 },
            "detail": text,
            "instance": { "type": "string", "description": "`urn:uuid:` of the command." },
            "code": { "type": "string", "enum": codes },
            "rejection": { "type": "string", "description": "The author's code of a rejection." },
            "path": { "type": "string", "description": "A JSON Pointer into the body." },
            "version": { "type": "integer", "minimum": 0 },
            "etag": { "type": ["string", "null"] },
            "retry": { "type": "string", "enum": ["never", "same-key", "new-key"] },
        },
        "required": ["type", "title", "status", "detail", "code", "retry"],
    })
}
