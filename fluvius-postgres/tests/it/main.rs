//! The store as its users see it.
#![allow(missing_docs, reason = "a test is told by its name")]
#![allow(clippy::unwrap_used, reason = "helpers of tests end the test")]

mod backup;
mod bank;
mod certificates;
mod conformance;
mod crashes;
mod cuts;
mod damaged;
mod indexes;
mod logs;
mod opening;
mod proxy;
mod server_settings;
mod units;

/// A connection beside the store.
async fn client(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// How many commits are at work, as somebody sees it who is in no transaction.
async fn running_commits(client: &tokio_postgres::Client) -> i64 {
    let sql = "SELECT count(*) FROM pg_stat_activity \
               WHERE state = 'active' AND query LIKE '%FROM commit_batch(%' AND pid <> pg_backend_pid()";
    client.query_one(sql, &[]).await.unwrap().get(0)
}
