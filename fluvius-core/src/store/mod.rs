//! What a store is: it keeps states and logs, and commits units of work.
//!
//! A store knows nothing of aggregates, commands or rules. It checks versions and command
//! identifiers, writes rows, and reads them back.

mod erased;
mod error;
mod fate;
pub mod memory;
mod page;
mod query;
mod shape;
mod storable;
mod turn;

use std::future::Future;
use std::sync::Arc;

use uuid::Uuid;

pub use error::StoreError;
pub use fate::Fate;
pub use page::LogPage;
pub use query::{LogQuery, RealmFilter};
pub use turn::StoreTurn;

pub(crate) use erased::ErasedStore;
pub(crate) use error::InvalidPosition;

use crate::activity::ActivityRecord;
use crate::command::CommandRecord;
use crate::context::ContextRecord;
use crate::event::EventRecord;
use crate::logged::Logged;
use crate::message::MessageRecord;
use crate::query::{Field, StateQuery};
use crate::root::AggregateRoot;
use crate::state::StateRecord;
use crate::unit_of_work::UnitOfWork;

/// The row of a command, and that of its context.
pub type KnownCommand = (Logged<CommandRecord>, Arc<ContextRecord>);

/// Keeps states and logs.
///
/// Implementors write `async fn`; the futures must be `Send`. Whether a store keeps this contract
/// is what `fluvius_core::testing::store_conformance!` finds out (feature `testing`).
///
/// # Shape
/// A store has one content: the rows of `resource_state`, one a root, the four logs (commands,
/// events, messages, activities) and the contexts. Every handle and every process that has it
/// open sees the same content. What a call has committed is seen by every call that begins after
/// it has answered, on any handle.
///
/// A log is read in the order of positions, and a reader sees only what can no longer be
/// overtaken: once it has seen a row, no row of any log appears at a lower position. It sees of a
/// unit of work either all rows or none, and a root's row, its events and their command together.
///
/// What is read back equals what was committed:
///
/// - texts, identifiers and numbers exactly; an empty text is not an absent one, nor is JSON's
///   `null`; names that differ in case, in spaces or in the composition of their characters are
///   different names, of different roots and different realms;
/// - `payload` and `response` of a command as the same JSON text; all other JSON as the same
///   value, with the order of the keys, the white space and the spelling of the numbers left to
///   the store;
/// - times to the microsecond; units carry nothing finer.
///
/// Any text may name a resource, and `commit` does not ask who has claimed it.
///
/// Two things that no store has to keep are the runtime's to leave out: U+0000, and numbers that
/// neither an `i64`, a `u64` nor an `f64` gives back.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no store",
    label = "not a store",
    note = "pass `MemoryStore::new()`, or a store that has been opened: `SqliteStore::open(..).await?` of \
            `fluvius-sqlite`, `PostgresStore` of `fluvius-postgres`"
)]
pub trait Store: Send + Sync + 'static {
    /// Claims resource names for a domain. Called once when a domain is built.
    ///
    /// A name is claimed for good and for one domain; claiming it again for the same one changes
    /// nothing. All names are claimed, or none.
    ///
    /// # Errors
    /// A permanent [`StoreError`] that names the owner, where another domain holds one of them.
    fn claim(
        &self,
        domain: &str,
        resources: &[&'static str],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The fields of a resource by which queries will often ask, as its aggregate declares them.
    /// Called once a resource when a domain is built, after [`claim`](Self::claim), with all of
    /// them, or none.
    ///
    /// What a query gives does not depend on it. A store may keep an index a field, and may drop
    /// those that are not declared any more; unless it says so itself, it does nothing.
    ///
    /// # Errors
    /// What the store says.
    fn index(
        &self,
        resource: &str,
        fields: &[Field],
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        let _ = (resource, fields);
        std::future::ready(Ok(()))
    }

    /// Commits a batch of units of work in one transaction, and tells what became of each.
    ///
    /// Units are taken in the order of the batch, each on the content as the units before it
    /// leave it. The first of these that holds is a unit's fate, and nothing of it is stored:
    ///
    /// 1. [`Failed`](Fate::Failed), permanently: it has not the shape that [`UnitOfWork`] tells
    ///    ([`UnitOfWork::check_shape`]).
    /// 2. [`Fell`](Fate::Fell): a unit of `depends_on` is not stored; of several, the first.
    /// 3. [`Known`](Fate::Known): the identifier of one of its commands is taken, whatever the
    ///    status of the row that has it; of several, that of the first command.
    /// 4. [`Stale`](Fate::Stale): a root of `expected` has another version, whether the unit
    ///    writes it or has only read it; of several, the first. The version of a root is that of
    ///    its row, closed or not, and 0 where there is none.
    ///
    /// Every other unit is stored wholly and is [`Committed`](Fate::Committed), whatever became
    /// of those that it does not depend on: one that only checks versions as well.
    ///
    /// A context is stored with the first unit that is stored and carries it, and is never
    /// changed. A unit without rows stores nothing, its context neither.
    ///
    /// # Shape
    /// `batch` is ordered, a unit after all that it depends on. One fate a unit, in the same
    /// order. Positions begin above 0 and rise from commit to commit and in batch order; those of
    /// one unit are consecutive, in the order that [`UnitOfWork`] tells; between units gaps are
    /// allowed. The versions of a root have none.
    ///
    /// Other handles and processes may commit at the same time: what is checked must still hold
    /// when the unit is stored. Of two units that each write what the other has read, one stands.
    /// Roots, and identifiers, that are locked must be locked in one order for the whole batch.
    ///
    /// # Errors
    /// A fault of the store is [`Fate::Failed`] or [`Fate::Unknown`] of each unit that it hit.
    /// Every other fate is told when what it rests on is durable: if the transaction fails, so
    /// do the units that were refused because of others in it.
    ///
    /// # Cancellation
    /// Dropping the future leaves of each unit either all or nothing.
    fn commit(&self, batch: Arc<[UnitOfWork]>) -> impl Future<Output = Vec<Fate>> + Send;

    /// Waits for the turn of a root among all who have the content open, and has it until what is
    /// given is dropped.
    ///
    /// It is asked for a root that several processes keep changing: one after the other they then
    /// decide a few batches each, instead of making each other's decisions stale. What is stored
    /// does not depend on it: [`commit`](Self::commit) checks the same, and who has no turn may
    /// commit as well. So a turn may be lost at any time, and must be where its holder is gone or
    /// sleeps.
    ///
    /// `None`: go on without. A store that has no turns says so at once, as it does unless it
    /// says otherwise itself; one whose turns other processes may have, where the turn is not to
    /// be had within about a second.
    ///
    /// # Cancellation
    /// Dropping the future gives up the place in the queue.
    fn turn(&self, root: &AggregateRoot) -> impl Future<Output = Option<StoreTurn>> + Send {
        let _ = root;
        std::future::ready(None)
    }

    /// The stored row of a root, closed ones too.
    ///
    /// # Errors
    /// What the store says.
    fn load(
        &self,
        root: &AggregateRoot,
    ) -> impl Future<Output = Result<Option<StateRecord>, StoreError>> + Send;

    /// The stored rows of several roots, all as they were at one moment, closed ones too.
    ///
    /// # Shape
    /// One entry a root, in the order in which they are asked for: `None` where there is no row. A
    /// root may be asked for twice, and any number of roots at once.
    ///
    /// # Errors
    /// What the store says.
    fn snapshot(
        &self,
        roots: &[AggregateRoot],
    ) -> impl Future<Output = Result<Vec<Option<StateRecord>>, StoreError>> + Send;

    /// The stored rows that a query asks for, in its order, all as they were at one moment.
    ///
    /// # Shape
    /// [`StateQuery`] and the [guide of its module](crate::query) tell which rows these are, and
    /// in which order. Whatever a query brings from outside, the names of fields and the values
    /// alike, is passed on as a parameter, or as a text that is quoted for certain.
    ///
    /// # Errors
    /// A permanent [`StoreError`] for what [`StateQuery::check`] refuses; what the store says.
    fn query(
        &self,
        query: &StateQuery,
    ) -> impl Future<Output = Result<Vec<StateRecord>, StoreError>> + Send;

    /// The row of a command, with its context.
    ///
    /// # Errors
    /// What the store says.
    fn command(
        &self,
        id: Uuid,
    ) -> impl Future<Output = Result<Option<KnownCommand>, StoreError>> + Send;

    /// The events of one root with versions from `first` to `last`, both included, in that order.
    ///
    /// # Shape
    /// Any numbers may be asked for: versions that there are not are left out.
    ///
    /// # Errors
    /// What the store says.
    fn history(
        &self,
        root: &AggregateRoot,
        first: u64,
        last: u64,
    ) -> impl Future<Output = Result<Vec<Logged<EventRecord>>, StoreError>> + Send;

    /// A page of the command log.
    ///
    /// # Shape
    /// [`LogQuery`] defines which rows are looked at and given, and [`LogPage`] the place up to
    /// which that was. If `limit` is not 0, a page that is not the [last](LogPage::is_last) has
    /// moved on from `after`.
    ///
    /// # Errors
    /// The error of [`ResumeToken::check`](crate::ResumeToken::check) for `after`, in the snapshot
    /// of the page; any error of the store.
    fn commands(
        &self,
        query: &LogQuery,
    ) -> impl Future<Output = Result<LogPage<CommandRecord>, StoreError>> + Send;

    /// A page of the event log.
    ///
    /// # Errors
    /// As [`commands`](Self::commands).
    fn events(
        &self,
        query: &LogQuery,
    ) -> impl Future<Output = Result<LogPage<EventRecord>, StoreError>> + Send;

    /// A page of the message log.
    ///
    /// # Errors
    /// As [`commands`](Self::commands).
    fn messages(
        &self,
        query: &LogQuery,
    ) -> impl Future<Output = Result<LogPage<MessageRecord>, StoreError>> + Send;

    /// A page of the activity log.
    ///
    /// # Errors
    /// As [`commands`](Self::commands).
    fn activities(
        &self,
        query: &LogQuery,
    ) -> impl Future<Output = Result<LogPage<ActivityRecord>, StoreError>> + Send;

    /// Waits until something may have been stored since this was called.
    ///
    /// A hint for whoever [follows](crate::LogReader::follow_events) a log beside other processes:
    /// it may come for nothing, late or never, and he looks by himself now and then. What it waits
    /// for begins with the call, not with the first poll. A store without hints never ends it, as
    /// it does unless it says otherwise itself.
    fn stored(&self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }

    /// The row of a context.
    ///
    /// # Errors
    /// What the store says.
    fn context(
        &self,
        id: Uuid,
    ) -> impl Future<Output = Result<Option<Arc<ContextRecord>>, StoreError>> + Send;

    /// Closes the store for every handle of this program that shares its connections.
    ///
    /// Commits that were handed over before end first. Later calls, on any of these handles, fail
    /// with a retryable [`StoreError`] that says that the store was closed: none of them stores
    /// anything. Closing again waits for the same end. The default does nothing, for stores that
    /// keep nothing open; their documentation says so.
    ///
    /// # Errors
    /// The store is closed even so, but is incomplete, for example because a log beside the file
    /// could not be copied into it.
    ///
    /// # Cancellation
    /// Closing goes on; dropping the future only stops the wait.
    fn close(&self) -> impl Future<Output = Result<(), StoreError>> + Send {
        std::future::ready(Ok(()))
    }

    /// Gives this handle up: it does not keep the store open any more.
    ///
    /// [`DomainRuntime::shutdown`](crate::DomainRuntime::shutdown) calls it once all commands have
    /// ended. If no other handle keeps the store open, it [closes](Self::close), and the future
    /// ends when it has closed; errors of that go to the log of the program. Calling it again
    /// changes nothing.
    ///
    /// Until the store is closed, calls on this handle work as before. The default does nothing,
    /// for stores that only `close` closes. A wrapper passes the call on only if each of its clones
    /// has a handle of its own.
    ///
    /// # Cancellation
    /// As [`close`](Self::close).
    fn release(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}
