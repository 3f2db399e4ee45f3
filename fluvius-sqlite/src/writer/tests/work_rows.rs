//! Writes of work rows that fail at one failpoint after the other.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use fluvius_store::chrono::DateTime;
use fluvius_store::uuid::Uuid;
use fluvius_store::work::{WorkKey, WorkOutcome, WorkQuery, WorkRow, WorkUnit, WorkWrite};
use fluvius_store::{ActivityRecord, Store};
use rusqlite::ffi;
use tempfile::TempDir;

use super::units::{aggregate_id, commit, context, json, logs, unit};
use super::{failing, failure, on_writer};
use crate::SqliteStore;

/// The failpoints that the last write has reached, and the one at which it fails.
#[derive(Default)]
struct FailingPoint {
    is_armed: AtomicBool,
    fails_at: AtomicUsize,
    points: Mutex<Vec<&'static str>>,
}

async fn rows(store: &SqliteStore) -> Vec<WorkRow> {
    store.work(&WorkQuery::new(DateTime::UNIX_EPOCH, ["checkpoint"])).await.unwrap().rows
}

fn key(part: &str) -> WorkKey {
    WorkKey::new("checkpoint", "mailer", part)
}

/// Returns a unit that deletes a row and logs an activity, and may put another row.
fn work_unit(rows: &[WorkRow], number: usize, with_put: bool) -> WorkUnit {
    let context = context();
    let activity = ActivityRecord::new(
        Uuid::new_v4(),
        aggregate_id(),
        context.id,
        Uuid::new_v4(),
        format!("reset {number}"),
    );
    let put = WorkWrite::put(key("a"), Some(rows[0].token), json(&number.to_string()));
    let put = with_put.then_some(put);
    WorkUnit::new(put.into_iter().chain([WorkWrite::delete(key("b"), rows[1].token)]))
        .with_activity(context, Arc::new(activity))
}

async fn write(store: &SqliteStore, unit: WorkUnit) -> WorkOutcome {
    store.write_work(Arc::from([unit]), DateTime::UNIX_EPOCH).await.pop().unwrap()
}

/// Restores the row that a stored unit has deleted.
async fn put_back(store: &SqliteStore) {
    let unit = WorkUnit::new([WorkWrite::put(key("b"), None, json("0"))]);
    assert!(matches!(write(store, unit).await, WorkOutcome::Stored { .. }));
}

async fn check_every_point(code: Option<i32>, with_put: bool) {
    let folder = TempDir::new().unwrap();
    let failing_point = Arc::new(FailingPoint::default());
    let shared = Arc::clone(&failing_point);
    let options = failing(move |point| {
        if !shared.is_armed.load(Ordering::SeqCst) {
            return Ok(());
        }
        let mut points = shared.points.lock().unwrap();
        points.push(point);
        if points.len() - 1 != shared.fails_at.load(Ordering::SeqCst) {
            return Ok(());
        }
        drop(points);
        match code {
            Some(code) => Err(failure(code)),
            None => panic!("planted at `{point}`"),
        }
    });
    let store = options.open(folder.path().join("store.db")).await.unwrap();
    commit(&store, unit(&context(), &aggregate_id(), 0)).await;
    let unit = WorkUnit::new(["a", "b"].map(|part| WorkWrite::put(key(part), None, json("0"))));
    assert!(matches!(write(&store, unit).await, WorkOutcome::Stored { .. }));
    for point in 0.. {
        assert!(point < 100, "a write has over 100 failpoints");
        let (before, log) = (rows(&store).await, logs(&store).await);
        let unit = work_unit(&before, point, with_put);
        failing_point.points.lock().unwrap().clear();
        failing_point.fails_at.store(point, Ordering::SeqCst);
        failing_point.is_armed.store(true, Ordering::SeqCst);
        let outcome = write(&store, unit.clone()).await;
        failing_point.is_armed.store(false, Ordering::SeqCst);
        let points = failing_point.points.lock().unwrap().clone();
        let at = points.get(point).copied().unwrap_or("none");
        let (after, found) = (rows(&store).await, logs(&store).await);
        let is_stored = after != before;
        assert_eq!(found.activities.len(), log.activities.len() + usize::from(is_stored), "{at}");
        match outcome {
            WorkOutcome::Stored { token } => {
                assert!(is_stored && after.len() == 1, "at `{at}`");
                assert!(!with_put || after[0].token == token, "at `{at}`");
            }
            WorkOutcome::Failed(error) => {
                assert!(!is_stored && error.is_retryable(), "at `{at}`: {error}");
            }
            // Without a row that was put, the content does not tell.
            WorkOutcome::InDoubt => {
                assert!(code.is_none() || at == "committed" && !with_put, "at `{at}`");
            }
            outcome => panic!("at `{at}`: {outcome:?}"),
        }
        // The same unit again is stored if it was not.
        match write(&store, unit).await {
            WorkOutcome::Stored { .. } => assert!(!is_stored, "at `{at}`"),
            WorkOutcome::Stale { key: stale, .. } => {
                let first = key(if with_put { "a" } else { "b" });
                assert!(is_stored && stale == first, "at `{at}`");
            }
            outcome => panic!("at `{at}`, again: {outcome:?}"),
        }
        put_back(&store).await;
        if at == "none" {
            for name in ["work unit", "activity", "token", "work row", "commit", "committed"] {
                assert!(points.contains(&name), "no write reached `{name}`");
            }
            return;
        }
    }
}

#[tokio::test]
async fn a_disk_that_fails_at_any_point_keeps_work_rows() {
    for with_put in [true, false] {
        check_every_point(Some(ffi::SQLITE_IOERR_FSYNC), with_put).await;
        check_every_point(Some(ffi::SQLITE_FULL), with_put).await;
    }
}

#[tokio::test]
async fn a_panic_at_any_point_keeps_work_rows() {
    check_every_point(None, true).await;
    check_every_point(None, false).await;
}

/// A rejected row fails its own call, and no other job of the same transaction.
#[tokio::test]
async fn a_rejected_work_row_fails_alone() {
    let store = SqliteStore::in_memory().await.unwrap();
    on_writer(&store, |connection| {
        connection.execute_batch("CREATE UNIQUE INDEX planted ON work (data)").unwrap();
    })
    .await;
    let put = |part: &str, data: &str| WorkUnit::new([WorkWrite::put(key(part), None, json(data))]);
    assert!(matches!(write(&store, put("a", "13")).await, WorkOutcome::Stored { .. }));
    let (rejected, committed, other) = tokio::join!(
        write(&store, put("b", "13")),
        store.commit(Arc::from([unit(&context(), &aggregate_id(), 0)])),
        write(&store, put("c", "14")),
    );
    assert!(matches!(rejected, WorkOutcome::Failed(error) if !error.is_retryable()));
    assert!(matches!(committed[..], [fluvius_store::CommitOutcome::Committed { .. }]));
    assert!(matches!(other, WorkOutcome::Stored { .. }));
    assert_eq!(rows(&store).await.len(), 2);
}
