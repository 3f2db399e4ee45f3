//! The events of a domain, page by page.

use axum::response::Response;

use super::problem;
use crate::app::{Call, PRIVATE, json};
use crate::input::accept;
use crate::input::params::Params;
use crate::output::{Event, Page};
use crate::problem::Problem;
use fluvius_core::ResumeToken;

/// Answers with a page of the events of the domain, in the order of commits.
pub(crate) async fn run(call: Call) -> Result<Response, Problem> {
    accept::check(call.headers(), "application/json")?;
    let mut params = Params::read(call.parts.uri.query())?;
    let after: Option<ResumeToken> = params.take_as("after", "a token of a page")?;
    let limit = params.take_limit(50, 500)?;
    params.finish()?;
    let log = call.session().log().after(after.unwrap_or_default()).limit(limit);
    let page = log.events().await.map_err(|error| problem(&call, &error))?;
    let mut rows = Vec::new();
    for entry in page.rows {
        if let Some(descriptor) = call.domain.descriptor(&entry.record.aggregate_id.resource) {
            rows.push(Event::of(entry, descriptor, false).map_err(|error| problem(&call, &error))?);
        }
    }
    Ok(json(&Page { rows, next: page.next.map(|next| next.to_string()) }, PRIVATE))
}
