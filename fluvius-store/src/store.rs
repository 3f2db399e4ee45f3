//! The store contract: a store keeps states and logs, and commits units of work.
//!
//! A store is independent of aggregate types, commands and actions. It checks versions and command
//! ids, writes rows, and reads them back.

mod defaults;
mod delegate;

use defaults::{typed_page, unsupported};
use std::future::Future;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::aggregate_id::AggregateId;
use crate::error::StoreError;
use crate::lease::Lease;
use crate::outcome::CommitOutcome;
use crate::query::{Field, LogQuery, StateQuery, StateScan};
use crate::record::{
    AnyRecord, ContextRecord, EventRecord, LogEntry, LogKind, LogPage, LogRecord, StateRecord,
    StoredCommand,
};
use crate::unit_of_work::UnitOfWork;
use crate::work::{
    Announcement, Capabilities, Incarnation, WorkOutcome, WorkPage, WorkQuery, WorkUnit,
};

/// A store of states and logs.
///
/// Implementors write `async fn`; the futures must be `Send`. `fluvius_testing::store_conformance!`
/// checks that a store meets this contract.
///
/// # Shape
/// A store has one content: the rows of `resource_state`, one per aggregate, the four logs
/// (commands, events, messages, activities) and the contexts. Every handle and every process that
/// has it open sees the same content. A call sees everything that was committed by calls that
/// returned before it began, on any handle.
///
/// A log is read in the order of positions. Once a reader has seen a row, no row of any log appears
/// at a lower position. A reader sees either all rows of a unit of work or none, and an aggregate's
/// row, its events and their command together.
///
/// Data that is read back equals the committed data:
///
/// - Texts, identifiers and numbers are exact. An empty text is not an absent one, and neither is
///   JSON's `null`. Names that differ in case, in spaces or in the composition of their characters
///   are different names, of different aggregates and different realms.
/// - `payload` and `response` of a command are the same JSON text. All other JSON is the same
///   value; the store may change the order of keys, the white space and the spelling of numbers.
/// - Times are exact to the microsecond; units carry nothing finer.
///
/// Any text may name a resource. `commit` does not check which domain has registered it.
///
/// The runtime rejects values that no store has to keep: U+0000, and numbers that neither an `i64`,
/// a `u64` nor an `f64` preserves.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a store",
    label = "not a store",
    note = "pass `MemoryStore::new()`, or a store that has been opened: \
        `SqliteStore::open(..).await?` of `fluvius-sqlite`, `PostgresStore` of `fluvius-postgres`"
)]
pub trait Store: Send + Sync + 'static {
    /// Registers the resource names of a domain. The runtime calls this once when a domain is
    /// built.
    ///
    /// A name belongs to one domain permanently; registering it again for the same domain changes
    /// nothing. Either all names are registered, or none.
    ///
    /// # Errors
    /// Returns [`StoreError::resource_taken`] if another domain has one of them.
    fn register_domain(
        &self,
        domain: &str,
        resources: &[&'static str],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Declares the indexed fields of a resource, as requested by its aggregate type.
    ///
    /// The runtime calls this once for each resource when a domain is built, after
    /// [`register_domain`](Self::register_domain), with all of its fields, or none. The result of a
    /// query does not depend on it. A store may keep one index for each field, and may drop those
    /// that are no longer declared. The default does nothing.
    ///
    /// # Errors
    /// Returns any error of the store.
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
    /// Units are processed in the order of the batch, each on the content as the units before it
    /// leave it. The first of these conditions that holds determines the outcome of a unit, and
    /// nothing of the unit is stored:
    ///
    /// 1. [`Failed`](CommitOutcome::Failed), permanently: the unit is malformed
    ///    ([`UnitOfWork::validate`]).
    /// 2. [`DependencyAborted`](CommitOutcome::DependencyAborted): a unit of `depends_on` is not
    ///    stored; of several, the first.
    /// 3. [`DuplicateCommand`](CommitOutcome::DuplicateCommand): the id of one of its commands is
    ///    taken, whatever the status of the row that has it; of several, that of the first command.
    /// 4. [`VersionConflict`](CommitOutcome::VersionConflict): an aggregate of `expected` has
    ///    another version, for written aggregates and for read ones; of several, the first.
    ///    The version of an aggregate is that of its row, closed or not, and 0 if there is none.
    ///
    /// Every other unit is stored completely and is [`Committed`](CommitOutcome::Committed),
    /// independent of the outcome of units that it does not depend on. This includes a unit that
    /// only checks versions.
    ///
    /// A context is stored with the first stored unit that carries it, and never changes. A unit
    /// without rows stores nothing, not even its context.
    ///
    /// # Shape
    /// `batch` is ordered: a unit comes after all units that it depends on. There is one outcome
    /// for each unit, in the same order. Positions begin above 0 and rise from commit to commit and
    /// in batch order. The positions of one unit are consecutive, in the order that [`UnitOfWork`]
    /// defines; gaps are allowed between units. The versions of an aggregate have no gaps.
    ///
    /// Other handles and processes may commit at the same time: every checked condition must still
    /// hold when the unit is stored. Of two units that each write what the other has read, only one
    /// is stored (no write skew). A store that locks aggregates and ids must lock them in one order
    /// for the whole batch.
    ///
    /// # Errors
    /// A failure of the store is [`CommitOutcome::Failed`] or [`CommitOutcome::InDoubt`] of each
    /// affected unit. Every other outcome is returned only once all units that it depends on are
    /// durable. So if the transaction fails, the units that were not stored because of other units
    /// in it fail too.
    ///
    /// # Cancellation
    /// Dropping the future leaves either all of a unit or none of it.
    fn commit(&self, batch: Arc<[UnitOfWork]>) -> impl Future<Output = Vec<CommitOutcome>> + Send;

    /// Acquires the lease of an aggregate among all processes that have the content open, until the
    /// lease is dropped.
    ///
    /// The runtime acquires it for an aggregate that several processes keep changing. Each process
    /// then decides a few batches in sequence, and the decisions no longer invalidate each other. A
    /// lease is advisory: [`commit`](Self::commit) makes the same checks, and a process without it
    /// may commit too. So a lease may be lost at any time, and must be revoked if its holder has
    /// ended or hangs.
    ///
    /// Returns `None` if leases are unsupported (the default) or none was acquired within about one
    /// second.
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

    /// Returns the stored row of an aggregate, open or closed.
    ///
    /// # Errors
    /// Returns any error of the store.
    fn load(
        &self,
        aggregate_id: &AggregateId,
    ) -> impl Future<Output = Result<Option<StateRecord>, StoreError>> + Send;

    /// Returns the stored rows of several aggregates, open or closed, in one snapshot.
    ///
    /// # Shape
    /// There is one entry for each aggregate, in the order of `aggregate_ids`; `None` if there is
    /// no row. An aggregate may be listed twice, and the number of aggregates is not limited.
    ///
    /// # Errors
    /// Returns any error of the store.
    fn snapshot(
        &self,
        aggregate_ids: &[AggregateId],
    ) -> impl Future<Output = Result<Vec<Option<StateRecord>>, StoreError>> + Send;

    /// Returns the stored rows that match a query, in its order and in one snapshot.
    ///
    /// # Shape
    /// [`StateQuery`] and its [module documentation](crate::query) define the rows and their order.
    /// Names of fields and values in a query may be untrusted: a store passes them as parameters,
    /// or as safely quoted text.
    ///
    /// # Errors
    /// Returns a permanent [`StoreError`] if [`StateQuery::check`] fails, or any error of the
    /// store.
    fn query(
        &self,
        query: &StateQuery,
    ) -> impl Future<Output = Result<Vec<StateRecord>, StoreError>> + Send;

    /// Scans the rows of a query's resource and realm, in the order of the query after its cursor,
    /// and returns those that match, in one snapshot. So a condition that few rows meet does not
    /// make one call read all of them.
    ///
    /// # Shape
    /// The scan ends once `limit` rows match, `scan_limit` rows are scanned, or no rows remain; 0
    /// counts as 1 in both limits. Rows that do not match are scanned too, and closed ones. The
    /// scans that each begin at the `next` of the one before return the rows of
    /// [`query`](Self::query). [`StateQuery::scan`] defines the result.
    ///
    /// If an index finds all rows that may match, and they are at most
    /// [`MAX_CANDIDATES`](crate::query::MAX_CANDIDATES), a store may read these instead
    /// ([`StateScan::complete`]). `next` is always the location of a row of the query's realm.
    ///
    /// The default reads the rows of [`StateQuery::window`] by [`query`](Self::query). A store
    /// should find these rows without reading others, except to sort them by a field without an
    /// index.
    ///
    /// # Errors
    /// Same as [`query`](Self::query).
    fn scan(
        &self,
        query: &StateQuery,
        scan_limit: usize,
    ) -> impl Future<Output = Result<StateScan, StoreError>> + Send {
        async move {
            query.check()?;
            let window = self.query(&query.window(scan_limit)).await?;
            query.scan(window.into_iter().map(Ok), scan_limit)
        }
    }

    /// Returns the row of a command, with its context.
    ///
    /// # Errors
    /// Returns any error of the store.
    fn command(
        &self,
        id: Uuid,
    ) -> impl Future<Output = Result<Option<StoredCommand>, StoreError>> + Send;

    /// Returns the events of one aggregate with versions from `first` to `last`, both included, in
    /// that order.
    ///
    /// # Shape
    /// All numbers are valid: versions that do not exist are omitted.
    ///
    /// # Errors
    /// Returns any error of the store.
    fn history(
        &self,
        aggregate_id: &AggregateId,
        first: u64,
        last: u64,
    ) -> impl Future<Output = Result<Vec<LogEntry<EventRecord>>, StoreError>> + Send;

    /// Returns a page of a log, with rows of that log.
    ///
    /// # Shape
    /// [`LogQuery`] defines which rows are scanned and returned, and [`LogPage`] the end of the
    /// scan. If `limit` is not 0, a page that is not the [last](LogPage::is_last) has advanced
    /// beyond `after`.
    ///
    /// # Errors
    /// Returns the error of [`ResumeToken::check`](crate::ResumeToken::check) for `after`, in the
    /// snapshot of the page, or any error of the store.
    fn log(
        &self,
        kind: LogKind,
        query: &LogQuery,
    ) -> impl Future<Output = Result<LogPage<AnyRecord>, StoreError>> + Send;

    /// Returns a page of a log with rows of their own type. Callers use it; a store implements
    /// [`log`](Self::log).
    ///
    /// # Errors
    /// Same as [`log`](Self::log), and a permanent error if a row is of another log: a store's bug.
    fn read_log<T: LogRecord>(
        &self,
        query: &LogQuery,
    ) -> impl Future<Output = Result<LogPage<T>, StoreError>> + Send {
        async { typed_page(self.log(T::KIND, query).await?) }
    }

    /// Returns the optional parts of this contract that the store supports. The default is none.
    fn capabilities(&self) -> Capabilities {
        Capabilities::none()
    }

    /// Returns the identity of the content, and of this copy of it.
    ///
    /// # Errors
    /// Returns any error of the store. The default fails permanently.
    fn incarnation(&self) -> impl Future<Output = Result<Incarnation, StoreError>> + Send {
        std::future::ready(Err(unsupported()))
    }

    /// Returns the work rows that meet a query, in one snapshot and in the order of their keys.
    ///
    /// # Errors
    /// Returns any error of the store. The default fails permanently.
    fn work(&self, query: &WorkQuery) -> impl Future<Output = Result<WorkPage, StoreError>> + Send {
        let _ = query;
        std::future::ready(Err(unsupported()))
    }

    /// Writes units of work rows, and returns the outcome of each, in the same order.
    ///
    /// A unit is processed on the rows as the units before it leave them. It is stored completely
    /// if all its rows are as expected, also while others write; else nothing of it is stored.
    /// Activities get positions as those of [`commit`](Self::commit) do. `now` is the time of the
    /// caller, for a store without a clock.
    ///
    /// # Errors
    /// A failure of the store is [`WorkOutcome::Failed`] or [`WorkOutcome::InDoubt`] of each
    /// affected unit. Outcomes are returned once they are durable. The default fails permanently.
    ///
    /// # Cancellation
    /// Dropping the future leaves either all of a unit or none of it.
    fn write_work(
        &self,
        units: Arc<[WorkUnit]>,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Vec<WorkOutcome>> + Send {
        let _ = now;
        let failed = units.iter().map(|_| WorkOutcome::Failed(unsupported())).collect();
        std::future::ready(failed)
    }

    /// Announces that a process is alive, until the returned value is dropped or the process ends.
    /// `None` if the store cannot tell when a process ends (the default). An id is announced once.
    fn announce(&self, process: Uuid) -> impl Future<Output = Option<Announcement>> + Send {
        let _ = process;
        std::future::ready(None)
    }

    /// Returns those of the announced processes that have ended, and those never announced.
    /// The default returns none.
    ///
    /// # Errors
    /// Returns any error of the store.
    fn ended(
        &self,
        processes: &[Uuid],
    ) -> impl Future<Output = Result<Vec<Uuid>, StoreError>> + Send {
        let _ = processes;
        std::future::ready(Ok(Vec::new()))
    }

    /// Waits until the content may have changed since the call (not since the first poll).
    ///
    /// This wakes log followers after commits of other processes. A wake-up may be spurious, late
    /// or lost, so followers also poll. The default never completes.
    fn changed(&self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }

    /// Returns the row of a context.
    ///
    /// # Errors
    /// Returns any error of the store.
    fn context(
        &self,
        id: Uuid,
    ) -> impl Future<Output = Result<Option<Arc<ContextRecord>>, StoreError>> + Send;

    /// Closes the store for every handle of this program that shares its connections.
    ///
    /// Commits that were submitted before finish first. Later calls, on any of these handles, fail
    /// with a retryable [`StoreError`] which states that the store was closed, and store nothing.
    /// Closing again waits for the same end. The default does nothing, for stores without files.
    ///
    /// # Errors
    /// Returns an error if closing did not complete, for example because a log beside the file
    /// could not be copied into it. The store is closed even then.
    ///
    /// # Cancellation
    /// Closing continues; dropping the future only stops the wait.
    fn close(&self) -> impl Future<Output = Result<(), StoreError>> + Send {
        std::future::ready(Ok(()))
    }

    /// Releases this handle, which then no longer keeps the store open.
    ///
    /// `DomainRuntime::shutdown` calls it once all commands have ended. If no other handle keeps
    /// the store open, it [closes](Self::close), and the future completes when it has closed.
    /// Errors of closing go to the log of the program. Calling it again changes nothing.
    ///
    /// Until the store is closed, calls on this handle work as before. The default does nothing,
    /// for stores that only `close` closes. A wrapper forwards the call only if each of its clones
    /// has a handle of its own.
    ///
    /// # Cancellation
    /// Same as [`close`](Self::close).
    fn release(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}

#[cfg(test)]
mod tests;
