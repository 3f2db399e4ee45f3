//! The store over real servers: the contract, opening, TLS and poolers. The suite `postgres` of
//! `fluvius-tests` has the tests with a domain.
#![allow(missing_docs, reason = "the name of a test describes it")]
#![allow(clippy::unwrap_used, reason = "a failing helper fails its test")]

use fluvius_postgres::{PostgresOptions, PostgresStore};
use fluvius_testing::servers::TestSchema;

mod certificates;
mod conformance;
mod logs;
mod opening;
mod pooler;
mod work;

/// A connection of the test itself.
async fn client(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Opens stores in the schema of a test.
trait OpenStore {
    fn options(&self) -> PostgresOptions;
    async fn open(&self) -> PostgresStore;
}

impl OpenStore for TestSchema {
    fn options(&self) -> PostgresOptions {
        PostgresStore::options().schema(self.name()).max_readers(4)
    }

    async fn open(&self) -> PostgresStore {
        self.options().open(self.url()).await.unwrap()
    }
}
