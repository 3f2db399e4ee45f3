//! Opening one file several times, from one process and from several.

use std::time::{Duration, Instant};

use fluvius_core::CommandRecord;
use fluvius_core::Store;
use fluvius_sqlite::SqliteStore;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::child::{self, ChildProcess};
use crate::units::{aggregate_id, all, commit, context, unit};

/// The program of the second process, which opens, reads and closes the file; a no-op in the first.
#[tokio::test]
async fn a_process_that_closes_the_file() {
    let Some(file) = child::file() else { return };
    let foreign = Connection::open(file).unwrap();
    foreign.query_row("SELECT count(*) FROM command_log", [], |_| Ok(())).unwrap();
    foreign.close().unwrap();
    child::send_line("closed");
}

/// On POSIX, closing any handle of a file releases all locks of the process on it. Another process
/// that closes the file would then be the last, and would remove the log.
#[tokio::test]
async fn opening_a_file_again_releases_no_lock() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("store.db");
    let log = folder.path().join("store.db-wal");
    let store = SqliteStore::open(&file).await.unwrap();
    commit(&store, unit(&context(), &aggregate_id(), 0)).await;
    let again = SqliteStore::open(&file).await.unwrap();
    let check = |is_left: bool| {
        let mut other =
            ChildProcess::start("opening::a_process_that_closes_the_file", &file, |_| {});
        assert_eq!(other.receive(), "closed");
        other.end();
        assert_eq!(log.exists(), is_left);
    };
    check(true);
    commit(&again, unit(&context(), &aggregate_id(), 0)).await;
    drop(again);
    check(true);
    commit(&store, unit(&context(), &aggregate_id(), 0)).await;
    assert_eq!(store.read_log::<CommandRecord>(&all()).await.unwrap().rows.len(), 3);
    drop(store);
    while log.exists() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    check(false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_may_open_a_new_file_at_once() {
    for _ in 0..10 {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("store.db");
        let openings = (0..8).map(|_| tokio::spawn(SqliteStore::open(file.clone())));
        let mut stores = Vec::new();
        for opening in openings.collect::<Vec<_>>() {
            stores.push(opening.await.unwrap().unwrap());
        }
        for store in &stores {
            commit(store, unit(&context(), &aggregate_id(), 0)).await;
        }
        for store in &stores {
            assert_eq!(
                store.read_log::<CommandRecord>(&all()).await.unwrap().rows.len(),
                stores.len()
            );
        }
    }
}

/// Two connections that close at the same time would both not be the last one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_close_removes_the_log() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("store.db");
    let log = folder.path().join("store.db-wal");
    for round in 0..60 {
        let store = SqliteStore::open(&file).await.unwrap();
        let aggregate_id = aggregate_id();
        commit(&store, unit(&context(), &aggregate_id, 0)).await;
        assert!(store.load(&aggregate_id).await.unwrap().is_some() && log.exists());
        drop(store);
        let begun = Instant::now();
        while log.exists() {
            assert!(begun.elapsed() < Duration::from_secs(20), "round {round}: the log is left");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// The first pages of the log are in the file and the last are not, as after a kill during a
/// checkpoint. The first page refers to pages that are only in the log.
#[tokio::test]
async fn a_file_after_a_partial_checkpoint_is_opened() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    let store = SqliteStore::open(path("store.db")).await.unwrap();
    let length = path("store.db").metadata().unwrap().len();
    for _ in 0..100 {
        commit(&store, unit(&context(), &aggregate_id(), 0)).await;
    }
    std::fs::copy(path("store.db"), path("copy.db")).unwrap();
    std::fs::copy(path("store.db-wal"), path("copy.db-wal")).unwrap();
    std::fs::copy(path("store.db-wal"), path("log")).unwrap();
    // The last close checkpoints the log and removes it.
    let copied = Connection::open(path("copy.db")).unwrap();
    copied.query_row("SELECT count(*) FROM command_log", [], |_| Ok(())).unwrap();
    copied.close().unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(path("copy.db")).unwrap();
    assert!(file.metadata().unwrap().len() > length);
    file.set_len(length).unwrap();
    std::fs::rename(path("log"), path("copy.db-wal")).unwrap();

    let copy = SqliteStore::open(path("copy.db")).await.unwrap();
    assert_eq!(
        copy.read_log::<CommandRecord>(&all()).await.unwrap().rows,
        store.read_log::<CommandRecord>(&all()).await.unwrap().rows
    );
}
