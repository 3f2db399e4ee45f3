//! The store contract of fluvius: the stored data, the operations, and their guarantees.
//!
//! This crate is independent of aggregate types and actions. A store checks versions and command
//! ids, writes rows, and reads them back. Authors of a domain depend on `fluvius`; authors of a
//! store depend on this crate.
//!
//! | module | contents |
//! |---|---|
//! | [`Store`], [`UnitOfWork`], [`CommitOutcome`], [`Lease`], [`StoreError`] | the contract |
//! | [`DynStore`], [`delegate_store!`] | a store of any type; wrappers around a store |
//! | [`record`] | the rows that a store keeps |
//! | [`query`] | queries as data: states by condition, pages of a log |
//! | [`json`] | JSON text that every store can keep, and [`StateDelta`] |
//! | [`MemoryStore`] | the reference store |
//! | [`verify`] | the integrity check of logs against states |
//! | [`work`] | mutable rows about work on the logs, such as checkpoints |

mod aggregate_id;
mod dyn_store;
mod error;
mod etag;
mod excerpt;
pub mod json;
mod lease;
mod memory;
mod off_runtime;
mod outcome;
pub mod query;
pub mod record;
mod small_list;
mod store;
mod unit_of_work;
pub mod verify;
pub mod work;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

/// Re-exported crates, whose types of times and identifiers appear in the public API.
pub use {chrono, uuid};

pub use aggregate_id::AggregateId;
pub use dyn_store::DynStore;
pub use error::StoreError;
pub use etag::{ETag, ParseETagError, Precondition};
pub use json::{Json, SNAPSHOT_INTERVAL, StateDelta};
pub use lease::Lease;
pub use memory::MemoryStore;
pub use off_runtime::off_runtime;
pub use outcome::CommitOutcome;
pub use query::{LogQuery, RealmFilter, StateQuery};
pub use record::{
    ActivityKind, ActivityRecord, Actor, AnyRecord, CommandRecord, CommandStatus, ContextRecord,
    EventRecord, LogEntry, LogKind, LogPage, LogRecord, MessageRecord, ParseResumeTokenError,
    ResumeToken, StateRecord, StoredCommand, Transport,
};
pub use small_list::{SmallList, SmallListIntoIter};
pub use store::Store;
pub use unit_of_work::{ExpectedVersion, UnitOfWork};
