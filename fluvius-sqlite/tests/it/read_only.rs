//! Files and folders that may not be written to.

#![cfg(unix)]

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use fluvius_sqlite::SqliteStore;
use tempfile::TempDir;

use crate::child::{self, Other};
use crate::units::{aggregate_id, commit, context, unit};

/// A process that may not write; alone it does nothing.
#[tokio::test]
async fn a_process_that_may_not_write() {
    let Some(file) = child::file() else { return };
    match SqliteStore::open(file).await {
        Ok(_) => child::say("opened"),
        Err(error) => child::say(format!("retry {}: {error}", error.is_retryable())),
    }
}

fn allow(path: &Path, mode: u32) {
    set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn check(file: &Path, expected: &str) {
    let mut other = Other::start_as_nobody("read_only::a_process_that_may_not_write", file);
    let said = other.hear();
    assert!(said.contains(expected), "{said}");
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
