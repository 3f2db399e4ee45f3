//! The PostgreSQL store under a domain: faults of servers and connections, several processes, and
//! what readers see.
#![allow(missing_docs, reason = "the name of a test describes it")]
#![allow(clippy::unwrap_used, reason = "a failing helper fails its test")]

use fluvius_postgres::{PostgresOptions, PostgresStore};
use fluvius_testing::servers::TestSchema;

mod backup;
mod bank;
mod caller_isolation;
mod crashes;
mod cuts;
mod damaged;
mod indexes;
mod leases;
mod locks;

mod never_skips;
mod notifications;
mod operations;
mod outages;
mod privileges;
mod runtimes;
mod server_faults;
mod server_settings;
mod units;

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

/// Adds a parameter to an address of either form.
fn with_parameter(url: &str, name: &str, value: &str) -> String {
    match url.contains("://") {
        false => format!("{url} {name}='{value}'"),
        true => {
            let value = value.replace(' ', "%20").replace('=', "%3D");
            let sign = if url.contains('?') { '&' } else { '?' };
            format!("{url}{sign}{name}={value}")
        }
    }
}

/// The beginnings of the statements that commit a batch.
const COMMITS: [&str; 2] = ["SELECT * FROM commit_batch(", "-- Commits a batch"];

/// Returns the number of running commits.
async fn running_commits(client: &tokio_postgres::Client) -> i64 {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> \
        pg_backend_pid() AND (starts_with(query, $1) OR starts_with(query, $2))";
    client.query_one(sql, &[&COMMITS[0], &COMMITS[1]]).await.unwrap().get(0)
}

/// Reads a number from an environment variable.
fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a number, not `{text}`")))
}
