//! The bodies of answers.

use std::fmt::Write as _;

use axum::http::{HeaderValue, header};
use axum::response::Response as HttpResponse;
use fluvius_core::chrono::{DateTime, SecondsFormat, Utc};
use fluvius_core::uuid::Uuid;
use fluvius_core::{
    AggregateDescriptor, AggregateId, Error, EventRecord, LogEntry, Response, StateDelta,
    StateRecord,
};
use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// Room for an answer besides its data, in bytes.
const ENVELOPE: usize = 512;

/// The answer to a command.
#[derive(Debug)]
pub(crate) struct Answer(Response);

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Self(response)
    }
}

impl Answer {
    /// Returns the answer as JSON text.
    ///
    /// The text is written by hand: serde would check the data, which is JSON already, and each
    /// name and key for characters to escape. The keys are kebab case, so they have none.
    pub(crate) fn to_json(&self) -> String {
        let Response { command_id, command, version, etag, position, data, .. } = &self.0;
        let AggregateId { resource, id, .. } = &self.0.aggregate_id;
        let (quote, event) = self.0.event.map_or(("", "null"), |event| ("\"", event));
        let occurred_at = self.0.occurred_at.to_rfc3339_opts(SecondsFormat::Micros, true);
        let mut text = String::with_capacity(ENVELOPE + data.as_str().len());
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "{{\"command_id\":\"{command_id}\",\"command\":\"{command}\",\
             \"resource\":\"{resource}\",\"identifier\":\"{id}\",\"version\":{version},\
             \"etag\":\"{etag}\",\"event\":{quote}{event}{quote},\"position\":{position},\
             \"occurred_at\":\"{occurred_at}\",\"data\":"
        );
        text.push_str(data.as_str());
        text.push('}');
        text
    }
}

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.to_json()).map_err(S::Error::custom)?.serialize(to)
    }
}

/// A stored state, in the shape of the current revision.
#[derive(Debug, Serialize)]
pub(crate) struct State {
    pub(crate) resource: String,
    pub(crate) identifier: Uuid,
    pub(crate) version: u64,
    pub(crate) etag: String,
    pub(crate) revision: u32,
    #[serde(serialize_with = "time")]
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) created_by: Option<Uuid>,
    #[serde(serialize_with = "time")]
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) updated_by: Option<Uuid>,
    #[serde(serialize_with = "optional_time")]
    pub(crate) closed_at: Option<DateTime<Utc>>,
    pub(crate) data: Value,
}

impl State {
    /// Returns the body for a row.
    ///
    /// # Errors
    /// `invalid-state`.
    pub(crate) fn of(row: &StateRecord, aggregate: &AggregateDescriptor) -> Result<Self, Error> {
        Ok(Self {
            resource: row.aggregate_id.resource.to_string(),
            identifier: row.aggregate_id.id,
            version: row.version,
            etag: row.etag.to_string(),
            revision: aggregate.revision,
            created_at: row.created_at,
            created_by: row.created_by,
            updated_at: row.updated_at,
            updated_by: row.updated_by,
            closed_at: row.closed_at,
            data: aggregate.current_state(row)?.to_value(),
        })
    }

    /// Returns the tag of this representation: the etag of the version, and the revision of the
    /// shape, since a new program writes the same version in another shape.
    pub(crate) fn tag(&self) -> String {
        format!("\"{}.r{}\"", self.etag, self.revision)
    }
}

/// An event of the log, in the shape of the current revision.
#[derive(Debug, Serialize)]
pub(crate) struct Event {
    pub(crate) position: u64,
    pub(crate) id: Uuid,
    pub(crate) event: String,
    pub(crate) resource: String,
    pub(crate) identifier: Uuid,
    pub(crate) version: u64,
    pub(crate) revision: u32,
    pub(crate) command_id: Uuid,
    #[serde(serialize_with = "time")]
    pub(crate) occurred_at: DateTime<Utc>,
    /// The command's arguments, and the data that the action returned as `data`.
    pub(crate) fields: Value,
    /// The change of the state, in the shape of the revision that wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delta: Option<StateDelta>,
}

impl Event {
    /// Returns the body for a row.
    ///
    /// # Errors
    /// `invalid-state` if the event cannot be upcast.
    pub(crate) fn of(
        entry: LogEntry<EventRecord>,
        aggregate: &AggregateDescriptor,
        with_delta: bool,
    ) -> Result<Self, Error> {
        let LogEntry { position, record } = entry;
        Ok(Self {
            position,
            id: record.id,
            fields: aggregate.current_event(&record)?,
            event: record.event.into_owned(),
            resource: record.aggregate_id.resource.into_owned(),
            identifier: record.aggregate_id.id,
            version: record.version,
            revision: aggregate.revision,
            command_id: record.command_id,
            occurred_at: record.occurred_at,
            delta: with_delta.then_some(record.delta),
        })
    }
}

/// A page of rows, with the cursor of the next one.
#[derive(Debug, Serialize)]
pub(crate) struct Page<T> {
    pub(crate) rows: Vec<T>,
    pub(crate) next: Option<String>,
}

/// Adds `Link: <path>; rel="relation"`.
pub(crate) fn link(response: &mut HttpResponse, path: &str, relation: &str) {
    if let Ok(value) = HeaderValue::try_from(["<", path, ">; rel=\"", relation, "\""].concat()) {
        response.headers_mut().append(header::LINK, value);
    }
}

/// Writes a time in RFC 3339, in UTC with microseconds.
pub(crate) fn time<S: Serializer>(time: &DateTime<Utc>, to: S) -> Result<S::Ok, S::Error> {
    time.to_rfc3339_opts(SecondsFormat::Micros, true).serialize(to)
}

fn optional_time<S: Serializer>(value: &Option<DateTime<Utc>>, to: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => time(value, to),
        None => to.serialize_none(),
    }
}
