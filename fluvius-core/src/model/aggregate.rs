//! Aggregate types, whose methods are the actions, and their type-erased form.

use crate::model::Sealed;
use std::any::{Any, type_name};
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use uuid::Uuid;

use crate::decode_error::DecodeError;
use crate::error::Error;
use crate::model::{
    ActionDescriptor, EventDescriptor, Inspect, InspectErased, Location, TypeSchema, Upcast,
    UpcastInput, Versioned, check_resource, invalid_state, upcast,
};
use fluvius_store::json::{self, JsonError};
use fluvius_store::query::FieldIndex;
use fluvius_store::{AggregateId, CommandRecord, EventRecord, Json, StateRecord};

/// A type whose methods are the actions. A value is the state of one aggregate.
///
/// Implemented by [`#[aggregate]`](macro@crate::aggregate), not by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an aggregate",
    label = "not an aggregate",
    note = "put `#[aggregate]` on `impl {Self} {{ .. }}`"
)]
pub trait Aggregate: Sealed + Clone + Send + Sync + Serialize + DeserializeOwned + 'static {
    /// The resources of this aggregate type; the first is the main one.
    const RESOURCES: &'static [&'static str];
    /// The main resource.
    const RESOURCE: &'static str = Self::RESOURCES[0];
    /// The revision of the shape of the state and the events; the first is 1.
    const REVISION: u32;
    /// The function that converts older revisions to the current one.
    const UPCAST: Option<Upcast> = None;
    /// Every action, in the order of the block.
    const ACTIONS: &'static [&'static ActionDescriptor];
    /// Every event, in the order of the block.
    const EVENTS: &'static [&'static EventDescriptor];
    /// The fields to be indexed, because queries often filter or sort by them.
    const INDEXES: &'static [FieldIndex] = &[];
    /// Source location of the block.
    const LOCATION: Location;
    /// The author's documentation of the block.
    const DOCS: &'static str = "";
    /// The schema of the state.
    #[doc(hidden)]
    const STATE: TypeSchema;
    /// The enum of all commands. `try_from` reads one from a log row.
    type Command: for<'a> TryFrom<&'a CommandRecord, Error = DecodeError>;
    /// The enum of all events. `try_from` reads one from a log row.
    type Event: for<'a> TryFrom<&'a EventRecord, Error = DecodeError>;
    /// Functions of the test kit that compare and print states.
    #[doc(hidden)]
    const INSPECT: Inspect<Self> = Inspect::NOTHING;
    /// The type-erased form.
    const DESCRIPTOR: &'static AggregateDescriptor = &AggregateDescriptor::of::<Self>();

    /// Decodes a stored row. The state of an older revision is upcast first.
    ///
    /// # Errors
    /// `resource-not-allowed` if the row's resource belongs to another aggregate type;
    /// `invalid-state` if the state does not decode or a newer revision wrote it.
    fn decode(record: StateRecord) -> Result<Versioned<Self>, Error> {
        check_resource::<Self>(&record.aggregate_id)?;
        match Self::DESCRIPTOR.read(record.revision, &record.data, Json::decode::<Self>) {
            Ok(state) => Ok(Versioned::new(Arc::new(state), record)),
            Err(error) => Err(invalid_state(&record, &error)),
        }
    }

    /// Returns the id of the aggregate with this UUID and the main resource.
    fn aggregate_id(id: Uuid) -> AggregateId {
        AggregateId::new(Self::RESOURCE, id)
    }
}

/// The bounds on an aggregate type: owned, cloneable, and readable and writable with serde.
///
/// Implemented for every type that qualifies.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the state of an aggregate",
    label = "not a state",
    note = "an aggregate is `Clone + Serialize + DeserializeOwned + Send + Sync + 'static`: add \
        `#[derive(Debug, Clone, Serialize, Deserialize)]` to it, and to each type inside it"
)]
pub trait AggregateState: Clone + Send + Sync + Serialize + DeserializeOwned + 'static {}

// Hides the blanket impl, so that the compiler names this trait once instead of each missing bound.
#[diagnostic::do_not_recommend]
impl<T: Clone + Send + Sync + Serialize + DeserializeOwned + 'static> AggregateState for T {}

/// A type with an `#[aggregate]` block. Also implemented if the block does not compile, so that a
/// domain that lists the type reports no further error.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an aggregate",
    label = "not an aggregate",
    note = "put `#[aggregate]` on `impl {Self} {{ .. }}`"
)]
pub trait OneBlockForEachType {
    /// A type as visible as the actions, so that the compiler reports an aggregate type that is
    /// more visible.
    type Actions;
    /// See [`Aggregate::DESCRIPTOR`].
    const DESCRIPTOR: &'static AggregateDescriptor;
}

