//! Aggregate types: types whose methods are the rules, and their erased form.

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
    ActionDescriptor, EventDescriptor, Inspect, InspectErased, Location, Upcast, UpcastInput,
    Versioned, check_resource, invalid_state, upcast,
};
use fluvius_store::json::{self, JsonError};
use fluvius_store::query::FieldIndex;
use fluvius_store::{AggregateId, CommandRecord, EventRecord, Json, StateRecord};

/// A type whose methods are the actions. A value is the state of one aggregate.
///
/// Written by [`#[aggregate]`](macro@crate::aggregate), not by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no aggregate",
    label = "not an aggregate",
    note = "put `#[aggregate]` on `impl {Self} {{ .. }}`"
)]
pub trait Aggregate: Sealed + Clone + Send + Sync + Serialize + DeserializeOwned + 'static {
    /// The resources whose aggregates this type is the state of; the first is the main one.
    const RESOURCES: &'static [&'static str];
    /// The main resource.
    const RESOURCE: &'static str = Self::RESOURCES[0];
    /// The revision of the state's and the events' shape; the first is 1.
    const REVISION: u32;
    /// Lifts what an older revision wrote.
    const UPCAST: Option<Upcast> = None;
    /// Every action, in the order of the block.
    const ACTIONS: &'static [&'static ActionDescriptor];
    /// Every event, in the order of the block.
    const EVENTS: &'static [&'static EventDescriptor];
    /// The fields by which queries will often ask.
    const INDEXES: &'static [FieldIndex] = &[];
    /// Where the block stands.
    const LOCATION: Location;
    /// Every command, to `match` on; read from a log row with `try_from`.
    type Command: for<'a> TryFrom<&'a CommandRecord, Error = DecodeError>;
    /// Every event, to `match` on; read from a log row with `try_from`.
    type Event: for<'a> TryFrom<&'a EventRecord, Error = DecodeError>;
    /// Comparison and printing of states, for the test kit.
    #[doc(hidden)]
    const INSPECT: Inspect<Self> = Inspect::NOTHING;
    /// The erased form.
    const DESCRIPTOR: &'static AggregateDescriptor = &AggregateDescriptor::of::<Self>();

    /// Decodes a stored row. A state that an older revision wrote is upcast.
    ///
    /// # Errors
    /// `resource-not-allowed` if this is not the type of the row's resource; `invalid-state` if the state does not
    /// decode, or a newer revision wrote it.
    fn decode(record: StateRecord) -> Result<Versioned<Self>, Error> {
        check_resource::<Self>(&record.aggregate_id)?;
        match Self::DESCRIPTOR.read(record.revision, &record.data, Json::decode::<Self>) {
            Ok(state) => Ok(Versioned::new(Arc::new(state), record)),
            Err(error) => Err(invalid_state(&record, &error)),
        }
    }

    /// Returns the id of the aggregate that has this UUID and the main resource.
    fn aggregate_id(id: Uuid) -> AggregateId {
        AggregateId::new(Self::RESOURCE, id)
    }
}

/// A type that an aggregate type may be: it is owned and can be copied, and serde can read and write it.
///
/// Implemented for every type that qualifies.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the state of an aggregate",
    label = "not a state",
    note = "an aggregate is `Clone + Serialize + DeserializeOwned + Send + Sync + 'static`: add `#[derive(Debug, Clone, \
            Serialize, Deserialize)]` to it, and to each type inside it"
)]
pub trait AggregateState: Clone + Send + Sync + Serialize + DeserializeOwned + 'static {}

// Not recommended: the compiler names the trait above once, in place of each trait that is missing.
#[diagnostic::do_not_recommend]
impl<T: Clone + Send + Sync + Serialize + DeserializeOwned + 'static> AggregateState for T {}

