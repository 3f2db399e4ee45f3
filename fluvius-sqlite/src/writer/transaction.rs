//! The writer's connection and its transactions.

use std::cell::Cell;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use fluvius_store::query::Field;
use fluvius_store::work::WorkOutcome;
use fluvius_store::{CommitOutcome, StoreError, UnitOfWork};
use rusqlite::Connection;

use super::cache::Cache;
use super::group_commit::Outcomes;
use super::overlay::Overlay;
use super::rows::Statements;
use super::work::WorkCall;
use super::write_lease::WriteLease;
use crate::connection;
use crate::database_path::{DatabasePath, FileId, check_id};
use crate::error::{Fault, thread_lost};
use crate::migrations::SCHEMA_VERSION;
use crate::read::query_optional;

/// Attempts of a checkpoint while another one is running, and the pause between them.
const CHECKPOINT_ATTEMPTS: usize = 10;
const CHECKPOINT_PAUSE: Duration = Duration::from_millis(2);

/// The units of one call. A group has several batches.
pub(super) type Batch<'b> = &'b [UnitOfWork];

/// The jobs of one transaction: the batches, then the calls that write work rows.
#[derive(Clone, Copy)]
pub(super) struct Jobs<'b> {
    pub(super) batches: &'b [Batch<'b>],
    pub(super) work: &'b [WorkCall],
}

/// An open connection with its statements and its cache.
pub(super) struct WriterConnection<'c> {
    pub(super) database: &'c DatabasePath,
    pub(super) connection: &'c Connection,
    statements: Statements<'c>,
    cache: Cache,
    pub(super) lease: WriteLease,
    /// The files beside the database file.
    beside: Vec<(PathBuf, FileId)>,
}

/// An open transaction.
pub(super) struct Transaction<'s, 'c, 'b> {
    pub(super) database: &'c DatabasePath,
    pub(super) connection: &'c Connection,
    pub(super) statements: &'s mut Statements<'c>,
    pub(super) cache: &'s mut Cache,
    pub(super) overlay: Overlay<'b>,
}

/// The result of a transaction.
pub(super) enum TransactionResult {
    /// Each unit has its outcome.
    Outcomes(Outcomes),
    /// Nothing is stored.
    Nothing(Fault),
    /// The COMMIT failed. The outcomes are those of a successful one.
    AtCommit(Fault, Outcomes),
}

impl TransactionResult {
    /// Returns true if nothing is stored because of version conflicts.
    fn is_outdated(&self) -> bool {
        let Self::Outcomes((outcomes, _)) = self else { return false };
        let is_stored =
            |outcome: &CommitOutcome| matches!(outcome, CommitOutcome::Committed { .. });
        let is_conflict =
            |outcome: &CommitOutcome| matches!(outcome, CommitOutcome::VersionConflict { .. });
        !outcomes.iter().flatten().any(is_stored) && outcomes.iter().flatten().any(is_conflict)
    }
}

impl<'c> WriterConnection<'c> {
    pub(super) fn new(
        database: &'c DatabasePath,
        connection: &'c Connection,
    ) -> Result<Self, Fault> {
        let statements = Statements::prepare(connection)?;
        let cache = Cache::new();
        let mut beside = Vec::new();
        let mut log = None;
        if let Some(file) = &database.file {
            // The files exist from the first read until the connection closes.
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
            let paths = ["-wal", "-shm"].map(|suffix| connection::beside(file, suffix));
            log = Some(paths[0].clone());
            beside.extend(paths.into_iter().filter_map(|path| {
                let id = FileId::of(&path).ok()?;
                Some((path, id))
            }));
        }
        let lease = WriteLease::new(log.as_deref());
        Ok(Self { database, connection, statements, cache, lease, beside })
    }

    /// Fails if one of the files was replaced, since writes to it would be lost.
    pub(super) fn check_files(&self) -> Result<(), Fault> {
        self.database.check_file()?;
        let file = self.database.file.iter();
        file.flat_map(|file| self.beside.iter().map(move |(path, id)| (path, *id, file)))
            .try_for_each(|(path, id, file)| check_id(path, id, file))
    }

