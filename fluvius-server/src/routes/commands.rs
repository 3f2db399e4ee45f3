//! Commands: one route per action and resource.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use fluvius_core::{ActionDescriptor, Lifecycle};

use super::dry_run;
use crate::app::{Call, NO_STORE, json_text};
use crate::input::params::Params;
use crate::input::{accept, idempotency_key, preconditions};
use crate::operations::{CommandRequest, command_id};
use crate::output::{self, Answer};
use crate::problem::{Problem, REPLAYED};

/// A command as its route defines it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Route {
    pub(crate) resource: &'static str,
    pub(crate) action: &'static ActionDescriptor,
    /// Set if the path has an identifier; else the server draws it.
    pub(crate) has_id: bool,
}

impl Route {
    /// Returns the path of the route after that of its domain.
    pub(crate) fn path(&self) -> String {
        let Self { resource, action, has_id } = self;
        let id = if *has_id { "/{id}" } else { "" };
        format!("/{resource}{id}/{}", action.key)
    }
}

/// Answers a command.
pub(crate) async fn run(call: Call, body: Body, route: Route) -> Result<Response, Problem> {
    accept::check(call.headers(), "application/json")?;
    let mut params = Params::read(call.parts.uri.query())?;
    let is_dry_run = params.take_flag("dry_run")?;
    params.finish()?;
    let key = idempotency_key::read(call.headers(), &call.sender.context)?;
    let if_match = preconditions::of_command(call.headers())?;
    let id = command_id(&call, key.as_deref());
    let identifier = match route.has_id {
        true => Some(call.id()?),
        false => None,
    };
    let max_bytes = route.action.body_limit.unwrap_or(call.app.settings.body_limit);
    let payload = call.json(body, max_bytes).await?;
    let Route { resource, action, .. } = route;
    let has_key = key.is_some();
    let request = CommandRequest { resource, action, identifier, payload, if_match, id, has_key };
    if is_dry_run {
        return dry_run::answer(&call, request.dry_run(&call).await?);
    }
    let response = request.send(&call).await?;
    let is_replayed = response.replayed;
    let path = call.domain.state_path(&response.aggregate_id);
    let mut answer = json_text(Answer::from(response).to_json(), NO_STORE);
    if route.action.lifecycle == Lifecycle::Create {
        *answer.status_mut() = StatusCode::CREATED;
        if let Ok(path) = HeaderValue::try_from(path) {
            answer.headers_mut().insert(header::LOCATION, path);
        }
    } else {
        output::link(&mut answer, &path, "related");
    }
    if is_replayed {
        answer.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    deprecation(&mut answer, route.action);
    Ok(answer)
}

/// Adds `Deprecation` (RFC 9745) and `Sunset` (RFC 8594).
fn deprecation(answer: &mut Response, action: &ActionDescriptor) {
    let headers = answer.headers_mut();
    if action.deprecated.is_some() {
        // The date is unknown: the author names a version. The epoch means: deprecated already.
        headers.insert("deprecation", HeaderValue::from_static("@0"));
    }
    let date = action.sunset.and_then(sunset);
    if let Some(date) = date.and_then(|date| HeaderValue::from_str(&date).ok()) {
        headers.insert("sunset", date);
    }
}

/// Returns a day as an HTTP date: `2027-06-30` gives `Wed, 30 Jun 2027 00:00:00 GMT`.
fn sunset(day: &str) -> Option<String> {
    let day: fluvius_core::chrono::NaiveDate = day.parse().ok()?;
    Some(day.format("%a, %d %b %Y 00:00:00 GMT").to_string())
}

#[cfg(test)]
mod tests {
    #[test]
    fn sunset_is_an_http_date() {
        let date = super::sunset("2027-06-30");
        assert_eq!(date.as_deref(), Some("Wed, 30 Jun 2027 00:00:00 GMT"));
    }
}
