//! The file of a closed store, and a file that is moved or deleted while the store is open.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fluvius_core::EventRecord;
use fluvius_core::uuid::Uuid;
use fluvius_core::{
    CommitOutcome, Domain, DomainContext, DomainRuntime, Store, StoreError, aggregate,
};
use fluvius_sqlite::SqliteStore;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::units::{aggregate_id, all, commit, context, unit};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Note {
    text: String,
}

#[aggregate(resource = "note")]
impl Note {
    /// Writes a note.
    #[action(evt_key = "note-written")]
    pub(crate) fn write_note(text: String) -> Result<Self, Infallible> {
        Ok(Self { text })
    }
}

#[derive(Domain)]
#[domain(aggregates(Note))]
pub(crate) struct NoteDomain;

const ROUNDS: usize = 20;
const COUNT: usize = 50;

fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Checks that the file alone, copied to another place, has this many events.
async fn check_copy(file: &Path, count: usize) {
    let folder = TempDir::new().unwrap();
    let copy = folder.path().join("copy.db");
    std::fs::copy(file, &copy).unwrap();
    let store = SqliteStore::open(&copy).await.unwrap();
    assert_eq!(store.read_log::<EventRecord>(&all()).await.unwrap().rows.len(), count);
    store.close().await.unwrap();
}

fn check_nothing_beside(file: &Path) {
    for suffix in ["-wal", "-shm"] {
        assert!(!beside(file, suffix).exists(), "`{suffix}` is left");
    }
}

async fn domain_with_notes(store: SqliteStore) -> DomainRuntime {
    let domain = NoteDomain::runtime(store).await.unwrap();
    let session = domain.session(DomainContext::create("a test"));
    for number in 0..COUNT {
        let text = number.to_string();
        session.send(Uuid::from_u128(number as u128 + 1), WriteNote { text }).await.unwrap();
    }
    domain
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_close_the_file_alone_is_complete() {
    for _ in 0..ROUNDS {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("store.db");
        let store = SqliteStore::open(&file).await.unwrap();
        let aggregate_id = aggregate_id();
        for version in 0..COUNT as u64 {
            commit(&store, unit(&context(), &aggregate_id, version)).await;
        }
        assert!(store.load(&aggregate_id).await.unwrap().is_some());
        let clone = store.clone();
        store.close().await.unwrap();
        check_nothing_beside(&file);
        check_copy(&file, COUNT).await;
        clone.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_closes_a_store_without_other_handles() {
    for _ in 0..ROUNDS {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("store.db");
        let domain = domain_with_notes(SqliteStore::open(&file).await.unwrap()).await;
        domain.shutdown().await;
        check_nothing_beside(&file);
        check_copy(&file, COUNT).await;
        let error = domain.log().events().await.unwrap_err();
        assert_eq!(error.code(), "store-unavailable");
        domain.shutdown().await;
    }
}

/// A program may end right after the shutdown, with a clone of the store still alive.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_checkpoints_a_store_with_other_handles() {
    for round in 0..ROUNDS {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("store.db");
        let store = SqliteStore::open(&file).await.unwrap();
        let domain = domain_with_notes(store.clone()).await;
        domain.shutdown().await;
        assert_eq!(domain.log().events().await.unwrap().rows.len(), COUNT);
        if round % 2 == 0 {
            drop((domain, store));
        }
        check_copy(&file, COUNT).await;
    }
}

/// Commits that run during the close end, and the file has every commit that was answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_answered_during_a_close_are_kept() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("store.db");
    let store = SqliteStore::open(&file).await.unwrap();
    let clients = (0..8).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            let (context, aggregate_id) = (context(), aggregate_id());
            let mut count = 0;
            loop {
                let outcomes =
                    store.commit(Arc::from([unit(&context, &aggregate_id, count)])).await;
                match &outcomes[..] {
                    [CommitOutcome::Committed { .. }] => count += 1,
                    [CommitOutcome::Failed(error)] => return (count, error.clone()),
                    outcomes => panic!("{outcomes:?}"),
                }
            }
        })
    });
    let clients: Vec<_> = clients.collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    store.close().await.unwrap();
    let mut count = 0;
    for client in clients {
        let (committed, error) = client.await.unwrap();
        assert!(error.is_retryable() && error.to_string().contains("was closed"), "{error}");
        count += usize::try_from(committed).unwrap();
    }
    check_copy(&file, count).await;
}

#[tokio::test]
async fn a_closed_store_says_that_it_was_closed() {
    let folder = TempDir::new().unwrap();
    let in_file = SqliteStore::open(folder.path().join("store.db")).await.unwrap();
    for store in [in_file, SqliteStore::in_memory().await.unwrap()] {
        let clone = store.clone();
        store.close().await.unwrap();
        let check = |error: StoreError| {
            assert!(error.is_retryable() && error.to_string().contains("was closed"), "{error}");
        };
        check(clone.load(&aggregate_id()).await.unwrap_err());
        check(clone.clone().read_log::<EventRecord>(&all()).await.unwrap_err());
        check(clone.register_domain("purses", &["purse"]).await.unwrap_err());
        check(clone.backup_to(folder.path().join("copy.db")).await.unwrap_err());
        match &clone.commit(Arc::from([unit(&context(), &aggregate_id(), 0)])).await[..] {
            [CommitOutcome::Failed(error)] => check(error.clone()),
            outcomes => panic!("{outcomes:?}"),
        }
    }
}

