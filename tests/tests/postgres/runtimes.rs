//! Stores that are used from several tokio runtimes, some of which end, and without a runtime.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use fluvius_core::EventRecord;
use fluvius_core::{AggregateId, CommitOutcome, LogQuery, StateQuery, Store, UnitOfWork};
use fluvius_postgres::PostgresStore;
use fluvius_testing::servers::{TestSchema, TestServer};
use tokio::runtime::{Builder, Runtime};

use crate::units::{of_aggregate, units};
use crate::{OpenStore, client, with_parameter};

/// Timeout of a call. A longer call counts as hanging.
const MAX_TIME: Duration = Duration::from_secs(30);

fn short_runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn long_runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Polls a future once, and drops it.
fn poll_once(future: impl Future) {
    drop(pin!(future).poll(&mut Context::from_waker(Waker::noop())));
}

/// Runs a future on a thread that has no runtime. Returns `None` if it takes too long.
fn without_runtime<T>(future: impl Future<Output = T>) -> Option<T> {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let (mut future, begun) = (pin!(future), Instant::now());
    while begun.elapsed() < MAX_TIME {
        if let Poll::Ready(answer) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(answer);
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
    None
}

async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(MAX_TIME, future).await.expect("it hangs")
}

fn is_committed(outcomes: &[CommitOutcome]) -> bool {
    matches!(outcomes, [CommitOutcome::Committed { .. }])
}

/// A store with one aggregate, opened in a runtime.
fn store_in(runtime: &Runtime, schema: &TestSchema) -> (PostgresStore, AggregateId, UnitOfWork) {
    runtime.block_on(async {
        let store = schema.open().await;
        let [opened, deposited, _] = units().await;
        let aggregate_id = opened.states[0].aggregate_id.clone();
        assert!(is_committed(&store.commit([opened].into()).await));
        (store, aggregate_id, deposited)
    })
}

#[test]
fn ended_runtimes_of_readers_do_not_affect_others() {
    let Some(server) = TestServer::get() else { return };
    let (schema, main) = (server.schema(), long_runtime());
    let (store, aggregate_id, _) = store_in(&main, &schema);
    let busy = main.spawn({
        let (store, aggregate_id) = (store.clone(), aggregate_id.clone());
        async move {
            for _ in 0..300 {
                assert!(in_time(store.load(&aggregate_id)).await.unwrap().is_some());
            }
        }
    });
    for number in 0..150 {
        short_runtime().block_on(async {
            if number % 2 == 0 {
                return poll_once(store.load(&aggregate_id));
            }
            assert!(in_time(store.load(&aggregate_id)).await.unwrap().is_some());
            assert_eq!(in_time(store.query(&StateQuery::every(9))).await.unwrap().len(), 1);
        });
    }
    main.block_on(async { in_time(busy).await.unwrap() });
}

#[test]
fn commit_survives_the_runtime_of_its_caller() {
    let Some(server) = TestServer::get() else { return };
    let (schema, main) = (server.schema(), long_runtime());
    let (store, aggregate_id, deposited) = store_in(&main, &schema);
    let id = deposited.commands[0].id;
    short_runtime().block_on(async { poll_once(store.commit([deposited].into())) });
    // The look-up, in another runtime, waits for the end of the commit.
    let found = short_runtime().block_on(in_time(store.command(id))).unwrap();
    assert!(found.is_some());
    let row = main.block_on(in_time(store.load(&aggregate_id))).unwrap().unwrap();
    assert_eq!(row.version, 2);
}

