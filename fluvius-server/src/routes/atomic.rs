//! Atomic groups: several commands as one unit of work.

use axum::body::Body;
use axum::http::HeaderValue;
use axum::response::Response;
use fluvius_core::uuid::Uuid;
use fluvius_core::{AggregateId, CommandBundle, Error, Lifecycle, idempotency};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::dry_run;
use crate::app::{Call, NO_STORE, json};
use crate::input::params::Params;
use crate::input::{accept, idempotency_key, preconditions};
use crate::operations::{bundle, command_id, within};
use crate::output::Answer;
use crate::problem::{CommandScope, Problem, REPLAYED, Scope, from_error};

/// Maximum number of commands in a group.
pub(crate) const MAX_COMMANDS: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group<'a> {
    #[serde(borrow)]
    commands: Vec<Member<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Member<'a> {
    resource: String,
    identifier: Option<Uuid>,
    command: String,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
    if_match: Option<String>,
}

#[derive(Serialize)]
struct Answers {
    answers: Vec<Answer>,
}

/// Answers a group.
pub(crate) async fn run(call: Call, body: Body) -> Result<Response, Problem> {
    accept::check(call.headers(), "application/json")?;
    let mut params = Params::read(call.parts.uri.query())?;
    let is_dry_run = params.take_flag("dry_run")?;
    params.finish()?;
    let key = idempotency_key::read(call.headers(), &call.sender.context)?;
    if preconditions::of_command(call.headers())?.is_some() {
        return Err(Problem::parameter("each command of a group has an `if_match` of its own"));
    }
    let group_id = command_id(&call, key.as_deref());
    let text = call.json(body, call.app.settings.body_limit).await?;
    let group: Group<'_> = serde_json::from_str(&text).map_err(|error| {
        Problem::new("invalid-payload", format!("the body is no group of commands: {error}"))
    })?;
    if group.commands.is_empty() || group.commands.len() > MAX_COMMANDS {
        let detail = format!("a group has from 1 to {MAX_COMMANDS} commands");
        return Err(Problem::new("invalid-payload", detail).at("/commands"));
    }
    let session = call.session();
    let mut bundles = Vec::with_capacity(group.commands.len());
    for (index, member) in group.commands.iter().enumerate() {
        let id = idempotency::group_command_id(group_id, index);
        let bundle = member_bundle(&call, &session, member, id);
        bundles.push(bundle.map_err(|problem| within_group(problem, index))?);
    }
    let ids: Vec<Uuid> = bundles.iter().map(|bundle| bundle.id).collect();
    let checked = bundles.clone();
    let problem = |error: Error| match &error {
        // The error of a member that does not decode does not tell which one it is.
        Error::InvalidPayload { .. } | Error::UnknownCommand { .. } => {
            let index = checked.iter().position(|each| session.check_command(each).is_err());
            let scope = Scope { domain: &call.domain, command: None };
            within_group(from_error(&error, scope), index.unwrap_or(0))
        }
        _ => problem(&call, &ids, key.is_some(), &error),
    };
    if is_dry_run {
        let dry_run = within(&call, ids[0], session.dry_run(bundles)).await.map_err(problem)?;
        return dry_run::answer(&call, dry_run);
    }
    let processed = within(&call, ids[0], session.process_atomic(bundles)).await;
    let responses = processed.map_err(problem)?;
    let is_replayed = responses.iter().all(|response| response.replayed);
    let answers = responses.into_iter().map(Answer::from).collect();
    let mut answer = json(&Answers { answers }, NO_STORE);
    if is_replayed {
        answer.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(answer)
}

fn member_bundle(
    call: &Call,
    session: &fluvius_core::Session,
    member: &Member<'_>,
    id: Uuid,
) -> Result<CommandBundle, Problem> {
    let action = call.domain.runtime.registry().find(&member.command);
    let action = action.filter(|action| !action.internal);
    let identifier = match (member.identifier, action) {
        (Some(identifier), _) => identifier,
        (None, Some(action)) if action.lifecycle != Lifecycle::Create => {
            let detail = format!("`{}` needs an `identifier`", action.key);
            return Err(Problem::new("invalid-payload", detail).at("/identifier"));
        }
        (None, _) => idempotency::created_aggregate_id(id),
    };
    let if_match = member.if_match.as_deref().map(preconditions::if_match_of);
    let payload = member.payload.map_or("{}", RawValue::get);
    let target = session.aggregate(AggregateId::new(member.resource.clone(), identifier));
    let created = bundle(&target, &member.command, payload.to_owned(), id, if_match);
    created.map_err(|error| {
        let scope = Scope { domain: &call.domain, command: None };
        from_error(&error, scope)
    })
}

/// Returns the problem of a group's error, with the path of the command that it is about.
fn problem(call: &Call, ids: &[Uuid], has_key: bool, error: &Error) -> Problem {
    let index = match error {
        Error::GroupRejected { rejected, .. } => ids.iter().position(|id| id == rejected),
        _ => None,
    };
    let id = index.map_or(ids[0], |index| ids[index]);
    let scope =
        Scope { domain: &call.domain, command: Some(CommandScope { id, action: None, has_key }) };
    let problem = from_error(error, scope);
    match index {
        Some(index) => within_group(problem, index),
        None => problem,
    }
}

/// Moves the path of a command's problem into the group.
fn within_group(problem: Problem, index: usize) -> Problem {
    let inner = match &problem.path {
        Some(path) if path == "/identifier" => path.clone(),
        Some(path) => format!("/payload{path}"),
        None => String::new(),
    };
    problem.at(format!("/commands/{index}{inner}"))
}
