//! Commands: one route per action and resource.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use fluvius_core::uuid::Uuid;
use fluvius_core::{
    ActionDescriptor, AggregateId, CommandBundle, Error, Lifecycle, Precondition, Session,
    idempotency,
};

use super::dry_run;
use crate::app::{Call, NO_STORE, json};
use crate::input::params::Params;
use crate::input::{accept, idempotency_key, preconditions};
use crate::mounted::Mounted;
use crate::output::{self, Answer};
use crate::problem::{CommandScope, Problem, REPLAYED, Scope, from_error};

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
pub(crate) async fn run(mut call: Call, body: Body, route: Route) -> Result<Response, Problem> {
    accept::check(call.headers(), "application/json")?;
    let mut params = Params::read(call.parts.uri.query())?;
    let is_dry_run = params.take_flag("dry_run")?;
    params.finish()?;
    let key = idempotency_key::read(call.headers(), &call.sender.context)?;
    let if_match = preconditions::of_command(call.headers())?;
    let id = command_id(&call.domain, &call, key.as_deref());
    let identifier = match route.has_id {
        true => call.id().await?,
        false => idempotency::created_aggregate_id(id),
    };
    let max_bytes = route.action.body_limit.unwrap_or(call.app.settings.body_limit);
    let text = call.json(body, max_bytes).await?;

    let scope = Scope {
        domain: &call.domain,
        command: Some(CommandScope { id, action: Some(route.action.key), has_key: key.is_some() }),
    };
    let problem = |error: Error| from_error(&error, scope);
    let session = call.session().aggregate(AggregateId::new(route.resource, identifier));
    let bundle = bundle(&session, route.action.key, text, id, if_match).map_err(problem)?;
    if is_dry_run {
        let dry_run = within(&call, id, session.dry_run([bundle])).await.map_err(problem)?;
        return dry_run::answer(&call, dry_run);
    }
    let processed = within(&call, id, session.process_command(bundle)).await;
    let response = processed.map_err(problem)?;
    let is_replayed = response.replayed;
    let path = call.domain.state_path(&response.aggregate_id);
    let mut answer = json(&Answer::from(response), NO_STORE);
    if route.action.lifecycle == Lifecycle::Create {
        *answer.status_mut() = StatusCode::CREATED;
        if let Ok(path) = HeaderValue::from_str(&path) {
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

/// Returns the id of the command: derived from the key, or drawn.
pub(super) fn command_id(domain: &Mounted, call: &Call, key: Option<&str>) -> Uuid {
    match key {
        Some(key) => idempotency::command_id(domain.namespace(), &call.sender.context, key),
        None => domain.runtime.generate_id(),
    }
}

/// Creates the bundle of a command from the text of its payload.
pub(super) fn bundle(
    session: &Session,
    key: &str,
    payload: String,
    id: Uuid,
    if_match: Option<Precondition>,
) -> Result<CommandBundle, Error> {
    let mut bundle = session.create_command(key, payload.as_str())?.with_id(id);
    bundle.if_match = if_match;
    Ok(bundle)
}

/// Waits for the answer of a command. The command continues after the timeout.
pub(super) async fn within<T>(
    call: &Call,
    id: Uuid,
    processing: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let timeout = call.app.settings.request_timeout;
    let answered = tokio::time::timeout(timeout, processing).await;
    answered.unwrap_or(Err(Error::OutcomeUnknown { id }))
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