#[test]
fn dropped_commits_do_not_lose_the_connection() {
    let Some(server) = TestServer::get() else { return };
    let (schema, main) = (server.schema(), long_runtime());
    let (store, _, deposited) = store_in(&main, &schema);
    let committing = format!(
        "SELECT l.pid FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid \
         WHERE l.locktype = 'advisory' AND a.application_name = '{}'",
        schema.name()
    );
    let [opened, ..] = main.block_on(units());
    let options = schema.options();
    let url = with_parameter(schema.url(), "application_name", schema.name());
    let named = main.block_on(options.open(&url)).unwrap();
    let sessions = async || -> Vec<i32> {
        let client = client(server.url()).await;
        client.query(&committing, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
    };
    let before = main.block_on(sessions());
    assert_eq!(before.len(), 1);
    for number in 2..60 {
        // The second one is the update of a single command, which its caller polls.
        for unit in of_aggregate(&[opened.clone(), deposited.clone()], number) {
            let id = unit.commands[0].id;
            main.block_on(async {
                poll_once(named.commit([unit].into()));
                assert!(in_time(named.command(id)).await.unwrap().is_some());
            });
        }
    }
    assert_eq!(main.block_on(sessions()), before);
    assert!(is_committed(&main.block_on(in_time(store.commit([deposited].into())))));
}

#[test]
fn commit_that_is_not_polled_further_delays_no_other() {
    let Some(server) = TestServer::get() else { return };
    let (schema, main) = (server.schema(), long_runtime());
    let (store, _, deposited) = store_in(&main, &schema);
    let [opened, ..] = main.block_on(units());
    let [opened, other] = of_aggregate(&[opened, deposited.clone()], 2).try_into().unwrap();
    main.block_on(async {
        assert!(is_committed(&in_time(store.commit([opened].into())).await));
        let mut kept = pin!(store.commit([deposited].into()));
        let polled = kept.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
        assert!(is_committed(&in_time(store.commit([other].into())).await));
        assert!(is_committed(&in_time(kept).await));
    });
}

#[test]
fn store_opened_in_an_idle_runtime_serves_others() {
    let Some(server) = TestServer::get() else { return };
    let (schema, idle) = (server.schema(), short_runtime());
    let (store, aggregate_id, deposited) = store_in(&idle, &schema);
    // The runtime in which the store was opened is idle.
    short_runtime().block_on(async {
        assert!(in_time(store.load(&aggregate_id)).await.unwrap().is_some());
        assert!(is_committed(&in_time(store.commit([deposited].into())).await));
        assert!(in_time(store.acquire_lease(&aggregate_id)).await.is_some());
    });
    drop(idle);
    let row = short_runtime().block_on(in_time(store.load(&aggregate_id))).unwrap().unwrap();
    assert_eq!(row.version, 2);
}

#[test]
fn thread_without_a_runtime_may_use_a_store() {
    let Some(server) = TestServer::get() else { return };
    let (schema, main) = (server.schema(), long_runtime());
    let (store, aggregate_id, deposited) = store_in(&main, &schema);
    let used = async {
        assert!(store.load(&aggregate_id).await.unwrap().is_some());
        assert!(is_committed(&store.commit([deposited].into()).await));
        assert_eq!(store.query(&StateQuery::every(9)).await.unwrap().len(), 1);
        drop(store.acquire_lease(&aggregate_id).await.unwrap());
        let opened = schema.options().open(schema.url()).await.unwrap();
        opened.load(&aggregate_id).await.unwrap().unwrap().version
    };
    assert_eq!(without_runtime(used), Some(2));
}

#[test]
fn store_with_its_own_thread_outlives_the_runtime() {
    let Some(server) = TestServer::get() else { return };
    let (schema, main) = (server.schema(), long_runtime());
    let (_, aggregate_id, deposited) = store_in(&main, &schema);
    let store = main.block_on(schema.options().own_thread(true).open(schema.url())).unwrap();
    let id = deposited.commands[0].id;
    drop(main);
    short_runtime().block_on(async {
        assert!(in_time(store.load(&aggregate_id)).await.unwrap().is_some());
        assert_eq!(in_time(store.history(&aggregate_id, 1, 9)).await.unwrap().len(), 1);
        assert!(is_committed(&in_time(store.commit([deposited].into())).await));
        let query = LogQuery::all().limit(9);
        assert_eq!(in_time(store.read_log::<EventRecord>(&query)).await.unwrap().rows.len(), 2);
        assert!(in_time(store.command(id)).await.unwrap().is_some());
        assert!(in_time(store.acquire_lease(&aggregate_id)).await.is_some());
        let other = schema.open().await;
        let hint = store.changed();
        let [_, _, opened] = units().await;
        assert!(is_committed(&in_time(other.commit([opened].into())).await));
        in_time(hint).await;
    });
}

#[test]
fn store_of_an_ended_runtime_reports_it() {
    let Some(server) = TestServer::get() else { return };
    let (schema, main) = (server.schema(), long_runtime());
    let (store, aggregate_id, deposited) = store_in(&main, &schema);
    let _hint = store.changed();
    drop(main);
    let check_reported = |error: fluvius_core::StoreError| {
        assert!(!error.is_retryable() && error.to_string().contains("has ended"), "{error}");
    };
    short_runtime().block_on(async {
        for _ in 0..2 {
            check_reported(in_time(store.load(&aggregate_id)).await.unwrap_err());
            check_reported(in_time(store.query(&StateQuery::every(1))).await.unwrap_err());
            check_reported(
                in_time(store.snapshot(std::slice::from_ref(&aggregate_id))).await.unwrap_err(),
            );
            check_reported(in_time(store.history(&aggregate_id, 1, 2)).await.unwrap_err());
            let query = LogQuery::all().limit(1);
            check_reported(in_time(store.read_log::<EventRecord>(&query)).await.unwrap_err());
            check_reported(in_time(store.command(deposited.commands[0].id)).await.unwrap_err());
            check_reported(
                in_time(store.register_domain("bank", &["bank-account"])).await.unwrap_err(),
            );
            check_reported(in_time(store.declare_indexes("bank-account", &[])).await.unwrap_err());
            assert!(in_time(store.acquire_lease(&aggregate_id)).await.is_none());
            match in_time(store.commit([deposited.clone()].into())).await.pop().unwrap() {
                CommitOutcome::Failed(error) => check_reported(error),
                outcome => panic!("{outcome:?}"),
            }
        }
    });
}

#[test]
fn commit_in_flight_at_the_end_of_the_runtime_is_answered() {
    let Some(server) = TestServer::get() else { return };
    let (schema, main) = (server.schema(), long_runtime());
    let (store, _, deposited) = store_in(&main, &schema);
    let watch = long_runtime();
    let other = watch.block_on(client(server.url()));
    let held =
        format!("BEGIN; LOCK TABLE {}.resource_state IN ACCESS EXCLUSIVE MODE", schema.name());
    watch.block_on(other.batch_execute(&held)).unwrap();
    let commit = watch.spawn(async move { store.commit([deposited].into()).await });
    std::thread::sleep(Duration::from_millis(300));
    main.shutdown_background();
    let outcomes = watch.block_on(in_time(commit)).unwrap();
    assert!(
        matches!(outcomes[..], [CommitOutcome::InDoubt | CommitOutcome::Failed(_)]),
        "{outcomes:?}"
    );
}

#[test]
fn busy_worker_does_not_stall_a_store_with_its_own_thread() {
    let Some(server) = TestServer::get() else { return };
    let (schema, main) = (server.schema(), long_runtime());
    let (_, aggregate_id, _) = store_in(&main, &schema);
    let store = main.block_on(schema.options().own_thread(true).open(schema.url())).unwrap();
    let is_over = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let busy = main.spawn({
        let (store, aggregate_id, is_over) =
            (store.clone(), aggregate_id.clone(), Arc::clone(&is_over));
        async move {
            // The task wakes the store, and blocks its thread in the same poll.
            let mut load: Pin<Box<dyn Future<Output = _> + Send>> =
                Box::pin(async move { store.load(&aggregate_id).await.map(drop) });
            drop(load.as_mut().poll(&mut Context::from_waker(Waker::noop())));
            while !is_over.load(std::sync::atomic::Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    });
    let other = main.spawn(async move {
        tokio::time::timeout(Duration::from_secs(5), store.load(&aggregate_id)).await.is_ok()
    });
    let is_served = short_runtime().block_on(other).unwrap();
    is_over.store(true, std::sync::atomic::Ordering::SeqCst);
    main.block_on(busy).unwrap();
    assert!(is_served, "a load waits for a worker that is busy with something else");
}
