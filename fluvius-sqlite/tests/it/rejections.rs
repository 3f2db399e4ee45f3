//! Files that are rejected at the opening, and units with a row that cannot be stored.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fluvius_core::{CommitOutcome, Store, StoreError};
use fluvius_sqlite::SqliteStore;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::units::{aggregate_id, commit, context, id, json, logs, unit, with_data};

async fn open_error(path: &Path) -> StoreError {
    let error = SqliteStore::open(path).await.unwrap_err();
    assert!(!error.is_retryable(), "{error}");
    error
}

/// Checks that the file is rejected with this reason, and that its folder is unchanged.
async fn check_rejected(path: &Path, why: &str) {
    let folder = path.parent().unwrap();
    let names = || -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        names.sort();
        names
    };
    let (before, beside) = (std::fs::read(path).unwrap(), names());
    let error = open_error(path).await;
    assert!(error.to_string().contains(why), "{error}");
    assert!(std::fs::read(path).unwrap() == before, "the file was changed");
    assert_eq!(names(), beside);
}

/// Creates a closed file with a few rows.
async fn closed(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("store.db");
    let store = SqliteStore::open(&path).await.unwrap();
    let (context, aggregate_id) = (context(), aggregate_id());
    for version in 0..40 {
        commit(&store, unit(&context, &aggregate_id, version)).await;
    }
    drop(store);
    // The last close checkpoints the log and removes it.
    let log = folder.path().join("store.db-wal");
    for _ in 0..500 {
        if !log.exists() {
            return path;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the store is not closed");
}

#[tokio::test]
async fn a_file_of_something_else_is_rejected_unchanged() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "these are my notes\n".repeat(500)).unwrap();
    check_rejected(&path, "it is no SQLite database").await;
    // SQLite opens this file as an empty database.
    std::fs::write(&path, "x").unwrap();
    check_rejected(&path, "another program").await;
}

#[tokio::test]
async fn a_database_of_another_program_is_rejected_unchanged() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("other.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE mine (a); ").unwrap();
    check_rejected(&path, "another program").await;
}

#[tokio::test]
async fn a_file_of_a_newer_release_is_rejected_unchanged() {
    let folder = TempDir::new().unwrap();
    let path = closed(&folder).await;
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 1_000).unwrap();
    check_rejected(&path, "use a newer release").await;
}

#[tokio::test]
async fn a_file_from_before_the_first_release_is_rejected_unchanged() {
    for version in [1, 2] {
        let folder = TempDir::new().unwrap();
        let path = closed(&folder).await;
        Connection::open(&path).unwrap().pragma_update(None, "user_version", version).unwrap();
        let why = format!("schema version {version}, written before the first release");
        check_rejected(&path, &why).await;
        check_rejected(&path, "name another file, or open it with the program that wrote it").await;
    }
}

