//! Files that are lost during a commit.

#![cfg(unix)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fluvius_store::{CommitOutcome, Store};
use tempfile::TempDir;

use super::units::{aggregate_id, commit, context, unit};
use super::{SqliteOptions, failing};

/// Returns the options of a store whose file is moved away at the next commit, once the flag is
/// set.
fn moving(folder: &Path, name: &'static str) -> (SqliteOptions, Arc<AtomicBool>) {
    let is_armed = Arc::new(AtomicBool::new(false));
    let (folder, armed) = (folder.to_owned(), Arc::clone(&is_armed));
    let options = failing(move |point| {
        if point == "commit" && armed.swap(false, Ordering::SeqCst) {
            std::fs::rename(folder.join(name), folder.join("away")).unwrap();
        }
        Ok(())
    });
    (options, is_armed)
}

#[tokio::test]
async fn a_commit_into_a_lost_file_is_in_doubt_until_it_is_back() {
    for name in ["store.db", "store.db-wal", "store.db-shm"] {
        let folder = TempDir::new().unwrap();
        let (options, is_armed) = moving(folder.path(), name);
        let store = options.open(folder.path().join("store.db")).await.unwrap();
        let known = aggregate_id();
        commit(&store, unit(&context(), &known, 0)).await;

        is_armed.store(true, Ordering::SeqCst);
        let lost = unit(&context(), &known, 1);
        let stale = unit(&context(), &known, 9);
        let id = lost.commands[0].id;
        let outcomes = store.commit(Arc::from([lost, stale])).await;
        // No outcome is reported that relies on the lost file.
        let [CommitOutcome::InDoubt, CommitOutcome::Failed(error)] = &outcomes[..] else {
            panic!("{outcomes:?}")
        };
        assert!(error.is_retryable());
        assert!(store.command(id).await.unwrap_err().is_retryable());
        let outcomes = store.commit(Arc::from([unit(&context(), &aggregate_id(), 0)])).await;
        assert!(
            matches!(&outcomes[..], [CommitOutcome::Failed(error)] if error.is_retryable()),
            "{outcomes:?}"
        );

        std::fs::rename(folder.path().join("away"), folder.path().join(name)).unwrap();
        assert!(store.command(id).await.unwrap().is_some());
        commit(&store, unit(&context(), &known, 2)).await;
        store.close().await.unwrap();
    }
}