    /// Checkpoints the write-ahead log, as far as no reader needs it.
    pub(super) fn checkpoint(&self) {
        // Another checkpoint may be in progress.
        for _ in 0..CHECKPOINT_ATTEMPTS {
            let sql = "PRAGMA wal_checkpoint(PASSIVE)";
            let is_busy = self.connection.query_row(sql, [], |row| row.get::<_, bool>(0));
            match is_busy {
                Ok(true) => thread::sleep(CHECKPOINT_PAUSE),
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(%error, "the write-ahead log was not copied into the file");
                    return;
                }
            }
        }
    }

    /// Commits jobs in one transaction.
    ///
    /// Sets `is_at_commit` before the COMMIT, for the panic handler.
    pub(super) fn commit(
        &mut self,
        jobs: Jobs<'_>,
        is_at_commit: &Cell<bool>,
    ) -> TransactionResult {
        match self.transaction(jobs, is_at_commit, false) {
            // After a row error, the transaction is repeated with a savepoint for each unit.
            // Savepoints take a quarter more processor time, so other transactions have none. A
            // transaction for each unit takes ten times as long (64 units, synchronous = FULL).
            TransactionResult::Nothing(fault) if fault.is_row_error() => {
                self.transaction(jobs, is_at_commit, true)
            }
            ended => ended,
        }
    }

    fn transaction(
        &mut self,
        jobs: Jobs<'_>,
        is_at_commit: &Cell<bool>,
        with_savepoints: bool,
    ) -> TransactionResult {
        self.lease.acquire();
        let ended = match self.begin() {
            Err(fault) => TransactionResult::Nothing(fault),
            Ok(mut open) => match open.run(jobs, with_savepoints) {
                Err(fault) => TransactionResult::Nothing(fault),
                Ok(outcomes) => {
                    is_at_commit.set(true);
                    match open.database.reach("commit").and_then(|()| open.commit()) {
                        Ok(()) => TransactionResult::Outcomes(outcomes),
                        Err(fault) => TransactionResult::AtCommit(fault, outcomes),
                    }
                }
            },
        };
        self.lease.on_transaction_ended(ended.is_outdated());
        if !matches!(ended, TransactionResult::Outcomes(_)) {
            self.roll_back();
            self.cache.clear();
        }
        ended
    }

    pub(super) fn begin<'b>(&mut self) -> Result<Transaction<'_, 'c, 'b>, Fault> {
        self.check_files()?;
        self.statements.begin.execute([])?;
        self.database.reach("begin")?;
        let version = self.statements.data_version.query_row([], |row| row.get(0))?;
        if self.cache.refresh(version) {
            self.lease.on_foreign_write();
        }
        let position = match self.cache.position {
            Some(position) => position,
            None => {
                const NEWEST: &str = "SELECT max(id) FROM command";
                self.cache.newest_id =
                    query_optional(self.connection, NEWEST, [], |row| Ok(row.get(0)?))?.flatten();
                *self.cache.position.insert(last_position(self.connection)?)
            }
        };
        Ok(Transaction {
            database: self.database,
            connection: self.connection,
            statements: &mut self.statements,
            cache: &mut self.cache,
            overlay: Overlay::behind(position),
        })
    }

    /// Rolls an open transaction back. Returns true if none is left.
    pub(super) fn roll_back(&mut self) -> bool {
        if !self.connection.is_autocommit() {
            let _ = self.statements.rollback.execute([]);
        }
        self.connection.is_autocommit()
    }

    /// Overwrites the frames that a failed commit may have left at the end of the write-ahead log.
    ///
    /// SQLite has abandoned that transaction. But if all of its pages are on the disk, a crash
    /// before the next commit would restore it.
    pub(super) fn overwrite_wal_tail(&mut self) -> Result<(), Fault> {
        self.database.reach("overwrite tail")?;
        self.check_files()?;
        if !self.roll_back() {
            return Err(Fault::Public(thread_lost()));
        }
        self.connection.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        self.database.reach("tail overwritten")
    }

    /// Returns true if a unit is stored from this position on.
    pub(super) fn is_stored(&self, unit: &UnitOfWork, first: u64) -> Result<bool, Fault> {
        let sql = match unit {
            UnitOfWork { commands, .. } if !commands.is_empty() => {
                "SELECT id FROM command WHERE position = ?1"
            }
            _ => "SELECT id FROM activity WHERE position = ?1",
        };
        let id = unit.commands.first().map(|row| row.id);
        let id = id.or(unit.activities.first().map(|row| row.id));
        let found =
            query_optional(self.connection, sql, (crate::read::saturating_i64(first),), |row| {
                Ok(row.get::<_, fluvius_store::uuid::Uuid>(0)?)
            })?;
        Ok(found.is_some() && found == id)
    }

    /// Declares the fields of a resource, if any are given, and does a part of the remaining work.
    /// Returns true if more may remain.
    pub(super) fn declare_indexes(
        &mut self,
        resource: &str,
        fields: Option<&[Field]>,
    ) -> Result<bool, Fault> {
        self.lease.acquire();
        let mut open = self.begin()?;
        let indexed =
            open.declare_indexes(resource, fields).and_then(|more| open.commit().map(|()| more));
        if indexed.is_err() {
            self.roll_back();
        }
        self.lease.on_transaction_ended(false);
        indexed
    }
}

