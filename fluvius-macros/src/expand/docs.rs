//! The docs of generated items: the author's text, then a description of the item, then a link
//! back.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{LitStr, Meta};

use super::{Part, Scope};
use crate::model::inherited::Deprecated;
use crate::model::markdown::code;
use crate::model::{Action, EventModel, Field, Lifecycle, example, names};
use crate::parse::token_text::token_text;

/// Returns the docs of a command struct.
pub(crate) fn of_command(scope: &Scope<'_>, action: &Action) -> String {
    let mut text = opening(action, || format!("Command `{}`.", action.key));
    text.push_str("\n\n");
    let mut facts = vec![
        format!("- Key: `{}`", action.key),
        format!("- Runs {}, which {}", method_link(scope, action), life_cycle(action)),
        match &action.event {
            Some(event) => {
                format!("- Event: {}, `{}`", type_link(&event.ident), event.key.value())
            }
            None => "- Event: none; it answers, and changes nothing".to_owned(),
        },
        format!("- Resources: {}", resources(scope, action)),
    ];
    if action.internal {
        facts.push("- Internal: runs only by `invoke` of another action".to_owned());
    }
    if action.if_match.is_some() {
        facts.push("- If-Match: the expected version must be sent along".to_owned());
    }
    if let Some(timeout) = &action.timeout {
        facts.push(format!("- Ends after {} at the latest", timeout.value()));
    }
    if let Some(limit) = &action.body_limit {
        facts.push(format!("- Payload: at most {} bytes of JSON", limit.value));
    }
    if let Some(deprecated) = deprecated(action) {
        facts.push(deprecation(deprecated));
    }
    if let Some(sunset) = &action.sunset {
        facts.push(format!("- Sunset: it is removed on {}", sunset.value()));
    }
    if action.mcp.is_some() {
        facts.push("- MCP: it is no tool".to_owned());
    }
    text.push_str(&facts.join("\n"));
    text.push_str("\n\n# Example\n\n");
    text.push_str(&example::fence(action));
    text
}

/// Returns the deprecation of an action, if it applies to every build.
fn deprecated(action: &Action) -> Option<&Deprecated> {
    action.deprecated.as_ref().filter(|deprecated| deprecated.condition.is_none())
}

fn deprecation(deprecated: &Deprecated) -> String {
    let since = deprecated.since.as_ref().map(|since| format!(" since {}", since.value()));
    let note = deprecated.note.as_ref().map(|note| format!(": {}", note.value()));
    format!("- Deprecated{}{}", since.unwrap_or_default(), note.unwrap_or_default())
}

/// Returns the docs of an event struct.
pub(crate) fn of_event(scope: &Scope<'_>, action: &Action, event: &EventModel) -> String {
    format!(
        "{}\n\n- Key: `{}`\n- Comes from the command {}, run by {}",
        event_sentence(scope, action),
        event.key.value(),
        type_link(&action.command),
        method_link(scope, action),
    )
}

/// Describes the event in one sentence without links.
pub(crate) fn event_sentence(scope: &Scope<'_>, action: &Action) -> String {
    let resource = match (&action.resources, scope.aggregate.resources.first()) {
        (Some(own), _) if own.len() == 1 => own.first().map(LitStr::value),
        (_, Some(main)) => Some(main.value()),
        _ => None,
    };
    let resource = resource.unwrap_or_default();
    let event = action.event.as_ref().map(|event| event.key.value());
    let event = event.unwrap_or_default().replace('-', " ");
    format!("Event of a `{resource}`: {event}.")
}

/// Returns the first sentence of an action's docs, for variants and tables.
pub(crate) fn summary(action: &Action) -> String {
    let summary = action.docs.summary();
    if summary.is_empty() { format!("Command `{}`.", action.key) } else { summary }
}

pub(crate) fn of_field(scope: &Scope<'_>, action: &Action, field: &Field) -> String {
    let mut text = field.docs.prose();
    if text.is_empty() && field.docs.computed().is_empty() {
        text = format!(
            "Parameter `{}` of `{}::{}`.",
            names::plain(&field.ident),
            scope.self_type.ident,
            action.method_name
        );
    }
    let mut notes = Vec::new();
    if field.name != names::plain(&field.ident) {
        notes.push(format!("In JSON it is {}.", code(&field.name)));
    }
    for alias in &field.aliases {
        notes.push(format!("Also read as {}.", code(&alias.value())));
    }
    match &field.default {
        Some(Some(expr)) => notes.push(format!("Left out, it is {}.", code(&token_text(expr)))),
        Some(None) => notes.push("Left out, it is the default of its type.".to_owned()),
        None => {}
    }
    if field.secret {
        notes.push("Secret: the action uses it, and it is stored nowhere.".to_owned());
    }
    if !notes.is_empty() {
        text = format!("{text}\n\n{}", notes.join(" "));
    }
    text
}

