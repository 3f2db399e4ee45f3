//! The events of one aggregate, with their deltas. Closed aggregates are included.

use axum::response::Response;
use fluvius_core::{AggregateId, Error};

use super::{not_found, problem};
use crate::app::{Call, PRIVATE, json};
use crate::input::accept;
use crate::input::params::Params;
use crate::output::{Event, Page};
use crate::problem::Problem;

/// Default number of events of a page.
const DEFAULT_LIMIT: usize = 50;
/// Maximum number of events of a page.
pub(crate) const MAX_EVENTS: usize = 500;

/// Answers with a page of the events of an aggregate.
pub(crate) async fn run(mut call: Call, resource: &'static str) -> Result<Response, Problem> {
    accept::check(call.headers(), "application/json")?;
    let aggregate_id = AggregateId::new(resource, call.id().await?);
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
    let unknown = || Problem::new("not-found", "unknown resource");
    let descriptor = call.domain.descriptor(resource).ok_or_else(unknown)?;
    let span = limit as u64;
    let statemgr = call.session().statemgr();
    let read = async {
        let row = statemgr.find_record_with_closed(&aggregate_id).await?;
        let newest = row.ok_or_else(|| not_found(&aggregate_id))?.version;
        let (first, last) = match (is_descending, after) {
            (false, after) => {
                let first = after.unwrap_or(0).saturating_add(1);
                (first, first.saturating_add(span - 1).min(newest))
            }
            (true, after) => {
                let last = after.map_or(newest, |after| after.saturating_sub(1).min(newest));
                (last.saturating_sub(span - 1).max(1), last)
            }
        };
        let mut events = match first <= last {
            true => statemgr.history(&aggregate_id, first..=last).await?,
            false => Vec::new(),
        };
        let next = match is_descending {
            false => (last < newest && first <= last).then_some(last),
            true => (first > 1 && first <= last).then_some(first),
        };
        if is_descending {
            events.reverse();
        }
        let rows = events.into_iter().map(|event| Event::of(event, descriptor, true));
        Ok::<_, Error>((rows.collect::<Result<Vec<_>, _>>()?, next))
    };
    let (rows, next) = read.await.map_err(|error| problem(&call, &error))?;
    Ok(json(&Page { rows, next: next.map(|version| version.to_string()) }, PRIVATE))
}