/// Checks that a unit is not reported as committed, and that reads fail.
#[cfg(unix)]
async fn check_unavailable(store: &SqliteStore) {
    for _ in 0..3 {
        match &store.commit(Arc::from([unit(&context(), &aggregate_id(), 0)])).await[..] {
            [CommitOutcome::Failed(error)] => {
                assert!(error.is_retryable() && error.to_string().contains("replaced"), "{error}");
            }
            outcomes => panic!("{outcomes:?}"),
        }
    }
    let error = store.load(&aggregate_id()).await.unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains("replaced"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_deleted_file_takes_no_commits() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("store.db");
    let store = SqliteStore::open(&file).await.unwrap();
    commit(&store, unit(&context(), &aggregate_id(), 0)).await;
    std::fs::remove_file(&file).unwrap();
    check_unavailable(&store).await;
    assert!(!file.exists());
    assert!(store.close().await.unwrap_err().to_string().contains("replaced"));
    assert!(!file.exists());
}

#[cfg(unix)]
#[tokio::test]
async fn a_replaced_file_and_its_log_are_left_alone() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("store.db");
    let store = SqliteStore::open(&file).await.unwrap();
    commit(&store, unit(&context(), &aggregate_id(), 0)).await;
    for suffix in ["", "-wal", "-shm"] {
        std::fs::remove_file(beside(&file, suffix)).unwrap();
    }
    let other = SqliteStore::open(&file).await.unwrap();
    let aggregate_id = aggregate_id();
    for version in 0..10 {
        commit(&other, unit(&context(), &aggregate_id, version)).await;
    }
    check_unavailable(&store).await;
    assert!(store.close().await.is_err());
    assert!(beside(&file, "-wal").metadata().unwrap().len() > 0);
    commit(&other, unit(&context(), &aggregate_id, 10)).await;
    other.close().await.unwrap();
    check_copy(&file, 11).await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_moved_away_and_back_accepts_commits() {
    let folder = TempDir::new().unwrap();
    let [file, away] = ["store.db", "away.db"].map(|name| folder.path().join(name));
    let store = SqliteStore::open(&file).await.unwrap();
    let aggregate_id = aggregate_id();
    commit(&store, unit(&context(), &aggregate_id, 0)).await;
    let rename = |from: &Path, to: &Path| {
        for suffix in ["", "-wal", "-shm"] {
            std::fs::rename(beside(from, suffix), beside(to, suffix)).unwrap();
        }
    };
    rename(&file, &away);
    check_unavailable(&store).await;
    rename(&away, &file);
    commit(&store, unit(&context(), &aggregate_id, 1)).await;
    store.close().await.unwrap();
    check_copy(&file, 2).await;
}

/// Commits need the log too. The close moves its content into the file.
#[cfg(unix)]
#[tokio::test]
async fn a_log_that_is_deleted_takes_no_commits() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("store.db");
    let store = SqliteStore::open(&file).await.unwrap();
    commit(&store, unit(&context(), &aggregate_id(), 0)).await;
    std::fs::remove_file(beside(&file, "-wal")).unwrap();
    let outcomes = store.commit(Arc::from([unit(&context(), &aggregate_id(), 0)])).await;
    assert!(
        matches!(&outcomes[..], [CommitOutcome::Failed(error)] if error.is_retryable()),
        "{outcomes:?}"
    );
    store.close().await.unwrap();
    check_copy(&file, 1).await;
}

#[cfg(unix)]
#[tokio::test]
async fn new_files_are_private_to_their_user() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = TempDir::new().unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let check = async |file: &Path, options: fluvius_sqlite::SqliteOptions, expected: u32| {
        let store = options.open(file).await.unwrap();
        commit(&store, unit(&context(), &aggregate_id(), 0)).await;
        let target = std::fs::canonicalize(file).unwrap();
        for suffix in ["", "-wal", "-shm"] {
            assert_eq!(mode(&beside(&target, suffix)), expected, "{suffix}");
        }
        let copy = beside(file, "-copy");
        store.backup_to(&copy).await.unwrap();
        assert_eq!(mode(&copy) & !expected, 0);
        std::fs::remove_file(copy).unwrap();
        store.close().await.unwrap();
    };
    let path = |name: &str| folder.path().join(name);
    check(&path("private.db"), SqliteStore::options(), 0o600).await;
    check(&path("shared.db"), SqliteStore::options().file_mode(0o640), 0o640).await;
    // An existing file keeps its mode.
    check(&path("shared.db"), SqliteStore::options(), 0o640).await;
    symlink(path("target.db"), path("link.db")).unwrap();
    check(&path("link.db"), SqliteStore::options(), 0o600).await;
    let memory = SqliteStore::in_memory().await.unwrap();
    memory.backup_to(path("memory.db")).await.unwrap();
    assert_eq!(mode(&path("memory.db")), 0o600);
}

/// A close does not wait for a long backup.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_way_ends_with_a_close() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("store.db");
    let store = SqliteStore::open(&file).await.unwrap();
    let large = crate::units::json(&format!("{:?}", "x".repeat(4 * 1024 * 1024)));
    for _ in 0..8 {
        let unit = crate::units::with_data(&context(), &aggregate_id(), 0, large.clone());
        commit(&store, unit).await;
    }
    let backup = tokio::spawn({
        let (store, copy) = (store.clone(), folder.path().join("copy.db"));
        async move { store.backup_to(copy).await }
    });
    let begun = Instant::now();
    while !std::fs::read_dir(folder.path())
        .unwrap()
        .any(|entry| entry.unwrap().file_name().to_string_lossy().ends_with(".part"))
        && !backup.is_finished()
    {
        assert!(begun.elapsed() < Duration::from_secs(30));
        tokio::task::yield_now().await;
    }
    store.close().await.unwrap();
    check_nothing_beside(&file);
    if let Err(error) = backup.await.unwrap() {
        assert!(error.to_string().contains("closed"), "{error}");
        assert!(!folder.path().join("copy.db").exists());
    }
}
