//! The write leases of several writers.

use std::fs::File;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::super::write_lease::WriteLease;
use super::units::{aggregate_id, commit, context, unit};
use crate::SqliteStore;

/// Long enough for a thread to wake on a busy machine.
const LONG: Duration = Duration::from_secs(20);

fn log(folder: &TempDir) -> PathBuf {
    let log = folder.path().join("store.db-wal");
    File::create(&log).unwrap();
    log
}

/// Acquires the lease on another thread, and sends when it has it. The lease is released with the
/// second sender.
fn acquire_elsewhere(log: PathBuf) -> (mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (acquired, has_acquired) = mpsc::channel();
    let (end, ends) = mpsc::channel();
    thread::spawn(move || {
        let mut lease = WriteLease::new(Some(&log));
        lease.acquire();
        acquired.send(()).unwrap();
        let _ = ends.recv();
    });
    (has_acquired, end)
}

#[test]
fn a_second_writer_waits_until_the_first_one_is_idle() {
    let folder = TempDir::new().unwrap();
    let log = log(&folder);
    let mut lease = WriteLease::new(Some(&log));
    lease.acquire();
    let (has_acquired, _end) = acquire_elsewhere(log);
    assert!(has_acquired.recv_timeout(Duration::from_millis(100)).is_err());
    lease.release();
    assert!(has_acquired.recv_timeout(LONG).is_ok());
}

#[test]
fn a_busy_writer_yields_at_the_end_of_its_slice() {
    let folder = TempDir::new().unwrap();
    let log = log(&folder);
    let mut lease = WriteLease::new(Some(&log));
    lease.acquire();
    let (has_acquired, _end) = acquire_elsewhere(log);
    let begun = Instant::now();
    while has_acquired.try_recv().is_err() {
        assert!(begun.elapsed() < LONG, "the waiting writer gets no lease");
        lease.acquire();
        lease.on_transaction_ended(false);
    }
}

#[test]
fn an_idle_writer_waits_for_repeated_decisions_only() {
    let folder = TempDir::new().unwrap();
    let mut lease = WriteLease::new(Some(&log(&folder)));
    assert_eq!(lease.idle_time(), None);
    lease.acquire();
    lease.on_transaction_ended(false);
    assert_eq!(lease.idle_time(), None);
    lease.on_transaction_ended(true);
    assert!(lease.idle_time().is_some());
    lease.release();
    assert_eq!(lease.idle_time(), None);
}

/// The lock of a process that hangs, or of a foreign program.
#[tokio::test]
async fn a_lease_that_is_never_released_delays_one_commit_only() {
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
async fn a_closed_store_keeps_no_lease() {
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
