//! fluvius: business rules as a plain `impl` block, everything around them derived.
//!
//! ```
//! use fluvius_core::{Domain, DomainContext, MemoryStore, SimpleRejection, aggregate};
//! use serde::{Deserialize, Serialize};
//! use uuid::Uuid;
//!
//! /// A counter that never falls.
//! #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
//! pub struct Counter {
//!     pub count: u64,
//! }
//!
//! #[aggregate(resource = "counter")]
//! impl Counter {
//!     /// Start a counter.
//!     #[action(evt_key = "counter-started")]
//!     pub fn start_counter() -> Result<Self, SimpleRejection> {
//!         Ok(Self { count: 0 })
//!     }
//!
//!     /// Count some more.
//!     #[action(evt_key = "counted")]
//!     pub fn count_more(&mut self, by: u64) -> Result<(), SimpleRejection> {
//!         let count = self.count.checked_add(by);
//!         self.count = count.ok_or(SimpleRejection::new("too-far", "the counter is at its end"))?;
//!         Ok(())
//!     }
//! }
//!
//! /// Domain for counting.
//! #[derive(Domain)]
//! #[domain(aggregates(Counter))]
//! pub struct CountingDomain;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let domain = CountingDomain::runtime(MemoryStore::new()).await?;
//! let session = domain.session(DomainContext::create("example"));
//! let id = Uuid::from_u128(1);
//! session.send(id, StartCounter {}).await?;
//! let response = session.send(id, CountMore { by: 3 }).await?;
//! assert_eq!((response.data.count, response.version), (3, 2));
//! # Ok(())
//! # }
//! ```
//!
//! # The way of a command
//!
//! authoring -> macro -> registry -> command -> processor -> unit of work -> store -> listeners
//!
//! | to | see |
//! |---|---|
//! | write rules | [`aggregate`](macro@aggregate), [`ActionContext`], [`Rejection`] |
//! | put them together | [`Domain`](trait@Domain), [`RuntimeBuilder`], [`Policy`], [`Observer`] |
//! | send commands | [`DomainRuntime`], [`Session`], [`CommandBundle`], [`Response`], [`Error`] |
//! | read | [`StateManager`], [`StateQueryBuilder`], [`query`], [`LogReader`] |
//! | change the shape of what is stored | [`Upcast`], [`UpcastInput`] |
//! | keep | [`Store`], [`UnitOfWork`], [`MemoryStore`], [`verify`](verify::verify) |

// The macros name this crate by its path, in its own doctests and unit tests as well.
extern crate self as fluvius_core;

mod action;
mod activity;
mod aggregate;
mod clock;
mod collections;
mod command;
mod context;
mod decode_error;
mod domain;
mod error;
mod event;
mod id_generator;
mod inspect;
mod into_aggregate_id;
#[cfg(feature = "__test_seams")]
mod lease_states;
#[cfg(feature = "__test_seams")]
mod mutants;
mod observer;
mod policy;
mod probe;
mod processor;
pub mod registry;
mod rejection;
mod response;
mod scheduler;
mod state;
mod sync;
mod unwind;
mod upcast;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

/// The types of times and identifiers in the interface.
pub use fluvius_store::{chrono, uuid};

/// JSON, queries and the integrity check of stores.
pub use fluvius_store::{json, query, verify};

pub use fluvius_store::{
    ActivityKind, ActivityRecord, Actor, AggregateId, CommandRecord, CommandStatus, CommitOutcome,
    ContextRecord, ETag, EventRecord, ExpectedVersion, Json, Lease, LogEntry, LogPage, LogQuery,
    LogRecord, MemoryStore, MessageRecord, ParseETagError, ParseResumeTokenError, Precondition,
    RealmFilter, ResumeToken, StateDelta, StateQuery, StateRecord, Store, StoreError,
    StoredCommand, Transport, UnitOfWork, off_runtime,
};

pub use action::{
    ActionDescriptor, ActionResult, EventData, FieldDescriptor, Lifecycle, Location, PayloadField,
};
pub use activity::Activity;
pub use aggregate::{Aggregate, AggregateDescriptor};
pub use clock::{Clock, SystemClock};
pub use command::{Command, CommandBundle};
pub use context::{ActionContext, ContextError, DomainContext, Invoke};
pub use decode_error::DecodeError;
pub use domain::{
    CommandProcessor, Domain, DomainMetadata, DomainRuntime, LogReader, LogStream, Page,
    PreparedCommand, RuntimeBuilder, Session,
};
pub use error::Error;
pub use event::{Event, EventDescriptor};
pub use id_generator::{IdGenerator, UuidV7};
pub use into_aggregate_id::IntoAggregateId;
pub use observer::{Observer, RuntimeEvent};
pub use policy::{Authorization, Policy, PolicyRequest, PolicyState};
pub use registry::{BuildError, Problem, Registry};
pub use rejection::{Rejection, SimpleRejection};
pub use response::Response;
pub use state::{PointInTime, StateManager, StatePage, StateQueryBuilder, Versioned};
pub use upcast::{Upcast, UpcastError, UpcastInput};

#[cfg(feature = "macros")]
pub use fluvius_macros::{Domain, Rejection, action, aggregate};
