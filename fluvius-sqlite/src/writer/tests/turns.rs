//! The turns of several writers.

use std::fs::File;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::super::turns::Turns;
use super::units::{aggregate_id, commit, context, unit};
use crate::SqliteStore;

/// Long enough for a thread to wake on a busy machine.
const LONG: Duration = Duration::from_secs(20);

fn log(folder: &TempDir) -> PathBuf {
    let log = folder.path().join("store.db-wal");
    File::create(&log).unwrap();
    log
}

/// Begins a turn on another thread, and sends when it has begun. The turn ends with the receiver of
/// the second channel.
fn begin_elsewhere(log: PathBuf) -> (mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (begun, has_begun) = mpsc::channel();
    let (end, ends) = mpsc::channel();
    thread::spawn(move || {
        let mut turns = Turns::new(Some(&log));
        turns.begin();
        begun.send(()).unwrap();
        let _ = ends.recv();
    });
    (has_begun, end)
}

#[test]
fn a_second_writer_waits_until_the_first_one_is_idle() {
    let folder = TempDir::new().unwrap();
    let log = log(&folder);
    let mut turns = Turns::new(Some(&log));
    turns.begin();
    let (has_begun, _end) = begin_elsewhere(log);
    assert!(has_begun.recv_timeout(Duration::from_millis(100)).is_err());
    turns.end();
    assert!(has_begun.recv_timeout(LONG).is_ok());
}

#[test]
fn a_busy_writer_yields_at_the_end_of_its_slice() {
    let folder = TempDir::new().unwrap();
    let log = log(&folder);
    let mut turns = Turns::new(Some(&log));
    turns.begin();
    let (has_begun, _end) = begin_elsewhere(log);
    let begun = Instant::now();
    while has_begun.try_recv().is_err() {
        assert!(begun.elapsed() < LONG, "the waiting writer gets no turn");
        turns.begin();
        turns.on_transaction_ended(false);
    }
}

#[test]
fn an_idle_writer_waits_for_repeated_decisions_only() {
    let folder = TempDir::new().unwrap();
    let mut turns = Turns::new(Some(&log(&folder)));
    assert_eq!(turns.idle_time(), None);
    turns.begin();
    turns.on_transaction_ended(false);
    assert_eq!(turns.idle_time(), None);
    turns.on_transaction_ended(true);
    assert!(turns.idle_time().is_some());
    turns.end();
    assert_eq!(turns.idle_time(), None);
}

/// The lock of a process that hangs, or of a foreign program.
#[tokio::test]
async fn a_turn_that_never_ends_delays_one_commit_only() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("store.db");
    let store = SqliteStore::open(&file).await.unwrap();
    commit(&store, unit(&context(), &aggregate_id(), 0)).await;
    let stuck = File::open(folder.path().join("store.db-wal")).unwrap();
    stuck.lock().unwrap();
    let begun = Instant::now();
    for _ in 0..20 {
        commit(&store, unit(&context(), &aggregate_id(), 0)).await;
    }
    // Each of them would wait for a second.
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    drop(stuck);
    commit(&store, unit(&context(), &aggregate_id(), 0)).await;
}

#[tokio::test]
async fn a_closed_store_keeps_no_turn() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("store.db");
    let store = SqliteStore::open(&file).await.unwrap();
    commit(&store, unit(&context(), &aggregate_id(), 0)).await;
    let log = File::open(folder.path().join("store.db-wal")).unwrap();
    drop(store);
    let (locked, is_locked) = mpsc::channel();
    thread::spawn(move || {
        log.lock().unwrap();
        locked.send(()).unwrap();
    });
    assert!(is_locked.recv_timeout(LONG).is_ok());
}
