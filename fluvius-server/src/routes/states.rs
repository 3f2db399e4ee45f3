//! Reading the state of one aggregate.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use fluvius_core::chrono::{DateTime, FixedOffset, Utc};
use fluvius_core::{AggregateId, Error, PointInTime, Session, StateRecord};

use super::{not_found, problem};
use crate::app::{Call, PRIVATE, json};
use crate::input::params::Params;
use crate::input::{accept, preconditions};
use crate::output::State;
use crate::problem::Problem;

/// Answers with the state of an aggregate: the newest one, or that at a version or a time.
pub(crate) async fn run(mut call: Call, resource: &'static str) -> Result<Response, Problem> {
    accept::check(call.headers(), "application/json")?;
    let aggregate_id = AggregateId::new(resource, call.id().await?);
    let mut params = Params::read(call.parts.uri.query())?;
    let version: Option<u64> = params.take_as("at_version", "a version")?;
    let time: Option<DateTime<FixedOffset>> =
        params.take_as("at_time", "a time such as `2026-11-30T18:00:00Z`")?;
    let with_closed = params.take_flag("closed")?;
    params.finish()?;
    let point = match (version, time) {
        (Some(_), Some(_)) => {
            return Err(Problem::parameter("a state has `at_version` or `at_time`, not both"));
        }
        (Some(version), None) => Some(PointInTime::Version(version)),
        (None, Some(time)) => Some(PointInTime::Time(time.to_utc())),
        (None, None) => None,
    };
    let session = call.session();
    let row = match point {
        Some(point) => at(&session, &aggregate_id, point).await,
        None => newest(&session, &aggregate_id, with_closed).await,
    };
    let row = row.map_err(|error| problem(&call, &error))?;
    answer(&call, &row)
}

/// Returns the newest row, that of a closed aggregate only if it is asked for.
async fn newest(
    session: &Session,
    aggregate_id: &AggregateId,
    with_closed: bool,
) -> Result<StateRecord, Error> {
    let statemgr = session.statemgr();
    if !with_closed {
        return statemgr.fetch_record(aggregate_id).await;
    }
    let row = statemgr.find_record_with_closed(aggregate_id).await?;
    row.ok_or_else(|| not_found(aggregate_id))
}

async fn at(
    session: &Session,
    aggregate_id: &AggregateId,
    point: PointInTime,
) -> Result<StateRecord, Error> {
    let row = session.statemgr().find_record_at(aggregate_id, point).await?;
    // The newest version of a closed aggregate is not told, as for one of another realm.
    let aggregate_id = || aggregate_id.clone();
    row.ok_or_else(|| Error::NotFoundAt { aggregate_id: aggregate_id(), point, newest: None })
}

fn answer(call: &Call, row: &StateRecord) -> Result<Response, Problem> {
    let resource = &row.aggregate_id.resource;
    let aggregate = call.domain.descriptor(resource);
    let aggregate = aggregate.ok_or_else(|| Problem::new("not-found", "unknown resource"))?;
    let state = State::of(row, aggregate).map_err(|error| problem(call, &error))?;
    let tag = state.tag();
    let mut response = match preconditions::is_unmodified(call.headers(), &tag) {
        true => not_modified(),
        false => json(&state, PRIVATE),
    };
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    headers.insert(header::LAST_MODIFIED, last_modified(row.updated_at));
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
