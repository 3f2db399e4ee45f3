//! Locks of the server: a commit takes a bounded number of locks.

use std::sync::Arc;

use fluvius_core::uuid::Uuid;
use fluvius_core::{CommitOutcome, Store, UnitOfWork};
use fluvius_postgres::PostgresStore;
use fluvius_testing::servers::{PrivateServer, TestServer};

use crate::OpenStore;
use crate::units::{of_aggregate, units};

async fn of_aggregates(range: std::ops::Range<u64>) -> Arc<[UnitOfWork]> {
    let [opened, ..] = units().await;
    range.flat_map(|id| of_aggregate(std::slice::from_ref(&opened), id)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batch_of_many_new_aggregates_takes_few_locks() {
    // Room for some 4,000 locks.
    let settings = ["max_locks_per_transaction=10"];
    let Some(server) = PrivateServer::start_with(&settings) else { return };
    let store = PostgresStore::open(&server.url()).await.unwrap();
    let outcomes = store.commit(of_aggregates(1..8_001).await).await;
    let failed =
        outcomes.iter().find(|outcome| !matches!(outcome, CommitOutcome::Committed { .. }));
    assert!(failed.is_none(), "{failed:?}");
}

/// Returns the unit with ids that differ from those of the other store.
fn of_store(mut unit: UnitOfWork, store: u64) -> UnitOfWork {
    let other = |id: Uuid| Uuid::from_u64_pair(100 + store, id.as_u64_pair().1);
    let (command, event) = (&mut unit.commands[0], &mut unit.events[0]);
    let (command, event) = (Arc::make_mut(command), Arc::make_mut(event));
    (command.id, event.id) = (other(command.id), other(event.id));
    event.command_id = command.id;
    unit
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_creators_of_an_aggregate_commits() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let stores = [schema.open().await, schema.open().await];
    // Batches with a lock per aggregate, batches with one lock for all, and one of each kind.
    let mut first = 0;
    for (one, other) in [(5, 5), (100, 100), (5, 100), (100, 5), (70, 64)] {
        for _ in 0..4 {
            let sizes = [one, other];
            let mut batches = Vec::new();
            for (number, size) in sizes.into_iter().enumerate() {
                let batch = of_aggregates(first..first + size).await;
                // The commands of the stores differ.
                let batch: Vec<UnitOfWork> =
                    batch.iter().map(|unit| of_store(unit.clone(), number as u64)).collect();
                batches.push(Arc::from(batch));
            }
            let [a, b] = [batches.remove(0), batches.remove(0)];
            let (a, b) = tokio::join!(stores[0].commit(a), stores[1].commit(b));
            for (a, b) in a.iter().zip(&b) {
                let is_one = matches!(
                    (a, b),
                    (CommitOutcome::Committed { .. }, CommitOutcome::VersionConflict { .. })
                        | (CommitOutcome::VersionConflict { .. }, CommitOutcome::Committed { .. })
                );
                assert!(is_one, "{a:?} {b:?}");
            }
            first += one.max(other);
        }
    }
}
