//! Connections that are cut during commits: every answer is correct.
//!
//! `FLUVIUS_CUTS` sets the number of cuts, `FLUVIUS_SEED` repeats a run.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Mutex;
use std::time::Duration;

use fluvius_core::uuid::Uuid;
use fluvius_core::{CommitOutcome, Error, Store};
use fluvius_postgres::PostgresStore;
use fluvius_testing::SeededRng;
use fluvius_testing::servers::{Cut, PrivateServer, Proxy};

use crate::bank::{self, Answered, Transfer};
use crate::{COMMITS, client, number, running_commits, units};

const CUTS: usize = 40;
const ACCOUNTS: u64 = 3;

/// The reaction of a caller to a command without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    /// Sends the command again under its id.
    Careful,
    /// Sends the same command under another id.
    Careless,
}

/// The counts of a run.
#[derive(Debug, Default)]
struct Tally {
    cuts: BTreeMap<Cut, usize>,
    /// The number of errors by code.
    errors: BTreeMap<&'static str, usize>,
}

/// Cuts commits at random moments, and checks each answer and the stored rows.
async fn run(
    server: &PrivateServer,
    seed: u64,
    cuts: usize,
    caller: Caller,
) -> Result<Tally, String> {
    let proxy = Proxy::start(server.socket(), &COMMITS).await;
    let schema = format!("cuts_{}_{}", seed, caller as u8);
    let options = || PostgresStore::options().schema(&schema).max_readers(2);
    let store = options().open(&proxy.url()).await.map_err(|error| error.to_string())?;
    let direct = options().open(&server.url()).await.map_err(|error| error.to_string())?;
    // The first runtime resolves commits in doubt, the second one leaves that to the caller.
    let patient = bank::runtime(store.clone(), Duration::from_secs(30)).await;
    let hasty = bank::runtime(store.clone(), Duration::ZERO).await;
    let sessions = [bank::session(&patient), bank::session(&hasty)];
    bank::open_accounts(&sessions[0], ACCOUNTS).await;
    let mut rng = SeededRng::new(seed);
    let mut answered: Vec<Answered> = Vec::new();
    let mut tally = Tally::default();
    for count in 1..=cuts {
        // Each cut once, then random ones.
        let cut = Cut::ALL.get(count - 1).copied().unwrap_or_else(|| *rng.pick(&Cut::ALL));
        let session = rng.pick(&sessions);
        let id = Uuid::from_u64_pair(seed, rng.next_u64());
        let mut transfer = bank::any_transfer(&mut rng, id, ACCOUNTS);
        proxy.cut_next(cut);
        let wrong = Mutex::new(None);
        if caller == Caller::Careless {
            // The caller relies on the first answer only.
            if bank::send(session, &transfer).await.is_err() {
                transfer.id = Uuid::from_u64_pair(!seed, rng.next_u64());
            }
        }
        let one = bank::send_until_answered(session, transfer.clone(), async |error| {
            let is_stored = direct.command(transfer.id).await.unwrap().is_some();
            if is_stored && matches!(error, Error::StoreUnavailable { .. }) {
                *wrong.lock().unwrap() =
                    Some(format!("{transfer:?} is stored, and was reported as failed"));
            }
        })
        .await;
        if let Some(wrong) = wrong.into_inner().unwrap() {
            return Err(wrong);
        }
        let waited = tokio::time::timeout(Duration::from_secs(30), proxy.wait_for(count)).await;
        waited.map_err(|_| format!("no commit was cut at {cut:?}"))?;
        *tally.cuts.entry(cut).or_default() += 1;
        for code in &one.codes {
            *tally.errors.entry(code).or_default() += 1;
        }
        answered.push(one);
        // Another process commits, so that the next batch may have a version conflict.
        if rng.happens(300) {
            let other =
                bank::session(&bank::runtime(direct.clone(), Duration::from_secs(30)).await);
            let transfer = Transfer {
                id: Uuid::from_u64_pair(seed.wrapping_add(1), rng.next_u64()),
                ..transfer
            };
            answered.push(bank::send_until_answered(&other, transfer, async |_| {}).await);
        }
    }
    bank::check(&direct, ACCOUNTS, &answered).await?;
    for session in &sessions {
        bank::send_again(session, &answered).await;
    }
    bank::check(&store, ACCOUNTS, &answered).await?;
    Ok(tally)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn command_over_a_cut_connection_has_one_effect_and_one_answer() {
    let Some(server) = PrivateServer::start_with(&[]) else { return };
    let seed = number("FLUVIUS_SEED").unwrap_or_else(|| RandomState::new().hash_one(0) >> 1);
    let cuts = number("FLUVIUS_CUTS").map_or(CUTS, |cuts| usize::try_from(cuts).unwrap());
    let tally = run(&server, seed, cuts, Caller::Careful).await;
    let tally = tally.unwrap_or_else(|wrong| {
        panic!(
            "{wrong}\nagain: FLUVIUS_SEED={seed} FLUVIUS_CUTS={cuts} cargo test -p fluvius-tests \
            --test postgres cuts"
        )
    });
    assert_eq!(tally.cuts.values().sum::<usize>(), cuts);
    if cuts >= CUTS {
        // A run without a commit in doubt proves nothing.
        assert_eq!(tally.cuts.len(), Cut::ALL.len(), "seed {seed}: {tally:?}");
        assert!(tally.errors.contains_key("outcome-unknown"), "seed {seed}: {tally:?}");
    }
}

/// Shows that the final check detects a command that was applied twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn mutant_that_sends_another_command_is_caught() {
    let Some(server) = PrivateServer::start_with(&[]) else { return };
    let wrong = run(&server, 1, CUTS, Caller::Careless).await.unwrap_err();
    assert!(wrong.contains("was expected"), "{wrong}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn command_reported_as_absent_is_not_stored_later() {
    let Some(server) = PrivateServer::start_with(&[]) else { return };
    let proxy = Proxy::start(server.socket(), &COMMITS).await;
    let store = PostgresStore::open(&proxy.url()).await.unwrap();
    let hasty = bank::session(&bank::runtime(store.clone(), Duration::ZERO).await);
    bank::open_accounts(&hasty, 2).await;
    // The commit waits for another transaction, also after its connection is cut.
    let other = client(&server.url()).await;
    other.batch_execute("BEGIN; SELECT FROM fluvius.resource_state FOR UPDATE").await.unwrap();
    let transfer = Transfer { id: Uuid::from_u128(7), from: 0, to: Some(1), amount: 5 };
    proxy.cut_next(Cut::AfterCall);
    let error = bank::send(&hasty, &transfer).await.unwrap_err();
    assert_eq!(error.code(), "outcome-unknown");
    assert!(store.command(transfer.id).await.unwrap().is_none());
    other.batch_execute("COMMIT").await.unwrap();
    while running_commits(&other).await > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(store.command(transfer.id).await.unwrap().is_none());
    let answered = bank::send_until_answered(&hasty, transfer, async |_| {}).await;
    bank::check(&store, 2, &[answered]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn lookup_after_a_cut_connection_is_final() {
    let Some(server) = PrivateServer::start_with(&[]) else { return };
    let proxy = Proxy::start(server.socket(), &COMMITS).await;
    let store = PostgresStore::open(&proxy.url()).await.unwrap();
    let direct = PostgresStore::open(&server.url()).await.unwrap();
    let [opened, ..] = units::units().await;
    for (number, cut) in (1..).zip(Cut::ALL.repeat(3)) {
        let unit = units::of_aggregate(std::slice::from_ref(&opened), number);
        let id = unit[0].commands[0].id;
        proxy.cut_next(cut);
        let outcomes = store.commit(unit.clone().into()).await;
        assert!(matches!(outcomes[..], [CommitOutcome::InDoubt]), "{cut:?}: {outcomes:?}");
        let found = store.command(id).await.unwrap().is_some();
        tokio::time::sleep(Cut::DELAY * 2).await;
        assert_eq!(direct.command(id).await.unwrap().is_some(), found, "{cut:?}");
        let outcomes = store.commit(unit.into()).await;
        assert!(
            matches!(outcomes[..], [CommitOutcome::DuplicateCommand { .. }]) == found
                && matches!(outcomes[..], [CommitOutcome::Committed { .. }]) != found,
            "{cut:?}: {outcomes:?}"
        );
    }
}
