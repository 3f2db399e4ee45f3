//! Backups of a store under load.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fluvius_core::uuid::Uuid;
use fluvius_core::{CommitOutcome, Store};
use fluvius_sqlite::SqliteStore;
use tempfile::TempDir;

use crate::purses::{self, Pair};
use crate::units::{aggregate_id, commit, context, unit};

/// Padding of a state. A few long states make a file that a backup copies in several steps.
const NOTE_BYTES: usize = 64 * 1024;

/// Commits until the flag is set, and records the answered commands.
async fn client(store: SqliteStore, answered: Arc<Mutex<Vec<Uuid>>>, is_over: Arc<AtomicBool>) {
    let mut pair = Pair::new(0);
    while !is_over.load(Ordering::SeqCst) {
        let unit = pair.next();
        let id = unit.commands[0].id;
        let outcomes = store.commit(Arc::from([unit])).await;
        assert!(matches!(outcomes[..], [CommitOutcome::Committed { .. }]), "{outcomes:?}");
        answered.lock().unwrap().push(id);
    }
}

fn names(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    names.sort();
    names
}

/// Fills a store with more than this many bytes.
async fn fill(store: &SqliteStore, bytes: usize) {
    let mut pair = Pair::new(NOTE_BYTES);
    for _ in 0..bytes / NOTE_BYTES / 4 {
        commit(store, pair.next()).await;
    }
}

async fn check_rejected(store: &SqliteStore, path: &Path, why: &str) {
    let error = store.backup_to(path).await.unwrap_err();
    assert!(error.to_string().contains(why), "{error}");
    assert!(!error.is_retryable(), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_is_a_snapshot_with_all_answered_commands() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path().join("store.db")).await.unwrap();
    fill(&store, 12 * 1024 * 1024).await;
    let answered = Arc::new(Mutex::new(Vec::new()));
    let is_over = Arc::new(AtomicBool::new(false));
    let clients = (0..8)
        .map(|_| tokio::spawn(client(store.clone(), Arc::clone(&answered), Arc::clone(&is_over))));
    let clients: Vec<_> = clients.collect();
    let mut copies = Vec::new();
    for number in 0..3 {
        let before = answered.lock().unwrap().clone();
        let path = folder.path().join(format!("copy-{number}.db"));
        let begun = Instant::now();
        store.backup_to(&path).await.unwrap();
        let during = answered.lock().unwrap().len() - before.len();
        println!("a backup in {:?}, {during} commits during it", begun.elapsed());
        assert!(during > 0, "no commit was answered while the backup was made");
        copies.push((path, before, during));
    }
    is_over.store(true, Ordering::SeqCst);
    for client in clients {
        client.await.unwrap();
    }
    let all = purses::check(&store).await;
    let filled = all.len() - answered.lock().unwrap().len();
    let (mut later, mut all_during) = (0, 0);
    for (path, before, during) in copies {
        let copy = SqliteStore::open(&path).await.unwrap();
        let found = purses::check(&copy).await;
        assert!(all.starts_with(&found), "the backup is no prefix of the log");
        let found: BTreeSet<Uuid> = found.into_iter().collect();
        assert!(before.iter().all(|id| found.contains(id)), "an answered command is missing");
        assert!(found.len() < all.len());
        later += found.len() - filled - before.len();
        all_during += during;
        // The copy is a store of its own.
        let mut pair = Pair::new(0);
        commit(&copy, pair.next()).await;
        commit(&copy, pair.next()).await;
        assert_eq!(purses::check(&copy).await.len(), found.len() + 2);
    }
    assert_eq!(purses::check(&store).await, all);
    // The backup is a snapshot of its beginning. A copy that restarts with each commit has almost
    // all of them, and may never end.
    assert!(
        4 * later < 3 * all_during,
        "{later} of the {all_during} commits during the backups are in them"
    );
}

