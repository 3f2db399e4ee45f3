//! Work rows: their writes, which join the transaction of the commits, and the incarnation.

use std::sync::Arc;

use fluvius_store::chrono::{DateTime, Utc};
use fluvius_store::uuid::Uuid;
use fluvius_store::work::{Incarnation, WorkChange, WorkOutcome, WorkRow, WorkUnit, WorkWrite};
use fluvius_store::{CommitOutcome, StoreError, UnitOfWork};
use rusqlite::params;
use tokio::sync::oneshot;

use super::transaction::{Transaction, WriterConnection};
use crate::error::Fault;
use crate::read::{query_optional, saturating_i64, work_row};

/// A call that writes work rows, and the receiver of its outcomes.
pub(crate) struct WorkCall {
    units: Arc<[WorkUnit]>,
    /// The activities of each unit, as a unit of work without commands.
    logged: Vec<UnitOfWork>,
    now: DateTime<Utc>,
    pub(super) answer: oneshot::Sender<Vec<WorkOutcome>>,
}

impl WorkCall {
    pub(crate) fn new(
        units: Arc<[WorkUnit]>,
        now: DateTime<Utc>,
        answer: oneshot::Sender<Vec<WorkOutcome>>,
    ) -> Self {
        let logged = units.iter().filter_map(|unit| {
            let mut logged = UnitOfWork::new(Arc::clone(unit.context.as_ref()?));
            logged.activities = unit.activities.clone();
            Some(logged)
        });
        let logged = logged.collect();
        Self { units, logged, now, answer }
    }

    /// Returns the outcomes of a call of which nothing is stored.
    pub(super) fn failed(&self, error: &StoreError) -> Vec<WorkOutcome> {
        let failed = |unit: &WorkUnit| match unit.validate() {
            Ok(()) => WorkOutcome::Failed(error.clone()),
            Err(malformed) => WorkOutcome::Failed(malformed),
        };
        self.units.iter().map(failed).collect()
    }

    /// Returns the outcomes of a call whose transaction is in doubt.
    pub(super) fn in_doubt(&self, planned: &[WorkOutcome], error: &StoreError) -> Vec<WorkOutcome> {
        let outcomes = planned.iter().zip(self.failed(error));
        outcomes
            .map(|(planned, failed)| match planned {
                WorkOutcome::Stored { .. } => WorkOutcome::InDoubt,
                _ => failed,
            })
            .collect()
    }

    /// Returns the outcomes of a call whose writer was lost during the COMMIT.
    pub(super) fn interrupted(&self, error: &StoreError) -> Vec<WorkOutcome> {
        let well_formed = |outcome| match outcome {
            WorkOutcome::Failed(error) if error.is_retryable() => WorkOutcome::InDoubt,
            outcome => outcome,
        };
        self.failed(error).into_iter().map(well_formed).collect()
    }

    /// Returns the first row that a stored unit has put, as it is stored with this outcome.
    pub(super) fn first_put<'a>(
        &'a self,
        outcomes: &'a [WorkOutcome],
    ) -> Option<(&'a WorkWrite, u64)> {
        self.units.iter().zip(outcomes).find_map(|(unit, outcome)| match outcome {
            WorkOutcome::Stored { token } => {
                let is_put = |write: &&WorkWrite| matches!(write.change, WorkChange::Put(_));
                Some((unit.writes.iter().find(is_put)?, *token))
            }
            _ => None,
        })
    }
}

impl<'b> Transaction<'_, '_, 'b> {
    /// Writes the units of a call, each after the units before it.
    pub(super) fn write_work(&mut self, call: &'b WorkCall) -> Result<Vec<WorkOutcome>, Fault> {
        let mut logged = call.logged.iter();
        let mut outcomes = Vec::with_capacity(call.units.len());
        for unit in call.units.iter() {
            let logged = unit.context.as_ref().and_then(|_| logged.next());
            outcomes.push(self.write_unit(unit, logged, call.now)?);
        }
        Ok(outcomes)
    }

    fn write_unit(
        &mut self,
        unit: &WorkUnit,
        logged: Option<&'b UnitOfWork>,
        now: DateTime<Utc>,
    ) -> Result<WorkOutcome, Fault> {
        self.database.reach("work unit")?;
        if let Err(malformed) = unit.validate() {
            return Ok(WorkOutcome::Failed(malformed));
        }
        for write in &unit.writes {
            let found = work_row(self.connection, &write.key)?;
            if found.as_ref().map(|row| row.token) != write.expected {
                let (key, found) = (write.key.clone(), found.map(Box::new));
                return Ok(WorkOutcome::Stale { key, found });
            }
        }
        if let Some(logged) = logged {
            match self.validate(logged, &[])? {
                CommitOutcome::Committed { first, .. } => self.write(logged, first)?,
                CommitOutcome::Failed(error) => return Ok(WorkOutcome::Failed(error)),
                outcome => return Err(Fault::damaged("activity", format!("{outcome:?}"))),
            }
        }
        let token = self.next_token()?;
        for write in &unit.writes {
            self.change(write, token, now)?;
        }
        Ok(WorkOutcome::Stored { token })
    }

