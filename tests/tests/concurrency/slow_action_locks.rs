//! A slow action blocks only its own aggregate, and ends.

use std::time::Duration;

use futures_util::{StreamExt, stream};

use fluvius_core::{Domain, MemoryStore};

use fluvius_tests::purse::{DoubleAtGate, Give, PurseDomain, PutIn, coins, gate_of, make, purses};

/// Timeout above the duration of any test here. A test that reaches it has found a deadlock.
const HANGS_AFTER: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_action_blocks_only_its_aggregate() {
    // The gated action waits as long as the machine takes for the rest.
    let builder = PurseDomain::builder(MemoryStore::new()).timeout(10 * HANGS_AFTER);
    let domain = builder.build().await.unwrap();
    let (session, ids) = make(&domain, 102).await;
    let (gated, giver) = (ids[0], ids[1]);
    let gate = gate_of(gated);

    let gated_action = tokio::spawn({
        let session = session.clone();
        async move { session.send(gated, DoubleAtGate {}).await }
    });
    gate.arrival().await;

    // Ten thousand commands on a hundred other aggregates end while the gate is closed.
    let others = stream::iter(0..10_000_usize).map(|index| {
        let (session, id) = (session.clone(), ids[2 + index % 100]);
        async move { session.send(id, PutIn { coins: 1 }).await.map(drop) }
    });
    let ended = others.buffer_unordered(64).map(|ended| ended.unwrap()).count();
    assert_eq!(tokio::time::timeout(HANGS_AFTER, ended).await.unwrap(), 10_000);

    // A deposit on the gated aggregate waits for the lock.
    let mut deposit = Box::pin(session.send(gated, PutIn { coins: 7 }).into_future());
    assert!(futures_util::poll!(&mut deposit).is_pending());

    // Transfers to it pass, and cause a conflict of the gated action three times.
    for lost in 1..=3 {
        session.send(giver, Give { coins: 1, to: gated }).await.unwrap();
        assert_eq!(coins(&domain, gated).await, 100 + lost);
        gate.open(1);
        gate.arrival().await;
    }

    // Now the gated action holds the lock exclusively: a transfer to it waits ..
    let mut transfer = Box::pin(session.send(giver, Give { coins: 1, to: gated }).into_future());
    assert!(futures_util::poll!(&mut transfer).is_pending());
    // .. and holds no other lock: its own aggregate accepts commands.
    let own = session.send(giver, PutIn { coins: 50 }).into_future();
    tokio::time::timeout(HANGS_AFTER, own).await.unwrap().unwrap();
    assert!(futures_util::poll!(&mut deposit).is_pending());

    gate.open(1);
    let doubled = tokio::time::timeout(HANGS_AFTER, gated_action).await.unwrap().unwrap().unwrap();
    assert_eq!(doubled.data.coins, 206);
    tokio::time::timeout(HANGS_AFTER, deposit).await.unwrap().unwrap();
    tokio::time::timeout(HANGS_AFTER, transfer).await.unwrap().unwrap();
    assert_eq!(coins(&domain, gated).await, 214);
    assert_eq!(coins(&domain, giver).await, 100 - 4 + 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transfers_in_rings_do_not_deadlock() {
    let (domain, session, ids) = purses(3).await;
    let given = stream::iter(0..3_000_usize).map(|index| {
        let session = session.clone();
        let (from, to) = (ids[index % 3], ids[(index + 1 + index % 2) % 3]);
        async move { session.send(from, Give { coins: 1, to }).await.map(drop) }
    });
    let ended = given.buffer_unordered(64).collect::<Vec<_>>();
    let ended = tokio::time::timeout(HANGS_AFTER, ended).await.unwrap();
    for end in ended {
        if let Err(error) = end {
            assert_eq!(error.code(), "too-few-coins", "{error}");
        }
    }
    let mut sum = 0;
    for id in ids {
        sum += coins(&domain, id).await;
    }
    assert_eq!(sum, 300);
}
