//! Typed commands over the PostgreSQL store, and the same rows by hand.

use bench_common::{Plan, matrix, pg_url};
use fluvius_postgres::PostgresStore;
use tokio_postgres::NoTls;

use crate::bank::Typed;
use crate::by_hand::postgres::ByHand;

const SCHEMA: &str = "bench";

#[expect(clippy::expect_used, reason = "a new schema takes every domain")]
pub(crate) async fn run(plan: &Plan) {
    let Some(url) = pg_url() else { return };
    let url = url.as_str();
    matrix("fluvius", "postgres", "on", plan, |_, _| async move {
        Typed::over(fresh_schema(url, SCHEMA).await).await.expect("the domain is built")
    })
    .await;
    matrix("by-hand", "postgres", "on", plan, |_, _| async move {
        drop(fresh_schema(url, SCHEMA).await);
        ByHand::open(url, SCHEMA).await.expect("the schema is there")
    })
    .await;
}

/// A store over an empty schema of this name.
#[expect(clippy::expect_used, reason = "without a server there is nothing to measure")]
pub(crate) async fn fresh_schema(url: &str, schema: &str) -> PostgresStore {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("a server");
    tokio::spawn(connection);
    let drop = format!("DROP SCHEMA IF EXISTS \"{schema}\" CASCADE");
    client.batch_execute(&drop).await.expect("the schema is dropped");
    open(url, schema).await
}

/// A store over a schema.
#[expect(clippy::expect_used, reason = "without a server there is nothing to measure")]
pub(crate) async fn open(url: &str, schema: &str) -> PostgresStore {
    PostgresStore::options().schema(schema).open(url).await.expect("the store is opened")
}
