//! Crashes of a server, and a server that has lost commits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fluvius_core::uuid::Uuid;
use fluvius_core::{Session, Store};
use fluvius_postgres::PostgresStore;
use fluvius_testing::SeededRng;
use fluvius_testing::servers::PrivateServer;

use crate::bank::{self, Answered, Transfer};
use crate::client;

const CRASHES: usize = 4;
const CLIENTS: u64 = 8;
const ACCOUNTS: u64 = 12;
const SETTLE_TIME: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn crash_loses_no_answered_command_and_repeats_none() {
    let Some(mut server) = PrivateServer::start_with(&[]) else { return };
    let store = PostgresStore::open(&server.url()).await.unwrap();
    // The first runtime resolves commits in doubt, the second one leaves that to the caller.
    let patient = bank::runtime(store.clone(), SETTLE_TIME).await;
    let hasty = bank::runtime(store.clone(), Duration::ZERO).await;
    let sessions = [bank::session(&patient), bank::session(&hasty)];
    bank::open_accounts(&sessions[0], ACCOUNTS).await;
    let (is_over, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let session = sessions[usize::from(number % 2 == 0)].clone();
            tokio::spawn(client_of(number, session, Arc::clone(&is_over), Arc::clone(&count)))
        })
        .collect();
    for crash in 0..CRASHES {
        wait_for(&count, 60).await;
        // At another moment of a commit in each round.
        tokio::time::sleep(Duration::from_micros(1_700 * crash as u64)).await;
        tokio::task::block_in_place(|| server.crash());
        tokio::time::sleep(Duration::from_millis(100)).await;
        tokio::task::block_in_place(|| server.restart());
    }
    wait_for(&count, 60).await;
    is_over.store(true, Ordering::SeqCst);
    let mut answered = Vec::new();
    for client in clients {
        answered.extend(client.await.unwrap());
    }
    let failed = answered.iter().filter(|one| !one.codes.is_empty()).count();
    assert!(failed >= CRASHES, "{failed} of {} commands have met a crash", answered.len());
    // A store that was open all the time, and a new one.
    bank::check(&store, ACCOUNTS, &answered).await.unwrap();
    let other = PostgresStore::open(&server.url()).await.unwrap();
    bank::check(&other, ACCOUNTS, &answered).await.unwrap();
    let other = bank::runtime(other, SETTLE_TIME).await;
    bank::send_again(&bank::session(&other), &answered).await;
    bank::check(&store, ACCOUNTS, &answered).await.unwrap();
}

/// Sends transfers until the end of the run.
async fn client_of(
    number: u64,
    session: Session,
    is_over: Arc<AtomicBool>,
    count: Arc<AtomicUsize>,
) -> Vec<Answered> {
    let mut rng = SeededRng::new(number);
    let mut answered = Vec::new();
    while !is_over.load(Ordering::SeqCst) {
        let id = Uuid::from_u64_pair(number + 1, rng.next_u64());
        let transfer = bank::any_transfer(&mut rng, id, ACCOUNTS);
        answered.push(bank::send_until_answered(&session, transfer, async |_| {}).await);
        count.fetch_add(1, Ordering::SeqCst);
    }
    answered
}

/// Waits for a number of further answers.
async fn wait_for(count: &AtomicUsize, more: usize) {
    let (wanted, begun) = (count.load(Ordering::SeqCst) + more, Instant::now());
    while count.load(Ordering::SeqCst) < wanted {
        assert!(begun.elapsed() < Duration::from_secs(60), "no answers come any more");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Starts a server with three transfers and a session. The server has a copy of its data after the
/// first transfer.
async fn with_three_transfers() -> Option<(PrivateServer, PostgresStore, Session)> {
    let mut server = PrivateServer::start_with(&[])?;
    let store = PostgresStore::open(&server.url()).await.unwrap();
    let session = bank::session(&bank::runtime(store.clone(), SETTLE_TIME).await);
    bank::open_accounts(&session, 2).await;
    bank::send(&session, &transfer(1)).await.unwrap();
    server.crash();
    server.keep();
    server.restart();
    for number in [2, 3] {
        bank::send_until_answered(&session, transfer(number), async |_| {}).await;
    }
    Some((server, store, session))
}

fn transfer(number: u128) -> Transfer {
    Transfer { id: Uuid::from_u128(number), from: 0, to: Some(1), amount: 5 }
}

/// Returns the newest position on the server.
async fn newest(client: &tokio_postgres::Client) -> i64 {
    let sql = "SELECT greatest((SELECT max(position) FROM fluvius.command_log), \
               (SELECT max(position) FROM fluvius.event_log))";
    client.query_one(sql, &[]).await.unwrap().get(0)
}

/// Checks that commands fail with an error that has both positions, and store nothing.
async fn assert_rejected(
    server: &PrivateServer,
    acknowledged: i64,
    store: &PostgresStore,
    session: &Session,
) {
    let client = client(&server.url()).await;
    let found = newest(&client).await;
    assert!(found < acknowledged);
    for number in [4, 3] {
        let error = bank::send(session, &transfer(number)).await.unwrap_err();
        assert_eq!(error.code(), "store-error");
        let wanted = format!(
            "the server has lost commits: it acknowledged position {acknowledged} to this program \
            and is at {found} now; find out what is missing, and restart the program"
        );
        assert_eq!(error.to_string(), wanted);
    }
    assert_eq!(newest(&client).await, found);
    assert!(store.command(Uuid::from_u128(4)).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restored_server_is_rejected_with_both_positions() {
    let Some((mut server, store, session)) = with_three_transfers().await else { return };
    let acknowledged = newest(&client(&server.url()).await).await;
    server.crash();
    server.set_back();
    server.restart();
    assert_rejected(&server, acknowledged, &store, &session).await;
    // A program without an acknowledged commit cannot detect the loss.
    let store = PostgresStore::open(&server.url()).await.unwrap();
    let session = bank::session(&bank::runtime(store, SETTLE_TIME).await);
    bank::send(&session, &transfer(4)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_with_lost_rows_and_an_ahead_sequence_is_rejected() {
    let Some((mut server, store, session)) = with_three_transfers().await else { return };
    let superuser = client(&server.url()).await;
    let acknowledged = newest(&superuser).await;
    // The sequence of a standby is up to 32 positions ahead of its rows.
    let lose = "SET session_replication_role = replica; DELETE FROM fluvius.event_log WHERE \
                position > (SELECT max(position) - 3 FROM fluvius.command_log); DELETE FROM \
                fluvius.command_log WHERE position > (SELECT max(position) - 3 FROM \
                fluvius.command_log)";
    superuser.batch_execute(lose).await.unwrap();
    server.crash();
    server.restart();
    assert_rejected(&server, acknowledged, &store, &session).await;
}
