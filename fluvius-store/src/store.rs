//! What a store is: it keeps states and logs, and commits units of work.
//!
//! A store knows nothing of aggregate types, commands or rules. It checks versions and command
//! identifiers, writes rows, and reads them back.

mod delegate;

use std::future::Future;
use std::sync::Arc;

use uuid::Uuid;

use crate::aggregate_id::AggregateId;
use crate::error::StoreError;
use crate::lease::Lease;
use crate::outcome::CommitOutcome;
use crate::query::{Field, LogQuery, StateQuery};
use crate::record::{
    AnyRecord, ContextRecord, EventRecord, LogEntry, LogKind, LogPage, LogRecord, StateRecord,
    StoredCommand,
};
use crate::unit_of_work::UnitOfWork;

/// Keeps states and logs.
///
/// Implementors write `async fn`; the futures must be `Send`. Whether a store keeps this contract
/// is what `fluvius_store::testing::store_conformance!` finds out (feature `testing`).
///
/// # Shape
/// A store has one content: the rows of `resource_state`, one an aggregate, the four logs (commands,
/// events, messages, activities) and the contexts. Every handle and every process that has it
/// open sees the same content. What a call has committed is seen by every call that begins after
/// it has answered, on any handle.
///
/// A log is read in the order of positions, and a reader sees only what can no longer be
/// overtaken: once it has seen a row, no row of any log appears at a lower position. It sees of a
/// unit of work either all rows or none, and an aggregate's row, its events and their command together.
///
/// What is read back equals what was committed:
///
/// - texts, identifiers and numbers exactly; an empty text is not an absent one, nor is JSON's
///   `null`; names that differ in case, in spaces or in the composition of their characters are
///   different names, of different aggregate_ids and different realms;
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
    /// Registers the resource names of a domain. Called once when a domain is built.
    ///
    /// A name belongs to one domain for good; registering it again for the same domain changes nothing. All names are
    /// registered, or none.
    ///
    /// # Errors
    /// [`StoreError::resource_taken`] if another domain has one of them.
    fn register_domain(
        &self,
        domain: &str,
        resources: &[&'static str],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Declares the fields of a resource for which its aggregate type asks for an index. Called once for each resource
    /// when a domain is built, after [`register_domain`](Self::register_domain), with all of its fields, or none.
    ///
    /// The result of a query does not depend on it. A store may keep one index for each field, and may drop those that are
    /// no longer declared. The default does nothing.
    ///
    /// # Errors
    /// Any error of the store.
    fn declare_indexes(
        &self,
        resource: &str,
        fields: &[Field],
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        let _ = (resource, fields);
        std::future::ready(Ok(()))
    }

    /// Commits a batch of units of work in one transaction, and returns the outcome of each.
    ///
    /// Units are taken in the order of the batch, each on the content as the units before it leave it. The first of these
    /// that holds is the outcome of a unit, and nothing of it is stored:
    ///
    /// 1. [`Failed`](CommitOutcome::Failed), permanently: the unit is malformed ([`UnitOfWork::validate`]).
    /// 2. [`DependencyAborted`](CommitOutcome::DependencyAborted): a unit of `depends_on` is not stored; of several, the
    ///    first.
    /// 3. [`DuplicateCommand`](CommitOutcome::DuplicateCommand): the id of one of its commands is taken, whatever the
    ///    status of the row that has it; of several, that of the first command.
    /// 4. [`VersionConflict`](CommitOutcome::VersionConflict): an aggregate of `expected` has another version, whether the
    ///    unit writes it or has only read it; of several, the first. The version of an aggregate is that of its row,
    ///    closed or not, and 0 if there is none.
    ///
    /// Every other unit is stored completely and is [`Committed`](CommitOutcome::Committed), whatever the outcome of units
    /// that it does not depend on. This includes a unit that only checks versions.
    ///
    /// A context is stored with the first unit that is stored and carries it, and is never
    /// changed. A unit without rows stores nothing, its context neither.
    ///
    /// # Shape
    /// `batch` is ordered, a unit after all that it depends on. One outcome for each unit, in the same
    /// order. Positions begin above 0 and rise from commit to commit and in batch order; those of
    /// one unit are consecutive, in the order that [`UnitOfWork`] tells; between units gaps are
    /// allowed. The versions of an aggregate have none.
    ///
    /// Other handles and processes may commit at the same time: what is checked must still hold
    /// when the unit is stored. Of two units that each write what the other has read, one is stored.
    /// Aggregate and ids that are locked must be locked in one order for the whole batch.
    ///
    /// # Errors
    /// A fault of the store is [`CommitOutcome::Failed`] or [`CommitOutcome::InDoubt`] of each unit that it hit.
    /// Every other outcome is returned once everything that it depends on is durable: if the transaction fails, so
    /// do the units that were refused because of others in it.
    ///
    /// # Cancellation
    /// Dropping the future leaves either all of a unit or none of it.
    fn commit(&self, batch: Arc<[UnitOfWork]>) -> impl Future<Output = Vec<CommitOutcome>> + Send;

    /// Acquires the lease of an aggregate among all processes that have the content open, until the lease is dropped.
    ///
    /// The runtime acquires it for an aggregate that several processes keep changing. One after the other they then decide
    /// a few batches each, instead of invalidating each other's decisions. A lease is advisory:
    /// [`commit`](Self::commit) checks the same, and a process without it may commit as well. So a lease may be lost at any
    /// time, and must be if its holder is gone or hangs.
    ///
    /// Returns `None` if leases are unsupported (the default) or none was acquired within about one second.
    ///
    /// # Cancellation
    /// Dropping the future gives up the place in the queue.
    fn acquire_lease(
        &self,
        aggregate_id: &AggregateId,
    ) -> impl Future<Output = Option<Lease>> + Send {
        let _ = aggregate_id;
        std::future::ready(None)
    }

    /// The stored row of an aggregate, closed ones too.
    ///
    /// # Errors
    /// Any error of the store.
    fn load(
        &self,
        aggregate_id: &AggregateId,
    ) -> impl Future<Output = Result<Option<StateRecord>, StoreError>> + Send;

    /// The stored rows of several aggregates, all as they were at one moment, closed ones too.
    ///
    /// # Shape
    /// One entry an aggregate, in the order in which they are asked for: `None` where there is no row. A
    /// aggregate may be asked for twice, and any number of aggregates at once.
    ///
    /// # Errors
    /// Any error of the store.
    fn snapshot(
        &self,
        aggregate_ids: &[AggregateId],
    ) -> impl Future<Output = Result<Vec<Option<StateRecord>>, StoreError>> + Send;

    /// The stored rows that a query asks for, in its order, all as they were at one moment.
    ///
    /// # Shape
    /// [`StateQuery`] and the [guide of its module](crate::query) tell which rows these are, and
    /// in which order. Whatever a query brings from outside, the names of fields and the values
    /// alike, is passed on as a parameter, or as a text that is quoted for certain.
    ///
    /// # Errors
    /// A permanent [`StoreError`] for what [`StateQuery::check`] refuses; any error of the store.
    fn query(
        &self,
        query: &StateQuery,
    ) -> impl Future<Output = Result<Vec<StateRecord>, StoreError>> + Send;

    /// The row of a command, with its context.
    ///
    /// # Errors
    /// Any error of the store.
    fn command(
        &self,
        id: Uuid,
    ) -> impl Future<Output = Result<Option<StoredCommand>, StoreError>> + Send;

    /// The events of one aggregate with versions from `first` to `last`, both included, in that order.
    ///
    /// # Shape
    /// Any numbers may be asked for: versions that there are not are left out.
    ///
    /// # Errors
    /// Any error of the store.
    fn history(
        &self,
        aggregate_id: &AggregateId,
        first: u64,
        last: u64,
    ) -> impl Future<Output = Result<Vec<LogEntry<EventRecord>>, StoreError>> + Send;

    /// Returns a page of a log, with rows of that log.
    ///
    /// # Shape
    /// [`LogQuery`] defines which rows are scanned and returned, and [`LogPage`] the end of the scan. If `limit` is not 0,
    /// a page that is not the [last](LogPage::is_last) has moved on from `after`.
    ///
    /// # Errors
    /// The error of [`ResumeToken::check`](crate::ResumeToken::check) for `after`, in the snapshot
    /// of the page; any error of the store.
    fn log(
        &self,
        kind: LogKind,
        query: &LogQuery,
    ) -> impl Future<Output = Result<LogPage<AnyRecord>, StoreError>> + Send;

    /// Returns a page of a log with rows of their own type. Callers use it; a store implements [`log`](Self::log).
    ///
    /// # Errors
    /// As [`log`](Self::log); a permanent error if a row is of another log, which is a fault of the store.
    ///
    /// # Examples
    ///
    /// ```
    /// use fluvius_store::{CommandRecord, LogQuery, MemoryStore, Store};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), fluvius_store::StoreError> {
    /// let page = MemoryStore::new().read_log::<CommandRecord>(&LogQuery::all()).await?;
    /// assert!(page.rows.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    fn read_log<T: LogRecord>(
        &self,
        query: &LogQuery,
    ) -> impl Future<Output = Result<LogPage<T>, StoreError>> + Send {
        async { typed_page(self.log(T::KIND, query).await?) }
    }

    /// Waits until the content may have changed since the call (not since the first poll).
    ///
    /// A wake-up hint for log followers beside other processes. It may be spurious, late
    /// or lost, so followers also poll. The default never completes.
    fn changed(&self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }

    /// The row of a context.
    ///
    /// # Errors
    /// Any error of the store.
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
    /// `DomainRuntime::shutdown` calls it once all commands have
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

/// Returns a page with rows of their own type.
fn typed_page<T: LogRecord>(page: LogPage<AnyRecord>) -> Result<LogPage<T>, StoreError> {
    page.try_map(|row| {
        let kind = row.kind();
        T::from_any(row).ok_or_else(|| {
            StoreError::permanent(format!(
                "the store returned a row of the {kind} log for a page of the {} log",
                T::KIND
            ))
        })
    })
}

#[cfg(test)]
mod tests;
