//! Several runtimes over one store, as processes are: they take turns on an aggregate that they all keep changing.

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
    delay_max: Duration::from_millis(2),
};

/// A runtime for each of so many processes, over slow stores of one content.
async fn processes(
    count: u64,
    mutant: Option<Mutant>,
) -> (Vec<DomainRuntime>, Vec<FaultyStore<MemoryStore>>) {
    let content = MemoryStore::new();
    let mut domains = Vec::new();
    let mut stores = Vec::new();
    for seed in 0..count {
        let store = FaultyStore::new(content.clone(), seed, SLOW);
        let mut builder = PurseDomain::builder(store.clone());
        if let Some(mutant) = mutant {
            builder = builder.plant(mutant);
        }
        domains.push(builder.build().await.unwrap());
        stores.push(store);
    }
    (domains, stores)
}

/// What one process has done.
#[derive(Debug, Default)]
struct Share {
    answered: u64,
    longest: Duration,
}

/// Lets so many clients of a session work for a while.
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
async fn processes_on_one_aggregate_each_get_their_share_and_none_meets_a_conflict() {
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
        // As much as one process would do alone, but for a third: it takes turns that are worth it.
        let alone = alone().await;
        assert!(answered * 3 > alone * 2, "{count} processes: {answered}, one: {alone}");
        assert!(stores.iter().all(|store| store.turn_count() > 10));
    }
}

#[tokio::test(start_paused = true)]
async fn an_aggregate_that_another_process_keeps_changing_is_read_before_it_is_decided() {
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
    let fallen = commits() - before - 40;
    assert!(fallen <= 2, "{fallen} of 40 decisions fell: each process meets one before it doubts");
}

/// What one process does on an aggregate in six seconds.
async fn alone() -> u64 {
    let (domains, stores) = processes(1, None).await;
    let (session, ids) = make(&domains[0], 1).await;
    let (mut clients, session, id) = (JoinSet::new(), Arc::new(session), ids[0]);
    work(&mut clients, 16, Duration::from_secs(6), move || {
        let session = Arc::clone(&session);
        async move { drop(session.send(id, PutIn { coins: 1 }).await.unwrap()) }
    });
    let shares = shares(vec![clients]).await;
    assert_eq!(stores[0].turn_count(), 0, "alone nobody takes turns");
    shares[0].answered
}

/// Times transfers between a few aggregates in all directions, from several processes with the given
/// number of transfers per client, and counts the waits for a turn that reached their bound.
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
                    if from != to {
                        session.send(from, Give { coins: 0, to }).await.unwrap();
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
    assert!(stores.iter().all(|store| store.turn_count() > 0), "they did not take turns");
    (begun.elapsed(), domains.iter().map(DomainRuntime::lease_timeout_count).sum())
}

#[tokio::test(start_paused = true)]
async fn transfers_in_all_directions_from_several_processes_come_to_an_end() {
    let (time, timeouts) = transfers(60, None).await;
    assert!(time < Duration::from_secs(30), "{time:?}");
    assert_eq!(timeouts, 0);
}

#[tokio::test(start_paused = true)]
async fn turns_in_no_order_let_processes_wait_for_each_other() {
    let (_, timeouts) = transfers(2_000, Some(Mutant::LeasesInNoOrder)).await;
    assert!(timeouts > 0, "no process has waited for another one");
}
