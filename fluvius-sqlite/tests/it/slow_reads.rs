//! Slow queries, and reads that run beside them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fluvius_core::query::Field;
use fluvius_core::{AggregateId, StateQuery, Store};
use fluvius_sqlite::SqliteStore;
use tempfile::TempDir;

use crate::units::{aggregate_id, context, json, with_data};

const AGGREGATE_COUNT: usize = 3_000;

/// Returns a query that checks many terms on all aggregates, and finds none.
fn slow() -> StateQuery {
    let terms = (0..900).map(|number| Field::text("note").contains(format!("zz{number}")));
    StateQuery::for_resource("purse", 1).filter(terms.reduce(|one, other| one | other).unwrap())
}

async fn filled(store: &SqliteStore) -> AggregateId {
    let context = context();
    let state = json(&format!(r#"{{"note":"{}"}}"#, "some text ".repeat(20)));
    let units: Vec<_> = (0..AGGREGATE_COUNT)
        .map(|_| with_data(&context, &aggregate_id(), 0, state.clone()))
        .collect();
    let first = units[0].states[0].aggregate_id.clone();
    for batch in units.chunks(500) {
        store.commit(Arc::from(batch)).await;
    }
    first
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_do_not_keep_loads_waiting() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path().join("store.db")).await.unwrap();
    let known = filled(&store).await;
    let ended = Arc::new(AtomicUsize::new(0));
    let queries: Vec<_> = (0..24)
        .map(|_| {
            let (store, ended) = (store.clone(), Arc::clone(&ended));
            tokio::spawn(async move {
                store.query(&slow()).await.unwrap();
                ended.fetch_add(1, Ordering::SeqCst);
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(20)).await;
    for _ in 0..4 {
        assert!(store.load(&known).await.unwrap().is_some());
        assert_eq!(store.history(&known, 1, 9).await.unwrap().len(), 1);
    }
    // A load that waits for queries would end after some of them.
    let ended = ended.load(Ordering::SeqCst);
    assert!(ended < 12, "{ended} queries had ended before");
    queries.iter().for_each(tokio::task::JoinHandle::abort);
}

/// If abandoned queries ran, the last query would exceed the `read_timeout` behind them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn abandoned_queries_do_not_run() {
    let folder = TempDir::new().unwrap();
    let options = SqliteStore::options().max_readers(1).read_timeout(Duration::from_secs(60));
    let on_disk = options.open(folder.path().join("store.db")).await.unwrap();
    for store in [on_disk, SqliteStore::in_memory().await.unwrap()] {
        filled(&store).await;
        let queries: Vec<_> = (0..5_000)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { store.query(&slow()).await })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(100)).await;
        queries.iter().for_each(tokio::task::JoinHandle::abort);
        for query in queries {
            assert!(query.await.is_err());
        }
        assert_eq!(store.query(&StateQuery::for_resource("purse", 1)).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_query_over_its_time_names_the_option() {
    let folder = TempDir::new().unwrap();
    let options = || SqliteStore::options().read_timeout(Duration::from_millis(1));
    let on_disk = options().open(folder.path().join("store.db")).await.unwrap();
    for store in [on_disk, options().open_in_memory().await.unwrap()] {
        filled(&store).await;
        let error = store.query(&slow()).await.unwrap_err();
        assert!(error.is_retryable() && error.to_string().contains("`read_timeout`"), "{error}");
    }
}
