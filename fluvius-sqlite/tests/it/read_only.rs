//! Files and folders without write permission.

#![cfg(unix)]

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use fluvius_sqlite::SqliteStore;
use tempfile::TempDir;

use crate::child::{self, ChildProcess};
use crate::units::{aggregate_id, commit, context, unit};

/// The program of the unprivileged process; a no-op in the first.
#[tokio::test]
async fn a_process_that_may_not_write() {
    let Some(file) = child::file() else { return };
    match SqliteStore::open(file).await {
        Ok(_) => child::send_line("opened"),
        Err(error) => child::send_line(format!("retry {}: {error}", error.is_retryable())),
    }
}

fn allow(path: &Path, mode: u32) {
    set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn check(file: &Path, expected: &str) {
    let mut other =
        ChildProcess::start_unprivileged("read_only::a_process_that_may_not_write", file);
    let answer = other.receive();
    assert!(answer.contains(expected), "{answer}");
    other.end();
}

#[tokio::test]
async fn read_only_files_are_rejected_at_the_opening() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("store.db");
    allow(folder.path(), 0o555);
    check(&file, "retry false: ");
    check(&file, "to its folder");
    allow(folder.path(), 0o755);
    let store = SqliteStore::open(&file).await.unwrap();
    commit(&store, unit(&context(), &aggregate_id(), 0)).await;
    drop(store);
    while folder.path().join("store.db-wal").exists() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let before = std::fs::read(&file).unwrap();
    allow(&file, 0o444);
    check(&file, "retry false: ");
    check(&file, "is read-only");
    allow(&file, 0o666);
    allow(folder.path(), 0o555);
    check(&file, "retry false: ");
    check(&file, "to its folder");
    assert!(std::fs::read(&file).unwrap() == before);
    allow(folder.path(), 0o777);
    check(&file, "opened");
}
