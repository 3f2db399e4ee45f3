//! Log followers: existing and later rows, each once and in order.

use std::pin::pin;
use std::time::Duration;

use fluvius_core::{Domain, DomainContext, DomainRuntime, MemoryStore, StoreError};
use fluvius_testing::{Faults, FaultyStore};
use futures_util::StreamExt;
use metrics_util::debugging::DebuggingRecorder;
use tokio::sync::mpsc::{self, UnboundedReceiver};

use fluvius_tests::faulty_store::ScriptedStore;
use fluvius_tests::fixture::id;
use fluvius_tests::probe::{ProbingDomain, Run, StartProbe, Step, probe};
use fluvius_tests::trace::CapturedOutput;

fn add() -> Run {
    Run { steps: vec![Step::Add(1)] }
}

#[tokio::test(start_paused = true)]
async fn a_follower_sees_each_row_once_and_in_order() {
    let content = MemoryStore::new();
    let here = ProbingDomain::runtime(content.clone()).await.unwrap();
    let elsewhere = ProbingDomain::runtime(content).await.unwrap();
    let session = here.session(DomainContext::create("test"));
    session.send(id(1), StartProbe { value: 0 }).await.unwrap();
    session.send(id(1), add()).await.unwrap();

    let log = here.log().for_aggregate(probe(1)).limit(2);
    let mut events = pin!(log.follow_events());
    let mut commands = pin!(here.log().after(1).follow_commands());
    let mut seen = Vec::new();
    for _ in 0..2 {
        seen.push(events.next().await.unwrap().unwrap().record.version);
    }
    for (domain, delay) in [(&here, 0), (&elsewhere, 10), (&here, 3_000), (&elsewhere, 0)] {
        let session = domain.session(DomainContext::create("test"));
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(delay)).await;
            session.send(id(1), add()).await.unwrap();
        });
    }
    for _ in 0..4 {
        seen.push(events.next().await.unwrap().unwrap().record.version);
    }
    assert_eq!(seen, [1, 2, 3, 4, 5, 6]);
    let mut positions = Vec::new();
    for _ in 0..5 {
        positions.push(commands.next().await.unwrap().unwrap().position);
    }
    assert_eq!(positions, [3, 5, 7, 9, 11], "after the first");
}

#[tokio::test(start_paused = true)]
async fn local_commits_wake_followers_and_others_are_polled() {
    let content = MemoryStore::new();
    let here = ProbingDomain::runtime(content.clone()).await.unwrap();
    let elsewhere = ProbingDomain::runtime(content).await.unwrap();
    let mut events = pin!(here.log().follow_events());
    for (number, domain, most) in [(1, &here, 10), (2, &elsewhere, 1_010), (3, &here, 10)] {
        // The pause has reached its maximum.
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

/// A follower over a store with failing reads, and the items that it has returned.
async fn follow(
    store: &ScriptedStore,
) -> (DomainRuntime, UnboundedReceiver<Result<u64, &'static str>>) {
    let domain = ProbingDomain::runtime(store.clone()).await.unwrap();
    let mut events = domain.log().follow_events();
    let (sender, given) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(event) = events.next().await {
            let item = event.map(|event| event.position).map_err(|error| error.framework_code());
            sender.send(item).unwrap();
        }
    });
    (domain, given)
}

#[tokio::test(start_paused = true)]
async fn followers_outlast_an_outage_with_few_reads() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _recorder = metrics::set_default_local_recorder(&recorder);
    // A snapshot resets the counters.
    let gauge = || {
        let metrics = snapshotter.snapshot().into_vec();
        let of = |name: &str| {
            let found = metrics.iter().find(|(key, ..)| key.key().name() == name);
            found.map(|(.., value)| format!("{value:?}")).unwrap()
        };
        (of("fluvius_followers_waiting"), of("fluvius_follower_failed_reads_total"))
    };
    let (trace, _guard) = CapturedOutput::of_this_thread();
    let reports = |text: &str| trace.text().matches(text).count();
    let store = ScriptedStore::default();
    let (domain, mut one) = follow(&store).await;
    let mut events = domain.log().follow_events();
    let session = domain.session(DomainContext::create("test"));
    session.send(id(1), StartProbe { value: 0 }).await.unwrap();
    assert_eq!(one.recv().await.unwrap(), Ok(2));
    assert_eq!(events.next().await.unwrap().unwrap().position, 2);

    store.fail_reads(Some(StoreError::unavailable("gone")));
    let waiting = tokio::time::timeout(Duration::from_secs(60), events.next()).await;
    assert!(waiting.is_err() && one.is_empty(), "the follower returns no error");
    // Two followers, each with six reads until the pause has grown, then one in one to two seconds.
    let read_count = store.read_count();
    assert!((60..=140).contains(&read_count), "{read_count}");
    assert_eq!((reports("cannot be read"), reports("can be read again")), (1, 0));
    let (waiting, failed) = gauge();
    assert_eq!(waiting, "Gauge(2.0)");
    assert_ne!(failed, "Counter(0)");

    store.fail_reads(None);
    let healed = tokio::time::Instant::now();
    session.send(id(2), StartProbe { value: 0 }).await.unwrap();
    assert_eq!(one.recv().await.unwrap(), Ok(4));
    assert_eq!(events.next().await.unwrap().unwrap().position, 4);
    assert!(healed.elapsed() <= Duration::from_secs(2), "{:?}", healed.elapsed());
    assert_eq!((reports("cannot be read"), reports("can be read again")), (1, 1));
    assert_eq!(gauge().0, "Gauge(-2.0)", "no follower waits");
}

#[tokio::test(start_paused = true)]
async fn a_permanent_error_ends_the_stream() {
    let store = ScriptedStore::default();
    let (domain, mut given) = follow(&store).await;
    let session = domain.session(DomainContext::create("test"));
    session.send(id(1), StartProbe { value: 0 }).await.unwrap();
    assert_eq!(given.recv().await.unwrap(), Ok(2));
    store.fail_reads(Some(StoreError::permanent("broken")));
    assert_eq!(given.recv().await.unwrap(), Err("store-error"));
    assert_eq!(given.recv().await, None, "the stream has ended");
    store.read_count();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(store.read_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn failed_reads_lose_and_repeat_no_row() {
    let faults = Faults { failed_reads: 400, ..Faults::default() };
    let store = FaultyStore::new(MemoryStore::new(), 7, Faults::default());
    let domain = ProbingDomain::runtime(store.clone()).await.unwrap();
    let session = domain.session(DomainContext::create("test"));
    for number in 1..=40 {
        session.send(id(number), StartProbe { value: 0 }).await.unwrap();
    }
    store.set_faults(faults);
    let events = domain.log().limit(3).follow_events();
    let seen: Vec<u64> = events.take(40).map(|event| event.unwrap().position).collect().await;
    assert_eq!(seen, (1..=40).map(|number| 2 * number).collect::<Vec<u64>>());
}

#[tokio::test]
async fn a_stream_ends_when_a_shutdown_closes_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = fluvius_sqlite::SqliteStore::open(folder.path().join("probes.db")).await.unwrap();
    let domain = ProbingDomain::runtime(store).await.unwrap();
    let session = domain.session(DomainContext::create("test"));
    session.send(id(1), StartProbe { value: 0 }).await.unwrap();
    let mut events = domain.log().follow_events();
    assert!(events.next().await.unwrap().is_ok());
    let follower = tokio::spawn(async move { events.next().await.is_none() });
    domain.shutdown().await;
    let ended = tokio::time::timeout(Duration::from_secs(20), follower).await;
    assert!(ended.expect("the stream continues").unwrap());
}