impl<'b> Transaction<'_, '_, 'b> {
    fn run(&mut self, jobs: Jobs<'b>, with_savepoints: bool) -> Result<Outcomes, Fault> {
        let outcomes =
            if with_savepoints { self.each(jobs.batches)? } else { self.all(jobs.batches)? };
        let mut work = Vec::with_capacity(jobs.work.len());
        for call in jobs.work {
            let written = match with_savepoints {
                true => self.behind_savepoint(|open| open.write_call(call))?,
                false => Ok(self.write_work(call)?),
            };
            work.push(written.unwrap_or_else(|error| call.failed(&error)));
        }
        Ok((outcomes, work))
    }

    /// Validates all units, then writes their rows.
    fn all(&mut self, batches: &[Batch<'b>]) -> Result<Vec<Vec<CommitOutcome>>, Fault> {
        let mut all = Vec::with_capacity(batches.len());
        for batch in batches {
            let mut outcomes = Vec::with_capacity(batch.len());
            for unit in *batch {
                let outcome = self.validate(unit, &outcomes)?;
                outcomes.push(outcome);
            }
            all.push(outcomes);
        }
        for (batch, outcomes) in batches.iter().zip(&all) {
            for (unit, outcome) in batch.iter().zip(outcomes) {
                if let CommitOutcome::Committed { first, .. } = outcome {
                    self.write(unit, *first)?;
                }
            }
        }
        self.write_states()?;
        Ok(all)
    }

    /// Stores each unit behind a savepoint, so that a row error fails its unit only.
    fn each(&mut self, batches: &[Batch<'b>]) -> Result<Vec<Vec<CommitOutcome>>, Fault> {
        let mut all = Vec::with_capacity(batches.len());
        for batch in batches {
            let mut outcomes = Vec::with_capacity(batch.len());
            for unit in *batch {
                let outcome = self.behind_savepoint(|open| open.store_one(unit, &outcomes))?;
                outcomes.push(outcome.unwrap_or_else(CommitOutcome::Failed));
            }
            all.push(outcomes);
        }
        Ok(all)
    }

    /// Stores something behind a savepoint. After a row error, nothing of it is stored.
    fn behind_savepoint<T>(
        &mut self,
        store: impl FnOnce(&mut Self) -> Result<T, Fault>,
    ) -> Result<Result<T, StoreError>, Fault> {
        self.connection.execute_batch("SAVEPOINT unit")?;
        self.database.reach("savepoint")?;
        let outcome = match store(self) {
            Ok(outcome) => Ok(outcome),
            Err(fault) if fault.is_row_error() => {
                self.connection.execute_batch("ROLLBACK TO unit")?;
                // The rows of the overlay are gone.
                self.overlay = Overlay::behind(self.cache.position.unwrap_or(0));
                self.database.reach("rolled back")?;
                Err(StoreError::from(fault))
            }
            Err(fault) => return Err(fault),
        };
        self.connection.execute_batch("RELEASE unit")?;
        self.database.reach("released")?;
        Ok(outcome)
    }

    fn store_one(
        &mut self,
        unit: &'b UnitOfWork,
        outcomes: &[CommitOutcome],
    ) -> Result<CommitOutcome, Fault> {
        self.overlay = Overlay::behind(self.cache.position.unwrap_or(0));
        let outcome = self.validate(unit, outcomes)?;
        if let CommitOutcome::Committed { first, .. } = outcome {
            self.write(unit, first)?;
            self.write_states()?;
            self.keep_overlay();
        }
        Ok(outcome)
    }

    fn write_call(&mut self, call: &'b WorkCall) -> Result<Vec<WorkOutcome>, Fault> {
        let outcomes = self.write_work(call)?;
        self.keep_overlay();
        Ok(outcomes)
    }

    /// Moves the rows of the overlay into the cache, which is cleared if the transaction fails.
    fn keep_overlay(&mut self) {
        std::mem::replace(&mut self.overlay, Overlay::behind(0)).keep(self.cache);
        self.overlay = Overlay::behind(self.cache.position.unwrap_or(0));
    }

    pub(super) fn commit(self) -> Result<(), Fault> {
        let Self { statements, cache, overlay, database, .. } = self;
        statements.commit.execute([])?;
        overlay.keep(cache);
        database.reach("committed")
    }
}

/// Returns the last assigned position; rows of logs are never deleted.
fn last_position(connection: &Connection) -> Result<u64, Fault> {
    const SQL: &str = "SELECT max( (SELECT coalesce(max(position), 0) FROM command), (SELECT \
        coalesce(max(position), 0) FROM event), (SELECT coalesce(max(position), 0) FROM message), \
        (SELECT coalesce(max(position), 0) FROM activity))";
    let position =
        query_optional(connection, SQL, [], |row| Ok(row.get::<_, i64>(0)?))?.unwrap_or(0);
    u64::try_from(position).map_err(|error| Fault::damaged("command", error))
}
