//! Commits that fail at every point, one after the other (T3).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use fluvius_core::{AggregateRoot, Fate, Store, UnitOfWork};
use rusqlite::ffi;
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::Job;
use crate::error::Fault;
use crate::failpoint::Failpoint;
use crate::{SqliteOptions, SqliteStore};

#[path = "../../tests/it/units.rs"]
mod units;

use units::{commit, context, logs, root, unit};

/// Lets the commit fail at the n-th point that it comes to.
#[derive(Default)]
struct Trap {
    is_armed: AtomicBool,
    reached: AtomicUsize,
    fails_at: AtomicUsize,
    points: std::sync::Mutex<Vec<&'static str>>,
}

#[derive(Debug, Clone, Copy)]
enum Way {
    /// The disk has failed: SQLite may have left something.
    Disk,
    Full,
    Panic,
}

impl Trap {
    fn arm(&self, fails_at: usize) {
        self.points.lock().unwrap().clear();
        self.reached.store(0, Ordering::SeqCst);
        self.fails_at.store(fails_at, Ordering::SeqCst);
        self.is_armed.store(true, Ordering::SeqCst);
    }

    fn options(self: &Arc<Self>, way: Way) -> SqliteOptions {
        let trap = Arc::clone(self);
        let happens = move |point| {
            if !trap.is_armed.load(Ordering::SeqCst) {
                return Ok(());
            }
            trap.points.lock().unwrap().push(point);
            if trap.reached.fetch_add(1, Ordering::SeqCst) != trap.fails_at.load(Ordering::SeqCst) {
                return Ok(());
            }
            let code = match way {
                Way::Disk => ffi::SQLITE_IOERR_FSYNC,
                Way::Full => ffi::SQLITE_FULL,
                Way::Panic => panic!("planted at `{point}`"),
            };
            Err(failure(code))
        };
        SqliteOptions { failpoint: Failpoint(Some(Arc::new(happens))), ..SqliteOptions::default() }
    }
}

fn failure(code: i32) -> Fault {
    Fault::Sqlite(rusqlite::Error::SqliteFailure(ffi::Error::new(code), Some("planted".to_owned())))
}

/// A batch in which a unit makes a root, one stands on it, and one writes another root.
fn batch(known: &AggregateRoot, version: u64) -> Arc<[UnitOfWork]> {
    let (context, fresh) = (context(), root());
    let first = unit(&context, &fresh, 0);
    let mut second = unit(&context, &fresh, 1);
    second.depends_on.push(0);
    let mut third = unit(&context, known, version);
    // A name that is new each time.
    Arc::make_mut(&mut third.commands[0]).command = format!("give-{}", units::id()).into();
    Arc::from([first, second, third])
}