/// A type with an `#[aggregate]` block, whether or not the block compiles: a domain that lists it has no further error.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no aggregate",
    label = "not an aggregate",
    note = "put `#[aggregate]` on `impl {Self} {{ .. }}`"
)]
pub trait OneBlockForEachType {
    /// As visible as the actions, so that the compiler reports a type that is more visible.
    type Actions;
    /// See [`Aggregate::DESCRIPTOR`].
    const DESCRIPTOR: &'static AggregateDescriptor;
}

/// A decoded state, shared and erased.
#[doc(hidden)]
pub type SharedState = Arc<dyn Any + Send + Sync>;

/// What a domain knows of an aggregate type without its type.
pub struct AggregateDescriptor {
    /// The resources; the first is the main one.
    pub resources: &'static [&'static str],
    /// The revision of the state's shape.
    pub revision: u32,
    /// Every action, in the order of the block.
    pub actions: &'static [&'static ActionDescriptor],
    /// Every event, in the order of the block.
    pub events: &'static [&'static EventDescriptor],
    /// The fields by which queries will often ask.
    pub indexes: &'static [FieldIndex],
    /// Where the block stands.
    pub location: Location,
    upcast: Option<Upcast>,
    type_name: fn() -> &'static str,
    decode: fn(&Json) -> Result<SharedState, JsonError>,
    encode: fn(&SharedState) -> Result<Json, JsonError>,
    inspect: InspectErased,
}

impl AggregateDescriptor {
    /// Stands in for the descriptor of a type that is no aggregate.
    pub(crate) const STAND_IN: Self = Self {
        resources: &[""],
        revision: 1,
        actions: &[],
        events: &[],
        indexes: &[],
        location: crate::location!(),
        upcast: None,
        type_name: || "",
        decode: |_| unreachable!(),
        encode: |_| unreachable!(),
        inspect: InspectErased::NOTHING,
    };

    /// The descriptor of an aggregate type.
    pub const fn of<A: Aggregate>() -> Self {
        Self {
            resources: A::RESOURCES,
            revision: A::REVISION,
            actions: A::ACTIONS,
            events: A::EVENTS,
            indexes: A::INDEXES,
            location: A::LOCATION,
            upcast: A::UPCAST,
            type_name: type_name::<A>,
            decode: decode::<A>,
            encode: encode::<A>,
            inspect: InspectErased::of::<A>(),
        }
    }

    /// Returns the functions that compare and print states, for the test kit.
    #[doc(hidden)]
    pub fn inspect(&self) -> InspectErased {
        self.inspect
    }

    /// The Rust type, with its path.
    pub fn type_name(&self) -> &'static str {
        (self.type_name)()
    }

    /// Reads a state that was written at a revision.
    #[doc(hidden)]
    pub fn decode(&self, revision: u32, data: &Json) -> Result<SharedState, JsonError> {
        self.read(revision, data, self.decode)
    }

    /// Reads a state that was written at a revision, lifted first where that is not this one.
    pub(crate) fn read<T>(
        &self,
        revision: u32,
        data: &Json,
        decode: impl FnOnce(&Json) -> Result<T, JsonError>,
    ) -> Result<T, JsonError> {
        if revision == self.revision {
            return decode(data);
        }
        let lifted = self.lift(revision, UpcastInput::State, data.decode()?)?;
        let state = Json::from_value(&lifted).and_then(|lifted| decode(&lifted));
        state.map_err(|error| self.as_lifted(revision, error))
    }

    /// The error of JSON that a revision wrote, once it was lifted: its path may be none of what is stored.
    pub(crate) fn as_lifted(&self, revision: u32, error: JsonError) -> JsonError {
        if revision == self.revision {
            return error;
        }
        error.during(&format!("lifted to revision {}", self.revision))
    }

    /// Lifts what another revision wrote.
    pub(crate) fn lift(
        &self,
        revision: u32,
        written: UpcastInput<'_>,
        json: Value,
    ) -> Result<Value, JsonError> {
        upcast::lift(self.upcast, (revision, self.revision), written, json)
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
