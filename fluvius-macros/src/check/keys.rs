//! Checks of keys, which are kebab case because they are words of URLs, JSON and logs.

use proc_macro2::Span;
use syn::LitStr;

use crate::errors::Errors;
use crate::model::{Action, names};

pub(crate) fn keys(action: &Action, errors: &mut Errors) {
    match &action.key_written {
        Some(written) => require_kebab(written, "a command's key", errors),
        None if action.options_flawed => {}
        None if !names::is_kebab(&action.key) => errors.at(
            &action.method,
            "no key can be made of this name, since keys are ASCII words: write \
             `#[action(key = \"..\")]`",
        ),
        None => {}
    }
    if action.command_written.is_none()
        && !action.options_flawed
        && !names_a_type(&action.method_name)
    {
        errors.at(
            &action.method,
            "no struct can be named after this method: write `#[action(command = \"..\")]`",
        );
    }
    if let Some(event) = &action.event
        && names::is_kebab(&event.key.value())
        && !names_a_type(&event.key.value())
    {
        errors.at(&event.key, "no struct can be named after this event: choose another key");
    }
    if let Some(written) = &action.command_written
        && !is_type_name(&written.value(), written)
    {
        errors.at(
            written,
            format!(
                "`command` names the struct: write it as a type, such as `{}`",
                names::upper_camel(&action.method_name)
            ),
        );
    }
}

/// Returns true for a valid type name: not `Self`, and not beginning with a digit.
fn names_a_type(text: &str) -> bool {
    names::type_ident(&names::upper_camel(text), Span::call_site()).is_some()
}

pub(crate) fn require_kebab(written: &LitStr, what: &str, errors: &mut Errors) {
    let text = written.value();
    if names::is_kebab(&text) {
        return;
    }
    let better = names::kebab(&text);
    let advice = if names::is_kebab(&better) {
        format!("write `{better}`")
    } else {
        "write lower-case ASCII words joined by hyphens, such as `money-deposited`".to_owned()
    };
    errors.at(written, format!("{what} is kebab case: {advice}"));
}

fn is_type_name(text: &str, written: &LitStr) -> bool {
    text.starts_with(char::is_uppercase) && names::type_ident(text, written.span()).is_some()
}
