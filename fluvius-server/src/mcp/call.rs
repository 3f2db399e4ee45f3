//! A call of a tool: its arguments as an operation of a domain.

use fluvius_core::chrono::{DateTime, FixedOffset};
use fluvius_core::query::Filter;
use fluvius_core::uuid::Uuid;
use fluvius_core::{ActionDescriptor, AggregateId, Lifecycle, ReadKind, ReadRequest};
use serde::Serialize;
use serde_json::{Map, Value};

use super::arguments::Arguments;
use super::raw_payload::RawPayload;
use super::toolbox::Operation;
use crate::input::{filter, idempotency_key, preconditions};
use crate::operations::{
    Caller, CommandRequest, DEFAULT_LIMIT, HistoryRequest, MAX_EVENTS, MAX_LIMIT, QueryRequest,
    StateRequest, command_id,
};
use crate::output::Answer;
use crate::problem::Problem;

const ID: &str = "a UUID with hyphens, in lower case";

/// The input of a call.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) arguments: Map<String, Value>,
    pub(super) payload: Option<RawPayload>,
    /// Maximum size of a payload in bytes, unless the action has a limit of its own.
    pub(super) body_limit: usize,
}

/// Runs a call, and returns the structured result: the body that the same request has over HTTP.
///
/// # Errors
/// Every problem of the operation.
pub(super) async fn run(
    caller: &Caller,
    operation: Operation,
    input: Input,
) -> Result<Value, Problem> {
    let Input { arguments, payload, body_limit } = input;
    let arguments = Arguments::new(arguments);
    match operation {
        Operation::Command(action) => {
            let max_bytes = action.body_limit.unwrap_or(body_limit);
            command(caller, action, arguments, payload, max_bytes).await
        }
        Operation::Get(resource) => get(caller, resource, arguments).await,
        Operation::Query(resource) => query(caller, resource, arguments).await,
        Operation::History(resource) => history(caller, resource, arguments).await,
    }
}

async fn command(
    caller: &Caller,
    action: &'static ActionDescriptor,
    mut arguments: Arguments,
    payload: Option<RawPayload>,
    max_bytes: usize,
) -> Result<Value, Problem> {
    let resource = resource(action, &mut arguments)?;
    let identifier = match action.lifecycle {
        Lifecycle::Create => arguments.take("id", ID)?,
        _ => Some(arguments.require("id", ID)?),
    };
    let if_match = match action.lifecycle {
        Lifecycle::Create => None,
        _ => arguments.take("if_match", "the etag of a state, or `*`")?,
    };
    let key: Option<String> = arguments.take("idempotency_key", "a text")?;
    arguments.finish()?;
    let key = key.map(|key| idempotency_key::check(&key, caller.context())).transpose()?;
    let payload = RawPayload::object(payload)?;
    if payload.len() > max_bytes {
        let detail = format!("the payload has more than {max_bytes} bytes");
        return Err(Problem::new("too-large", detail).at("/payload"));
    }
    let request = CommandRequest {
        resource,
        action,
        identifier,
        payload,
        if_match: if_match.map(|tags: String| preconditions::if_match_of(&quoted(tags))),
        id: command_id(caller, key.as_deref()),
        has_key: key.is_some(),
    };
    let response = request.send(caller).await.map_err(within_payload)?;
    Ok(value(&Answer::from(response)))
}

async fn get(
    caller: &Caller,
    resource: &'static str,
    mut arguments: Arguments,
) -> Result<Value, Problem> {
    let id: Uuid = arguments.require("id", ID)?;
    let at_version = arguments.take("at_version", "a version")?;
    let expected = "a time such as `2026-11-30T18:00:00Z`";
    let at_time: Option<DateTime<FixedOffset>> = arguments.take("at_time", expected)?;
    let with_closed = arguments.take("closed", "`true` or `false`")?.unwrap_or(false);
    arguments.finish()?;
    caller.may_read(&ReadRequest::new(ReadKind::State).resource(resource).id(id)).await?;
    let aggregate_id = AggregateId::new(resource, id);
    let request = StateRequest { aggregate_id, at_version, at_time, with_closed };
    Ok(value(&request.read(caller).await?))
}

