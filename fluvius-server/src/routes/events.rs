//! The events of a domain in the order of their commits, as a page or as a stream.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderName;
use axum::response::Response;
use fluvius_core::chrono::{DateTime, Utc};
use fluvius_core::uuid::Uuid;
use fluvius_core::{AggregateId, Clock, EventRecord, LogReader, ResumeToken, SystemClock};
use tokio::time::Instant;

use super::event_stream::{self, Input, Start};
use crate::app::{Call, PRIVATE, json};
use crate::input::accept;
use crate::input::params::Params;
use crate::mounted::Mounted;
use crate::operations::{DEFAULT_LIMIT, MAX_EVENTS};
use crate::output::{Event, Page};
use crate::problem::Problem;
use crate::rate_limit::SenderKey;

/// The media type of a stream.
const EVENT_STREAM: &str = "text/event-stream";
/// The header with the id of the last event that a client has.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Answers with a page of the events of the domain, or with a stream of them.
pub(crate) async fn run(call: Call) -> Result<Response, Problem> {
    if accept::prefers(call.headers(), EVENT_STREAM) {
        return stream(&call);
    }
    accept::check(call.headers(), "application/json")?;
    let mut params = Params::read(call.parts.uri.query())?;
    let filter = EventFilter::read(&call.domain, &mut params)?;
    let after: Option<ResumeToken> = params.take_as("after", "the `next` of a page")?;
    let limit = params.take_limit(DEFAULT_LIMIT, MAX_EVENTS)?;
    params.finish()?;
    let log = filter.apply(call.session().log().domain(call.domain.namespace()));
    let log = call.page_bounds.of_log(log).after(after.unwrap_or_default()).limit(limit);
    let page = log.events().await.map_err(|error| call.problem(&error))?;
    let last = page.rows.last().map(ResumeToken::from);
    let next = page.next.map(|next| shown(next, last));
    let mut rows = Vec::with_capacity(page.rows.len());
    for entry in page.rows {
        // An aggregate type that the domain no longer lists has no shape to show.
        let aggregate_id = &entry.record.aggregate_id;
        if let Some(aggregate) = call.domain.descriptor(&aggregate_id.resource)
            && filter.admits(aggregate_id)
        {
            let event = Event::of(entry, aggregate, false);
            rows.push(event.map_err(|error| call.problem(&error))?);
        }
    }
    Ok(json(&Page { rows, next: next.map(|next| next.to_string()) }, PRIVATE))
}

/// Returns a token for a sender. That of a row which the sender has not seen is its position alone,
/// since the row may belong to another realm.
pub(super) fn shown(token: ResumeToken, seen: Option<ResumeToken>) -> ResumeToken {
    match seen == Some(token) {
        true => token,
        false => ResumeToken::from(token.position()),
    }
}

/// Starts a stream. Unlike a page it has no end, and follows the log.
fn stream(call: &Call) -> Result<Response, Problem> {
    let mut params = Params::read(call.parts.uri.query())?;
    let filter = EventFilter::read(&call.domain, &mut params)?;
    let after = params.take("after")?;
    params.finish()?;
    let last = call.headers().get(LAST_EVENT_ID).map(|value| value.to_str().unwrap_or("?"));
    let start = match last.or(after.as_deref()) {
        None => Start::After(ResumeToken::START),
        Some("latest") => Start::Latest,
        Some(token) => token.parse().map_or(Start::Reset, Start::After),
    };
    let context = &call.sender.context;
    let permit = call.app.permits.acquire(SenderKey::new(context, call.address()))?;
    let domain = Arc::clone(&call.domain);
    let mut shared = call.page_bounds.of_log(call.session().log().domain(domain.namespace()));
    if let Some(actor) = filter.actor {
        shared = shared.actor(actor);
    }
    Ok(event_stream::run(Input {
        app: Arc::clone(&call.app),
        pages: filter.apply(shared.clone()),
        key: (domain.namespace(), context.realm().map(str::to_owned), filter.actor),
        session: call.session(),
        domain,
        filter,
        shared,
        start,
        expires_at: call.sender.expires_at.map(instant),
        _permit: permit,
    }))
}

/// Returns the instant of a time of the system's clock.
fn instant(time: DateTime<Utc>) -> Instant {
    let left = time.signed_duration_since(SystemClock.now()).to_std().unwrap_or_default();
    // An instant has a maximum. A stream that is still open after a day ends then.
    Instant::now() + left.min(Duration::from_secs(86_400))
}

/// The conditions on events, of the parameters `event`, `resource`, `identifier` and `actor`.
pub(crate) struct EventFilter {
    keys: Option<Vec<String>>,
    resource: Option<String>,
    identifier: Option<Uuid>,
    actor: Option<Uuid>,
}

impl EventFilter {
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
    pub(crate) fn admits(&self, aggregate_id: &AggregateId) -> bool {
        self.resource.as_ref().is_none_or(|resource| *resource == aggregate_id.resource)
    }

    /// Returns true for an event that meets the conditions, except that on the actor.
    pub(crate) fn selects(&self, event: &EventRecord) -> bool {
        self.keys.as_ref().is_none_or(|keys| keys.iter().any(|key| *key == event.event))
            && self.identifier.is_none_or(|identifier| identifier == event.aggregate_id.id)
            && self.admits(&event.aggregate_id)
    }
}