async fn check_every_point(way: Way, in_memory: bool) {
    let folder = TempDir::new().unwrap();
    let trap = Arc::new(Trap::default());
    let store = match in_memory {
        true => trap.options(way).open_in_memory().await.unwrap(),
        false => trap.options(way).open(folder.path().join("store.db")).await.unwrap(),
    };
    let known = root();
    commit(&store, unit(&context(), &known, 0)).await;
    let mut version = 1;
    for point in 0.. {
        assert!(point < 200, "the trap never opens");
        let before = logs(&store).await;
        let states = (store.load(&known).await.unwrap(), version);
        let batch = batch(&known, version);
        trap.arm(point);
        let fates = store.commit(Arc::clone(&batch)).await;
        trap.is_armed.store(false, Ordering::SeqCst);
        let points = trap.points.lock().unwrap().clone();
        let at = points.get(point).copied().unwrap_or("none");
        let stands = match fates.as_slice() {
            [Fate::Committed { .. }, Fate::Committed { .. }, Fate::Committed { .. }] => true,
            [Fate::Failed(one), Fate::Failed(other), Fate::Failed(third)] => {
                assert!(one.can_retry() && other.can_retry() && third.can_retry(), "{fates:?}");
                false
            }
            // What a panic at the commit leaves is for the log to tell.
            [Fate::Unknown, Fate::Unknown, Fate::Unknown] => {
                assert!(matches!(way, Way::Panic) && ["commit", "committed"].contains(&at));
                store.command(batch[0].commands[0].id).await.unwrap().is_some()
            }
            fates => panic!("at `{at}`: {fates:?}"),
        };
        let after = logs(&store).await;
        let expected_rows = if stands { before.commands.len() + 3 } else { before.commands.len() };
        assert_eq!(after.commands.len(), expected_rows, "at `{at}`");
        if stands {
            version += 1;
        } else {
            assert_eq!(after, before, "at `{at}`");
            assert_eq!((store.load(&known).await.unwrap(), version), states, "at `{at}`");
            assert!(store.load(&batch[0].states[0].root).await.unwrap().is_none(), "at `{at}`");
            assert!(store.context(batch[0].context.id).await.unwrap().is_none(), "at `{at}`");
        }
        // The same again: it stands now, however it ended before.
        for fate in store.commit(Arc::clone(&batch)).await {
            match fate {
                Fate::Committed { .. } => assert!(!stands, "at `{at}`"),
                Fate::Known { .. } | Fate::Fell { .. } => assert!(stands, "at `{at}`"),
                fate => panic!("at `{at}`, again: {fate:?}"),
            }
        }
        version += u64::from(!stands);
        assert_eq!(logs(&store).await.commands.len(), before.commands.len() + 3, "at `{at}`");
        if at == "none" {
            let all = ["begin", "name", "context", "command", "root", "event", "message"];
            for name in all.into_iter().chain(["activity", "state", "commit", "committed"]) {
                assert!(points.contains(&name), "no commit came to `{name}`");
            }
            return;
        }
    }
}

#[tokio::test]
async fn a_disk_that_fails_at_any_point_leaves_nothing() {
    check_every_point(Way::Disk, false).await;
    check_every_point(Way::Disk, true).await;
}

#[tokio::test]
async fn a_disk_that_is_full_at_any_point_leaves_nothing() {
    check_every_point(Way::Full, false).await;
}

#[tokio::test]
async fn a_panic_at_any_point_leaves_all_or_nothing() {
    check_every_point(Way::Panic, false).await;
    check_every_point(Way::Panic, true).await;
}

/// While the disk cannot be written to at all, a commit that failed may still come back.
#[tokio::test]
async fn what_a_failed_commit_has_left_is_unknown_until_it_is_written_over() {
    let folder = TempDir::new().unwrap();
    let is_broken = Arc::new(AtomicBool::new(false));
    let broken = Arc::clone(&is_broken);
    let happens = move |point| match point {
        "commit" | "seal" if broken.load(Ordering::SeqCst) => Err(failure(ffi::SQLITE_IOERR_FSYNC)),
        _ => Ok(()),
    };
    let options =
        SqliteOptions { failpoint: Failpoint(Some(Arc::new(happens))), ..SqliteOptions::default() };
    let store = options.open(folder.path().join("store.db")).await.unwrap();
    let known = root();
    commit(&store, unit(&context(), &known, 0)).await;

    is_broken.store(true, Ordering::SeqCst);
    let lost = unit(&context(), &known, 1);
    let stale = unit(&context(), &known, 1);
    let id = lost.commands[0].id;
    let fates = store.commit(Arc::from([lost.clone(), stale])).await;
    // What was refused because of it is not known to be refused.
    assert!(matches!(&fates[..], [Fate::Unknown, Fate::Failed(error)] if error.can_retry()));
    assert!(store.command(id).await.unwrap_err().can_retry());
    let fates = store.commit(Arc::from([unit(&context(), &root(), 0)])).await;
    assert!(matches!(&fates[..], [Fate::Failed(error)] if error.can_retry()), "{fates:?}");

    is_broken.store(false, Ordering::SeqCst);
    assert!(store.command(id).await.unwrap().is_none());
    commit(&store, lost).await;
    assert!(store.command(id).await.unwrap().is_some());
}

