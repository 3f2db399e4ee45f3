//! Joins that are dropped or repeated, shutdowns, stores that fail, and ends without a shutdown.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fluvius_core::subscriptions::Start;
use fluvius_core::work::{WorkOutcome, WorkPage, WorkQuery, WorkUnit};
use fluvius_core::{
    AnyRecord, DomainContext, LogKind, LogPage, LogQuery, MemoryStore, Store, StoreError,
    delegate_store,
};
use futures_util::{FutureExt, StreamExt};

use crate::content::Content;
use crate::counter::{Seen, count, count_on, domain, note, note_all, wait_for, wait_until};

#[tokio::test]
async fn dropped_join_leaves_nothing_at_work() {
    let domain = domain(MemoryStore::new()).await;
    let ids = count(&domain, 2, 1).await;
    for polls in 1..6 {
        let mut joining = Box::pin(domain.subscribe("notes").start_at(Start::Beginning).connect());
        for _ in 0..polls {
            if futures_util::poll!(&mut joining).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    let seen = Seen::default();
    note(domain.subscribe("notes"), &seen).await;
    seen.reaches(4).await;
    domain.shutdown().await;
    seen.check_all_in_order(&ids, 2);
}

#[tokio::test]
async fn join_waits_for_a_subscription_that_stops() {
    Content::on_each(async |content| {
        let domain = domain(content.open().await).await;
        let ids = count(&domain, 2, 1).await;
        let other = Seen::default();
        note(domain.subscribe("other"), &other).await;
        let seen = Seen::default();
        for round in 1..=3 {
            let connect = domain.subscribe("streamed").partitions(2).start_at(Start::Beginning);
            let mut deliveries = connect.connect().await.unwrap();
            count_on(&domain, &ids, 1).await;
            while seen.len() < 4 + 2 * round - 2 {
                let delivery = deliveries.next().await.unwrap();
                seen.note(delivery.record());
                delivery.ack();
            }
            // Its deliveries in flight, if any, come again.
            drop(deliveries);
        }
        let connect = domain.subscribe("streamed").start_at(Start::Beginning);
        let mut deliveries = connect.connect().await.unwrap();
        while seen.len() < 10 {
            let delivery = deliveries.next().await.unwrap();
            seen.note(delivery.record());
            delivery.ack();
        }
        deliveries.stop().await;
        domain.shutdown().await;
        seen.check_all_in_order(&ids, 5);
    })
    .await;
}

#[tokio::test]
async fn old_handle_does_not_stop_a_later_subscription() {
    let domain = domain(MemoryStore::new()).await;
    count(&domain, 1, 1).await;
    let seen = Seen::default();
    note(domain.subscribe("other"), &Seen::default()).await;
    let first = note_all(&domain, &seen).await;
    seen.reaches(2).await;
    first.stop().await;
    let _second = note_all(&domain, &seen).await;
    first.stop().await;
    count(&domain, 1, 1).await;
    seen.reaches(3).await;
    domain.shutdown().await;
}

#[tokio::test]
async fn second_shutdown_waits_for_the_first() {
    Content::on_each(async |content| {
        let first = domain(content.open().await).await;
        let ids = count(&first, 4, 5).await;
        let seen = Seen::default();
        note_all(&first, &seen).await;
        seen.reaches(24).await;
        // The first one is dropped after it has begun.
        let mut dropped = Box::pin(first.shutdown());
        let _ = futures_util::poll!(&mut dropped);
        drop(dropped);
        first.shutdown().await;
        let second = domain(content.open().await).await;
        note_all(&second, &seen).await;
        count_on(&second, &ids, 1).await;
        seen.reaches(28).await;
        second.shutdown().await;
        assert_eq!(seen.len(), 28, "the checkpoints were stored");
    })
    .await;
}

/// A store whose writes of work rows fail as long as the flag is set.
#[derive(Debug, Clone)]
struct FailingWrites {
    inner: MemoryStore,
    fails: Arc<AtomicBool>,
    calls: Arc<std::sync::atomic::AtomicU32>,
}

impl Store for FailingWrites {
    async fn write_work(
        &self,
        units: Arc<[WorkUnit]>,
        now: fluvius_core::chrono::DateTime<fluvius_core::chrono::Utc>,
    ) -> Vec<WorkOutcome> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if self.fails.load(Ordering::Relaxed) {
            let failed = StoreError::unavailable("a planted failure");
            return units.iter().map(|_| WorkOutcome::Failed(failed.clone())).collect();
        }
        self.inner.write_work(units, now).await
    }

    delegate_store! { self => self.inner; except write_work }
}

#[tokio::test]
async fn failing_writes_are_repeated_with_pauses() {
    let store =
        FailingWrites { inner: MemoryStore::new(), fails: Arc::default(), calls: Arc::default() };
    let domain = domain(store.clone()).await;
    let ids = count(&domain, 3, 2).await;
    let seen = Seen::default();
    let subscription = note_all(&domain, &seen).await;
    seen.reaches(9).await;
    store.fails.store(true, Ordering::Relaxed);
    let before = store.calls.load(Ordering::Relaxed);
    // More than the number after which checkpoints are written at once.
    count_on(&domain, &ids, 400).await;
    wait_until(|| seen.len() > 1_050, || format!("{} deliveries", seen.len())).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let calls = store.calls.load(Ordering::Relaxed) - before;
    assert!(calls < 200, "{calls} writes within a few seconds");
    store.fails.store(false, Ordering::Relaxed);
    wait_for(&domain, |status| status.partitions.iter().all(|found| found.lag == 0)).await;
    subscription.stop().await;
    domain.shutdown().await;
    seen.check_all_in_order(&ids, 403);
}

#[tokio::test]
async fn stop_ends_although_the_store_fails() {
    let store =
        FailingWrites { inner: MemoryStore::new(), fails: Arc::default(), calls: Arc::default() };
    let domain = domain(store.clone()).await;
    let ids = count(&domain, 3, 2).await;
    let seen = Seen::default();
    let other = note(domain.subscribe("other"), &Seen::default()).await;
    let subscription = note_all(&domain, &seen).await;
    seen.reaches(9).await;
    store.fails.store(true, Ordering::Relaxed);
    tokio::time::timeout(Duration::from_secs(20), subscription.stop()).await.unwrap();
    // The partitions that could not be given up are given up later.
    store.fails.store(false, Ordering::Relaxed);
    let begun = std::time::Instant::now();
    loop {
        let list = domain.subscriptions().list().await.unwrap();
        let notes = list.iter().find(|found| found.name == "notes").unwrap();
        if notes.partitions.iter().all(|found| found.owner.is_none()) {
            break;
        }
        assert!(begun.elapsed() < crate::counter::TIMEOUT, "{notes:#?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    note_all(&domain, &seen).await;
    count_on(&domain, &ids, 1).await;
    wait_until(|| seen.versions()[&ids[2]].contains(&4), || "the last".to_owned()).await;
    other.stop().await;
    domain.shutdown().await;
    seen.check_all_in_order(&ids, 4);
}

#[tokio::test]
async fn dropped_runtime_ends_its_subscriptions() {
    let store = MemoryStore::new();
    let seen = Seen::default();
    let first = domain(store.clone()).await;
    let ids = count(&first, 1, 1).await;
    note_all(&first, &seen).await;
    seen.reaches(2).await;
    drop(first);
    let second = domain(store).await;
    let begun = std::time::Instant::now();
    while second.subscriptions().list().await.unwrap()[0]
        .partitions
        .iter()
        .any(|found| found.owner.is_some())
    {
        assert!(begun.elapsed() < crate::counter::TIMEOUT);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    count_on(&second, &ids, 1).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(seen.len(), 2);
    second.shutdown().await;
}

#[tokio::test]
async fn connected_process_adapts_to_a_new_number_of_partitions() {
    let folder = tempfile::TempDir::new().unwrap();
    let store = crate::content::sqlite(&folder.path().join("counters.db")).await;
    let first = domain(store.clone()).await;
    let ids = count(&first, 30, 1).await;
    note_all(&first, &Seen::default()).await.stop().await;
    let copy = folder.path().join("copy.db");
    store.backup_to(&copy).await.unwrap();
    first.shutdown().await;
    // It is connected with four partitions, and paused, so it owns none of them.
    let second = domain(crate::content::sqlite(&copy).await).await;
    let seen = Seen::default();
    note_all(&second, &seen).await;
    let operator = DomainContext::create("operator");
    let subscriptions = second.subscriptions();
    subscriptions.repartition(&operator, "notes", 7).await.unwrap();
    subscriptions.reset(&operator, "notes", Start::Beginning).await.unwrap();
    subscriptions.resume_here(&operator, "notes").await.unwrap();
    count_on(&second, &ids, 2).await;
    seen.reaches(30 * 4).await;
    second.shutdown().await;
    seen.check_all_in_order(&ids, 4);
}

#[tokio::test]
async fn discarded_delivery_never_comes_again() {
    let domain = domain(MemoryStore::new()).await;
    count(&domain, 2, 1).await;
    let connect = domain.subscribe("streamed").partitions(1).max_in_flight(10);
    let mut deliveries = connect.start_at(Start::Beginning).connect().await.unwrap();
    let first = deliveries.next().await.unwrap();
    let second = deliveries.next().await.unwrap();
    let (kept, parked) = (first.record().position, second.record().position);
    // The checkpoint stays below the parked delivery.
    first.nack(Duration::from_secs(2));
    second.park("never");
    wait_for(&domain, |status| status.parked.len() == 1).await;
    let operator = DomainContext::create("operator");
    domain.subscriptions().discard(&operator, "streamed", parked, "stale").await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let delivery = deliveries.next().await.unwrap();
        seen.push(delivery.record().position);
        delivery.ack();
    }
    assert!(seen.contains(&kept) && !seen.contains(&parked), "{seen:?}");
    wait_for(&domain, |status| {
        status.parked.is_empty() && status.partitions.iter().all(|found| found.lag == 0)
    })
    .await;
    assert!(deliveries.next().now_or_never().is_none());
    domain.shutdown().await;
}

#[tokio::test]
async fn shutdown_waits_no_longer_than_5_seconds() {
    let domain = domain(MemoryStore::new()).await;
    count(&domain, 1, 0).await;
    let connect = domain.subscribe("streamed").start_at(Start::Beginning);
    let mut deliveries = connect.connect().await.unwrap();
    let delivery = deliveries.next().await.unwrap();
    tokio::time::timeout(Duration::from_secs(20), domain.shutdown()).await.unwrap();
    assert!(delivery.is_lost(), "the shutdown has waited for 5 s");
    delivery.ack();
    assert!(deliveries.next().await.is_none());
}

/// A store that panics in each call about subscriptions as long as the flag is set.
#[derive(Debug, Clone)]
struct Panicking {
    inner: MemoryStore,
    panics: Arc<AtomicBool>,
}

impl Panicking {
    fn call(&self) {
        if self.panics.load(Ordering::Relaxed) {
            std::panic::panic_any("a planted panic of the store");
        }
    }
}

impl Store for Panicking {
    async fn write_work(
        &self,
        units: Arc<[WorkUnit]>,
        now: fluvius_core::chrono::DateTime<fluvius_core::chrono::Utc>,
    ) -> Vec<WorkOutcome> {
        self.call();
        self.inner.write_work(units, now).await
    }

    async fn work(&self, query: &WorkQuery) -> Result<WorkPage, StoreError> {
        self.call();
        self.inner.work(query).await
    }

    async fn log(&self, kind: LogKind, query: &LogQuery) -> Result<LogPage<AnyRecord>, StoreError> {
        self.call();
        self.inner.log(kind, query).await
    }

    delegate_store! { self => self.inner; except write_work, work, log }
}

#[tokio::test]
async fn panics_of_the_store_are_survived() {
    let store = Panicking { inner: MemoryStore::new(), panics: Arc::default() };
    let domain = domain(store.clone()).await;
    let ids = count(&domain, 3, 2).await;
    let seen = Seen::default();
    note_all(&domain, &seen).await;
    seen.reaches(9).await;
    store.panics.store(true, Ordering::Relaxed);
    // Commands go on.
    count_on(&domain, &ids, 5).await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    store.panics.store(false, Ordering::Relaxed);
    wait_until(|| seen.versions()[&ids[2]].contains(&8), || "the last".to_owned()).await;
    tokio::time::timeout(Duration::from_secs(20), domain.shutdown()).await.unwrap();
    seen.check_all_in_order(&ids, 8);
}

/// Panics when it is dropped.
struct Bomb(Arc<AtomicBool>);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        if !std::thread::panicking() {
            std::panic::panic_any("a planted panic of a destructor");
        }
    }
}

#[tokio::test]
async fn panic_of_a_handlers_destructor_harms_no_other() {
    let domain = domain(MemoryStore::new()).await;
    let ids = count(&domain, 1, 1).await;
    let (dropped, seen) = (Arc::new(AtomicBool::new(false)), Seen::default());
    let bomb = Bomb(Arc::clone(&dropped));
    let run = domain.subscribe("bomb").start_at(Start::Beginning).run(move |_| {
        let _ = &bomb;
        std::future::ready(Ok::<(), std::convert::Infallible>(()))
    });
    let bombed = run.await.unwrap();
    note_all(&domain, &seen).await;
    seen.reaches(2).await;
    bombed.stop().await;
    wait_until(|| dropped.load(Ordering::Relaxed), || "the handler is dropped".to_owned()).await;
    count_on(&domain, &ids, 1).await;
    seen.reaches(3).await;
    domain.shutdown().await;
}
