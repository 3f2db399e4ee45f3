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
mod leases;
mod locks;
mod logs;
mod neighbours;
mod never_skips;
mod notifications;
mod opening;
mod outages;
mod pooler;
mod proxy;
mod rights;
mod runtimes;
mod server_faults;
mod server_settings;
mod units;

/// A connection beside the store.
async fn client(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// An address with one parameter more, whichever form it has.
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

/// How many commits are at work, as somebody sees it who is in no transaction.
async fn running_commits(client: &tokio_postgres::Client) -> i64 {
    let sql = "SELECT count(*) FROM pg_stat_activity \
               WHERE state = 'active' AND (query LIKE '%FROM commit_batch(%' OR query LIKE '-- Commits a batch%') \
               AND pid <> pg_backend_pid()";
    client.query_one(sql, &[]).await.unwrap().get(0)
}

/// A number that the environment gives.
fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a number, not `{text}`")))
}
