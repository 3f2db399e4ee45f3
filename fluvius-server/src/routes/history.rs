//! The events of one aggregate, with their deltas. Closed aggregates are included.

use axum::response::Response;
use fluvius_core::AggregateId;

use crate::app::{Call, PRIVATE, json};
use crate::input::accept;
use crate::input::params::Params;
use crate::operations::{DEFAULT_LIMIT, HistoryRequest, MAX_EVENTS};
use crate::problem::Problem;

/// Answers with a page of the events of an aggregate.
pub(crate) async fn run(call: Call, resource: &'static str) -> Result<Response, Problem> {
    accept::check(call.headers(), "application/json")?;
    let aggregate_id = AggregateId::new(resource, call.id()?);
    let mut params = Params::read(call.parts.uri.query())?;
    let after: Option<u64> = params.take_as("after", "a version")?;
    let limit = params.take_limit(DEFAULT_LIMIT, MAX_EVENTS)?;
    let order = params.take("order")?;
    params.finish()?;
    let is_descending = match order.as_deref() {
        None | Some("asc") => false,
        Some("desc") => true,
        Some(_) => return Err(Problem::parameter("`order` is `asc` or `desc`")),
    };
    let history = HistoryRequest { resource, aggregate_id, after, limit, is_descending };
    Ok(json(&history.read(&call).await?, PRIVATE))
}
