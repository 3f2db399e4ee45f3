//! Failed commits, by failpoints.

mod groups;
mod indexes;
mod lost_files;
mod points;
mod rejected_rows;
mod work_rows;
mod write_lease;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fluvius_store::{CommitOutcome, Store, UnitOfWork};
use rusqlite::ffi;
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::Job;
use crate::error::Fault;
use crate::failpoint::{Failpoint, Step};
use crate::{SqliteOptions, SqliteStore};

#[path = "../../../tests/it/child.rs"]
#[allow(dead_code, reason = "these tests use a part of it")]
mod child;
#[path = "../../../tests/it/units.rs"]
pub(crate) mod units;

use units::{aggregate_id, commit, context, json, logs, unit};

/// Returns the options of a store that calls `happens` at its failpoints.
fn failing(
    happens: impl Fn(&'static str) -> Result<(), Fault> + Send + Sync + 'static,
) -> SqliteOptions {
    let happens = move |step: Step<'_>| match step {
        Step::Point(point) => happens(point),
        Step::Statement(_) => Ok(()),
    };
    SqliteOptions { failpoint: Failpoint(Some(Arc::new(happens))), ..SqliteOptions::default() }
}

fn failure(code: i32) -> Fault {
    Fault::Sqlite(rusqlite::Error::SqliteFailure(ffi::Error::new(code), Some("planted".to_owned())))
}

/// While the disk accepts no writes, a failed commit may still reappear after a crash.
#[tokio::test]
async fn a_failed_commit_is_in_doubt_until_it_is_overwritten() {
    let folder = TempDir::new().unwrap();
    let is_broken = Arc::new(AtomicBool::new(false));
    let broken = Arc::clone(&is_broken);
    let options = failing(move |point| match point {
        "commit" | "overwrite tail" if broken.load(Ordering::SeqCst) => {
            Err(failure(ffi::SQLITE_IOERR_FSYNC))
        }
        _ => Ok(()),
    });
    let store = options.open(folder.path().join("store.db")).await.unwrap();
    let known = aggregate_id();
    commit(&store, unit(&context(), &known, 0)).await;

    is_broken.store(true, Ordering::SeqCst);
    let lost = unit(&context(), &known, 1);
    let stale = unit(&context(), &known, 1);
    let id = lost.commands[0].id;
    let outcomes = store.commit(Arc::from([lost.clone(), stale])).await;
    // An outcome that depends on the aborted unit is not reported.
    assert!(matches!(&outcomes[..],
        [CommitOutcome::InDoubt, CommitOutcome::Failed(error)] if error.is_retryable()));
    assert!(store.command(id).await.unwrap_err().is_retryable());
    let outcomes = store.commit(Arc::from([unit(&context(), &aggregate_id(), 0)])).await;
    assert!(
        matches!(&outcomes[..], [CommitOutcome::Failed(error)] if error.is_retryable()),
        "{outcomes:?}"
    );

    is_broken.store(false, Ordering::SeqCst);
    assert!(store.command(id).await.unwrap().is_none());
    commit(&store, lost).await;
    assert!(store.command(id).await.unwrap().is_some());
}

/// Runs a function on the writer's connection.
async fn on_writer<T: Send + 'static>(
    store: &SqliteStore,
    run: impl FnOnce(&rusqlite::Connection) -> T + Send + 'static,
) -> T {
    let (answer, answered) = oneshot::channel();
    let job = Job::Read(Box::new(move |connection| {
        let _ = answer.send(run(connection.unwrap()));
    }));
    store.writer().send(job).unwrap();
    answered.await.unwrap()
}

