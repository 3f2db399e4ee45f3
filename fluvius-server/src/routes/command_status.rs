//! The status and the answer of a command, for its own actor and realm.

use axum::http::{HeaderValue, header};
use axum::response::Response;
use fluvius_core::Error;
use serde_json::{Map, Value};

use crate::app::{Call, PRIVATE, json};
use crate::input::accept;
use crate::input::params::Params;
use crate::output::Answer;
use crate::problem::{CommandScope, Problem, Scope, from_error};

/// Answers with the status of a command: `applied` with the answer, or `rejected` with the problem.
pub(crate) async fn run(call: Call) -> Result<Response, Problem> {
    accept::check(call.headers(), "application/json")?;
    Params::read(call.parts.uri.query())?.finish()?;
    let id = call.id()?;
    let found = call.session().recorded_answer(id).await;
    let Some(answer) = found.map_err(|error| call.problem(&error))? else {
        // A command of another actor or realm does not exist for this sender. One in flight has no
        // row yet.
        return Err(Problem::new("not-found", "the log has no such command of this sender"));
    };
    let mut body = Map::new();
    body.insert("command_id".to_owned(), id.to_string().into());
    match answer {
        Ok(response) => {
            body.insert("status".to_owned(), "applied".into());
            let answer = serde_json::to_value(Answer::from(response)).unwrap_or_default();
            body.insert("answer".to_owned(), answer);
        }
        Err(error) if error.recorded().is_some() => {
            body.insert("status".to_owned(), "rejected".into());
            body.insert("problem".to_owned(), rejected(&call, id, &error));
        }
        Err(error) => return Err(call.problem(&error)),
    }
    let mut response = json(&Value::Object(body), PRIVATE);
    // The row of a command never changes.
    response.headers_mut().insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, max-age=86400, immutable"),
    );
    Ok(response)
}

fn rejected(call: &Call, id: fluvius_core::uuid::Uuid, error: &Error) -> Value {
    let command = CommandScope { id, action: None, has_key: true };
    let scope = Scope { domain: &call.domain, command: Some(command) };
    Value::Object(from_error(error, scope).members(&call.app.settings.base_path))
}
