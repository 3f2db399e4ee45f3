//! Checks of the options of `#[action]` that are neither keys nor names.

use crate::errors::Errors;
use crate::model::{Action, Aggregate, Lifecycle, date, timeout};
use crate::parse::action_args::BODY_LIMIT;
use crate::spelling;

pub(crate) fn options(aggregate: &Aggregate, action: &Action, errors: &mut Errors) {
    resources(aggregate, action, errors);
    if_match(action, errors);
    unused_by_internal(action, errors);
    if let Some(written) = &action.timeout
        && timeout::milliseconds(&written.value()).is_none()
    {
        errors.at(
            written,
            "a timeout is a whole number above zero with its unit: `500ms`, `30s` or `2m`",
        );
    }
    if let Some(written) = action.body_limit.as_ref().filter(|written| written.value == 0) {
        errors.at_span(written.place, BODY_LIMIT);
    }
    if let Some(written) = &action.sunset
        && !date::is_valid(&written.value())
    {
        errors.at(written, "a sunset is a day of the calendar: write it as `2027-06-30`");
    }
    if let Some(written) = action.mcp.as_ref().filter(|written| written.value) {
        errors.at(
            written,
            "every action is a tool of MCP clients: leave `mcp` out, or write `mcp = false`",
        );
    }
}

/// Rejects the options of an internal action that only its senders could notice, since it has none.
fn unused_by_internal(action: &Action, errors: &mut Errors) {
    if !action.internal {
        return;
    }
    if let Some(written) = &action.if_match {
        errors.at(
            written,
            "an internal action is never sent, so no sender has a version of it to expect: remove \
             `if_match` here, and call `cx.invoke(..).if_match(version)` where a caller expects \
             one",
        );
    }
    if let Some(written) = &action.body_limit {
        errors.at_span(
            written.place,
            "an internal action is never sent, so it has no payload to limit: remove `body_limit`",
        );
    }
    if let Some(written) = &action.sunset {
        errors.at(
            written,
            "an internal action is never sent, so no sender reads its sunset: remove `sunset`",
        );
    }
    if let Some(written) = &action.mcp {
        errors.at(
            written,
            "an internal action is never sent, so it is no tool of MCP clients: remove `mcp`",
        );
    }
}

fn resources(aggregate: &Aggregate, action: &Action, errors: &mut Errors) {
    let Some(list) = &action.resources else {
        return;
    };
    if let Some(place) = action.resources_place
        && list.is_empty()
    {
        errors.at_span(
            place,
            "an action without resources could not run: leave `resources` out to allow all of the \
             aggregate",
        );
    }
    let declared: Vec<String> = aggregate.resources.iter().map(syn::LitStr::value).collect();
    let known: Vec<&str> = declared.iter().map(String::as_str).collect();
    let resources_may_be_missing = aggregate.options_flawed && aggregate.resources_place.is_none();
    for (at, resource) in list.iter().enumerate() {
        let name = resource.value();
        if list.iter().take(at).any(|earlier| earlier.value() == name) {
            errors.at(resource, format!("`{name}` is listed twice"));
        }
        if known.contains(&name.as_str()) || resources_may_be_missing {
            continue;
        }
        let advice = match spelling::nearest(&name, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                format!("it has {}; add it to `#[aggregate(resources = [..])]`", quoted(&known))
            }
        };
        errors.at(
            resource,
            format!("the aggregate does not declare the resource `{name}`: {advice}"),
        );
    }
}

fn quoted(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

fn if_match(action: &Action, errors: &mut Errors) {
    let Some(written) = &action.if_match else {
        return;
    };
    if written.value() != "required" {
        errors.at(
            written,
            "`if_match` has one value: write `if_match = \"required\"`, or leave it out",
        );
    }
    if action.lifecycle() == Some(Lifecycle::Create) {
        errors.at(
            written,
            "an aggregate that is created has no version to expect yet: remove `if_match`",
        );
    }
}
