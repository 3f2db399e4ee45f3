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
//! | write rules | [`aggregate`](macro@aggregate type), [`ActionContext`], [`Rejection`] |
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
mod aggregate_id;
mod clock;
mod collections;
mod command;
mod context;
mod decode_error;
mod domain;
mod error;
mod etag;
mod event;
mod excerpt;
mod id_generator;
mod inspect;
mod into_aggregate_id;
pub mod json;
mod log_entry;
mod message;
mod observer;
mod policy;
mod probe;
mod processor;
pub mod query;
pub mod registry;
mod rejection;
mod response;
mod resume;
mod scheduler;
mod state;
pub mod store;
mod sync;
#[cfg(feature = "testing")]
pub mod testing;
mod unit_of_work;
mod unwind;
mod upcast;
pub mod verify;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

/// The types of times and identifiers in the interface.
pub use {chrono, uuid};

pub use action::{
    ActionDescriptor, ActionResult, EventData, FieldDescriptor, Lifecycle, Location, PayloadField,
};
pub use activity::{Activity, ActivityKind, ActivityRecord};
pub use aggregate::{Aggregate, AggregateDescriptor};
pub use aggregate_id::AggregateId;
pub use clock::{Clock, SystemClock};
pub use command::{Command, CommandBundle, CommandRecord, CommandStatus};
pub use context::{
    ActionContext, Actor, ContextError, ContextRecord, DomainContext, Invoke, Transport,
};
pub use decode_error::DecodeError;
pub use domain::{
    CommandProcessor, Domain, DomainMetadata, DomainRuntime, LogReader, LogStream, Page,
    PreparedCommand, RuntimeBuilder, Session,
};
pub use error::Error;
pub use etag::{ETag, ParseETagError, Precondition};
pub use event::{Event, EventDescriptor, EventRecord};
pub use id_generator::{IdGenerator, UuidV7};
pub use into_aggregate_id::IntoAggregateId;
pub use json::{Json, StateDelta};
pub use log_entry::{LogEntry, LogRecord};
pub use message::MessageRecord;
pub use observer::{Observer, RuntimeEvent};
pub use policy::{Authorization, Policy, PolicyRequest, PolicyState};
pub use query::StateQuery;
pub use registry::{BuildError, Problem, Registry};
pub use rejection::{Rejection, SimpleRejection};
pub use response::Response;
pub use resume::{ParseResumeTokenError, ResumeToken};
pub use state::{PointInTime, StateManager, StatePage, StateQueryBuilder, StateRecord, Versioned};
pub use store::memory::MemoryStore;
pub use store::{
    CommitOutcome, Lease, LogPage, LogQuery, RealmFilter, Store, StoreError, StoredCommand,
};
pub use unit_of_work::{ExpectedVersion, UnitOfWork};
pub use upcast::{Upcast, UpcastError, UpcastInput};

#[cfg(feature = "macros")]
pub use fluvius_macros::{Domain, Rejection, action, aggregate};
