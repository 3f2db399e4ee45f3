//! Events: facts in the past tense, immutable once stored.

use crate::model::Sealed;
use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use fluvius_store::EventRecord;

use crate::decode_error::DecodeError;
use crate::model::{Aggregate, AggregateDescriptor, UpcastInput};
use fluvius_store::Json;
use fluvius_store::json::JsonError;

/// An event that an action records: a struct with the parameters that are not secret and the data
/// that the action returned.
///
/// Implemented by [`#[aggregate]`](macro@crate::aggregate), not by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    label = "not an event",
    note = "an event is the struct that `#[aggregate]` makes of an `evt_key`: `MoneyDeposited` of \
        `\"money-deposited\"`"
)]
pub trait Event:
    Sealed + Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// The aggregate type whose action records it.
    type Aggregate: Aggregate;
    /// The event's key, name and documentation.
    const EVENT: &'static EventDescriptor;
}

/// A function that decodes an event from its row and discards it.
type ReadBack = fn(&EventRecord) -> Result<(), JsonError>;

/// The static description of an event, generated as a constant.
#[derive(Debug, Clone, Copy)]
pub struct EventDescriptor {
    /// The key: kebab case, past tense.
    pub key: &'static str,
    /// The name of the event struct.
    pub name: &'static str,
    /// The author's documentation.
    pub docs: &'static str,
    /// The function that decodes an event of this type; `None` if the type is unknown.
    read: Option<ReadBack>,
}

impl EventDescriptor {
    /// Returns the description of an event.
    #[doc(hidden)]
    pub const fn of(key: &'static str, name: &'static str, docs: &'static str) -> Self {
        Self { key, name, docs, read: None }
    }

    /// Returns the description with a function that decodes the event, for the descriptor of its
    /// action.
    pub(crate) const fn with_reader<E: Event>() -> &'static Self {
        const { &Self { read: Some(|record| read::<E>(record).map(drop)), ..*E::EVENT } }
    }

    /// Checks that the event can be decoded from its row.
    ///
    /// # Errors
    /// An error if its arguments or data do not decode.
    pub(crate) fn read_back(&self, record: &EventRecord) -> Result<(), JsonError> {
        self.read.map_or(Ok(()), |read| read(record))
    }
}

impl PartialEq for EventDescriptor {
    fn eq(&self, other: &Self) -> bool {
        (self.key, self.name, self.docs) == (other.key, other.name, other.docs)
    }
}

impl Eq for EventDescriptor {}

/// Decodes a typed event from its row. The event of an older revision is upcast first.
pub(crate) fn decode<E: Event>(record: &EventRecord) -> Result<E, DecodeError> {
    read(record).map_err(|source| DecodeError::of_event(record, source))
}

fn read<E: Event>(record: &EventRecord) -> Result<E, JsonError> {
    let aggregate = E::Aggregate::DESCRIPTOR;
    match &record.data {
        None if record.revision == aggregate.revision => record.args.decode(),
        _ => fields(record, aggregate).and_then(|fields| {
            let event = Json::from_value(&fields).and_then(|fields| fields.decode());
            event.map_err(|error| aggregate.during_upcast(record.revision, error))
        }),
    }
}

/// Returns the fields of an event in the shape of the current revision. The data that the action
/// returned is the field `data`.
pub(crate) fn fields(
    record: &EventRecord,
    aggregate: &AggregateDescriptor,
) -> Result<Value, JsonError> {
    let mut fields = record.args.to_value();
    if let (Some(data), Some(fields)) = (&record.data, fields.as_object_mut()) {
        fields.insert("data".to_owned(), data.to_value());
    }
    if record.revision == aggregate.revision {
        return Ok(fields);
    }
    aggregate.upcast_json(record.revision, UpcastInput::Event(&record.event), fields)
}