pub(crate) fn of_data(scope: &Scope<'_>, action: &Action) -> String {
    format!("Return value of {}.", method_link(scope, action))
}

pub(crate) fn of_enum(scope: &Scope<'_>, of: &str) -> String {
    let shown = scope.self_type.ident.to_string();
    let link = link(&shown, &format!("type@{}", scope.self_type.link));
    format!("All {of} of {link}, one variant each.")
}

/// Returns the table of commands and events, as doc attributes of the impl block.
pub(crate) fn table(scope: &Scope<'_>, parts: &[Part<'_>]) -> TokenStream {
    let head = format!(
        "# Commands and events\n\n{}\n\n| command | key | event | what it does \
        |\n|---|---|---|---|",
        revision(scope)
    );
    let rows = parts.iter().map(|part| {
        let row = row(scope, part.action);
        // If a command is absent, its row must be absent too. Otherwise its link would be broken.
        let predicates: Vec<TokenStream> = part
            .action
            .cfgs
            .iter()
            .filter_map(|cfg| match &cfg.meta {
                Meta::List(list) => Some(list.tokens.clone()),
                _ => None,
            })
            .collect();
        if predicates.is_empty() {
            quote!(#[doc = #row])
        } else {
            quote!(#[cfg_attr(all(#(#predicates),*), doc = #row)])
        }
    });
    if parts.is_empty() {
        return TokenStream::new();
    }
    quote!(#[doc = #head] #(#rows)*)
}

/// Describes the revision of written states and events, and the upcast of older ones.
fn revision(scope: &Scope<'_>) -> String {
    let revision = scope.aggregate.revision;
    match &scope.aggregate.upcast {
        Some(upcast) => format!(
            "States and events are written at revision {revision}; `{}` converts those of older \
            revisions.",
            token_text(&upcast.path)
        ),
        None => format!("States and events are written at revision {revision}."),
    }
}

fn row(scope: &Scope<'_>, action: &Action) -> String {
    let item = |name: &Ident| {
        if scope.aggregate.is_public() { type_link(name) } else { format!("`{name}`") }
    };
    let event = match &action.event {
        Some(event) => item(&event.ident),
        None => "none".to_owned(),
    };
    let internal = if action.internal { " (internal: only other actions run it)" } else { "" };
    let deprecated = if deprecated(action).is_some() { " (deprecated)" } else { "" };
    format!(
        "| {} | `{}`{internal}{deprecated} | {event} | {} |",
        item(&action.command),
        action.key,
        summary(action).replace('|', "\\|"),
    )
}

fn opening(action: &Action, otherwise: impl Fn() -> String) -> String {
    let prose = action.docs.prose();
    if prose.is_empty() && action.docs.computed().is_empty() { otherwise() } else { prose }
}

fn method_link(scope: &Scope<'_>, action: &Action) -> String {
    let shown = format!("{}::{}", scope.self_type.ident, action.method_name);
    link(&shown, &format!("{}::{}", scope.self_type.link, action.method_name))
}

/// Returns a link to a generated type. `type@` is needed because a function or a macro may have the
/// same name.
fn type_link(name: &Ident) -> String {
    link(&name.to_string(), &format!("type@{name}"))
}

/// Returns a link. The target is written only if it differs from the shown text. There is no link
/// if the target contains `$crate`, which text cannot express.
fn link(shown: &str, target: &str) -> String {
    if target.contains("$crate") {
        return format!("`{shown}`");
    }
    if shown == target { format!("[`{shown}`]") } else { format!("[`{shown}`]({target})") }
}

fn life_cycle(action: &Action) -> &'static str {
    match action.lifecycle() {
        Some(Lifecycle::Create) => {
            "creates the aggregate; where there is one, the answer is `already-exists`"
        }
        Some(Lifecycle::Update) => {
            "changes the aggregate; where there is none, the answer is `not-found`"
        }
        Some(Lifecycle::Close) => {
            "closes the aggregate; where there is none, the answer is `not-found`, and so it is \
            for every later command"
        }
        Some(Lifecycle::Unchanged) | None => {
            "leaves the aggregate as it is; where there is none, the answer is `not-found`"
        }
    }
}

fn resources(scope: &Scope<'_>, action: &Action) -> String {
    let list = action.resources.as_ref().unwrap_or(&scope.aggregate.resources);
    let shown: Vec<String> = list.iter().map(|name| format!("`{}`", name.value())).collect();
    shown.join(", ")
}
