//! Domains shared by callers on several tokio runtimes.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use fluvius_core::{Domain, DomainContext, DomainRuntime, MemoryStore};
use fluvius_postgres::PostgresStore;
use fluvius_sqlite::SqliteStore;
use fluvius_testing::servers::{TestSchema, TestServer};
use fluvius_testing::{Faults, FaultyStore};
use futures_util::poll;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;
use uuid::Uuid;

use fluvius_tests::purse::{DoubleAtGate, MakePurse, PurseDomain, PutIn, gate_of};

/// Timeout above the duration of any test here.
const HANGS_AFTER: Duration = Duration::from_secs(20);

/// A domain, and the values that must outlive it.
struct Shared {
    name: &'static str,
    domain: DomainRuntime,
    _folder: Option<TempDir>,
    _schema: Option<TestSchema>,
}

/// Builds a domain over each store, on a runtime.
fn domains(runtime: &Runtime) -> Vec<Shared> {
    runtime.block_on(async {
        let memory = PurseDomain::runtime(MemoryStore::new()).await.unwrap();
        let mut all = vec![Shared { name: "memory", domain: memory, _folder: None, _schema: None }];
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("purses.db")).await.unwrap();
        let domain = PurseDomain::runtime(store).await.unwrap();
        all.push(Shared { name: "sqlite", domain, _folder: Some(folder), _schema: None });
        if let Some(server) = TestServer::get() {
            let schema = server.schema();
            let domain = PurseDomain::runtime(
                PostgresStore::options().schema(schema.name()).open(schema.url()).await.unwrap(),
            )
            .await
            .unwrap();
            all.push(Shared { name: "postgres", domain, _folder: None, _schema: Some(schema) });
        }
        all
    })
}

/// The runtime of a program, which lives as long as its domains are used.
fn keeper() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// The runtime of one test.
fn short() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Sends two commands, the second on the result of the first.
async fn make_and_put_in(name: &str, domain: &DomainRuntime) {
    let session = domain.session(DomainContext::create("test"));
    let id = Uuid::new_v4();
    let sent = async {
        session.send(id, MakePurse { coins: 1 }).await.unwrap();
        session.send(id, PutIn { coins: 1 }).await.unwrap().data.coins
    };
    match tokio::time::timeout(HANGS_AFTER, sent).await {
        Ok(coins) => assert_eq!(coins, 2, "{name}"),
        Err(_) => panic!("{name}: hangs"),
    }
}

#[test]
fn runtimes_of_callers_come_and_go() {
    let keeper = keeper();
    for Shared { name, domain, .. } in &domains(&keeper) {
        thread::scope(|scope| {
            for sender in 0..4 {
                scope.spawn(move || {
                    for round in 0..15 {
                        short().block_on(async {
                            if round % 3 == sender % 3 {
                                // Dropped at once: the domain's runtime owns the command.
                                let session = domain.session(DomainContext::create("gives up"));
                                let mut sent = Box::pin(
                                    session
                                        .send(Uuid::new_v4(), MakePurse { coins: 1 })
                                        .into_future(),
                                );
                                let _ = poll!(&mut sent);
                            } else {
                                make_and_put_in(name, domain).await;
                            }
                        });
                    }
                });
            }
        });
        short().block_on(make_and_put_in(name, domain));
        keeper.block_on(async {
            tokio::time::timeout(HANGS_AFTER, domain.shutdown()).await.unwrap_or_else(|_| {
                panic!("{name}: the shutdown hangs");
            });
        });
    }
}

#[test]
fn a_busy_worker_blocks_no_other_sender() {
    let keeper = keeper();
    for Shared { name, domain, .. } in &domains(&keeper) {
        let (done, wait) = mpsc::channel::<()>();
        let (begun, began) = mpsc::channel::<()>();
        let session = domain.session(DomainContext::create("busy"));
        let busy = keeper.spawn(async move {
            // The purse is in the cache: the next command reaches its commit at once.
            let id = Uuid::new_v4();
            session.send(id, MakePurse { coins: 1 }).await.unwrap();
            let mut sent = Box::pin(session.send(id, PutIn { coins: 1 }).into_future());
            let polled = poll!(&mut sent);
            begun.send(()).unwrap();
            // This worker blocks until both answers are received.
            let is_done = wait.recv_timeout(HANGS_AFTER).is_ok();
            if polled.is_pending() {
                sent.await.unwrap();
            }
            is_done
        });
        // Spawned from this thread, so that these tasks do not wait for the busy worker.
        began.recv().unwrap();
        let (others, other_name) = (domain.clone(), *name);
        let others = keeper.spawn(async move {
            for _ in 0..20 {
                make_and_put_in(other_name, &others).await;
            }
            let _ = done.send(());
        });
        keeper.block_on(async {
            others.await.unwrap();
            assert!(busy.await.unwrap(), "{name}: others wait for the busy worker");
        });
    }
}

