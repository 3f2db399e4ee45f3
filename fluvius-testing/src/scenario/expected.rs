//! Typed expected events, compared with rows of the event log.

use serde_json::Value;

use fluvius_core::DecodeError;
use fluvius_core::{Event, IntoAggregateId};
use fluvius_store::{AggregateId, EventRecord, Json, json};

/// An expected event of an aggregate, made by [`event`].
#[derive(Debug, Clone)]
pub struct ExpectedEvent {
    aggregate_id: AggregateId,
    key: &'static str,
    fields: Json,
    /// Decodes a row of the same key into the event type and encodes it again.
    fields_of: fn(&EventRecord) -> Result<Json, DecodeError>,
}

/// Returns an expected event of an aggregate. The target is a UUID of the aggregate's main
/// resource, or an [`AggregateId`].
///
/// Events are compared as stored JSON, so the amounts `30.0` and `30.00` differ.
///
/// # Panics
/// If a field cannot be stored as JSON.
#[track_caller]
pub fn event<E: Event>(target: impl IntoAggregateId, event: E) -> ExpectedEvent {
    let fields = json::encode(&event);
    match fields {
        Ok(fields) => ExpectedEvent {
            aggregate_id: target.into_aggregate_id::<E::Aggregate>(),
            key: E::EVENT.key,
            fields,
            fields_of: fields_of::<E>,
        },
        Err(error) => panic!("`{}` cannot be stored: {error}", E::EVENT.key),
    }
}

impl ExpectedEvent {
    /// Tells if a row is this event.
    pub(super) fn is(&self, row: &EventRecord) -> bool {
        let fields = || (self.fields_of)(row).map(|fields| fields.to_value());
        row.aggregate_id == self.aggregate_id
            && row.event == self.key
            && fields().is_ok_and(|fields| fields == self.fields.to_value())
    }

    pub(super) fn text(&self) -> String {
        text(&self.aggregate_id, self.key, &self.fields.to_value())
    }
}

/// Returns a row in the format of [`ExpectedEvent::text`].
pub(super) fn row_text(row: &EventRecord) -> String {
    let mut fields = row.args.to_value();
    if let (Some(fields), Some(data)) = (fields.as_object_mut(), &row.data) {
        fields.insert("data".to_owned(), data.to_value());
    }
    text(&row.aggregate_id, row.key(), &fields)
}

fn text(aggregate_id: &AggregateId, key: &str, fields: &Value) -> String {
    format!("{aggregate_id} {key} {fields}")
}

fn fields_of<E: Event>(row: &EventRecord) -> Result<Json, DecodeError> {
    let event: E = fluvius_core::__private::decode_event(row)?;
    json::encode(&event).map_err(|source| DecodeError::of_event(row, source))
}
