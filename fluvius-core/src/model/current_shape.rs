//! Stored states and events in the shape of the current revision, as JSON.
//!
//! A surface that knows no aggregate type shows rows that may have an older revision. Here they are
//! upcast and encoded again, so that readers see one shape.

use serde_json::Value;

use crate::decode_error::DecodeError;
use crate::error::Error;
use crate::model::{AggregateDescriptor, event, invalid_state};
use fluvius_store::{EventRecord, Json, StateRecord};

impl AggregateDescriptor {
    /// Returns the state of a row in the shape of the current revision.
    ///
    /// # Errors
    /// `invalid-state` if the state does not decode, or a newer revision wrote it.
    pub fn current_state(&self, record: &StateRecord) -> Result<Json, Error> {
        if record.revision == self.revision {
            return Ok(record.data.clone());
        }
        let state = self.decode(record.revision, &record.data);
        let state = state.and_then(|state| self.encode(&state));
        state.map_err(|error| invalid_state(record, &error))
    }

    /// Returns the fields of an event in the shape of the current revision: the command's
    /// arguments, and the data that the action returned as `data`.
    ///
    /// # Errors
    /// A [`DecodeError`] if the event cannot be upcast, or a newer revision wrote it.
    pub fn current_event(&self, record: &EventRecord) -> Result<Value, DecodeError> {
        event::fields(record, self).map_err(|source| DecodeError::of_event(record, source))
    }
}
