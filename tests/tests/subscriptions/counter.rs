//! The domain of this suite, and a consumer that notes its deliveries.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fluvius_core::subscriptions::{Start, Subscribe, Subscription, SubscriptionStatus};
use fluvius_core::{
    Domain, DomainContext, DomainRuntime, EventRecord, LogEntry, Session, Store, aggregate,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A counter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Counter {
    pub count: u64,
}

#[aggregate(resource = "counter")]
impl Counter {
    #[action(evt_key = "counter-started")]
    pub fn start_counter() -> Result<Self, Infallible> {
        Ok(Self { count: 0 })
    }

    #[action(evt_key = "counted")]
    pub fn count_more(&mut self, by: u64) -> Result<(), Infallible> {
        self.count += by;
        Ok(())
    }
}

/// Counters.
#[derive(Debug, Domain)]
#[domain(aggregates(Counter), namespace = "counting")]
pub struct CounterDomain;

/// Maximum time for anything to happen.
pub const TIMEOUT: Duration = Duration::from_secs(30);

pub async fn domain(store: impl Store) -> DomainRuntime {
    CounterDomain::runtime(store).await.unwrap()
}

pub fn session(domain: &DomainRuntime) -> Session {
    domain.session(DomainContext::create("test").with_user(Uuid::from_u128(7)))
}

/// Starts counters, and counts on each in turn. Returns their ids.
pub async fn count(domain: &DomainRuntime, counters: u128, times: u64) -> Vec<Uuid> {
    let session = session(domain);
    let ids: Vec<Uuid> = (1..=counters).map(Uuid::from_u128).collect();
    for id in &ids {
        // Another call may have started it.
        let _ = session.send(*id, StartCounter {}).await;
    }
    count_on(domain, &ids, times).await;
    ids
}

/// The context of an operator's acts.
pub fn operator() -> DomainContext {
    DomainContext::create("operator").with_user(Uuid::from_u128(8))
}

/// Counts on each of these counters in turn.
pub async fn count_on(domain: &DomainRuntime, ids: &[Uuid], times: u64) {
    let session = session(domain);
    for by in 1..=times {
        for id in ids {
            session.send(*id, CountMore { by }).await.unwrap();
        }
    }
}

/// The deliveries of a consumer, in their order.
#[derive(Debug, Clone, Default)]
pub struct Seen(Arc<Mutex<Vec<(Uuid, u64)>>>);

impl Seen {
    pub fn note(&self, row: &LogEntry<EventRecord>) {
        self.0.lock().unwrap().push((row.record.aggregate_id.id, row.record.version));
    }

    pub fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// Returns the versions of each counter, in the order of their deliveries.
    pub fn versions(&self) -> BTreeMap<Uuid, Vec<u64>> {
        let mut versions: BTreeMap<Uuid, Vec<u64>> = BTreeMap::new();
        for (id, version) in self.0.lock().unwrap().iter() {
            versions.entry(*id).or_default().push(*version);
        }
        versions
    }

    /// Waits until this number of deliveries was seen.
    pub async fn reaches(&self, count: usize) {
        wait_until(|| self.len() >= count, || format!("{} of {count} deliveries", self.len()))
            .await;
    }

    /// Checks that the first deliveries of each counter are all versions, in order.
    pub fn check_all_in_order(&self, ids: &[Uuid], newest: u64) {
        let versions = self.versions();
        for id in ids {
            let mut first = Vec::new();
            for version in &versions[id] {
                if !first.contains(version) {
                    first.push(*version);
                }
            }
            assert_eq!(first, (1..=newest).collect::<Vec<_>>(), "{id}: {versions:?}");
        }
    }
}

pub async fn wait_until(is_met: impl Fn() -> bool, describe: impl Fn() -> String) {
    let begun = std::time::Instant::now();
    while !is_met() {
        assert!(begun.elapsed() < TIMEOUT, "timed out: {}", describe());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until the status of the only subscription meets a condition, and returns it.
pub async fn wait_for(
    domain: &DomainRuntime,
    is_met: impl Fn(&SubscriptionStatus) -> bool,
) -> SubscriptionStatus {
    let begun = std::time::Instant::now();
    loop {
        let status = domain.subscriptions().list().await.unwrap().remove(0);
        if is_met(&status) {
            return status;
        }
        assert!(begun.elapsed() < TIMEOUT, "timed out: {status:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Subscribes to all events, and notes them.
pub async fn note_all(domain: &DomainRuntime, seen: &Seen) -> Subscription {
    note(domain.subscribe("notes").partitions(4), seen).await
}

/// Runs a subscription that notes its deliveries.
pub async fn note(subscribe: Subscribe, seen: &Seen) -> Subscription {
    let seen = seen.clone();
    let noted = subscribe.start_at(Start::Beginning).run(move |delivery| {
        seen.note(delivery.record());
        std::future::ready(Ok::<(), Infallible>(()))
    });
    noted.await.unwrap()
}
