//! What a store is: it keeps states and logs, and commits units of work.
//!
//! A store knows nothing of aggregates, commands or rules. It checks versions and command
//! identifiers, writes rows, and reads them back.

mod erased;
mod error;
mod fate;
pub mod memory;
mod query;

use std::future::Future;
use std::sync::Arc;

use uuid::Uuid;

pub use error::StoreError;
pub use fate::Fate;
pub use query::{LogQuery, RealmFilter};

pub(crate) use erased::ErasedStore;

use crate::activity::ActivityRecord;
use crate::command::CommandRecord;
use crate::context::ContextRecord;
use crate::event::EventRecord;
use crate::logged::Logged;
use crate::message::MessageRecord;
use crate::root::AggregateRoot;
use crate::state::StateRecord;
use crate::unit_of_work::UnitOfWork;

/// The row of a command, and that of its context.
pub type KnownCommand = (Logged<CommandRecord>, Arc<ContextRecord>);

/// Keeps states and logs.
///
/// Implementors write `async fn`; the futures must be `Send`.
pub trait Store: Send + Sync + 'static {
    /// Claims resource names for a domain. Called once when a domain is built.
    ///
    /// # Errors
    /// A permanent [`StoreError`] that names the owner, where another domain holds one of them.
    fn claim(
        &self,
        domain: &str,
        resources: &[&'static str],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Commits a batch of units of work in one transaction, and tells what became of each.
    ///
    /// For each unit the store checks, before it writes anything of it: that no unit of
    /// `depends_on` has fallen, that none of its command identifiers is taken, and that every
    /// root has its expected version, with the units before it in the batch already counted.
    ///
    /// # Shape
    /// `batch` is ordered, a unit after all that it depends on. One fate a unit, in the same
    /// order. Positions rise in batch order, those of one unit are consecutive; between units
    /// gaps are allowed.
    ///
    /// # Errors
    /// A fault of the store is [`Fate::Failed`] or [`Fate::Unknown`] of each unit that it hit.
    ///
    /// # Cancellation
    /// Dropping the future leaves of each unit either all or nothing.
    fn commit(&self, batch: Arc<[UnitOfWork]>) -> impl Future<Output = Vec<Fate>> + Send;

    /// The stored row of a root, closed ones too.
    ///
    /// # Errors
    /// What the store says.
    fn load(
        &self,
        root: &AggregateRoot,
    ) -> impl Future<Output = Result<Option<StateRecord>, StoreError>> + Send;

    /// The row of a command, with its context.
    ///
    /// # Errors
    /// What the store says.
    fn command(
        &self,
        id: Uuid,
    ) -> impl Future<Output = Result<Option<KnownCommand>, StoreError>> + Send;

    /// The events of one root with versions from `first` to `last`, in that order.
    ///
    /// # Errors
    /// What the store says.
    fn history(
        &self,
        root: &AggregateRoot,
        first: u64,
        last: u64,
    ) -> impl Future<Output = Result<Vec<Logged<EventRecord>>, StoreError>> + Send;

    /// Rows of the command log, by position.
    ///
    /// # Errors
    /// What the store says.
    fn commands(
        &self,
        query: &LogQuery,
    ) -> impl Future<Output = Result<Vec<Logged<CommandRecord>>, StoreError>> + Send;

    /// Rows of the event log, by position.
    ///
    /// # Errors
    /// What the store says.
    fn events(
        &self,
        query: &LogQuery,
    ) -> impl Future<Output = Result<Vec<Logged<EventRecord>>, StoreError>> + Send;

    /// Rows of the message log, by position.
    ///
    /// # Errors
    /// What the store says.
    fn messages(
        &self,
        query: &LogQuery,
    ) -> impl Future<Output = Result<Vec<Logged<MessageRecord>>, StoreError>> + Send;

    /// Rows of the activity log, by position.
    ///
    /// # Errors
    /// What the store says.
    fn activities(
        &self,
        query: &LogQuery,
    ) -> impl Future<Output = Result<Vec<Logged<ActivityRecord>>, StoreError>> + Send;

    /// The row of a context.
    ///
    /// # Errors
    /// What the store says.
    fn context(
        &self,
        id: Uuid,
    ) -> impl Future<Output = Result<Option<Arc<ContextRecord>>, StoreError>> + Send;
}
