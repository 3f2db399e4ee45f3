//! Notifications of commits: followers of a log receive those of other processes, at a bounded
//! rate.

use std::time::{Duration, Instant};

use banking_domain::{DepositMoney, TransactionManagerDomain};
use fluvius_core::uuid::Uuid;
use fluvius_core::{Domain, Store};
use fluvius_testing::servers::TestServer;
use futures_util::{FutureExt, StreamExt};
use rust_decimal::Decimal;

use crate::bank::{open_accounts, session};
use crate::{OpenStore, client};

#[tokio::test]
async fn commit_of_another_process_is_notified() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let (here, there) = (schema.open().await, schema.open().await);
    let domain = TransactionManagerDomain::runtime(there).await.unwrap();
    // The first notification is that of the subscription.
    here.changed().await;
    let mut stored = Box::pin(here.changed());
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(stored.as_mut().now_or_never().is_none(), "nothing was stored");
    open_accounts(&session(&domain), 1).await;
    let notified = tokio::time::timeout(Duration::from_secs(10), stored).await;
    assert!(notified.is_ok(), "no notification");
}

#[tokio::test]
async fn notifications_are_rate_limited_and_survive_a_lost_connection() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let (here, there) = (schema.open().await, schema.open().await);
    let domain = TransactionManagerDomain::runtime(there).await.unwrap();
    let session = session(&domain);
    open_accounts(&session, 1).await;
    here.changed().await;
    let begun = Instant::now();
    let mut count = 0;
    while begun.elapsed() < Duration::from_secs(1) {
        let stored = here.changed();
        session.send(Uuid::from_u128(1), DepositMoney { amount: Decimal::ONE }).await.unwrap();
        count += u32::from(stored.now_or_never().is_some());
    }
    let count_max = u32::try_from(begun.elapsed().as_millis() / 20).unwrap() + 2;
    assert!((5..=count_max).contains(&count), "{count} notifications, expected up to {count_max}");

    let end = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ILIKE '%\"{}\"%' AND \
        query ILIKE ANY (ARRAY['%NOTIFY%', '%LISTEN%']) AND pid <> pg_backend_pid()",
        schema.name()
    );
    client(server.url()).await.query(&end, &[]).await.unwrap();
    // The store has subscribed again.
    let notified = tokio::time::timeout(Duration::from_secs(10), here.changed()).await;
    assert!(notified.is_ok(), "no notification after the lost connection");
}

#[tokio::test]
async fn follower_sees_each_event_of_all_processes_once_in_order() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let reader = TransactionManagerDomain::runtime(schema.open().await).await.unwrap();
    let mut events = Box::pin(reader.log().limit(7).follow_events());
    let mut writers = Vec::new();
    for number in 0..3 {
        let domain = TransactionManagerDomain::runtime(schema.open().await).await.unwrap();
        writers.push(tokio::spawn(async move {
            let session = session(&domain);
            let id = Uuid::from_u128(100 + number);
            let open = banking_domain::OpenAccount {
                account_number: number.to_string(),
                owner_name: "Ada".to_owned(),
                initial_deposit: Decimal::ONE,
            };
            session.send(id, open).await.unwrap();
            for _ in 0..40 {
                session.send(id, DepositMoney { amount: Decimal::ONE }).await.unwrap();
            }
        }));
    }
    let mut seen = Vec::new();
    while seen.len() < 3 * 41 {
        let next = tokio::time::timeout(Duration::from_secs(30), events.next()).await;
        seen.push(next.unwrap().unwrap().unwrap().position);
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert!(seen.is_sorted_by(|one, next| one < next), "{seen:?}");
    let stored: Vec<u64> =
        reader.log().events().await.unwrap().rows.iter().map(|event| event.position).collect();
    assert_eq!(seen, stored);
}
