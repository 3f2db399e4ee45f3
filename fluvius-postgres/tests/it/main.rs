//! The store as its users see it.
#![allow(missing_docs, reason = "a test is told by its name")]
#![allow(clippy::unwrap_used, reason = "helpers of tests end the test")]

mod bank;
mod conformance;
mod crashes;
mod cuts;
mod logs;
mod opening;
mod proxy;
mod server_settings;

/// A connection beside the store.
async fn client(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}
