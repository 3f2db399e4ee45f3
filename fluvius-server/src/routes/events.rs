//! The events of a domain, page by page, in the order of their commits.

use std::borrow::Cow;

use axum::response::Response;
use fluvius_core::uuid::Uuid;
use fluvius_core::{AggregateId, LogReader, ResumeToken};

use super::problem;
use crate::app::{Call, PRIVATE, json};
use crate::input::accept;
use crate::input::params::Params;
use crate::mounted::Mounted;
use crate::output::{Event, Page};
use crate::problem::Problem;

/// Default number of events of a page.
const DEFAULT_LIMIT: usize = 50;
/// Maximum number of events of a page.
const MAX_LIMIT: usize = 500;

/// Answers with a page of the events of the domain.
pub(crate) async fn run(call: Call) -> Result<Response, Problem> {
    accept::check(call.headers(), "application/json")?;
    let mut params = Params::read(call.parts.uri.query())?;
    let filter = Filter::read(&call.domain, &mut params)?;
    let after: Option<ResumeToken> = params.take_as("after", "the `next` of a page")?;
    let limit = params.take_limit(DEFAULT_LIMIT, MAX_LIMIT)?;
    params.finish()?;
    let log = filter.apply(call.session().log().domain(call.domain.namespace()));
    let log = log.after(after.unwrap_or_default()).limit(limit);
    let page = log.events().await.map_err(|error| problem(&call, &error))?;
    let mut rows = Vec::with_capacity(page.rows.len());
    for entry in page.rows {
        // An aggregate type that the domain no longer lists has no shape to show.
        let aggregate_id = &entry.record.aggregate_id;
        if let Some(aggregate) = call.domain.descriptor(&aggregate_id.resource)
            && filter.admits(aggregate_id)
        {
            let event = Event::of(entry, aggregate, false);
            rows.push(event.map_err(|error| problem(&call, &error))?);
        }
    }
    Ok(json(&Page { rows, next: page.next.map(|next| next.to_string()) }, PRIVATE))
}

/// The conditions on events: the parameters `event`, `resource`, `identifier` and `actor`.
struct Filter {
    keys: Option<Vec<String>>,
    resource: Option<String>,
    identifier: Option<Uuid>,
    actor: Option<Uuid>,
}

impl Filter {
    fn read(domain: &Mounted, params: &mut Params<'_>) -> Result<Self, Problem> {
        let keys: Vec<String> = params.take_all("event").into_iter().map(Cow::into_owned).collect();
        let mut keys = Some(keys).filter(|keys| !keys.is_empty());
        let resource = params.take("resource")?.map(Cow::into_owned);
        let identifier: Option<Uuid> = params.take_as("identifier", "a UUID")?;
        let actor: Option<Uuid> = params.take_as("actor", "the UUID of a user")?;
        if let Some(resource) = &resource {
            let aggregate = domain.descriptor(resource);
            let unknown = || Problem::parameter("`resource` is no resource of the domain");
            let aggregate = aggregate.ok_or_else(unknown)?;
            // The log has an index of keys, and none of resources alone.
            let own = |key: &&str| aggregate.events.iter().any(|event| event.key == *key);
            keys = Some(match keys {
                Some(keys) => keys.into_iter().filter(|key| own(&key.as_str())).collect(),
                None => aggregate.events.iter().map(|event| event.key.to_owned()).collect(),
            });
        } else if identifier.is_some() {
            return Err(Problem::parameter("`identifier` needs `resource`"));
        }
        Ok(Self { keys, resource, identifier, actor })
    }

    fn apply(&self, mut log: LogReader) -> LogReader {
        if let Some(keys) = &self.keys {
            log = log.keys(keys.iter().cloned());
        }
        if let Some(actor) = self.actor {
            log = log.actor(actor);
        }
        match (&self.resource, self.identifier) {
            (Some(resource), Some(identifier)) => {
                log.for_aggregate(AggregateId::new(resource.clone(), identifier))
            }
            _ => log,
        }
    }

    /// Returns true for an aggregate of the resource. An aggregate type may have several.
    fn admits(&self, aggregate_id: &AggregateId) -> bool {
        self.resource.as_ref().is_none_or(|resource| *resource == aggregate_id.resource)
    }
}
