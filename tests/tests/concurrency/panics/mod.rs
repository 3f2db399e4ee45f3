//! A panic in code of authors or integrators ends its command, and nothing else.
//!
//! One panic is planted in each trait method and each destructor that an author or an integrator
//! writes. Afterwards other senders, the same aggregate and the shutdown still work.

mod traps;

use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use fluvius_core::verify::verify;
use fluvius_core::{AggregateId, Domain, DomainContext, DomainRuntime, MemoryStore, Session};
use uuid::Uuid;

use fluvius_tests::faulty_store::HookedStore;

use traps::*;

/// Timeout above the duration of any call here.
const HANGS_AFTER: Duration = Duration::from_secs(20);

async fn within<F: Future>(what: impl fmt::Debug, future: F) -> F::Output {
    match tokio::time::timeout(HANGS_AFTER, future).await {
        Ok(output) => output,
        Err(_) => panic!("hangs: {what:?}"),
    }
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

async fn build(store: &MemoryStore) -> DomainRuntime {
    let builder = MineDomain::builder(HookedStore::new(store.clone(), spring_in_store))
        .clock(TrapClock)
        .id_generator(TrapIdGenerator)
        .policy(TrapPolicy)
        .observer(TrapListener)
        .cache_capacity(0);
    metrics::with_local_recorder(&TrapRecorder, || {
        futures_util::FutureExt::now_or_never(builder.build())
    })
    .expect("the memory store is ready at once")
    .unwrap()
}

/// Commands that together run all code with a trap.
async fn provoke(trap: Trap, sessions: &[Session; 3]) -> Vec<Cow<'static, str>> {
    let mut codes = Vec::new();
    let [session, denied, denied_late] = sessions.clone();
    let mut ended = |result: Result<(), fluvius_core::Error>| {
        codes.push(Cow::from(
            result.as_ref().map_or_else(fluvius_core::Error::framework_code, |()| "applied"),
        ));
        // The caller owns the author's error, so the caller runs its destructor.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(result)));
    };
    let bundle = session
        .aggregate(AggregateId::new("mine", id(1)))
        .create_command("charge-mine", serde_json::json!({ "charge": 1 }));
    match bundle {
        Err(error) => ended(Err(error)),
        // Twice, so that the second is looked up in the log.
        Ok(bundle) => {
            for _ in 0..2 {
                ended(session.process_command(bundle.clone()).await.map(drop));
            }
        }
    }
    ended(session.send(id(1), ChargeMine { charge: Charge(1) }).await.map(drop));
    ended(session.send(id(1), ChargeLater { charge: Charge(1) }).await.map(drop));
    ended(session.send(id(1), FillMine {}).await.map(drop));
    if trap == Trap::DenialIds {
        // Armed last, since ids are generated for commands too.
        let denied_command = denied_late.send(id(1), FillMine {}).with_id(id(7_000));
        SET.store(Trap::IdGeneratorGenerate as usize, Ordering::SeqCst);
        ended(denied_command.await.map(drop));
        let denied_command = denied.send(id(1), FillMine {}).with_id(id(7_001));
        SET.store(Trap::IdGeneratorGenerate as usize, Ordering::SeqCst);
        ended(denied_command.await.map(drop));
    }
    codes
}

async fn check(trap: Trap) {
    let store = MemoryStore::new();
    let domain = build(&store).await;
    let session = |source: &str| domain.session(DomainContext::create(source));
    let sessions = [session("victim"), session("denied"), session("denied late")];
    let other = session("other");
    for number in 1..=8 {
        other.send(id(number), LayMine {}).await.unwrap();
    }
    let sender = {
        let sessions = sessions.clone();
        tokio::spawn(async move {
            if trap != Trap::DenialIds {
                SET.store(trap as usize, Ordering::SeqCst);
            }
            provoke(trap, &sessions).await
        })
    };
    let codes = within(trap, sender).await.unwrap_or_else(|panic| panic!("{trap:?}: {panic}"));
    assert_eq!(SET.swap(0, Ordering::SeqCst), 0, "{trap:?} has not panicked");
    for code in &codes {
        let is_allowed =
            ["applied", "rejected", "panicked", "outcome-unknown", "permission-denied"];
        assert!(is_allowed.contains(&code.as_ref()), "{trap:?}: {codes:?}");
    }
    let failed =
        codes.iter().filter(|code| matches!(code.as_ref(), "panicked" | "outcome-unknown"));
    let most = if trap == Trap::DenialIds { 2 } else { 1 };
    assert!(failed.count() <= most, "{trap:?}: {codes:?}");
    let session = other;
    for number in 1..=8 {
        let sent = session.send(id(number), ChargeMine { charge: Charge(1) }).into_future();
        within(trap, sent).await.unwrap_or_else(|error| panic!("{trap:?}: {error}"));
    }
    within(trap, domain.shutdown()).await;
    let report = verify(&store).await.unwrap();
    assert!(report.is_sound(), "{trap:?}: {report}");
}

/// One trap is active at a time, and panics are expected.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn run_each(worker_threads: Option<usize>) {
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut builder = match worker_threads {
        Some(count) => {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            builder.worker_threads(count);
            builder
        }
        None => tokio::runtime::Builder::new_current_thread(),
    };
    for trap in TRAPS {
        let runtime = builder.enable_all().build().unwrap();
        let dispatch = tracing::Dispatch::new(TrapSubscriber);
        // A subscriber of this thread alone: traps on worker threads are not reached.
        let is_of_subscriber =
            matches!(trap, Trap::SubscriberSpan | Trap::SubscriberEnter | Trap::SubscriberClose);
        if worker_threads.is_some() && is_of_subscriber {
            continue;
        }
        tracing::dispatcher::with_default(&dispatch, || runtime.block_on(check(trap)));
    }
}

#[test]
fn a_panic_ends_its_command_alone() {
    run_each(None);
}

#[test]
fn a_panic_ends_its_command_alone_with_worker_threads() {
    run_each(Some(2));
}
