//! Checks that every stored change is an event.

use super::keys::require_kebab;
use super::params;
use crate::errors::Errors;
use crate::model::{Action, Lifecycle};

pub(crate) fn event(action: &Action, errors: &mut Errors) {
    match &action.event {
        Some(event) => {
            require_kebab(&event.key, "an event's key", errors);
            if action.event_has_data() {
                data(action, errors);
            }
        }
        None if action.options_flawed => {}
        None => missing(action, errors),
    }
}

fn missing(action: &Action, errors: &mut Errors) {
    let does = match action.lifecycle() {
        Some(Lifecycle::Create) => "creates the aggregate",
        Some(Lifecycle::Update) => "changes the aggregate",
        Some(Lifecycle::Close) => "closes the aggregate",
        Some(Lifecycle::Unchanged) | None => return,
    };
    errors.at_span(
        action.marker,
        format!(
            "`{}` {does}, and every stored change is an event: name it with \
             `#[action(evt_key = \"..\")]`; only an action with `&self` may do without",
            action.method
        ),
    );
}

/// Checks that no field is named `data` if the event has the data of the action under that name.
fn data(action: &Action, errors: &mut Errors) {
    for field in action.fields().filter(|field| !field.secret) {
        let is_field_name = field.ident == "data";
        if is_field_name || field.json_names().iter().any(|name| name == "data") {
            errors.at(
                params::place(field, "data"),
                "the event holds what the action returns as `data`: give this parameter another \
                 name, or return `Result<(), ..>`",
            );
        }
    }
}
