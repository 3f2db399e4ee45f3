//! Leases: several processes on one aggregate each get their share, and no command ends in a
//! conflict.

use std::sync::Arc;
use std::time::{Duration, Instant};

use banking_domain::{DepositMoney, TransactionManagerDomain};
use fluvius_core::uuid::Uuid;
use fluvius_core::verify::verify;
use fluvius_core::{AggregateId, CommitOutcome, Domain, Session, Store};
use fluvius_postgres::PostgresStore;
use fluvius_testing::SequentialIds;
use fluvius_testing::servers::{PrivateServer, TestSchema, TestServer};
use rust_decimal::Decimal;
use tokio::task::JoinSet;

use crate::bank::{open_accounts, session};
use crate::units::batches;
use crate::{OpenStore, client};

/// Longer than the idle time after which the server ends a lease.
const LONG: Duration = Duration::from_millis(3_500);

fn account(number: u64) -> Uuid {
    Uuid::from_u128(u128::from(number) + 1)
}

fn aggregate_id(number: u64) -> AggregateId {
    AggregateId::new("bank-account", account(number))
}

/// Opens sessions of several domains, each over a store of its own.
async fn processes(schema: &TestSchema, count: u64) -> Vec<Arc<Session>> {
    let mut sessions = Vec::new();
    for number in 0..count {
        let store = schema.open().await;
        let ids = SequentialIds::from(1_000_000_000 * (number + 1));
        let builder = TransactionManagerDomain::builder(store).id_generator(ids);
        sessions.push(Arc::new(session(&builder.build().await.unwrap())));
    }
    sessions
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_on_one_account_each_get_their_share() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let sessions = processes(&schema, 3).await;
    open_accounts(&sessions[0], 1).await;
    let end = Instant::now() + Duration::from_secs(3);
    let mut clients = Vec::new();
    for session in &sessions {
        let mut process = JoinSet::new();
        for _ in 0..16 {
            let session = Arc::clone(session);
            process.spawn(async move {
                let (mut count, mut longest) = (0_u64, Duration::ZERO);
                while Instant::now() < end {
                    let sent = Instant::now();
                    let deposit = DepositMoney { amount: Decimal::ONE };
                    session.send(account(0), deposit).await.unwrap();
                    longest = longest.max(sent.elapsed());
                    count += 1;
                }
                (count, longest)
            });
        }
        clients.push(process);
    }
    let mut shares = Vec::new();
    for mut process in clients {
        let (mut sum, mut longest) = (0, Duration::ZERO);
        while let Some(client) = process.join_next().await {
            let (count, time) = client.unwrap();
            sum += count;
            longest = longest.max(time);
        }
        shares.push((sum, longest));
    }
    println!("deposits of each process, and the longest wait: {shares:?}");
    let all: u64 = shares.iter().map(|(count, _)| count).sum();
    let least = shares.iter().map(|(count, _)| *count).min().unwrap();
    assert!(least * 12 > all, "the least of three has less than a quarter of its part: {shares:?}");
    let store = schema.open().await;
    let row = store.load(&aggregate_id(0)).await.unwrap().unwrap();
    assert_eq!(row.version, 1 + all);
    let faults = verify(&store).await.unwrap();
    assert!(faults.faults.is_empty(), "{faults:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commit_reports_the_leases_of_other_processes() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let store = schema.open().await;
    let client = client(server.url()).await;
    client.batch_execute(&format!("SET search_path = \"{}\"", schema.name())).await.unwrap();
    let aggregate_id = AggregateId::new("bank-account", Uuid::from_u64_pair(1, 1));
    for (way, batch) in batches().await.into_iter().enumerate() {
        let announce = "SELECT announce_lease($1, $2, $3)";
        client
            .execute(announce, &[&&*aggregate_id.resource, &aggregate_id.id, &4_711_i64])
            .await
            .unwrap();
        let outcomes = store.commit(batch).await;
        let reported = |outcome: &CommitOutcome| match outcome {
            CommitOutcome::Committed { contended, .. } => contended.clone(),
            other => panic!("way {way}: {other:?}"),
        };
        let contended: Vec<AggregateId> = outcomes.iter().flat_map(reported).collect();
        assert_eq!(contended, std::slice::from_ref(&aggregate_id), "way {way}");
    }
}

#[tokio::test]
async fn lease_of_an_ended_process_is_released() {
    let Some(server) = PrivateServer::start_with(&[]) else { return };
    let url = server.url();
    let stores =
        [PostgresStore::open(&url).await.unwrap(), PostgresStore::open(&url).await.unwrap()];
    let lease = stores[0].acquire_lease(&aggregate_id(1)).await.unwrap();
    let end = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND \
        granted AND pid IN (SELECT pid FROM pg_stat_activity WHERE query LIKE '%acquire_lease%') \
        AND pid <> pg_backend_pid()";
    let other = tokio::spawn({
        let store = stores[1].clone();
        async move { store.acquire_lease(&aggregate_id(1)).await }
    });
    let ended = client(&url).await.query(end, &[]).await.unwrap();
    assert!(!ended.is_empty());
    assert!(other.await.unwrap().is_some(), "the end of the connection releases the lease");
    drop(lease);
    // The lost connection is opened again.
    assert!(stores[0].acquire_lease(&aggregate_id(2)).await.is_some());
}

#[tokio::test]
async fn lease_of_a_hanging_process_expires() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let stores = [schema.open().await, schema.open().await];
    let begun = Instant::now();
    // The first store holds the lease without using it.
    let lease = stores[0].acquire_lease(&aggregate_id(1)).await.unwrap();
    assert!(
        stores[1].acquire_lease(&aggregate_id(1)).await.is_none(),
        "the wait for a lease ends after a second"
    );
    assert!(begun.elapsed() < Duration::from_secs(3));
    let second = loop {
        if let Some(lease) = stores[1].acquire_lease(&aggregate_id(1)).await {
            break lease;
        }
        assert!(begun.elapsed() < LONG * 3, "the server ends the lease of an idle session");
    };
    // The release of the expired lease does not end that of the other store.
    drop(lease);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(stores[0].acquire_lease(&aggregate_id(1)).await.is_none());
    drop(second);
    assert!(stores[0].acquire_lease(&aggregate_id(1)).await.is_some());
}

#[tokio::test]
async fn number_of_leases_is_bounded() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let store = schema.open().await;
    let mut leases = Vec::new();
    for number in 0..16 {
        leases.push(store.acquire_lease(&aggregate_id(number)).await.unwrap());
    }
    assert!(store.acquire_lease(&aggregate_id(16)).await.is_none());
    leases.clear();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(store.acquire_lease(&aggregate_id(16)).await.is_some());
}
