//! Following a log: what is there, what comes later, once and in order.

use std::pin::pin;
use std::time::Duration;

use fluvius_core::testing::{Faults, FaultyStore};
use fluvius_core::{Domain, DomainContext, MemoryStore};
use futures_util::StreamExt;

use crate::kit::id;
use crate::probe::{ProbingDomain, Run, StartProbe, Step, probe};

fn add() -> Run {
    Run { steps: vec![Step::Add(1)] }
}

#[tokio::test(start_paused = true)]
async fn a_follower_sees_what_is_there_and_what_comes_once_and_in_order() {
    let content = MemoryStore::new();
    let here = ProbingDomain::runtime(content.clone()).await.unwrap();
    let elsewhere = ProbingDomain::runtime(content).await.unwrap();
    let session = here.session(DomainContext::create("test"));
    session.send(id(1), StartProbe { value: 0 }).await.unwrap();
    session.send(id(1), add()).await.unwrap();

    let log = here.log().of(probe(1)).limit(2);
    let mut events = pin!(log.follow_events());
    let mut commands = pin!(here.log().after(1).follow_commands());
    let mut seen = Vec::new();
    for _ in 0..2 {
        seen.push(events.next().await.unwrap().unwrap().version);
    }
    for (domain, delay) in [(&here, 0), (&elsewhere, 10), (&here, 3_000), (&elsewhere, 0)] {
        let session = domain.session(DomainContext::create("test"));
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(delay)).await;
            session.send(id(1), add()).await.unwrap();
        });
    }
    for _ in 0..4 {
        seen.push(events.next().await.unwrap().unwrap().version);
    }
    assert_eq!(seen, [1, 2, 3, 4, 5, 6]);
    let mut positions = Vec::new();
    for _ in 0..5 {
        positions.push(commands.next().await.unwrap().unwrap().position);
    }
    assert_eq!(positions, [3, 5, 7, 9, 11], "behind the first");
}

#[tokio::test(start_paused = true)]
async fn what_this_runtime_commits_is_seen_at_once_and_what_others_do_after_a_second() {
    let content = MemoryStore::new();
    let here = ProbingDomain::runtime(content.clone()).await.unwrap();
    let elsewhere = ProbingDomain::runtime(content).await.unwrap();
    let mut events = pin!(here.log().follow_events());
    for (number, domain, most) in [(1, &here, 10), (2, &elsewhere, 1_010), (3, &here, 10)] {
        // It waits as long as it ever does.
        let waiting = tokio::time::timeout(Duration::from_secs(60), events.next()).await;
        assert!(waiting.is_err());
        let session = domain.session(DomainContext::create("test"));
        session.send(id(number), StartProbe { value: 0 }).await.unwrap();
        let stored = tokio::time::Instant::now();
        events.next().await.unwrap().unwrap();
        let after = stored.elapsed();
        assert!(after <= Duration::from_millis(most), "{after:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_that_fails_is_told_and_the_stream_goes_on() {
    let store = FaultyStore::new(MemoryStore::new(), 7, Faults::default());
    let domain = ProbingDomain::runtime(store.clone()).await.unwrap();
    let session = domain.session(DomainContext::create("test"));
    for number in 1..=3 {
        session.send(id(number), StartProbe { value: 0 }).await.unwrap();
    }
    let mut events = pin!(domain.log().limit(1).follow_events());
    let mut seen = vec![events.next().await.unwrap().unwrap().position];
    store.set_faults(Faults { failed_reads: 1_000, ..Faults::default() });
    for _ in 0..2 {
        assert_eq!(events.next().await.unwrap().unwrap_err().code(), "store-unavailable");
    }
    store.set_faults(Faults::default());
    for _ in 0..2 {
        seen.push(events.next().await.unwrap().unwrap().position);
    }
    assert_eq!(seen, [2, 4, 6]);
}
