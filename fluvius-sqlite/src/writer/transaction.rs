//! One life of the writer's connection: its statements, what it knows, and its transactions.

use std::cell::Cell;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use fluvius_store::query::Field;
use fluvius_store::{CommitOutcome, StoreError, UnitOfWork};
use rusqlite::Connection;

use super::cache::Cache;
use super::overlay::Overlay;
use super::rows::Statements;
use crate::connection;
use crate::database_path::{DatabasePath, FileId, check_id};
use crate::error::{Fault, thread_lost};
use crate::migrations::SCHEMA_VERSION;
use crate::read::query_optional;

/// For so long after another connection has written, the writer leaves it room.
const OTHERS_TIME: Duration = Duration::from_secs(1);

/// How long a writer waits between two commits while others write: about as long as one of its
/// own takes, within these bounds.
const PAUSE_MIN: Duration = Duration::from_micros(500);
const PAUSE_MAX: Duration = Duration::from_millis(2);

/// So long a writer may commit without leaving room, although it has seen nobody else write. One
/// who has not got in yet is not seen: it looks at least as often as the shortest pause is long.
const MAX_BUSY_TIME: Duration = Duration::from_millis(50);

/// Attempts to copy the write-ahead log while another copy is under way.
const CHECKPOINT_ATTEMPTS: usize = 10;

/// The units of one call, of which the group has several.
pub(super) type Batch<'b> = &'b [UnitOfWork];

/// What is known while a connection is open.
pub(super) struct WriterConnection<'c> {
    pub(super) database: &'c DatabasePath,
    pub(super) connection: &'c Connection,
    statements: Statements<'c>,
    cache: Cache,
    /// When another connection was last seen to have written.
    others: Option<Instant>,
    /// When the last transaction ended, and how long it took.
    last: Option<(Instant, Duration)>,
    /// Since when there has been no room between the transactions.
    busy_since: Option<Instant>,
    /// The files beside the database file.
    beside: Vec<(PathBuf, FileId)>,
}

/// A transaction that is open.
pub(super) struct Transaction<'s, 'c, 'b> {
    pub(super) database: &'c DatabasePath,
    pub(super) connection: &'c Connection,
    pub(super) statements: &'s mut Statements<'c>,
    pub(super) cache: &'s mut Cache,
    pub(super) overlay: Overlay<'b>,
}

/// How a group of batches ended.
pub(super) enum TransactionResult {
    /// Each unit has its outcome.
    Outcomes(Vec<Vec<CommitOutcome>>),
    /// Nothing is stored.
    Nothing(Fault),
    /// The transaction was to be committed, with these outcomes, and SQLite said no.
    AtCommit(Fault, Vec<Vec<CommitOutcome>>),
}

impl<'c> WriterConnection<'c> {
    pub(super) fn new(
        database: &'c DatabasePath,
        connection: &'c Connection,
    ) -> Result<Self, Fault> {
        let statements = Statements::prepare(connection)?;
        let cache = Cache::new();
        let mut beside = Vec::new();
        if let Some(file) = &database.file {
            // From the first read on they exist for as long as the connection.
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
            let paths = ["-wal", "-shm"].map(|suffix| connection::beside(file, suffix));
            beside.extend(paths.into_iter().filter_map(|path| {
                let id = FileId::of(&path).ok()?;
                Some((path, id))
            }));
        }
        let (others, last, busy_since) = (None, None, None);
        Ok(Self { database, connection, statements, cache, others, last, busy_since, beside })
    }

    /// Fails if one of the files is not the one that was opened: writes would be lost with it.
    pub(super) fn check_files(&self) -> Result<(), Fault> {
        self.database.check_file()?;
        let file = self.database.file.iter();
        file.flat_map(|file| self.beside.iter().map(move |(path, id)| (path, *id, file)))
            .try_for_each(|(path, id, file)| check_id(path, id, file))
    }