    fn change(&self, write: &WorkWrite, token: u64, now: DateTime<Utc>) -> Result<(), Fault> {
        let WorkWrite { key, change, .. } = write;
        match change {
            WorkChange::Keep => return Ok(()),
            WorkChange::Put(data) => {
                let mut statement = self.connection.prepare_cached(
                    "INSERT INTO work (kind, name, part, token, data, written_at) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (kind, name, part) DO UPDATE SET \
                     token = ?4, data = ?5, written_at = ?6",
                )?;
                let (token, now) = (saturating_i64(token), now.timestamp_micros());
                statement.execute(params![
                    key.kind,
                    key.name,
                    key.part,
                    token,
                    data.as_str(),
                    now
                ])?;
            }
            WorkChange::Delete => {
                let mut statement = self.connection.prepare_cached(
                    "DELETE FROM work WHERE kind = ?1 AND name = ?2 AND part = ?3",
                )?;
                statement.execute((&key.kind, &key.name, &key.part))?;
            }
        }
        self.database.reach("work row")
    }

    /// Returns a token that was never given before.
    fn next_token(&self) -> Result<u64, Fault> {
        self.insert_counter()?;
        let mut statement = self
            .connection
            .prepare_cached("UPDATE work_counter SET token = token + 1 RETURNING token")?;
        let token: i64 = statement.query_row([], |row| row.get(0))?;
        self.database.reach("token")?;
        u64::try_from(token).map_err(|error| Fault::damaged("work_counter", error))
    }

    /// Inserts the row of the counter, if it is missing.
    fn insert_counter(&self) -> Result<(), Fault> {
        const IS_THERE: &str = "SELECT 1 FROM work_counter";
        if query_optional(self.connection, IS_THERE, [], |_| Ok(()))?.is_some() {
            return Ok(());
        }
        let insert = "INSERT INTO work_counter (number, token, store, copy, file) \
            VALUES (1, 0, ?1, ?2, ?3)";
        let file = self.database.copy_mark()?;
        self.connection.execute(insert, (Uuid::new_v4(), Uuid::new_v4(), file))?;
        self.database.reach("counter")
    }

    /// Returns the incarnation, which is a new one if the file is a copy.
    fn incarnation(&self) -> Result<Incarnation, Fault> {
        self.insert_counter()?;
        let select = "SELECT store, copy, file FROM work_counter";
        let read = |row: &rusqlite::Row<'_>| {
            let incarnation = Incarnation { store: row.get(0)?, copy: row.get(1)? };
            Ok((incarnation, row.get::<_, Option<String>>(2)?))
        };
        let (mut found, file) = query_optional(self.connection, select, [], read)?
            .ok_or_else(|| Fault::damaged("work_counter", "its row is missing"))?;
        let own = self.database.copy_mark()?;
        if file.as_ref() != Some(&own) {
            found.copy = Uuid::new_v4();
            let update = "UPDATE work_counter SET copy = ?1, file = ?2";
            self.connection.execute(update, (found.copy, own))?;
            self.database.reach("copy")?;
        }
        Ok(found)
    }
}

impl WriterConnection<'_> {
    /// Returns the incarnation of the content.
    pub(super) fn incarnation(&mut self) -> Result<Incarnation, Fault> {
        self.lease.acquire();
        let open = self.begin()?;
        let found = open.incarnation().and_then(|found| open.commit().map(|()| found));
        if found.is_err() {
            self.roll_back();
        }
        self.lease.on_transaction_ended(false);
        found
    }

    /// Returns the newest token; 0 if none was given.
    pub(super) fn newest_token(&self) -> Result<u64, Fault> {
        const NEWEST: &str = "SELECT token FROM work_counter";
        let newest = query_optional(self.connection, NEWEST, [], |row| Ok(row.get::<_, i64>(0)?))?;
        Ok(newest.unwrap_or(0).unsigned_abs())
    }

    /// Returns true if a row is stored as a transaction has put it.
    pub(super) fn is_put(&self, write: &WorkWrite, token: u64) -> Result<bool, Fault> {
        let stored: Option<WorkRow> = work_row(self.connection, &write.key)?;
        let is_same = |row: &WorkRow| match &write.change {
            WorkChange::Put(data) => row.token == token && row.data == *data,
            _ => false,
        };
        Ok(stored.as_ref().is_some_and(is_same))
    }
}