#[tokio::test]
async fn a_version_that_is_only_in_the_log_is_rejected() {
    for (version, why) in [(1_000, "use a newer release"), (2, "before the first release")] {
        let folder = TempDir::new().unwrap();
        let path = closed(&folder).await;
        let other = Connection::open(&path).unwrap();
        other.pragma_update(None, "user_version", version).unwrap();
        let error = open_error(&path).await;
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[tokio::test]
async fn a_file_with_a_damaged_beginning_is_rejected_unchanged() {
    let folder = TempDir::new().unwrap();
    let path = closed(&folder).await;
    let whole = std::fs::read(&path).unwrap();
    for (from, to) in [(0, 16), (0, 100)] {
        let mut bytes = whole.clone();
        bytes[from..to].fill(0);
        std::fs::write(&path, bytes).unwrap();
        check_rejected(&path, "damaged").await;
    }
    // The schema, behind the header.
    let mut bytes = whole.clone();
    bytes[100..4096].fill(0xff);
    std::fs::write(&path, bytes).unwrap();
    check_rejected(&path, "damaged").await;
    std::fs::write(&path, &whole[..60]).unwrap();
    check_rejected(&path, "another program").await;
}

#[tokio::test]
async fn a_cut_file_is_rejected_unchanged() {
    let folder = TempDir::new().unwrap();
    let path = closed(&folder).await;
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    check_rejected(&path, "damaged").await;
}

#[tokio::test]
async fn a_file_without_its_tables_is_rejected() {
    let folder = TempDir::new().unwrap();
    let path = closed(&folder).await;
    let foreign = Connection::open(&path).unwrap();
    foreign.execute_batch("DROP VIEW message_log; DROP TABLE message;").unwrap();
    drop(foreign);
    check_rejected(&path, "the table `message` is missing").await;
}

#[tokio::test]
async fn a_path_without_a_file_is_rejected() {
    let folder = TempDir::new().unwrap();
    for (path, why) in [
        (folder.path().join("missing/store.db"), "its folder is not there"),
        (folder.path().to_owned(), "is a folder"),
        (PathBuf::from(":memory:"), "in_memory"),
        (PathBuf::new(), "in_memory"),
    ] {
        let error = open_error(&path).await;
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[tokio::test]
async fn a_name_that_looks_like_an_address_is_a_name() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("file:store?mode=memory");
    let store = SqliteStore::open(&path).await.unwrap();
    commit(&store, unit(&context(), &aggregate_id(), 0)).await;
    assert!(path.metadata().unwrap().len() > 0);
}

#[tokio::test]
async fn a_row_that_is_too_long_fails_its_unit_and_its_dependents() {
    let store = SqliteStore::options().max_row_bytes(1_000).open_in_memory().await.unwrap();
    let context = context();
    let (long, beside) = (aggregate_id(), aggregate_id());
    let text = json(&format!("{:?}", "x".repeat(1_000)));
    let mut dependent = unit(&context, &long, 1);
    dependent.depends_on.push(0);
    let batch = [with_data(&context, &long, 0, text), dependent, unit(&context, &beside, 0)];
    let outcomes = store.commit(Arc::from(batch)).await;
    let [
        CommitOutcome::Failed(error),
        CommitOutcome::DependencyAborted { on: 0 },
        CommitOutcome::Committed { .. },
    ] = &outcomes[..]
    else {
        panic!("{outcomes:?}");
    };
    assert!(!error.is_retryable() && error.to_string().contains("max_row_bytes"), "{error}");
    assert_eq!(logs(&store).await.commands.len(), 1);
    // A little shorter.
    let text = json(&format!("{:?}", "x".repeat(965)));
    commit(&store, with_data(&context, &long, 0, text)).await;
}

/// Another program has added a unique index, which the store does not check before it writes.
#[tokio::test]
async fn a_rejected_row_aborts_its_unit_and_dependents_only() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.db");
    let store = SqliteStore::open(&path).await.unwrap();
    commit(&store, unit(&context(), &aggregate_id(), 0)).await;
    let foreign = Connection::open(&path).unwrap();
    foreign.execute_batch("CREATE UNIQUE INDEX planted ON event (data)").unwrap();
    let context = context();
    let aggregate_ids = [aggregate_id(), aggregate_id(), aggregate_id(), aggregate_id()];
    let answering = |at: usize, version| {
        let mut unit = unit(&context, &aggregate_ids[at], version);
        Arc::make_mut(&mut unit.events[0]).data = Some(json("\"once\""));
        unit
    };
    let before = logs(&store).await;
    let mut batch = vec![
        unit(&context, &aggregate_ids[0], 0),
        answering(1, 0),
        // The same data again: rejected, together with its new context, name and aggregate.
        answering(2, 0),
        unit(&context, &aggregate_ids[2], 1),
        unit(&context, &aggregate_ids[0], 1),
        unit(&context, &aggregate_ids[3], 0),
        answering(3, 1),
        unit(&context, &aggregate_ids[3], 1),
    ];
    batch[3].depends_on.push(2);
    batch[4].depends_on.push(0);
    batch[6].depends_on.push(5);
    batch[7].depends_on.push(5);
    Arc::make_mut(&mut batch[2].commands[0]).command = "a-new-name".into();
    let alone = Arc::new({
        let mut record = (*context).clone();
        record.id = id();
        record
    });
    Arc::make_mut(&mut batch[2].commands[0]).context_id = alone.id;
    Arc::make_mut(&mut batch[2].activities[0]).context_id = alone.id;
    batch[2].context = Arc::clone(&alone);
    let outcomes = store.commit(Arc::from(batch.clone())).await;
    let found: Vec<String> = outcomes
        .iter()
        .map(|outcome| match outcome {
            CommitOutcome::Committed { .. } => "committed".to_owned(),
            CommitOutcome::Failed(error) => format!("failed {}", error.is_retryable()),
            outcome => format!("{outcome:?}"),
        })
        .collect();
    let expected = [
        "committed",
        "committed",
        "failed false",
        "DependencyAborted { on: 2 }",
        "committed",
        "committed",
        "failed false",
        "committed",
    ];
    assert_eq!(found, expected);
    let after = logs(&store).await;
    assert_eq!(after.commands.len(), before.commands.len() + 5);
    let positions: Vec<u64> = after.commands.iter().map(|row| row.position).collect();
    assert!(positions.is_sorted_by(|one, next| one < next));
    assert!(store.load(&aggregate_ids[2]).await.unwrap().is_none());
    assert!(store.context(alone.id).await.unwrap().is_none());
    assert_eq!(
        store.load(&aggregate_ids[3]).await.unwrap(),
        Some(batch[7].states[0].as_ref().clone())
    );
    assert_eq!(store.history(&aggregate_ids[0], 1, 9).await.unwrap().len(), 2);
    // Without the index, the next units are stored.
    foreign.execute_batch("DROP INDEX planted").unwrap();
    batch[6].depends_on.clear();
    commit(&store, answering(2, 0)).await;
    commit(&store, answering(3, 2)).await;
}