/// Runs something with the writer's connection.
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
async fn a_full_disk_refuses_commits_until_there_is_space() {
    let folder = TempDir::new().unwrap();
    let on_disk = SqliteStore::open(folder.path().join("store.db")).await.unwrap();
    for store in [on_disk, SqliteStore::in_memory().await.unwrap()] {
        let known = root();
        commit(&store, unit(&context(), &known, 0)).await;
        let set_page_count_max = |count: u32| {
            on_writer(&store, move |connection| {
                connection
                    .pragma_update_and_check(None, "max_page_count", count, |_| Ok(()))
                    .unwrap();
            })
        };
        // No smaller than it is already.
        set_page_count_max(1).await;
        let before = logs(&store).await;
        let large = units::json(&format!("{:?}", "x".repeat(100_000)));
        let batch = [unit(&context(), &known, 1), units::with_data(&context(), &root(), 0, large)];
        let batch: Arc<[UnitOfWork]> = Arc::from(batch);
        for _ in 0..3 {
            for fate in store.commit(Arc::clone(&batch)).await {
                let Fate::Failed(error) = fate else { panic!("{fate:?}") };
                assert!(
                    error.can_retry() && error.to_string().contains("no space left"),
                    "{error}"
                );
            }
            assert_eq!(logs(&store).await, before);
        }
        set_page_count_max(1_000_000).await;
        for fate in store.commit(batch).await {
            assert!(matches!(fate, Fate::Committed { .. }), "{fate:?}");
        }
    }
}

#[tokio::test]
async fn a_writer_that_is_gone_is_replaced() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path().join("store.db")).await.unwrap();
    let known = root();
    commit(&store, unit(&context(), &known, 0)).await;
    store.writer().lose();
    commit(&store, unit(&context(), &known, 1)).await;
    assert_eq!(store.load(&known).await.unwrap().unwrap().version, 2);
}

/// Units that were stored one by one, in a transaction that then could not be committed.
#[tokio::test]
async fn what_was_known_of_a_failed_transaction_is_forgotten() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("store.db");
    let is_broken = Arc::new(AtomicBool::new(false));
    let broken = Arc::clone(&is_broken);
    let happens = move |point| match point {
        "commit" if broken.load(Ordering::SeqCst) => Err(failure(ffi::SQLITE_FULL)),
        _ => Ok(()),
    };
    let options =
        SqliteOptions { failpoint: Failpoint(Some(Arc::new(happens))), ..SqliteOptions::default() };
    let store = options.open(&file).await.unwrap();
    commit(&store, unit(&context(), &root(), 0)).await;
    // A row that the database refuses lets each unit be stored by itself.
    let foreign = rusqlite::Connection::open(&file).unwrap();
    foreign.execute_batch("CREATE UNIQUE INDEX planted ON command (response)").unwrap();
    let (fresh, context) = (root(), context());
    let mut batch =
        [unit(&context, &fresh, 0), unit(&context, &root(), 0), unit(&context, &root(), 0)];
    batch
        .iter_mut()
        .for_each(|unit| Arc::make_mut(&mut unit.commands[0]).command = "a-new-name".into());
    Arc::make_mut(&mut batch[1].commands[0]).response = Some(units::json("1"));
    Arc::make_mut(&mut batch[2].commands[0]).response = Some(units::json("1"));
    let batch: Arc<[UnitOfWork]> = Arc::from(batch);
    let before = logs(&store).await;
    is_broken.store(true, Ordering::SeqCst);
    for fate in store.commit(Arc::clone(&batch)).await {
        assert!(matches!(fate, Fate::Failed(_)), "{fate:?}");
    }
    assert_eq!(logs(&store).await, before);
    is_broken.store(false, Ordering::SeqCst);
    let fates = store.commit(Arc::clone(&batch)).await;
    let [Fate::Committed { first }, Fate::Committed { .. }, Fate::Failed(_)] = fates[..] else {
        panic!("{fates:?}");
    };
    let last = before.activities.last().unwrap().position;
    assert_eq!(first, last + 1);
    assert_eq!(logs(&store).await.commands.len(), before.commands.len() + 2);
    assert_eq!(
        store.command(batch[0].commands[0].id).await.unwrap().unwrap().0.record,
        batch[0].commands[0].as_ref().clone()
    );
}