async fn query(
    caller: &Caller,
    resource: &'static str,
    mut arguments: Arguments,
) -> Result<Value, Problem> {
    let texts = "a list of names of fields";
    let condition: Option<Map<String, Value>> = arguments.take("filter", "an object")?;
    let sort: Option<Vec<String>> = arguments.take("sort", texts)?;
    let limit = arguments.take_limit(DEFAULT_LIMIT, MAX_LIMIT)?;
    let cursor: Option<String> = arguments.take("cursor", "the `next` of a page")?;
    let fields: Option<Vec<String>> = arguments.take("fields", texts)?;
    let with_closed = arguments.take("closed", "`true` or `false`")?.unwrap_or(false);
    arguments.finish()?;
    caller.may_read(&ReadRequest::new(ReadKind::Query).resource(resource)).await?;
    let not_found = || Problem::new("not-found", "unknown resource");
    let aggregate = caller.domain.aggregate(resource).ok_or_else(not_found)?;
    let condition = match condition {
        Some(condition) if !condition.is_empty() => {
            filter::of_json(&Value::Object(condition).to_string(), aggregate)?
        }
        _ => Filter::All(Vec::new()),
    };
    let (sort, fields) = (sort.unwrap_or_default().join(","), fields.map(|all| all.join(",")));
    let request = QueryRequest {
        resource,
        condition,
        sort: &sort,
        fields: fields.as_deref(),
        cursor: cursor.as_deref(),
        limit,
        with_closed,
    };
    Ok(value(&request.read(caller).await?))
}

async fn history(
    caller: &Caller,
    resource: &'static str,
    mut arguments: Arguments,
) -> Result<Value, Problem> {
    let id: Uuid = arguments.require("id", ID)?;
    let after = arguments.take("after", "a version")?;
    let limit = arguments.take_limit(DEFAULT_LIMIT, MAX_EVENTS)?;
    let order: Option<String> = arguments.take("order", "`asc` or `desc`")?;
    arguments.finish()?;
    let is_descending = match order.as_deref() {
        None | Some("asc") => false,
        Some("desc") => true,
        Some(_) => return Err(Problem::parameter("`order` is `asc` or `desc`").at("/order")),
    };
    caller.may_read(&ReadRequest::new(ReadKind::History).resource(resource).id(id)).await?;
    let aggregate_id = AggregateId::new(resource, id);
    let request = HistoryRequest { resource, aggregate_id, after, limit, is_descending };
    Ok(value(&request.read(caller).await?))
}

/// Returns the resource of a command: the only one of the action, or the one that is named.
fn resource(
    action: &'static ActionDescriptor,
    arguments: &mut Arguments,
) -> Result<&'static str, Problem> {
    let resources = action.resources;
    if let [resource] = resources {
        return Ok(resource);
    }
    let named: String = arguments.require("resource", "the name of a resource")?;
    resources.iter().find(|each| **each == named).copied().ok_or_else(|| {
        let detail = format!("`resource` is one of {}", resources.join(", "));
        Problem::parameter(detail).at("/resource")
    })
}

/// Returns the value of `If-Match` for an argument. The etag of an answer has no quotes.
fn quoted(tags: String) -> String {
    let is_bare = tags.trim() != "*" && !tags.contains('"');
    if is_bare { format!("\"{}\"", tags.trim()) } else { tags }
}

/// Moves the path of a command's problem to its place in the arguments.
fn within_payload(problem: Problem) -> Problem {
    match problem.path.clone() {
        Some(path) => problem.at(format!("/payload{path}")),
        None => problem,
    }
}

fn value(answer: &impl Serialize) -> Value {
    // Only a map with other keys than texts fails, and no answer has one.
    serde_json::to_value(answer).unwrap_or_default()
}
