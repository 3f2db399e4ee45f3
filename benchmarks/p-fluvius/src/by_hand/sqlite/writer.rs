//! The writer thread: takes all waiting commands into one transaction.

use std::collections::HashMap;
use std::sync::mpsc::Receiver;

use bench_common::{BankCommand, Uuid};
use rusqlite::{Connection, params};

use super::schema::{CONTEXT_NUMBER, RESOURCE};
use super::statements::Statements;
use crate::by_hand::command::{Account, CommitOutcome, Job, MAX_BATCH_UNITS, change, decide};

/// Takes all waiting commands, writes them and answers, until all senders are dropped.
pub(super) fn run(connection: &Connection, waiting: &Receiver<Job>) {
    let Ok(mut writer) = Writer::new(connection) else { return };
    let mut batch = Vec::with_capacity(MAX_BATCH_UNITS);
    while let Ok(job) = waiting.recv() {
        batch.push(job);
        batch.extend(waiting.try_iter().take(MAX_BATCH_UNITS - 1));
        let fates = writer.commit(&batch);
        for (job, fate) in batch.drain(..).zip(fates) {
            // The caller may have dropped its receiver.
            let _ = job.done.map(|done| done.send(fate));
        }
    }
}

/// The writer, with its connection and prepared statements.
pub(crate) struct Writer<'c> {
    connection: &'c Connection,
    statements: Statements<'c>,
    accounts: HashMap<Uuid, Stored>,
}

/// An account within a transaction.
struct Stored {
    /// The number of its aggregate, or `None` until it is stored.
    number: Option<i64>,
    /// The version before the transaction, or 0 if the account did not exist.
    version_before: i64,
    version: i64,
    /// The position of its last event.
    event: Option<i64>,
    updated_at: i64,
    data: String,
    account: Account,
}

impl<'c> Writer<'c> {
    pub(crate) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        let statements = Statements::prepare(connection)?;
        Ok(Self { connection, statements, accounts: HashMap::new() })
    }

    /// Writes commands in one transaction, and returns the outcome of each.
    pub(crate) fn commit(&mut self, batch: &[Job]) -> Vec<CommitOutcome> {
        self.transaction(batch).unwrap_or_else(|error| {
            if !self.connection.is_autocommit() {
                let _ = self.connection.execute_batch("ROLLBACK");
            }
            batch.iter().map(|_| CommitOutcome::Failed(error.to_string())).collect()
        })
    }

    fn transaction(
        &mut self,
        batch: &[Job],
    ) -> Result<Vec<CommitOutcome>, Box<dyn std::error::Error>> {
        self.accounts.clear();
        self.statements.begin.execute([])?;
        let mut position = self.statements.last_position.query_row([], |row| row.get(0))?;
        let mut fates = Vec::with_capacity(batch.len());
        for job in batch {
            fates.push(self.command(job, &mut position)?);
        }
        self.write_states()?;
        self.statements.commit.execute([])?;
        Ok(fates)
    }

    /// Applies the rule, and writes the command and its event.
    fn command(
        &mut self,
        job: &Job,
        position: &mut i64,
    ) -> Result<CommitOutcome, Box<dyn std::error::Error>> {
        self.read(job.account)?;
        let stored = self.accounts.get(&job.account);
        let decided = decide(job.command, stored.map(|stored| &stored.account));
        let (code, response) = match &decided {
            Ok(_) => (None, None),
            Err(refused) => (Some(refused.code), Some(refused.response)),
        };
        let kind = match job.command {
            BankCommand::Open(_) => 1,
            BankCommand::Deposit(_) => 2,
            BankCommand::Withdraw(_) => 3,
        };
        let source = *position + 1;
        let inserted = self.statements.insert_command.execute(params![
            source,
            job.id,
            kind,
            job.account,
            job.payload,
            job.payload_hash,
            CONTEXT_NUMBER,
            decided.is_err(),
            code,
            response,
            job.received_at,
        ])?;
        if inserted == 0 {
            return Ok(CommitOutcome::Duplicate);
        }
        *position = source;
        let Ok(account) = decided else { return Ok(CommitOutcome::Rejected) };
        *position += 1;
        self.event(job, kind, *position, account)?;
        Ok(CommitOutcome::Applied)
    }

    /// Reads an account, at most once per transaction.
    fn read(&mut self, id: Uuid) -> Result<(), Box<dyn std::error::Error>> {
        if self.accounts.contains_key(&id) {
            return Ok(());
        }
        let mut rows = self.statements.read.query(params![id, RESOURCE])?;
        let Some(row) = rows.next()? else { return Ok(()) };
        let data: String = row.get(3)?;
        let stored = Stored {
            number: row.get(0)?,
            version_before: row.get(1)?,
            version: row.get(1)?,
            event: row.get(2)?,
            updated_at: row.get(4)?,
            account: serde_json::from_str(&data)?,
            data,
        };
        self.accounts.insert(id, stored);
        Ok(())
    }

    /// Writes the event, and keeps the new state for the end of the transaction.
    fn event(
        &mut self,
        job: &Job,
        kind: i64,
        position: i64,
        account: Account,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let data = serde_json::to_string(&account)?;
        let stored = self.accounts.entry(job.account).or_insert_with(|| Stored {
            number: None,
            version_before: 0,
            version: 0,
            event: None,
            updated_at: job.received_at,
            data: String::new(),
            account: account.clone(),
        });
        let number = match stored.number {
            Some(number) => number,
            None => *stored.number.insert(self.statements.insert_aggregate.insert(params![
                RESOURCE,
                job.account,
                job.received_at
            ])?),
        };
        let change = change(stored.version, &account, &data);
        stored.version += 1;
        stored.updated_at = stored.updated_at.max(job.received_at);
        self.statements.insert_event.execute(params![
            position,
            Uuid::from_u128(job.id.as_u128() ^ 1),
            kind,
            number,
            stored.version,
            stored.event,
            position - 1,
            job.args,
            change,
            stored.updated_at,
        ])?;
        stored.event = Some(position);
        stored.data = data;
        stored.account = account;
        Ok(())
    }

    /// Writes each changed account, if its stored version is still the one that was read.
    fn write_states(&mut self) -> Result<(), Box<dyn std::error::Error>> {
        for stored in self.accounts.values() {
            let Stored { number, version_before, version, event, updated_at, data, .. } = stored;
            let written = match version_before {
                before if before == version => continue,
                0 => self
                    .statements
                    .insert_state
                    .execute(params![number, version, event, data, updated_at])?,
                before => self
                    .statements
                    .update_state
                    .execute(params![number, version, event, data, updated_at, before])?,
            };
            if written != 1 {
                return Err("an account was changed by another".into());
            }
        }
        Ok(())
    }
}
