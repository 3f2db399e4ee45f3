//! The plain service over tokio-postgres: a pool of 16 connections, one transaction per deposit.

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Transaction};
use rust_decimal::Decimal;
use tokio_postgres::{Config, NoTls, Row};
use uuid::Uuid;

use super::Accounts;
use super::records::{Account, Deposit, Opening};
use crate::system::Fault;

const CONNECTION_COUNT: usize = 16;

const SCHEMA: &str = "
CREATE TABLE account(id uuid PRIMARY KEY, account_number text NOT NULL, owner_name text NOT NULL,
  balance text NOT NULL, version bigint NOT NULL) WITH (fillfactor = 50);
CREATE TABLE audit(position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id uuid NOT NULL,
  account_id uuid NOT NULL, version bigint NOT NULL, command text NOT NULL, event text NOT NULL,
  at bigint NOT NULL);
CREATE TABLE idempotency_key(key uuid PRIMARY KEY, answer text NOT NULL);";

const OPEN: &str = "INSERT INTO account VALUES($1, $2, $3, $4, 1)";
const READ: &str = "SELECT account_number, owner_name, balance, version FROM account WHERE id = $1";
const LOCK: &str = "SELECT account_number, owner_name, balance, version FROM account WHERE id = $1
  FOR UPDATE";
const KNOWN: &str = "SELECT answer FROM idempotency_key WHERE key = $1";
const UPDATE: &str = "UPDATE account SET balance = $2, version = $3 WHERE id = $1";
const AUDIT: &str = "INSERT INTO audit(id, account_id, version, command, event, at)
  VALUES($1, $2, $3, $4, $5, $6) RETURNING position";
const KEEP: &str = "INSERT INTO idempotency_key(key, answer) VALUES($1, $2)";

/// The accounts in a schema, with a pool of connections.
pub(crate) struct Pooled(Pool);

impl Pooled {
    /// Creates the schema and the pool.
    pub(crate) async fn open(url: &str, schema: &str) -> Result<Self, Fault> {
        let mut config: Config = url.parse()?;
        config.options(format!("-c search_path=\"{schema}\""));
        let settings = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(config, NoTls, settings);
        let pool = Pool::builder(manager).max_size(CONNECTION_COUNT).build()?;
        let client = pool.get().await?;
        client.batch_execute(&format!("CREATE SCHEMA \"{schema}\";{SCHEMA}")).await?;
        Ok(Self(pool))
    }
}

impl Accounts for Pooled {
    async fn open(&self, id: Uuid, opening: Opening) -> Result<(), Fault> {
        let client = self.0.get().await?;
        let balance = opening.initial_deposit.to_string();
        let open = client.prepare_cached(OPEN).await?;
        let Opening { account_number, owner_name, .. } = opening;
        client.execute(&open, &[&id, &account_number, &owner_name, &balance]).await?;
        Ok(())
    }

    async fn deposit(&self, id: Uuid, key: Uuid, amount: Decimal) -> Result<Option<String>, Fault> {
        let mut client = self.0.get().await?;
        let transaction = client.transaction().await?;
        let answer = deposit(&transaction, id, key, amount).await?;
        transaction.commit().await?;
        Ok(answer)
    }

    async fn read(&self, id: Uuid) -> Result<Option<(Account, i64)>, Fault> {
        let client = self.0.get().await?;
        let read = client.prepare_cached(READ).await?;
        client.query_opt(&read, &[&id]).await?.map(|row| account(&row)).transpose()
    }
}

async fn deposit(
    transaction: &Transaction<'_>,
    id: Uuid,
    key: Uuid,
    amount: Decimal,
) -> Result<Option<String>, Fault> {
    // The lock comes first, so that two requests with one key wait for each other.
    let lock = transaction.prepare_cached(LOCK).await?;
    let Some(row) = transaction.query_opt(&lock, &[&id]).await? else { return Ok(None) };
    let known = transaction.prepare_cached(KNOWN).await?;
    if let Some(row) = transaction.query_opt(&known, &[&key]).await? {
        return Ok(Some(row.try_get(0)?));
    }
    let deposit = Deposit::apply(id, account(&row)?, amount)?;
    let balance = deposit.data.balance.to_string();
    let update = transaction.prepare_cached(UPDATE).await?;
    transaction.execute(&update, &[&id, &balance, &deposit.version]).await?;
    let (command, event) = (deposit.command(key)?, deposit.event()?);
    let at = deposit.at.timestamp_micros();
    let audit = transaction.prepare_cached(AUDIT).await?;
    let row = transaction
        .query_one(&audit, &[&deposit.command_id, &id, &deposit.version, &command, &event, &at])
        .await?;
    let answer = deposit.answer(row.try_get(0)?)?;
    let keep = transaction.prepare_cached(KEEP).await?;
    transaction.execute(&keep, &[&key, &answer]).await?;
    Ok(Some(answer))
}

fn account(row: &Row) -> Result<(Account, i64), Fault> {
    let balance: String = row.try_get(2)?;
    let account = Account {
        account_number: row.try_get(0)?,
        owner_name: row.try_get(1)?,
        balance: balance.parse()?,
    };
    Ok((account, row.try_get(3)?))
}
