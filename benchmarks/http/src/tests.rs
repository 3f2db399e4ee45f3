//! Checks of the checks: a service that loses deposits, or drops answers, must be seen.

use std::sync::Arc;
use std::time::Duration;

use bench_common::TempDir;
use tokio::net::TcpListener;

use crate::issuer::issue;
use crate::load::{Load, Sent};
use crate::plain::Plant;
use crate::system::{self, Fault, Place, Served, System};

/// Runs a short load, and returns its results with the verdict of the verification.
async fn check(system: System, plant: Option<Plant>) -> Result<(Sent, Result<(), String>), Fault> {
    let folder = TempDir::new("http-test");
    let place = Place::File(folder.0.join("b.db"));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let issued = system.algorithm().map(|algorithm| issue(algorithm, 3));
    let (key_set, tokens) = issued.map(|each| (each.key_set, each.tokens)).unzip();
    let ended = async move { drop(ended.await) };
    let served = Served { system, place, plant, key_set };
    let server = tokio::spawn(system::serve(served, listener, ended));
    let (warm_up, time) = (Duration::from_millis(100), Duration::from_millis(400));
    let has_if_match = system == System::FluviusIfMatch;
    let tokens = Arc::new(tokens.unwrap_or_default());
    let load = Load { port, accounts: 70, clients: 64, warm_up, time, has_if_match, tokens };
    load.open_accounts().await?;
    let mut edges = 0;
    let sent = load.run(|| edges += 1).await?;
    let verdict = sent.ledger.verify(&load.read_accounts().await?);
    assert_eq!(edges, 2);
    let _ = end.send(());
    server.await??;
    Ok((sent, verdict))
}

fn run(system: System, plant: Option<Plant>) -> Result<(Sent, Result<(), String>), Fault> {
    bench_common::runtime().block_on(check(system, plant))
}

#[test]
fn sound_systems_are_verified() {
    for system in System::ALL.into_iter().filter(|system| system.is_served()) {
        let (sent, verdict) = run(system, None).unwrap();
        assert_eq!((verdict, sent.replays_differing), (Ok(()), 0), "{}", system.name());
        assert!(sent.refused.is_empty(), "{:?}", sent.refused);
        assert!(sent.ledger.count() >= 64, "{}", sent.ledger.count());
        assert!(!sent.latencies_ns.is_empty());
    }
}

#[test]
fn dropped_answers_are_seen() {
    let (sent, verdict) = run(System::Plain, Some(Plant::DroppedAnswers)).unwrap();
    assert!(verdict.is_err());
    assert_eq!(sent.refused.keys().collect::<Vec<_>>(), [&503]);
}

#[test]
fn lost_deposits_are_seen() {
    let (sent, verdict) = run(System::Plain, Some(Plant::LostDeposits)).unwrap();
    assert!(verdict.is_err());
    assert!(sent.refused.is_empty(), "{:?}", sent.refused);
}
