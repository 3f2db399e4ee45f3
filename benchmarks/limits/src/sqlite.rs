//! rusqlite: one transaction per command, and one writer for all clients.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bench_common::{
    Bank, BankCommand, BankError, OPENING, Plan, Rng, TempDir, Uuid, account_id, matrix,
    next_command, repeat, wants_store,
};
use rusqlite::Connection;
use rust_decimal::Decimal;

use crate::group::GroupBank;
use crate::records::{deposit_command, event_record};

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS account(id BLOB PRIMARY KEY, balance TEXT NOT NULL,
  version INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS command_log(seq INTEGER PRIMARY KEY, id BLOB NOT NULL,
  aggroot_id BLOB NOT NULL, data TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS event_log(seq INTEGER PRIMARY KEY, id BLOB NOT NULL,
  command_id BLOB NOT NULL, aggroot_id BLOB NOT NULL, version INTEGER NOT NULL,
  data TEXT NOT NULL);";

const OPEN: &str = "INSERT INTO account(id, balance, version) VALUES(?1, ?2, 1)";
const READ: &str = "SELECT balance, version FROM account WHERE id = ?1";
const UPDATE: &str =
    "UPDATE account SET balance = ?2, version = version + 1 WHERE id = ?1 AND version = ?3";
const COMMAND: &str = "INSERT INTO command_log(id, aggroot_id, data) VALUES(?1, ?2, ?3)";
const EVENT: &str = "INSERT INTO event_log(id, command_id, aggroot_id, version, data)
  VALUES(?1, ?2, ?3, ?4, ?5)";

pub(crate) async fn run(plan: &Plan) {
    if !wants_store("sqlite") {
        return;
    }
    for sync in ["FULL", "NORMAL"] {
        matrix("raw-rusqlite", "sqlite", sync, plan, |_, _| async move {
            let folder = TempDir::new("sqlite");
            let connection = Mutex::new(connect(&folder.0.join("b.db"), sync));
            SqliteBank { connection, _folder: folder }
        })
        .await;
        matrix("raw-rusqlite-group-commit", "sqlite", sync, plan, |_, _| async move {
            group_bank(sync)
        })
        .await;
        let name = format!("rusqlite_batch64_{sync}");
        let note = "1,000 accounts, 64 commands (SELECT, UPDATE, 2 INSERT, JSON) in one \
                    transaction, tight loop";
        repeat("limit", &name, "commands/s", note, || async move { batches(sync) }).await;
    }
}

fn connect(path: &Path, sync: &str) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.pragma_update(None, "journal_mode", "WAL").unwrap();
    connection.pragma_update(None, "synchronous", sync).unwrap();
    connection.busy_timeout(Duration::from_secs(30)).unwrap();
    connection.set_prepared_statement_cache_capacity(64);
    connection.execute_batch(SCHEMA).unwrap();
    connection
}

/// Reads the state, runs the rule, and writes the state and both logs, inside the open transaction.
fn command(connection: &Connection, id: Uuid, command: BankCommand) -> Result<(), BankError> {
    let mut row = deposit_command();
    row.aggroot_id = id;
    let mut event = event_record();
    event.aggroot_id = id;
    event.command_id = row.command_id;
    let key = id.as_bytes().as_slice();
    let execute = |sql, params: &[&dyn rusqlite::ToSql]| {
        let mut statement = connection.prepare_cached(sql).map_err(BankError::other)?;
        statement.execute(params).map_err(BankError::other)
    };
    if let BankCommand::Open(amount) = command {
        execute(OPEN, &[&key, &amount.to_string()])?;
        event.balance = amount;
    } else {
        let mut read = connection.prepare_cached(READ).map_err(BankError::other)?;
        let found = read.query_row((key,), |row| Ok((row.get::<_, String>(0)?, row.get(1)?)));
        let (balance, version): (String, i64) = found.map_err(BankError::other)?;
        let balance: Decimal = balance.parse().unwrap();
        let (next, amount) = match command {
            BankCommand::Deposit(amount) => (balance + amount, amount),
            BankCommand::Withdraw(amount) if balance >= amount => (balance - amount, amount),
            _ => return Err(BankError::Rejected),
        };
        row.amount = amount;
        event.amount = amount;
        event.balance = next;
        event.version = version.unsigned_abs() + 1;
        if execute(UPDATE, &[&key, &next.to_string(), &version])? != 1 {
            return Err(BankError::Conflict);
        }
    }
    let command_id = row.command_id.as_bytes().as_slice();
    execute(COMMAND, &[&command_id, &key, &serde_json::to_string(&row).unwrap()])?;
    let event_id = event.event_id.as_bytes().as_slice();
    let version = event.version.cast_signed();
    let data = serde_json::to_string(&event).unwrap();
    execute(EVENT, &[&event_id, &command_id, &key, &version, &data])?;
    Ok(())
}

fn balance(connection: &Connection, id: Uuid) -> Option<Decimal> {
    let key = (id.as_bytes().as_slice(),);
    let found = connection.query_row(READ, key, |row| row.get::<_, String>(0));
    found.ok()?.parse().ok()
}

/// A bank with one connection under a mutex, and one transaction per command.
struct SqliteBank {
    connection: Mutex<Connection>,
    _folder: TempDir,
}

impl Bank for SqliteBank {
    async fn run(&self, id: Uuid, bank_command: BankCommand) -> Result<(), BankError> {
        let connection = self.connection.lock().unwrap();
        connection.execute_batch("BEGIN IMMEDIATE").map_err(BankError::other)?;
        match command(&connection, id, bank_command) {
            Ok(()) => connection.execute_batch("COMMIT").map_err(BankError::other),
            Err(error) => {
                let _ = connection.execute_batch("ROLLBACK");
                Err(error)
            }
        }
    }

    async fn balance(&self, id: Uuid) -> Option<Decimal> {
        balance(&self.connection.lock().unwrap(), id)
    }
}

fn group_bank(sync: &str) -> GroupBank {
    let folder = TempDir::new("sqlite-group");
    let path = folder.0.join("b.db");
    let connection = connect(&path, sync);
    let bank = GroupBank::start(move |batch| {
        let _kept = &folder;
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        for job in batch {
            command(&connection, job.id, job.command).unwrap();
        }
        connection.execute_batch("COMMIT").unwrap();
    });
    let read = move |id| balance(&Connection::open(&path).ok()?, id);
    GroupBank { read: Some(Arc::new(read)), ..bank }
}

/// Measures repeated transactions of 64 commands, in commands per second.
fn batches(sync: &str) -> f64 {
    let folder = TempDir::new("sqlite");
    let connection = connect(&folder.0.join("b.db"), sync);
    connection.execute_batch("BEGIN").unwrap();
    for index in 0..1000 {
        let open = BankCommand::Open(Decimal::from(OPENING));
        command(&connection, account_id(index), open).unwrap();
    }
    connection.execute_batch("COMMIT").unwrap();
    let mut rng = Rng::new(5);
    let (start, mut count) = (Instant::now(), 0_u32);
    while start.elapsed() < Duration::from_millis(1500) {
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        for _ in 0..64 {
            let id = account_id(rng.below(1000) as usize);
            command(&connection, id, next_command(&mut rng)).unwrap();
        }
        connection.execute_batch("COMMIT").unwrap();
        count += 64;
    }
    f64::from(count) / start.elapsed().as_secs_f64()
}