#[tokio::test]
async fn a_store_in_memory_is_copied_into_a_file() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::in_memory().await.unwrap();
    fill(&store, 6 * 1024 * 1024).await;
    let all = purses::check(&store).await;
    let path = folder.path().join("copy.db");
    store.backup_to(&path).await.unwrap();
    commit(&store, Pair::new(0).next()).await;
    assert_eq!(names(folder.path()), std::slice::from_ref(&path));
    let copy = SqliteStore::open(&path).await.unwrap();
    assert_eq!(purses::check(&copy).await, all);
    commit(&copy, Pair::new(0).next()).await;
}

#[tokio::test]
async fn a_backup_replaces_nothing() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("store.db");
    let store = SqliteStore::open(&file).await.unwrap();
    commit(&store, unit(&context(), &aggregate_id(), 0)).await;
    let taken = folder.path().join("copy.db");
    for beside in ["copy.db", "copy.db-wal", "copy.db-shm", "copy.db-journal"] {
        let beside = folder.path().join(beside);
        std::fs::write(&beside, "mine").unwrap();
        let before = names(folder.path());
        check_rejected(&store, &taken, &format!("`{}` is there", beside.display())).await;
        assert_eq!(std::fs::read(&beside).unwrap(), b"mine");
        assert_eq!(names(folder.path()), before);
        std::fs::remove_file(beside).unwrap();
    }
    check_rejected(&store, &file, "is there").await;
    check_rejected(&store, folder.path(), "is there").await;
    check_rejected(&store, &folder.path().join("missing/copy.db"), "its folder is not there").await;
    check_rejected(&store, Path::new(""), "names no file").await;
    check_rejected(&store, Path::new("/"), "names no file").await;
    store.backup_to(&taken).await.unwrap();
    check_rejected(&store, &taken, "is there").await;
}

#[tokio::test]
async fn an_aborted_backup_leaves_nothing_or_all() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path().join("store.db")).await.unwrap();
    fill(&store, 12 * 1024 * 1024).await;
    let all = purses::check(&store).await;
    let before = names(folder.path());
    let mut given_up = 0;
    for micros in [0, 100, 1_000, 5_000, 20_000, 60_000, 150_000] {
        let path = folder.path().join("copy.db");
        let time = Duration::from_micros(micros);
        let made = tokio::time::timeout(time, store.backup_to(&path)).await;
        let begun = Instant::now();
        while names(folder.path()) != before && !path.exists() {
            assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", names(folder.path()));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // A file with this name is complete, even if the caller gave up.
        if path.exists() {
            assert_eq!(purses::check(&SqliteStore::open(&path).await.unwrap()).await, all);
            let closed = Instant::now();
            while names(folder.path()).len() > before.len() + 1 {
                assert!(closed.elapsed() < Duration::from_secs(30));
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            std::fs::remove_file(&path).unwrap();
        } else {
            assert!(made.is_err());
            given_up += 1;
        }
    }
    assert!(given_up > 0, "every backup ended before its timeout");
    store.backup_to(folder.path().join("copy.db")).await.unwrap();
}

/// Damages a page that opening the store does not read.
#[tokio::test]
async fn a_backup_detects_a_damaged_store() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("store.db");
    let store = SqliteStore::open(&file).await.unwrap();
    fill(&store, 1024 * 1024).await;
    drop(store);
    let begun = Instant::now();
    while folder.path().join("store.db-wal").exists() {
        assert!(begun.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0xa5);
    std::fs::write(&file, bytes).unwrap();
    let store = SqliteStore::open(&file).await.unwrap();
    let before = names(folder.path());
    check_rejected(&store, &folder.path().join("copy.db"), "the database file is damaged").await;
    let grown = names(folder.path());
    assert!(grown.iter().all(|name| before.contains(name)), "{grown:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_backup_has_the_permissions_of_the_store() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("store.db");
    let store = SqliteStore::open(&file).await.unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    for allowed in [0o600, 0o644] {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(allowed)).unwrap();
        let copy = folder.path().join(format!("copy-{allowed:o}.db"));
        store.backup_to(&copy).await.unwrap();
        assert_eq!(mode(&copy) & !allowed, 0);
        assert_eq!(mode(&copy) & 0o600, 0o600);
    }
}
