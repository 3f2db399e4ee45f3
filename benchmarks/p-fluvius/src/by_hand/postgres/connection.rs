//! The writer's connection, with the settings of the store's own connection, and the reads of
//! accounts.

use std::collections::HashMap;

use bench_common::Uuid;
use fluvius_core::{Store, StoreError};
use fluvius_postgres::PostgresStore;
use tokio_postgres::{Client, NoTls, Row, Statement};

use super::rows::{DOMAIN, RESOURCE, Stored};

/// The settings of the connection, the same as those of the store's committing connection.
const SETTINGS: &str = "SET jit = off; SET enable_seqscan = off; SET enable_hashjoin = off; SET \
    enable_mergejoin = off; \
     SET plan_cache_mode = force_generic_plan";

/// The statement that inserts the context. There is one, since all commands have the same sender.
const CONTEXT: &str = "INSERT INTO context_log (id, domain, revision, transport, source, headers, \
    roles) \
     VALUES ($1, $2, 1, 'in-process', 'benchmark', '{}', '[]')";

const READ: &str = "SELECT identifier, version, created_at, updated_at, data FROM resource_state \
     WHERE resource = 'bank-account' AND identifier = ANY ($1)";

pub(super) struct Connection {
    pub(super) client: Client,
    /// The id of the context to which all commands refer.
    pub(super) context_id: Uuid,
    read: Statement,
    lock: Statement,
}

/// Creates the schema through the store, and registers the domain of the bank.
pub(super) async fn make_schema(url: &str, schema: &str) -> Result<(), StoreError> {
    let store = PostgresStore::options().schema(schema).open(url).await?;
    store.register_domain(DOMAIN, &[RESOURCE]).await
}

/// Connects to a schema.
pub(super) async fn connect(url: &str, schema: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    client.batch_execute(&format!("SET search_path = \"{schema}\"")).await?;
    Ok(client)
}

impl Connection {
    pub(super) async fn open(url: &str, schema: &str) -> Result<Self, tokio_postgres::Error> {
        let client = connect(url, schema).await?;
        client.batch_execute(SETTINGS).await?;
        let context_id = Uuid::now_v7();
        client.execute(CONTEXT, &[&context_id, &DOMAIN]).await?;
        Ok(Self {
            read: client.prepare(READ).await?,
            lock: client.prepare(&format!("{READ} ORDER BY identifier FOR UPDATE")).await?,
            client,
            context_id,
        })
    }

    /// Reads the accounts that exist.
    pub(super) async fn read_accounts(
        &self,
        ids: &[Uuid],
    ) -> Result<HashMap<Uuid, Stored>, String> {
        self.accounts(&self.read, ids).await
    }

    /// Reads the accounts that exist, and locks them until the transaction ends.
    pub(super) async fn lock_accounts(
        &self,
        ids: &[Uuid],
    ) -> Result<HashMap<Uuid, Stored>, String> {
        self.accounts(&self.lock, ids).await
    }

    async fn accounts(
        &self,
        statement: &Statement,
        ids: &[Uuid],
    ) -> Result<HashMap<Uuid, Stored>, String> {
        let rows = self.client.query(statement, &[&ids]).await.map_err(failed)?;
        rows.iter().map(|row| Ok((row.get(0), stored(row)?))).collect()
    }
}

fn stored(row: &Row) -> Result<Stored, String> {
    let data: String = row.get(4);
    Ok(Stored {
        version: row.get(1),
        created_at: row.get(2),
        updated_at: row.get(3),
        command_id: Uuid::nil(),
        account: serde_json::from_str(&data).map_err(|error| error.to_string())?,
        data,
    })
}

/// Returns the text of an error, with the message of the server.
pub(super) fn failed(error: tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(said) => format!("{error}: {said}"),
        None => error.to_string(),
    }
}
