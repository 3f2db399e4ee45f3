//! Limits: commands in flight, batches, and the cache.

use std::num::{NonZeroU16, NonZeroUsize};

use fluvius_core::{Domain, MemoryStore};
use fluvius_testing::{Faults, FaultyStore};
use futures_util::future::join_all;

use fluvius_tests::purse::{DoubleAtGate, PurseDomain, PutIn, coins, gate_of, make};

#[tokio::test]
async fn a_full_runtime_waits_or_is_overloaded() {
    let builder = PurseDomain::builder(MemoryStore::new());
    let domain = builder.max_in_flight(NonZeroU16::MIN).build().await.unwrap();
    let (session, ids) = make(&domain, 2).await;
    let gate = gate_of(ids[0]);
    let first = tokio::spawn({
        let (session, to) = (session.clone(), ids[0]);
        async move { session.send(to, DoubleAtGate {}).await }
    });
    gate.arrival().await;

    let impatient = session.fail_fast();
    let overloaded = impatient.send(ids[1], PutIn { coins: 1 }).await.unwrap_err();
    assert_eq!(overloaded.code(), "overloaded");
    let mut patient = Box::pin(session.send(ids[1], PutIn { coins: 2 }).into_future());
    assert!(futures_util::poll!(&mut patient).is_pending());

    gate.open(1);
    first.await.unwrap().unwrap();
    patient.await.unwrap();
    impatient.send(ids[1], PutIn { coins: 4 }).await.unwrap();
    assert_eq!(coins(&domain, ids[1]).await, 106);
}

#[tokio::test(start_paused = true)]
async fn a_batch_has_at_most_max_batch_units() {
    let store = FaultyStore::new(MemoryStore::new(), 1, Faults::default());
    let bound = NonZeroUsize::MIN.saturating_add(6);
    let builder = PurseDomain::builder(store.clone()).max_batch_units(bound);
    let domain = builder.build().await.unwrap();
    let (session, ids) = make(&domain, 1).await;
    store
        .set_faults(Faults { max_delay: std::time::Duration::from_millis(1), ..Faults::default() });
    let sent = (0..100).map(|_| session.send(ids[0], PutIn { coins: 1 }).into_future());
    assert!(join_all(sent).await.iter().all(Result::is_ok));
    assert_eq!(coins(&domain, ids[0]).await, 200);
    assert_eq!(store.batch_sizes().iter().max(), Some(&7));
}

#[tokio::test]
async fn a_runtime_without_a_cache_works() {
    let builder = PurseDomain::builder(MemoryStore::new());
    let domain = builder.cache_capacity(0).build().await.unwrap();
    let (session, ids) = make(&domain, 3).await;
    for id in ids.iter().cycle().take(30) {
        session.send(*id, PutIn { coins: 1 }).await.unwrap();
    }
    for id in ids {
        assert_eq!(coins(&domain, id).await, 110);
    }
}
