//! Outages of a server: attempts to connect are spaced out, not one per call.

use std::time::Duration;

use fluvius_core::uuid::Uuid;
use fluvius_core::{AggregateId, CommitOutcome, StateQuery, Store};
use fluvius_postgres::PostgresStore;
use fluvius_testing::servers::{PrivateServer, Proxy};

use crate::units::units;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attempts_during_an_outage_are_few() {
    let Some(server) = PrivateServer::start_with(&[]) else { return };
    let proxy = Proxy::start(server.socket(), &[]).await;
    let store = PostgresStore::open(&proxy.url()).await.unwrap();
    let [opened, deposited, _] = units().await;
    let outcomes = store.commit([opened].into()).await;
    assert!(matches!(outcomes[..], [CommitOutcome::Committed { .. }]), "{outcomes:?}");
    proxy.refuse(true);
    let before = proxy.connection_count();
    let aggregate_id = AggregateId::new("bank-account", Uuid::from_u128(1));
    // Callers that retry immediately, and others whose futures are dropped.
    let callers: Vec<_> = (0..40)
        .map(|number| {
            let (store, aggregate_id, unit) =
                (store.clone(), aggregate_id.clone(), deposited.clone());
            tokio::spawn(async move {
                let mut failed = 0_u32;
                loop {
                    let asked = async {
                        match number % 4 {
                            0 => store.load(&aggregate_id).await.is_err(),
                            1 => store.query(&StateQuery::every(1)).await.is_err(),
                            2 => !matches!(
                                store.commit([unit.clone()].into()).await[..],
                                [CommitOutcome::Committed { .. }]
                            ),
                            _ => store.acquire_lease(&aggregate_id).await.is_none(),
                        }
                    };
                    let time_max = Duration::from_millis(if number < 20 { 10_000 } else { 20 });
                    if let Ok(true) = tokio::time::timeout(time_max, asked).await {
                        failed += 1;
                    }
                    tokio::task::yield_now().await;
                    if failed > 1_000_000 {
                        break;
                    }
                }
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(3)).await;
    callers.iter().for_each(|caller| caller.abort());
    // The concurrent first attempts, then one at a time after a pause that doubles.
    let tried = proxy.connection_count() - before;
    assert!(tried <= 60, "{tried} connections were tried");
    proxy.refuse(false);
    // The longest pause is two seconds.
    let row = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            if let Ok(Some(row)) = store.load(&aggregate_id).await {
                return row;
            }
        }
    });
    assert!(row.await.is_ok());
}
