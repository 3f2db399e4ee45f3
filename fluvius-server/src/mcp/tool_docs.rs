//! The texts and annotations of a tool, from the declaration of its action.

use fluvius_core::Lifecycle;
use fluvius_core::registry::ActionDescription;
use rmcp::model::ToolAnnotations;

/// Returns the description of the tool for an action.
pub(super) fn of_action(action: &ActionDescription) -> String {
    let mut text = match action.docs {
        "" => format!("Runs the command `{}`.", action.key),
        docs => docs.to_owned(),
    };
    if let Some(deprecated) = action.deprecated {
        let since = deprecated.since.map(|since| format!(" since {since}")).unwrap_or_default();
        let note = deprecated.note.map(|note| format!(": {note}")).unwrap_or_default();
        text = format!("Deprecated{since}{note}.\n\n{text}");
    }
    if let Some(day) = action.sunset {
        text += &format!("\n\nThis tool is removed on {day}.");
    }
    let mut codes: Vec<String> = Vec::new();
    for rejection in &action.rejections.codes {
        let code = format!("`{}`", rejection.code);
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    if !codes.is_empty() {
        text += &format!("\n\nRejections: {}.", codes.join(", "));
    }
    text
}

/// Returns the description of a read.
pub(super) fn of_read(resource: &str, read: &str) -> String {
    match read {
        "get" => format!(
            "Read the state of an aggregate of the resource `{resource}`: the newest one, or that \
             at a version or a time."
        ),
        "query" => format!(
            "Find aggregates of the resource `{resource}`, page by page. A page may be empty and \
             have a next one."
        ),
        _ => format!(
            "Read the events of an aggregate of the resource `{resource}` with the changes that \
             they made, page by page."
        ),
    }
}

/// Returns the annotations of the tool for an action.
///
/// A call is not idempotent by itself: it needs an idempotency key. A repeated close is, since the
/// second one finds no aggregate.
pub(super) fn annotations(action: &ActionDescription) -> ToolAnnotations {
    let reads = action.lifecycle == Lifecycle::Unchanged && action.event.is_none();
    let closes = action.lifecycle == Lifecycle::Close;
    ToolAnnotations::new()
        .read_only(reads)
        .destructive(closes)
        .idempotent(reads || closes)
        .open_world(false)
}

/// Returns the annotations of a read.
pub(super) fn annotations_of_read() -> ToolAnnotations {
    ToolAnnotations::new().read_only(true).destructive(false).idempotent(true).open_world(false)
}
