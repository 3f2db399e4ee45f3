//! Twelve runtimes over one SQLite file, like processes, that all change one aggregate.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fluvius_core::{Domain, DomainContext};
use fluvius_sqlite::SqliteStore;
use tokio::task::JoinSet;

use fluvius_tests::purse::{PurseDomain, PutIn, coins, make};

const RUNTIMES: usize = 12;
const CLIENTS: usize = 16;

/// Commands of all runtimes together. Without the write lease, some of them meet a conflict
/// in each of their attempts by then.
const COMMANDS: u64 = 12_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_of_one_file_share_a_hot_aggregate_without_conflicts() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("purses.db");
    let mut domains = Vec::new();
    for _ in 0..RUNTIMES {
        let store = SqliteStore::open(&file).await.unwrap();
        domains.push(PurseDomain::builder(store).build().await.unwrap());
    }
    let (_, ids) = make(&domains[0], 1).await;
    let id = ids[0];
    let answered: Arc<[AtomicU64]> = (0..RUNTIMES).map(|_| AtomicU64::new(0)).collect();
    let sum = |answered: &[AtomicU64]| -> u64 {
        answered.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    };
    let mut clients = JoinSet::new();
    for (index, domain) in domains.iter().enumerate() {
        for _ in 0..CLIENTS {
            let session = domain.session(DomainContext::create("test"));
            let answered = Arc::clone(&answered);
            clients.spawn(async move {
                while sum(&answered) < COMMANDS {
                    session.send(id, PutIn { coins: 1 }).await.unwrap();
                    answered[index].fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    }
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    let sum = sum(&answered);
    assert_eq!(coins(&domains[0], id).await, 100 + i64::try_from(sum).unwrap());
    let mean = sum / u64::try_from(RUNTIMES).unwrap();
    for count in &*answered {
        assert!(count.load(Ordering::Relaxed) * 5 >= mean, "unequal shares: {answered:?}");
    }
}