    /// Copies the write-ahead log into the file, as far as no reader needs it.
    pub(super) fn checkpoint(&self) {
        // Another copy may be under way.
        for _ in 0..CHECKPOINT_ATTEMPTS {
            let sql = "PRAGMA wal_checkpoint(PASSIVE)";
            let is_busy = self.connection.query_row(sql, [], |row| row.get::<_, bool>(0));
            match is_busy {
                Ok(true) => thread::sleep(PAUSE_MAX),
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(%error, "the write-ahead log was not copied into the file");
                    return;
                }
            }
        }
    }

    /// Commits batches in one transaction.
    ///
    /// Before the transaction is committed it sets `is_at_commit`, for whoever catches a panic.
    pub(super) fn commit(
        &mut self,
        batches: &[Batch<'_>],
        is_at_commit: &Cell<bool>,
    ) -> TransactionResult {
        match self.transaction(batches, is_at_commit, false) {
            // What is wrong is a row: the transaction again, with a savepoint for each unit. Savepoints
            // take a quarter more of the processor's time, which only those pay who have such a row;
            // a transaction for each unit takes ten times as much (64 units, synchronous = FULL).
            TransactionResult::Nothing(fault) if fault.is_row_error() => {
                self.transaction(batches, is_at_commit, true)
            }
            ended => ended,
        }
    }

    fn transaction(
        &mut self,
        batches: &[Batch<'_>],
        is_at_commit: &Cell<bool>,
        with_savepoints: bool,
    ) -> TransactionResult {
        self.yield_to_others();
        let begun = Instant::now();
        let ended = match self.begin() {
            Err(fault) => TransactionResult::Nothing(fault),
            Ok(mut open) => match open.run(batches, with_savepoints) {
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
        self.last = Some((Instant::now(), begun.elapsed()));
        if !matches!(ended, TransactionResult::Outcomes(_)) {
            self.roll_back();
            self.cache.clear();
        }
        ended
    }

    fn begin<'b>(&mut self) -> Result<Transaction<'_, 'c, 'b>, Fault> {
        self.check_files()?;
        self.statements.begin.execute([])?;
        self.database.reach("begin")?;
        let version = self.statements.data_version.query_row([], |row| row.get(0))?;
        if self.cache.refresh(version) {
            self.others = Some(Instant::now());
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

    /// Ends a transaction that may be open. Tells whether none is.
    pub(super) fn roll_back(&mut self) -> bool {
        if !self.connection.is_autocommit() {
            let _ = self.statements.rollback.execute([]);
        }
        self.connection.is_autocommit()
    }

    /// Waits a little where another program has written lately, so that its turn comes, and now and
    /// then all the same, so that it can begin to.
    fn yield_to_others(&mut self) {
        let Some((ended, took)) = self.last else { return };
        let pause = if self.others.is_some_and(|seen| seen.elapsed() < OTHERS_TIME) {
            took.clamp(PAUSE_MIN, PAUSE_MAX)
        } else if self.busy_since.is_some_and(|begun| begun.elapsed() >= MAX_BUSY_TIME) {
            PAUSE_MIN
        } else {
            Duration::ZERO
        };
        thread::sleep(pause.saturating_sub(ended.elapsed()));
        if ended.elapsed() >= PAUSE_MIN {
            self.busy_since = None;
        }
        self.busy_since.get_or_insert_with(Instant::now);
    }

    /// Writes over what a commit that failed may have left at the end of the write-ahead log.
    ///
    /// SQLite has given such a transaction up. But where the disk has all of its pages, a crash
    /// before the next commit would bring it back.
    pub(super) fn overwrite_wal_tail(&mut self) -> Result<(), Fault> {
        self.database.reach("seal")?;
        self.check_files()?;
        if !self.roll_back() {
            return Err(Fault::Public(thread_lost()));
        }
        self.connection.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        self.database.reach("sealed")
    }

    /// Whether a unit that was to be stored from this position on is there.
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

    /// Claims resource names for a domain.
    pub(super) fn register_domain(
        &mut self,
        domain: &str,
        resources: &[&'static str],
    ) -> Result<(), Fault> {
        let open = self.begin()?;
        let claimed = open.register_domain(domain, resources).and_then(|()| open.commit());
        if claimed.is_err() {
            self.roll_back();
        }
        claimed
    }

    /// Declares the fields of a resource, where they are told, and does a part of what is then left
    /// to do. Tells whether there may be more.
    pub(super) fn declare_indexes(
        &mut self,
        resource: &str,
        fields: Option<&[Field]>,
    ) -> Result<bool, Fault> {
        self.yield_to_others();
        let begun = Instant::now();
        let mut open = self.begin()?;
        let indexed =
            open.declare_indexes(resource, fields).and_then(|more| open.commit().map(|()| more));
        if indexed.is_err() {
            self.roll_back();
        }
        self.last = Some((Instant::now(), begun.elapsed()));
        indexed
    }
}

impl<'b> Transaction<'_, '_, 'b> {
    fn run(
        &mut self,
        batches: &[Batch<'b>],
        with_savepoints: bool,
    ) -> Result<Vec<Vec<CommitOutcome>>, Fault> {
        if with_savepoints { self.each(batches) } else { self.all(batches) }
    }

    /// All units at once: what becomes of each is known before the first row is written.
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

    /// Each unit by itself, so that one whose rows are refused leaves the others.
    fn each(&mut self, batches: &[Batch<'b>]) -> Result<Vec<Vec<CommitOutcome>>, Fault> {
        let mut all = Vec::with_capacity(batches.len());
        for batch in batches {
            let mut outcomes = Vec::with_capacity(batch.len());
            for unit in *batch {
                self.connection.execute_batch("SAVEPOINT unit")?;
                self.database.reach("savepoint")?;
                let outcome = match self.store_one(unit, &outcomes) {
                    Ok(outcome) => outcome,
                    Err(fault) if fault.is_row_error() => {
                        self.connection.execute_batch("ROLLBACK TO unit")?;
                        self.database.reach("rolled back")?;
                        CommitOutcome::Failed(StoreError::from(fault))
                    }
                    Err(fault) => return Err(fault),
                };
                self.connection.execute_batch("RELEASE unit")?;
                self.database.reach("released")?;
                outcomes.push(outcome);
            }
            all.push(outcomes);
        }
        Ok(all)
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
            // Should the transaction fail, the cache is dropped.
            std::mem::replace(&mut self.overlay, Overlay::behind(0)).keep(self.cache);
            self.overlay = Overlay::behind(self.cache.position.unwrap_or(0));
        }
        Ok(outcome)
    }

    fn commit(self) -> Result<(), Fault> {
        let Self { statements, cache, overlay, database, .. } = self;
        statements.commit.execute([])?;
        overlay.keep(cache);
        database.reach("committed")
    }

    fn register_domain(&self, domain: &str, resources: &[&'static str]) -> Result<(), Fault> {
        for resource in resources {
            let select = "SELECT domain FROM resource_owner WHERE resource = ?1";
            let owner = query_optional(self.connection, select, (resource,), |row| {
                Ok(row.get::<_, String>(0)?)
            })?;
            match owner {
                Some(owner) if owner == domain => {}
                Some(owner) => {
                    return Err(Fault::Public(StoreError::resource_taken(resource, &owner)));
                }
                None => {
                    let insert = "INSERT INTO resource_owner (resource, domain) VALUES (?1, ?2)";
                    self.connection.prepare_cached(insert)?.execute((resource, domain))?;
                    self.database.reach("owner")?;
                }
            }
        }
        Ok(())
    }
}

/// The last position that was given; rows of logs are never deleted.
fn last_position(connection: &Connection) -> Result<u64, Fault> {
    const SQL: &str = "SELECT max( \
        (SELECT coalesce(max(position), 0) FROM command), \
        (SELECT coalesce(max(position), 0) FROM event), \
        (SELECT coalesce(max(position), 0) FROM message), \
        (SELECT coalesce(max(position), 0) FROM activity))";
    let position =
        query_optional(connection, SQL, [], |row| Ok(row.get::<_, i64>(0)?))?.unwrap_or(0);
    u64::try_from(position).map_err(|error| Fault::damaged("command", error))
}