#[test]
fn a_domain_of_an_ended_runtime_returns_an_error() {
    let keeper = keeper();
    let domains = domains(&keeper);
    let caller = self::keeper();
    let mut waiting = Vec::new();
    for Shared { name, domain, .. } in &domains {
        let id = Uuid::new_v4();
        let gate = gate_of(id);
        let session = domain.session(DomainContext::create("waits"));
        caller.block_on(async { session.send(id, MakePurse { coins: 1 }).await.unwrap() });
        let sent = caller.spawn(async move { session.send(id, DoubleAtGate {}).await });
        caller.block_on(gate.arrival());
        waiting.push((*name, sent));
    }
    keeper.shutdown_timeout(HANGS_AFTER);
    caller.block_on(async {
        for (name, sent) in waiting {
            let answer = tokio::time::timeout(HANGS_AFTER, sent).await;
            let answer = answer.unwrap_or_else(|_| panic!("{name}: hangs")).unwrap();
            assert_eq!(answer.unwrap_err().code(), "shutting-down", "{name}");
        }
        for Shared { name, domain, .. } in &domains {
            let session = domain.session(DomainContext::create("late"));
            let sent = session.send(Uuid::new_v4(), MakePurse { coins: 1 }).into_future();
            let answer = tokio::time::timeout(HANGS_AFTER, sent).await;
            let error = answer.unwrap_or_else(|_| panic!("{name}: hangs")).unwrap_err();
            assert_eq!(error.code(), "shutting-down", "{name}");
            assert!(error.to_string().contains("tokio runtime"), "{name}: {error}");
            let mut service = session.command_processor();
            let error = service.ready().await.unwrap_err();
            assert_eq!(error.code(), "shutting-down", "{name}");
            assert!(error.to_string().contains("tokio runtime"), "{name}: {error}");
            let ended = tokio::time::timeout(HANGS_AFTER, domain.shutdown()).await;
            assert!(ended.is_ok(), "{name}: the shutdown hangs");
        }
    });
}

#[test]
fn a_commit_interrupted_by_the_runtime_is_in_doubt() {
    let keeper = keeper();
    let content = MemoryStore::new();
    let slow = Faults { max_delay: Duration::from_secs(3_600), ..Faults::default() };
    let store = FaultyStore::new(content, 1, Faults::default());
    let domain = keeper.block_on(PurseDomain::runtime(store.clone())).unwrap();
    let session = domain.session(DomainContext::create("test"));
    let ids = [Uuid::from_u128(1), Uuid::from_u128(2)];
    let caller = short();
    caller.block_on(async {
        for id in ids {
            session.send(id, MakePurse { coins: 1 }).await.unwrap();
        }
        store.set_faults(slow);
        let mut first = Box::pin(session.send(ids[0], PutIn { coins: 1 }).into_future());
        assert!(poll!(&mut first).is_pending());
        // The command waits behind the batch that the store is committing.
        let mut second = Box::pin(session.send(ids[1], PutIn { coins: 1 }).into_future());
        assert!(poll!(&mut second).is_pending());
        keeper.shutdown_background();
        let ended = async {
            (first.await.unwrap_err().framework_code(), second.await.unwrap_err().framework_code())
        };
        let codes = tokio::time::timeout(HANGS_AFTER, ended).await.expect("it hangs");
        assert_eq!(codes, ("outcome-unknown", "shutting-down"));
    });
}

#[test]
fn building_outside_of_a_runtime_fails() {
    let built = std::pin::pin!(PurseDomain::runtime(MemoryStore::new()));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    match built.poll(&mut cx) {
        std::task::Poll::Ready(built) => {
            let error = built.unwrap_err().to_string();
            assert!(error.contains("outside of a tokio runtime"), "{error}");
        }
        std::task::Poll::Pending => panic!("it waits"),
    }
}

#[test]
fn building_on_a_runtime_without_timers_fails() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let error = runtime.block_on(PurseDomain::runtime(MemoryStore::new())).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("without timers: call `enable_time`"), "{text}");
}