/// A decoded, type-erased state behind an `Arc`.
#[doc(hidden)]
pub type SharedState = Arc<dyn Any + Send + Sync>;

/// The type-erased description of an aggregate type.
pub struct AggregateDescriptor {
    /// The resources; the first is the main one.
    pub resources: &'static [&'static str],
    /// The revision of the shape of the state and the events.
    pub revision: u32,
    /// Every action, in the order of the block.
    pub actions: &'static [&'static ActionDescriptor],
    /// Every event, in the order of the block.
    pub events: &'static [&'static EventDescriptor],
    /// The fields to be indexed, because queries often filter or sort by them.
    pub indexes: &'static [FieldIndex],
    /// The author's documentation of the block.
    pub docs: &'static str,
    /// Source location of the block.
    pub location: Location,
    /// The schema of the state.
    #[doc(hidden)]
    pub state: TypeSchema,
    upcast: Option<Upcast>,
    type_name: fn() -> &'static str,
    decode: fn(&Json) -> Result<SharedState, JsonError>,
    encode: fn(&SharedState) -> Result<Json, JsonError>,
    inspect: InspectErased,
}

impl AggregateDescriptor {
    /// A placeholder for the descriptor of a type that is not an aggregate type.
    pub(crate) const STAND_IN: Self = Self {
        resources: &[""],
        revision: 1,
        actions: &[],
        events: &[],
        indexes: &[],
        docs: "",
        location: crate::location!(),
        state: TypeSchema::unknown(""),
        upcast: None,
        type_name: || "",
        decode: |_| unreachable!(),
        encode: |_| unreachable!(),
        inspect: InspectErased::NOTHING,
    };

    /// Returns the descriptor of an aggregate type.
    pub const fn of<A: Aggregate>() -> Self {
        Self {
            resources: A::RESOURCES,
            revision: A::REVISION,
            actions: A::ACTIONS,
            events: A::EVENTS,
            indexes: A::INDEXES,
            docs: A::DOCS,
            location: A::LOCATION,
            state: A::STATE,
            upcast: A::UPCAST,
            type_name: type_name::<A>,
            decode: decode::<A>,
            encode: encode::<A>,
            inspect: InspectErased::of::<A>(),
        }
    }

    /// Returns the functions of the test kit that compare and print states.
    #[doc(hidden)]
    pub fn inspect(&self) -> InspectErased {
        self.inspect
    }

    /// Returns the name of the Rust type, with its path.
    pub fn type_name(&self) -> &'static str {
        (self.type_name)()
    }

    /// Decodes a state of the given revision.
    #[doc(hidden)]
    pub fn decode(&self, revision: u32, data: &Json) -> Result<SharedState, JsonError> {
        self.read(revision, data, self.decode)
    }

    /// Decodes a state of the given revision. Upcasts it first if that is not the current revision.
    pub(crate) fn read<T>(
        &self,
        revision: u32,
        data: &Json,
        decode: impl FnOnce(&Json) -> Result<T, JsonError>,
    ) -> Result<T, JsonError> {
        if revision == self.revision {
            return decode(data);
        }
        let upcasted = self.upcast_json(revision, UpcastInput::State, data.decode()?)?;
        let state = Json::from_value(&upcasted).and_then(|upcasted| decode(&upcasted));
        state.map_err(|error| self.during_upcast(revision, error))
    }

    /// Adds to an error that the JSON was upcast first, so its path may not exist in the stored
    /// JSON.
    pub(crate) fn during_upcast(&self, revision: u32, error: JsonError) -> JsonError {
        if revision == self.revision {
            return error;
        }
        error.during(&format!("upcast to revision {}", self.revision))
    }

    /// Upcasts JSON of another revision.
    pub(crate) fn upcast_json(
        &self,
        revision: u32,
        written: UpcastInput<'_>,
        json: Value,
    ) -> Result<Value, JsonError> {
        upcast::upcast_json(self.upcast, (revision, self.revision), written, json)
    }

    #[doc(hidden)]
    pub fn encode(&self, state: &SharedState) -> Result<Json, JsonError> {
        (self.encode)(state)
    }
}

impl fmt::Debug for AggregateDescriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AggregateDescriptor")
            .field("type_name", &self.type_name())
            .field("resources", &self.resources)
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}

fn decode<A: Aggregate>(data: &Json) -> Result<SharedState, JsonError> {
    Ok(Arc::new(data.decode::<A>()?))
}

#[expect(clippy::expect_used, reason = "a state of another type is a fault of fluvius itself")]
fn encode<A: Aggregate>(state: &SharedState) -> Result<Json, JsonError> {
    let state = state.downcast_ref::<A>().expect("a head holds the state type of its resource");
    json::encode(state)
}