#[tokio::test]
async fn a_full_disk_fails_commits_until_there_is_space() {
    let folder = TempDir::new().unwrap();
    let on_disk = SqliteStore::open(folder.path().join("store.db")).await.unwrap();
    for store in [on_disk, SqliteStore::in_memory().await.unwrap()] {
        let known = aggregate_id();
        commit(&store, unit(&context(), &known, 0)).await;
        let set_page_count_max = |count: u32| {
            on_writer(&store, move |connection| {
                connection
                    .pragma_update_and_check(None, "max_page_count", count, |_| Ok(()))
                    .unwrap();
            })
        };
        // The limit cannot be below the current size.
        set_page_count_max(1).await;
        let before = logs(&store).await;
        let large = json(&format!("{:?}", "x".repeat(100_000)));
        let batch =
            [unit(&context(), &known, 1), units::with_data(&context(), &aggregate_id(), 0, large)];
        let batch: Arc<[UnitOfWork]> = Arc::from(batch);
        for _ in 0..3 {
            for outcome in store.commit(Arc::clone(&batch)).await {
                let CommitOutcome::Failed(error) = outcome else { panic!("{outcome:?}") };
                assert!(
                    error.is_retryable() && error.to_string().contains("no space left"),
                    "{error}"
                );
            }
            assert_eq!(logs(&store).await, before);
        }
        set_page_count_max(1_000_000).await;
        for outcome in store.commit(batch).await {
            assert!(matches!(outcome, CommitOutcome::Committed { .. }), "{outcome:?}");
        }
    }
}

#[tokio::test]
async fn a_lost_writer_is_replaced() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path().join("store.db")).await.unwrap();
    let known = aggregate_id();
    commit(&store, unit(&context(), &known, 0)).await;
    store.writer().lose();
    commit(&store, unit(&context(), &known, 1)).await;
    assert_eq!(store.load(&known).await.unwrap().unwrap().version, 2);
}

/// The units were stored one by one, in a transaction whose COMMIT then failed.
#[tokio::test]
async fn a_failed_transaction_clears_the_cache() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("store.db");
    let is_broken = Arc::new(AtomicBool::new(false));
    let broken = Arc::clone(&is_broken);
    let options = failing(move |point| match point {
        "commit" if broken.load(Ordering::SeqCst) => Err(failure(ffi::SQLITE_FULL)),
        _ => Ok(()),
    });
    let store = options.open(&file).await.unwrap();
    commit(&store, unit(&context(), &aggregate_id(), 0)).await;
    // A rejected row makes the writer store each unit separately.
    let foreign = rusqlite::Connection::open(&file).unwrap();
    foreign.execute_batch("CREATE UNIQUE INDEX planted ON command (response)").unwrap();
    let (fresh, context) = (aggregate_id(), context());
    let mut batch = [
        unit(&context, &fresh, 0),
        unit(&context, &aggregate_id(), 0),
        unit(&context, &aggregate_id(), 0),
    ];
    batch
        .iter_mut()
        .for_each(|unit| Arc::make_mut(&mut unit.commands[0]).command = "a-new-name".into());
    Arc::make_mut(&mut batch[1].commands[0]).response = Some(json("1"));
    Arc::make_mut(&mut batch[2].commands[0]).response = Some(json("1"));
    let batch: Arc<[UnitOfWork]> = Arc::from(batch);
    let before = logs(&store).await;
    is_broken.store(true, Ordering::SeqCst);
    for outcome in store.commit(Arc::clone(&batch)).await {
        assert!(matches!(outcome, CommitOutcome::Failed(_)), "{outcome:?}");
    }
    assert_eq!(logs(&store).await, before);
    is_broken.store(false, Ordering::SeqCst);
    let outcomes = store.commit(Arc::clone(&batch)).await;
    let [
        CommitOutcome::Committed { first, .. },
        CommitOutcome::Committed { .. },
        CommitOutcome::Failed(_),
    ] = outcomes[..]
    else {
        panic!("{outcomes:?}");
    };
    let last = before.activities.last().unwrap().position;
    assert_eq!(first, last + 1);
    assert_eq!(logs(&store).await.commands.len(), before.commands.len() + 2);
    assert_eq!(
        store.command(batch[0].commands[0].id).await.unwrap().unwrap().0.record,
        batch[0].commands[0].as_ref().clone()
    );
}
