//! Several runtimes over one store, like processes: they share a contended aggregate by leases.

use std::sync::Arc;
use std::time::Duration;

use fluvius_core::__private::test_seams::Mutant;
use fluvius_core::{Domain, DomainRuntime, MemoryStore, Session};
use fluvius_testing::{Faults, FaultyStore, SeededRng};
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use fluvius_tests::purse::{Give, PurseDomain, PutIn, coins, make};

const SLOW: Faults = Faults {
    failed_units: 0,
    lost_before: 0,
    lost_after: 0,
    failed_reads: 0,
    max_delay: Duration::from_millis(2),
};

/// Builds `count` runtimes over slow stores of one content, like processes.
async fn processes(
    count: u64,
    mutant: Option<Mutant>,
) -> (Vec<DomainRuntime>, Vec<FaultyStore<MemoryStore>>) {
    let content = MemoryStore::new();
    let mut domains = Vec::new();
    let mut stores = Vec::new();
    for seed in 0..count {
        let store = FaultyStore::new(content.clone(), seed, SLOW);
        let mut builder = PurseDomain::builder(store.clone()).lease_from_conflict(2);
        if let Some(mutant) = mutant {
            builder = builder.plant(mutant);
        }
        domains.push(builder.build().await.unwrap());
        stores.push(store);
    }
    (domains, stores)
}

/// Work of one process.
#[derive(Debug, Default)]
struct Share {
    answered: u64,
    longest: Duration,
}

/// Runs clients of a session for a while.
fn work<F>(
    clients: &mut JoinSet<Share>,
    count: usize,
    time: Duration,
    send: impl Fn() -> F + Clone + Send + 'static,
) where
    F: Future<Output = ()> + Send,
{
    let end = Instant::now() + time;
    for _ in 0..count {
        let send = send.clone();
        clients.spawn(async move {
            let mut share = Share::default();
            while Instant::now() < end {
                let sent = Instant::now();
                send().await;
                share.longest = share.longest.max(sent.elapsed());
                share.answered += 1;
            }
            share
        });
    }
}

async fn shares(mut clients: Vec<JoinSet<Share>>) -> Vec<Share> {
    let mut shares = Vec::new();
    for clients in &mut clients {
        let mut share = Share::default();
        while let Some(client) = clients.join_next().await {
            let client = client.unwrap();
            share.answered += client.answered;
            share.longest = share.longest.max(client.longest);
        }
        shares.push(share);
    }
    shares
}

#[tokio::test(start_paused = true)]
async fn leases_share_an_aggregate_without_conflicts() {
    for count in [2, 4] {
        let (domains, stores) = processes(count, None).await;
        let (_, ids) = make(&domains[0], 1).await;
        let mut processes = Vec::new();
        for domain in &domains {
            let session: Arc<Session> =
                Arc::new(domain.session(fluvius_core::DomainContext::create("test")));
            let (mut clients, id) = (JoinSet::new(), ids[0]);
            work(&mut clients, 16, Duration::from_secs(6), move || {
                let session = Arc::clone(&session);
                async move { drop(session.send(id, PutIn { coins: 1 }).await.unwrap()) }
            });
            processes.push(clients);
        }
        let shares = shares(processes).await;
        let answered: u64 = shares.iter().map(|share| share.answered).sum();
        assert_eq!(coins(&domains[0], ids[0]).await, 100 + i64::try_from(answered).unwrap());
        for share in &shares {
            assert!(share.answered * count * 2 > answered, "{count} processes: {shares:?}");
            assert!(share.longest < Duration::from_secs(2), "{count} processes: {shares:?}");
        }
        // Two thirds of the throughput of a single process; the rest is the cost of the leases.
        let alone = alone().await;
        assert!(answered * 3 > alone * 2, "{count} processes: {answered}, one: {alone}");
        assert!(stores.iter().all(|store| store.lease_count() > 10));
    }
}

#[tokio::test(start_paused = true)]
async fn a_contended_aggregate_is_read_before_each_decision() {
    let (domains, stores) = processes(2, None).await;
    let (_, ids) = make(&domains[0], 1).await;
    let sessions: Vec<Session> = domains
        .iter()
        .map(|domain| domain.session(fluvius_core::DomainContext::create("test")))
        .collect();
    let commits = || stores.iter().map(|store| store.batch_sizes().len()).sum::<usize>();
    let before = commits();
    for _ in 0..20 {
        for session in &sessions {
            session.send(ids[0], PutIn { coins: 1 }).await.unwrap();
        }
    }
    assert_eq!(coins(&domains[0], ids[0]).await, 140);
    let conflicts = commits() - before - 40;
    assert!(
        conflicts <= 2,
        "{conflicts} of 40 decisions met a conflict: more than one per process"
    );
}

/// Measures the work of one process on an aggregate in six seconds.
async fn alone() -> u64 {
    let (domains, stores) = processes(1, None).await;
    let (session, ids) = make(&domains[0], 1).await;
    let (mut clients, session, id) = (JoinSet::new(), Arc::new(session), ids[0]);
    work(&mut clients, 16, Duration::from_secs(6), move || {
        let session = Arc::clone(&session);
        async move { drop(session.send(id, PutIn { coins: 1 }).await.unwrap()) }
    });
    let shares = shares(vec![clients]).await;
    assert_eq!(stores[0].lease_count(), 0, "a single process acquires no leases");
    shares[0].answered
}

/// Times transfers between a few aggregates in all directions, from several processes with this
/// number of transfers per client. Counts the waits for a lease that timed out.
async fn transfers(count: u64, mutant: Option<Mutant>) -> (Duration, u64) {
    let (domains, stores) = processes(3, mutant).await;
    let (_, ids) = make(&domains[0], 3).await;
    let begun = Instant::now();
    let mut clients = JoinSet::new();
    for (process, domain) in domains.iter().enumerate() {
        for client in 0..8 {
            let session = domain.session(fluvius_core::DomainContext::create("test"));
            let (ids, seed) = (ids.clone(), process * 8 + client);
            clients.spawn(async move {
                let mut rng = SeededRng::new(u64::try_from(seed).unwrap());
                for _ in 0..count {
                    let from: Uuid = *rng.pick(&ids);
                    let to = *rng.pick(&ids);
                    if from == to {
                        continue;
                    }
                    match session.send(from, Give { coins: 0, to }).await {
                        Ok(_) => {}
                        // Without leases in time, a command may lose every attempt.
                        Err(error) if mutant.is_some() && error.code() == "conflict" => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
    }
    clients.join_all().await;
    let mut sum = 0;
    for id in &ids {
        sum += coins(&domains[0], *id).await;
    }
    assert_eq!(sum, 300);
    assert!(stores.iter().all(|store| store.lease_count() > 0), "a process acquired no lease");
    (begun.elapsed(), domains.iter().map(DomainRuntime::lease_timeout_count).sum())
}

#[tokio::test(start_paused = true)]
async fn transfers_between_processes_do_not_deadlock() {
    let (time, timeouts) = transfers(60, None).await;
    assert!(time < Duration::from_secs(30), "{time:?}");
    assert_eq!(timeouts, 0);
}

#[tokio::test(start_paused = true)]
async fn unordered_leases_cause_timeouts() {
    let (_, timeouts) = transfers(2_000, Some(Mutant::LeasesInNoOrder)).await;
    assert!(timeouts > 0, "no process has waited for a lease");
}
