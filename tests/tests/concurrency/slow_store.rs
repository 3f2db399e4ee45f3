//! A hot aggregate does not wait for the disk: units that arrive during a commit form the next
//! batch.

use std::sync::Arc;
use std::time::Duration;

use fluvius_core::{Domain, MemoryStore};
use fluvius_testing::{Faults, FaultyStore};
use tokio::task::JoinSet;

use fluvius_tests::purse::{PurseDomain, PutIn, coins, make};

#[tokio::test(start_paused = true)]
async fn sixty_four_clients_of_one_aggregate_share_commits() {
    let store = FaultyStore::new(MemoryStore::new(), 3, Faults::default());
    let domain = PurseDomain::runtime(store.clone()).await.unwrap();
    let (session, ids) = make(&domain, 1).await;
    store.set_faults(Faults { max_delay: Duration::from_millis(2), ..Faults::default() });
    let before = store.batch_sizes().len();
    let session = Arc::new(session);
    let mut clients = JoinSet::new();
    for _ in 0..64 {
        let (session, id) = (Arc::clone(&session), ids[0]);
        clients.spawn(async move {
            for _ in 0..20 {
                session.send(id, PutIn { coins: 1 }).await.unwrap();
            }
        });
    }
    clients.join_all().await;
    assert_eq!(coins(&domain, ids[0]).await, 100 + 64 * 20);
    let sizes = &store.batch_sizes()[before..];
    let units: usize = sizes.iter().sum();
    assert_eq!(units, 64 * 20);
    assert!(units / sizes.len() > 16, "{} units in {} batches", units, sizes.len());
}
