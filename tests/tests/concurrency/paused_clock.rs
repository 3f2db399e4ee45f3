//! Tests of authors with a paused clock (`start_paused`): tokio advances it to the next timer
//! whenever its runtime is idle. A runtime that waits for a store's thread or for a server is not
//! idle.

use std::time::Duration;

use banking_domain::TransactionManagerDomain;
use fluvius_core::uuid::Uuid;
use fluvius_core::{Domain, DomainContext, MemoryStore, Store};
use fluvius_postgres::PostgresStore;
use fluvius_sqlite::SqliteStore;
use fluvius_testing::servers::TestServer;
use futures_util::future::join_all;
use serde_json::json;
use tokio::time::Instant;

/// Sends commands, reads, and lets an hour pass on the paused clock.
async fn check_works(store: impl Store) {
    let begun = (std::time::Instant::now(), Instant::now());
    let domain = TransactionManagerDomain::runtime(store).await.unwrap();
    let ids: Vec<Uuid> = (1..=20).map(Uuid::from_u128).collect();
    for (command, payload) in [
        (
            "open-account",
            json!({ "account_number": "1", "owner_name": "x", "initial_deposit": "5.00" }),
        ),
        ("deposit-money", json!({ "amount": "1.00" })),
        ("withdraw-money", json!({ "amount": "2.00" })),
    ] {
        let sent = ids.iter().map(|id| {
            let mut session = domain.session(DomainContext::create("test"));
            session.set_aggroot("bank-account", *id);
            let command = session.create_command(command, payload.clone()).unwrap();
            async move { session.process_command(command).await }
        });
        for sent in join_all(sent).await {
            sent.unwrap();
        }
    }
    assert_eq!(domain.log().events().await.unwrap().rows.len(), 60);
    // Nothing so far has advanced the clock.
    assert!(begun.1.elapsed() <= begun.0.elapsed(), "{:?}", begun.1.elapsed());
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert!(begun.0.elapsed() < Duration::from_secs(600));
    domain.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_paused_clock_does_not_affect_memory() {
    check_works(MemoryStore::new()).await;
}

#[tokio::test(start_paused = true)]
async fn a_paused_clock_does_not_affect_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    check_works(SqliteStore::open(folder.path().join("store.db")).await.unwrap()).await;
}

#[tokio::test(start_paused = true)]
async fn a_paused_clock_does_not_affect_postgres() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    check_works(PostgresStore::options().schema(schema.name()).open(schema.url()).await.unwrap())
        .await;
}
