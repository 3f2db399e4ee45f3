//! The incarnation of a store: that of a copy differs, that of the file itself does not. And the
//! processes beside it.

use std::path::Path;

use fluvius_core::Store;
use fluvius_core::uuid::Uuid;
use fluvius_core::work::Incarnation;
use fluvius_sqlite::SqliteStore;
use tempfile::TempDir;

use crate::child::{self, ChildProcess};

/// Opens the store in a file, and closes it again.
async fn incarnation(file: &Path) -> Incarnation {
    let store = SqliteStore::open(file).await.unwrap();
    let incarnation = store.incarnation().await.unwrap();
    store.close().await.unwrap();
    incarnation
}

fn check_copy(original: Incarnation, copy: Incarnation) {
    assert_eq!(copy.store, original.store);
    assert_ne!(copy.copy, original.copy);
}

#[tokio::test]
async fn a_copied_file_is_a_new_incarnation() {
    let folder = TempDir::new().unwrap();
    let [file, copy] = ["store.db", "copy.db"].map(|name| folder.path().join(name));
    let original = incarnation(&file).await;
    std::fs::copy(&file, &copy).unwrap();
    let copied = incarnation(&copy).await;
    check_copy(original, copied);
    // Both stay what they are, under another name too.
    assert_eq!(incarnation(&copy).await, copied);
    let moved = folder.path().join("moved.db");
    std::fs::rename(&file, &moved).unwrap();
    assert_eq!(incarnation(&moved).await, original);
    let others = incarnation(&file).await;
    assert_ne!(others.store, original.store);
}

#[tokio::test]
async fn a_restored_backup_is_a_new_incarnation() {
    let folder = TempDir::new().unwrap();
    let [file, backup] = ["store.db", "backup.db"].map(|name| folder.path().join(name));
    let store = SqliteStore::open(&file).await.unwrap();
    let original = store.incarnation().await.unwrap();
    store.backup_to(&backup).await.unwrap();
    store.close().await.unwrap();
    // The file keeps its identity.
    std::fs::copy(&backup, &file).unwrap();
    let restored = incarnation(&file).await;
    check_copy(original, restored);
    assert_eq!(incarnation(&file).await, restored);
    // The backup itself is still complete.
    let opened = incarnation(&backup).await;
    check_copy(original, opened);
    assert_ne!(opened.copy, restored.copy);
}

#[tokio::test]
async fn a_process_that_waits_to_be_killed() {
    let Some(file) = child::file() else { return };
    let store = SqliteStore::open(file).await.unwrap();
    let _announcement = store.announce(Uuid::from_u128(1)).await.unwrap();
    child::send_line("announced");
    std::thread::sleep(std::time::Duration::from_secs(60));
}

#[tokio::test]
async fn a_killed_process_has_ended_at_once() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("store.db");
    let store = SqliteStore::open(&file).await.unwrap();
    let program = "incarnations::a_process_that_waits_to_be_killed";
    let mut process = ChildProcess::start(program, &file, |_| {});
    assert_eq!(process.receive(), "announced");
    let one = [Uuid::from_u128(1)];
    assert!(store.ended(&one).await.unwrap().is_empty());
    process.kill();
    assert_eq!(store.ended(&one).await.unwrap(), one);
    // Its file is gone.
    store.close().await.unwrap();
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "{names:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_process_is_found_beside_a_link_to_the_file() {
    let folder = TempDir::new().unwrap();
    let elsewhere = TempDir::new().unwrap();
    let file = folder.path().join("store.db");
    let link = elsewhere.path().join("link.db");
    let store = SqliteStore::open(&file).await.unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let other = SqliteStore::open(&link).await.unwrap();
    let process = [Uuid::from_u128(1)];
    let announcement = other.announce(process[0]).await.unwrap();
    assert!(store.ended(&process).await.unwrap().is_empty());
    drop(announcement);
    assert_eq!(store.ended(&process).await.unwrap(), process);
}
