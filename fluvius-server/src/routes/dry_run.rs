//! The answer of a dry run: the effect that the commands would have.

use axum::response::Response;
use fluvius_core::uuid::Uuid;
use fluvius_core::{DryRun, EventRecord, Json, MessageRecord, StateDelta};
use serde::Serialize;
use serde_json::Value;

use crate::app::{Call, NO_STORE, json};
use crate::problem::Problem;

#[derive(Serialize)]
struct Answer {
    dry_run: bool,
    /// The data of each command, in their order.
    data: Vec<Json>,
    events: Vec<Event>,
    messages: Vec<Message>,
}

/// An event that the commands would record.
#[derive(Serialize)]
struct Event {
    event: String,
    resource: String,
    identifier: Uuid,
    version: u64,
    fields: Value,
    delta: StateDelta,
}

/// A message that the commands would send.
#[derive(Serialize)]
struct Message {
    key: String,
    resource: String,
    identifier: Uuid,
    data: Json,
}

/// Returns the answer.
pub(super) fn answer(call: &Call, dry_run: DryRun) -> Result<Response, Problem> {
    let events = dry_run.events.into_iter().map(|record| event(call, record));
    let body = Answer {
        dry_run: true,
        data: dry_run.responses.into_iter().map(|response| response.data).collect(),
        events: events.collect::<Result<_, Problem>>()?,
        messages: dry_run.messages.into_iter().map(message).collect(),
    };
    Ok(json(&body, NO_STORE))
}

fn event(call: &Call, record: EventRecord) -> Result<Event, Problem> {
    let fields = match call.domain.descriptor(&record.aggregate_id.resource) {
        Some(aggregate) => {
            let fields = aggregate.current_event(&record);
            fields.map_err(|error| call.problem(&error.into()))?
        }
        None => record.args.to_value(),
    };
    Ok(Event {
        event: record.event.into_owned(),
        resource: record.aggregate_id.resource.into_owned(),
        identifier: record.aggregate_id.id,
        version: record.version,
        fields,
        delta: record.delta,
    })
}

fn message(record: MessageRecord) -> Message {
    Message {
        key: record.key.into_owned(),
        resource: record.aggregate_id.resource.into_owned(),
        identifier: record.aggregate_id.id,
        data: record.data,
    }
}
