//! The domain model and the runtime of fluvius. Programs depend on the crate `fluvius`, which
//! re-exports this one.
//!
//! ```
//! use fluvius_core::{Domain, DomainContext, MemoryStore, SimpleRejection, aggregate};
//! use serde::{Deserialize, Serialize};
//! use uuid::Uuid;
//!
//! /// A counter that never decreases.
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
//!     /// Add to the count.
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
//! # Overview
//!
//! authoring -> macro -> registry -> command -> processor -> unit of work -> store -> observers
//!
//! | to | see |
//! |---|---|
//! | write actions | [`aggregate`](macro@aggregate), [`ActionContext`], [`Rejection`] |
//! | combine them | [`Domain`](trait@Domain), [`RuntimeBuilder`], [`Policy`], [`Observer`] |
//! | send commands | [`DomainRuntime`], [`Session`], [`CommandBundle`], [`Response`], [`Error`] |
//! | read | [`StateManager`], [`StateQueryBuilder`], [`query`], [`LogReader`] |
//! | process events | [`subscriptions`] |
//! | change a stored shape | [`Upcast`], [`UpcastInput`] |
//! | store | [`Store`], [`UnitOfWork`], [`MemoryStore`], [`verify`](verify::verify) |

// The macros refer to this crate by name, also in its own doctests and unit tests.
extern crate self as fluvius_core;

mod clock;
mod collections;
mod decode_error;
mod domain;
mod error;
mod id_generator;
pub mod idempotency;
#[cfg(feature = "__test_seams")]
mod lease_cycles;
mod model;
#[cfg(feature = "__test_seams")]
mod mutants;
mod observability;
mod observer;
mod point_in_time;
mod policy;
mod processor;
mod scheduler;
mod states;
pub mod subscriptions;
mod sync;
mod unwind;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

/// JSON, queries and the integrity check of stores.
pub use fluvius_store::{json, query, verify, work};

pub use fluvius_store::{
    ActivityKind, ActivityRecord, Actor, AggregateId, AnyRecord, CommandRecord, CommandStatus,
    CommitOutcome, ContextRecord, DynStore, ETag, EventRecord, ExpectedVersion, Json, Lease,
    LogEntry, LogKind, LogPage, LogQuery, LogRecord, MemoryStore, MessageRecord, ParseETagError,
    ParseResumeTokenError, Precondition, RealmFilter, ResumeToken, SmallList, StateDelta,
    StateQuery, StateRecord, Store, StoreError, StoredCommand, Transport, UnitOfWork,
    delegate_store, off_runtime,
};

pub use clock::{Clock, SystemClock};
pub use decode_error::DecodeError;
pub use domain::{
    CommandProcessor, Domain, DomainRuntime, DryRun, LogReader, LogStream, Page, PreparedCommand,
    RuntimeBuilder, Session,
};
pub use error::{Error, ErrorKind, Recorded};
pub use id_generator::{IdGenerator, UuidV7};
pub use model::{
    ActionContext, ActionDescriptor, ActionResult, Activity, Aggregate, AggregateDescriptor,
    BuildError, CodeInfo, Command, CommandBundle, ContextError, Deprecation, DomainContext,
    DomainMetadata, Event, EventData, EventDescriptor, FieldDescriptor, IntoAggregateId, Invoke,
    Lifecycle, Location, PayloadField, Problem, Registry, Rejection, RejectionCode, RejectionCodes,
    Response, SimpleRejection, Upcast, UpcastError, UpcastInput, Versioned, registry,
};
pub use observer::{Observer, RuntimeEvent};
pub use point_in_time::PointInTime;
pub use policy::{
    Authorization, Operation, Policy, PolicyRequest, PolicyState, ReadKind, ReadRequest,
};
pub use states::{StateManager, StatePage, StateQueryBuilder};

// Crates whose types are part of the public API.
pub use fluvius_store::{chrono, uuid};
#[cfg(feature = "decimal")]
pub use rust_decimal;
#[cfg(feature = "schema")]
pub use schemars;
pub use serde_json;

#[cfg(feature = "macros")]
pub use fluvius_macros::{
    CoreDomain as Domain, CoreRejection as Rejection, action, core_aggregate as aggregate,
};
