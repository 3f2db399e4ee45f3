//! Reading the state of one aggregate.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use fluvius_core::AggregateId;
use fluvius_core::chrono::{DateTime, Utc};

use crate::app::{Call, PRIVATE, json};
use crate::input::params::Params;
use crate::input::{accept, preconditions};
use crate::operations::StateRequest;
use crate::problem::Problem;

/// Answers with the state of an aggregate: the newest one, or that at a version or a time.
pub(crate) async fn run(call: Call, resource: &'static str) -> Result<Response, Problem> {
    accept::check(call.headers(), "application/json")?;
    let aggregate_id = AggregateId::new(resource, call.id()?);
    let mut params = Params::read(call.parts.uri.query())?;
    let at_version = params.take_as("at_version", "a version")?;
    let at_time = params.take_as("at_time", "a time such as `2026-11-30T18:00:00Z`")?;
    let with_closed = params.take_flag("closed")?;
    params.finish()?;
    let request = StateRequest { aggregate_id, at_version, at_time, with_closed };
    let state = request.read(&call).await?;
    let tag = state.tag();
    let mut response = match preconditions::is_unmodified(call.headers(), &tag) {
        true => not_modified(),
        false => json(&state, PRIVATE),
    };
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    headers.insert(header::LAST_MODIFIED, last_modified(state.updated_at));
    Ok(response)
}

fn not_modified() -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(PRIVATE));
    response
}

/// Returns a time as an HTTP date (RFC 9110, section 5.6.7).
fn last_modified(time: DateTime<Utc>) -> HeaderValue {
    let text = time.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("0"))
}
