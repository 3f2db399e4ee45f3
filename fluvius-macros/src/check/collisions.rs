//! Collisions: names and keys that two actions of one block would share.
//!
//! Only actions under equal `cfg`s are compared. Under different ones perhaps only one of the two
//! exists; an actual collision is then found when the domain is built.

use proc_macro2::Ident;
use quote::ToTokens;

use super::hidden_names::{self, Uses};
use crate::errors::Errors;
use crate::model::{Action, Aggregate};

/// Reports the collisions. Returns the actions that cannot be generated at all.
pub(crate) fn collisions(aggregate: &Aggregate, errors: &mut Errors) -> Vec<usize> {
    let uses = Uses::of(aggregate);
    hidden_names::of_enums(aggregate, &uses, errors);
    let mut clashing = Vec::new();
    for (at, action) in aggregate.actions.iter().enumerate() {
        let mut clashes = taken_names(aggregate, action, errors);
        // Report a taken name once.
        clashes = clashes || hidden_names::of_action(&uses, action, errors);
        let cfgs = action.cfg_text();
        for earlier in &aggregate.actions[..at] {
            if earlier.cfg_text() == cfgs {
                keys(earlier, action, errors);
                clashes |= type_names(earlier, action, errors);
            }
        }
        clashes |= own_names(action, errors);
        if clashes {
            clashing.push(at);
        }
    }
    clashing
}

fn keys(first: &Action, second: &Action, errors: &mut Errors) {
    // The compiler reports two methods with one name.
    if first.key != second.key || first.method == second.method {
        return;
    }
    errors.at(key_place(second), format!("two actions use the key `{}`", second.key));
    errors.at(key_place(first), "the key is used here first");
}

fn key_place(action: &Action) -> proc_macro2::TokenStream {
    match &action.key_written {
        Some(written) => written.to_token_stream(),
        None => action.method.to_token_stream(),
    }
}

/// Returns each generated type, with the tokens that determine its name.
pub(super) fn types(action: &Action) -> Vec<(&Ident, proc_macro2::TokenStream, &'static str)> {
    let command_place = match &action.command_written {
        Some(written) => written.to_token_stream(),
        None => action.method.to_token_stream(),
    };
    let mut types = vec![(&action.command, command_place, "command")];
    if let Some(event) = &action.event {
        types.push((&event.ident, event.key.to_token_stream(), "event"));
    }
    types
}

fn type_names(first: &Action, second: &Action, errors: &mut Errors) -> bool {
    let mut clashes = false;
    for (name, place, kind) in types(second) {
        for (other, other_place, other_kind) in types(first) {
            if name != other {
                continue;
            }
            clashes = true;
            // Equal keys have already been reported, and the names follow from them.
            let same_key = first.key == second.key || first.method == second.method;
            if kind == "command" && other_kind == "command" && same_key {
                continue;
            }
            let message = match (kind, other_kind) {
                ("event", "event") => same_event(first, second),
                _ => format!(
                    "this {kind} and the {other_kind} of `{}` are both named `{name}`: choose \
                     another `evt_key`, or name the command with `command = \"..\"`",
                    first.method
                ),
            };
            errors.at(place.clone(), message);
            errors.at(other_place, "the name is used here first");
        }
    }
    clashes
}

fn same_event(first: &Action, second: &Action) -> String {
    let keys = [first, second].map(|action| action.event.as_ref().map(|event| event.key.value()));
    match keys {
        [Some(one), Some(other)] if one != other => format!(
            "the events `{one}` and `{other}` would have one type name: choose another `evt_key`"
        ),
        [Some(key), _] => format!(
            "two actions make the event `{key}`: the key identifies the event, so give this one \
             its own `evt_key`"
        ),
        _ => "two actions make one event".to_owned(),
    }
}

/// Compares the command of an action with its own event.
fn own_names(action: &Action, errors: &mut Errors) -> bool {
    let Some(event) = &action.event else {
        return false;
    };
    let clashes = event.ident == action.command;
    if clashes {
        errors.at(
            &event.key,
            format!(
                "the event and the command are both named `{}`: an `evt_key` states a fact in \
                 the past tense, such as `money-deposited`",
                action.command
            ),
        );
    }
    clashes
}

/// Compares the generated types with those that already exist.
fn taken_names(aggregate: &Aggregate, action: &Action, errors: &mut Errors) -> bool {
    // A type from another module may have the name of a command.
    let own_type = aggregate.self_type.as_ref().filter(|self_type| self_type.is_one_word);
    let own_type = own_type.map(|self_type| &self_type.ident);
    let mut clashes = false;
    for (name, place, kind) in types(action) {
        let taken_by = if own_type == Some(name) {
            "the aggregate itself"
        } else if *name == aggregate.command_enum || *name == aggregate.event_enum {
            "the enum of the whole aggregate"
        } else {
            continue;
        };
        clashes = true;
        errors.at(
            place,
            format!("the {kind} would be named `{name}`, as {taken_by} is: choose another name"),
        );
    }
    clashes
}
