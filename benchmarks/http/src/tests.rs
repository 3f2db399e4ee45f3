//! Checks of the checks: a service that loses deposits, or drops answers, must be seen.

use std::time::Duration;

use bench_common::TempDir;
use tokio::net::TcpListener;

use crate::load::{Load, Sent};
use crate::plain::Plant;
use crate::system::{self, Fault, Place, System};

/// Runs a short load, and returns its results with the verdict of the verification.
async fn check(
    system: System,
    plant: Option<Plant>,
    has_if_match: bool,
) -> Result<(Sent, Result<(), String>), Fault> {
    let folder = TempDir::new("http-test");
    let place = Place::File(folder.0.join("b.db"));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(async move {
        let ended = async move { drop(ended.await) };
        system::serve(system, &place, plant, listener, ended).await
    });
    let (warm_up, time) = (Duration::from_millis(100), Duration::from_millis(400));
    let load = Load { port, accounts: 70, clients: 64, warm_up, time, has_if_match };
    load.open_accounts().await?;
    let mut edges = 0;
    let sent = load.run(|| edges += 1).await?;
    let verdict = sent.ledger.verify(&load.read_accounts().await?);
    assert_eq!(edges, 2);
    let _ = end.send(());
    server.await??;
    Ok((sent, verdict))
}

fn run(system: System, plant: Option<Plant>, has_if_match: bool) -> (Sent, Result<(), String>) {
    bench_common::runtime().block_on(check(system, plant, has_if_match)).unwrap()
}

#[test]
fn sound_systems_are_verified() {
    let fluvius = (System::Fluvius, false);
    for (system, has_if_match) in [fluvius, (System::FluviusIfMatch, true), (System::Plain, false)]
    {
        let (sent, verdict) = run(system, None, has_if_match);
        assert_eq!((verdict, sent.replays_differing), (Ok(()), 0), "{}", system.name());
        assert!(sent.refused.is_empty(), "{:?}", sent.refused);
        assert!(sent.ledger.count() >= 64, "{}", sent.ledger.count());
        assert!(!sent.latencies_ns.is_empty());
    }
}

#[test]
fn dropped_answers_are_seen() {
    let (sent, verdict) = run(System::Plain, Some(Plant::DroppedAnswers), false);
    assert!(verdict.is_err());
    assert_eq!(sent.refused.keys().collect::<Vec<_>>(), [&503]);
}

#[test]
fn lost_deposits_are_seen() {
    let (sent, verdict) = run(System::Plain, Some(Plant::LostDeposits), false);
    assert!(verdict.is_err());
    assert!(sent.refused.is_empty(), "{:?}", sent.refused);
}
