//! The plain service over rusqlite: one connection under a mutex, and one transaction per deposit.

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use rust_decimal::Decimal;
use tokio::sync::Mutex;
use uuid::Uuid;

use super::Accounts;
use super::records::{Account, Deposit, Opening};
use crate::system::Fault;

/// The log is copied into the file from 8 MiB on, as in fluvius-sqlite.
const CHECKPOINT_PAGES: i64 = 2_048;

/// The cache of the writer of fluvius-sqlite.
const CACHE_KIB: i64 = 32 * 1024;

const SCHEMA: &str = "
CREATE TABLE account(id BLOB PRIMARY KEY, account_number TEXT NOT NULL, owner_name TEXT NOT NULL,
  balance TEXT NOT NULL, version INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE audit(position INTEGER PRIMARY KEY, id BLOB NOT NULL, account_id BLOB NOT NULL,
  version INTEGER NOT NULL, command TEXT NOT NULL, event TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
CREATE TABLE idempotency_key(key BLOB NOT NULL UNIQUE, answer TEXT NOT NULL) STRICT;";

const OPEN: &str = "INSERT INTO account VALUES(?1, ?2, ?3, ?4, 1)";
const KNOWN: &str = "SELECT answer FROM idempotency_key WHERE key = ?1";
const READ: &str = "SELECT account_number, owner_name, balance, version FROM account WHERE id = ?1";
const UPDATE: &str = "UPDATE account SET balance = ?2, version = ?3 WHERE id = ?1";
const AUDIT: &str = "INSERT INTO audit(id, account_id, version, command, event, at)
  VALUES(?1, ?2, ?3, ?4, ?5, ?6)";
const KEEP: &str = "INSERT INTO idempotency_key(key, answer) VALUES(?1, ?2)";

/// The accounts in a file, with one writer.
pub(crate) struct OneWriter(Arc<Mutex<Connection>>);

impl OneWriter {
    pub(crate) fn open(path: &Path) -> Result<Self, Fault> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        connection.set_prepared_statement_cache_capacity(64);
        connection.execute_batch(SCHEMA)?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// Runs a transaction on a thread for blocking work. The request waits for the mutex as a task:
    /// 64 threads that wait for it took a fifth more processor time.
    async fn transaction<T: Send + 'static>(
        &self,
        run: impl FnOnce(&Transaction<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let mut connection = Arc::clone(&self.0).lock_owned().await;
        let run = move || {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = run(&transaction)?;
            transaction.commit()?;
            Ok(result)
        };
        tokio::task::spawn_blocking(run).await?
    }
}

impl Accounts for OneWriter {
    async fn open(&self, id: Uuid, opening: Opening) -> Result<(), Fault> {
        let open = move |transaction: &Transaction<'_>| {
            let Opening { account_number, owner_name, initial_deposit } = opening;
            let balance = initial_deposit.to_string();
            let row = params![id, account_number, owner_name, balance];
            transaction.prepare_cached(OPEN)?.execute(row)?;
            Ok(())
        };
        self.transaction(open).await
    }

    async fn deposit(&self, id: Uuid, key: Uuid, amount: Decimal) -> Result<Option<String>, Fault> {
        self.transaction(move |transaction| deposit(transaction, id, key, amount)).await
    }

    async fn read(&self, id: Uuid) -> Result<Option<(Account, i64)>, Fault> {
        self.transaction(move |transaction| read(transaction, id)).await
    }
}

fn deposit(
    transaction: &Transaction<'_>,
    id: Uuid,
    key: Uuid,
    amount: Decimal,
) -> Result<Option<String>, Fault> {
    let mut known = transaction.prepare_cached(KNOWN)?;
    if let Some(answer) = known.query_row([key], |row| row.get(0)).optional()? {
        return Ok(Some(answer));
    }
    let Some(account) = read(transaction, id)? else { return Ok(None) };
    let deposit = Deposit::apply(id, account, amount)?;
    let balance = deposit.data.balance.to_string();
    transaction.prepare_cached(UPDATE)?.execute(params![id, balance, deposit.version])?;
    let (command, event) = (deposit.command(key)?, deposit.event()?);
    let at = deposit.at.timestamp_micros();
    let row = params![deposit.command_id, id, deposit.version, command, event, at];
    let position = transaction.prepare_cached(AUDIT)?.insert(row)?;
    let answer = deposit.answer(position)?;
    transaction.prepare_cached(KEEP)?.execute(params![key, answer])?;
    Ok(Some(answer))
}

fn read(transaction: &Transaction<'_>, id: Uuid) -> Result<Option<(Account, i64)>, Fault> {
    let mut read = transaction.prepare_cached(READ)?;
    let row = read.query_row([id], |row| {
        let balance: String = row.get(2)?;
        Ok((row.get(0)?, row.get(1)?, balance, row.get(3)?))
    });
    let Some((account_number, owner_name, balance, version)) = row.optional()? else {
        return Ok(None);
    };
    Ok(Some((Account { account_number, owner_name, balance: balance.parse()? }, version)))
}
