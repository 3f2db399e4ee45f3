//! Commits that fail at one failpoint after the other (T3).

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use fluvius_store::chrono::DateTime;
use fluvius_store::query::Field;
use fluvius_store::verify::verify;
use fluvius_store::work::{WorkKey, WorkOutcome, WorkUnit, WorkWrite};
use fluvius_store::{AggregateId, CommitOutcome, Store, UnitOfWork};
use rusqlite::ffi;
use tempfile::TempDir;

use super::indexes::check_values;
use super::units::{self, aggregate_id, commit, context, json, logs, unit};
use super::{child, failing, failure, on_writer};
use crate::failpoint::{Failpoint, Step};
use crate::{SqliteOptions, SqliteStore};

/// Makes the commit fail at the n-th failpoint that it reaches.
#[derive(Default)]
struct Trap {
    is_armed: AtomicBool,
    reached: AtomicUsize,
    fails_at: AtomicUsize,
    points: Mutex<Vec<&'static str>>,
}

#[derive(Debug, Clone, Copy)]
enum FailureKind {
    /// A disk failure, after which SQLite may have left frames in the log.
    Disk,
    Full,
    Panic,
    /// The process aborts. It prints the failpoint before.
    Abort,
}

impl Trap {
    fn arm(&self, fails_at: usize) {
        self.points.lock().unwrap().clear();
        self.reached.store(0, Ordering::SeqCst);
        self.fails_at.store(fails_at, Ordering::SeqCst);
        self.is_armed.store(true, Ordering::SeqCst);
    }

    fn options(self: &Arc<Self>, kind: FailureKind) -> SqliteOptions {
        let trap = Arc::clone(self);
        failing(move |point| {
            if !trap.is_armed.load(Ordering::SeqCst) {
                return Ok(());
            }
            trap.points.lock().unwrap().push(point);
            if trap.reached.fetch_add(1, Ordering::SeqCst) != trap.fails_at.load(Ordering::SeqCst) {
                return Ok(());
            }
            let code = match kind {
                FailureKind::Disk => ffi::SQLITE_IOERR_FSYNC,
                FailureKind::Full => ffi::SQLITE_FULL,
                FailureKind::Panic => panic!("planted at `{point}`"),
                FailureKind::Abort => {
                    child::send_line(point);
                    std::process::abort();
                }
            };
            Err(failure(code))
        })
    }
}

/// The way rows are written.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Case {
    /// All units together.
    Whole,
    /// Each unit after a savepoint, since a row of the last one is rejected.
    Each,
}

/// Makes the database reject a second event with the same data.
const PLANTED: &str = "CREATE UNIQUE INDEX planted ON event (data)";

/// Returns the first unit of the aggregate that the batches write. Its event has the data that the
/// index then rejects.
fn first(known: &AggregateId) -> UnitOfWork {
    let mut unit = unit(&context(), known, 0);
    Arc::make_mut(&mut unit.events[0]).data = Some(json("\"once\""));
    unit
}

/// Returns a batch with a unit that creates an aggregate, one that depends on it, and one that
/// writes another aggregate. In the second case, a further unit has a rejected row.
fn batch(known: &AggregateId, version: u64, case: Case) -> Arc<[UnitOfWork]> {
    let (context, fresh) = (context(), aggregate_id());
    let one = unit(&context, &fresh, 0);
    let mut second = unit(&context, &fresh, 1);
    second.depends_on.push(0);
    let mut third = unit(&context, known, version);
    // A new name each time.
    Arc::make_mut(&mut third.commands[0]).command = format!("give-{}", units::id()).into();
    let mut batch = vec![one, second, third];
    if case == Case::Each {
        batch.push(first(&aggregate_id()));
    }
    batch.into()
}

/// Returns true if the batch is stored according to the outcomes of its units, and `None` if it is
/// in doubt.
fn is_stored(outcomes: &[CommitOutcome], case: Case) -> Option<bool> {
    use CommitOutcome::{Committed, Failed, InDoubt};
    let (three, last) = outcomes.split_at(3);
    let retryable = |outcome: &CommitOutcome| match outcome {
        Failed(error) => Some(error.is_retryable()),
        _ => None,
    };
    let is_last = |outcome: &CommitOutcome, is_retryable| retryable(outcome) == Some(is_retryable);
    assert_eq!(last.len(), usize::from(case == Case::Each));
    match three {
        [Committed { .. }, Committed { .. }, Committed { .. }] => {
            assert!(last.iter().all(|outcome| is_last(outcome, false)), "{outcomes:?}");
            Some(true)
        }
        [Failed(one), Failed(other), Failed(third)] => {
            assert!(
                one.is_retryable() && other.is_retryable() && third.is_retryable(),
                "{outcomes:?}"
            );
            assert!(last.iter().all(|outcome| is_last(outcome, true)), "{outcomes:?}");
            Some(false)
        }
        [InDoubt, InDoubt, InDoubt] => None,
        outcomes => panic!("{outcomes:?}"),
    }
}

/// Fails at one failpoint after the other, until none is left.
async fn check_every_point(kind: FailureKind, case: Case, in_memory: bool) {
    let folder = TempDir::new().unwrap();
    let trap = Arc::new(Trap::default());
    let store = match in_memory {
        true => trap.options(kind).open_in_memory().await.unwrap(),
        false => trap.options(kind).open(folder.path().join("store.db")).await.unwrap(),
    };
    let known = aggregate_id();
    commit(&store, first(&known)).await;
    store.declare_indexes("purse", &[Field::number("coins")]).await.unwrap();
    if case == Case::Each {
        on_writer(&store, |connection| connection.execute_batch(PLANTED).unwrap()).await;
    }
    let mut version = 1;
    for point in 0.. {
        assert!(point < 200, "a commit has over 200 failpoints");
        let before = logs(&store).await;
        let state = store.load(&known).await.unwrap();
        let batch = batch(&known, version, case);
        trap.arm(point);
        let outcomes = store.commit(Arc::clone(&batch)).await;
        trap.is_armed.store(false, Ordering::SeqCst);
        let points = trap.points.lock().unwrap().clone();
        let at = points.get(point).copied().unwrap_or("none");
        let is_stored = match is_stored(&outcomes, case) {
            Some(is_stored) => is_stored,
            // After a panic at the COMMIT the log shows the outcome.
            None => {
                assert!(
                    matches!(kind, FailureKind::Panic) && ["commit", "committed"].contains(&at)
                );
                store.command(batch[0].commands[0].id).await.unwrap().is_some()
            }
        };
        let after = logs(&store).await;
        let expected_rows =
            if is_stored { before.commands.len() + 3 } else { before.commands.len() };
        assert_eq!(after.commands.len(), expected_rows, "at `{at}`");
        if is_stored {
            version += 1;
        } else {
            assert_eq!(after, before, "at `{at}`");
            assert_eq!(store.load(&known).await.unwrap(), state, "at `{at}`");
            assert!(
                store.load(&batch[0].states[0].aggregate_id).await.unwrap().is_none(),
                "at `{at}`"
            );
            assert!(store.context(batch[0].context.id).await.unwrap().is_none(), "at `{at}`");
        }
        // A second commit of the same batch leaves it stored, whatever the first outcome was.
        for outcome in store.commit(Arc::from(&batch[..3])).await {
            match outcome {
                CommitOutcome::Committed { .. } => assert!(!is_stored, "at `{at}`"),
                CommitOutcome::DuplicateCommand { .. }
                | CommitOutcome::DependencyAborted { .. } => assert!(is_stored, "at `{at}`"),
                outcome => panic!("at `{at}`, again: {outcome:?}"),
            }
        }
        version += u64::from(!is_stored);
        assert_eq!(logs(&store).await.commands.len(), before.commands.len() + 3, "at `{at}`");
        on_writer(&store, check_values).await;
        if at == "none" {
            let mut all =
                vec!["begin", "validate", "name", "context", "command", "aggregate", "event"];
            all.extend(["message", "activity", "state", "value", "commit", "committed"]);
            if case == Case::Each {
                all.extend(["savepoint", "rolled back", "released"]);
            }
            for name in all {
                assert!(points.contains(&name), "no commit reached `{name}`");
            }
            let found = verify(&store).await.unwrap();
            assert!(found.is_sound(), "{found}");
            return;
        }
    }
}

#[tokio::test]
async fn a_disk_that_fails_at_any_point_leaves_nothing() {
    check_every_point(FailureKind::Disk, Case::Whole, false).await;
    check_every_point(FailureKind::Disk, Case::Each, false).await;
    check_every_point(FailureKind::Disk, Case::Whole, true).await;
}

#[tokio::test]
async fn a_disk_that_is_full_at_any_point_leaves_nothing() {
    check_every_point(FailureKind::Full, Case::Whole, false).await;
    check_every_point(FailureKind::Full, Case::Each, true).await;
}

#[tokio::test]
async fn a_panic_at_any_point_leaves_all_or_nothing() {
    check_every_point(FailureKind::Panic, Case::Whole, false).await;
    check_every_point(FailureKind::Panic, Case::Each, false).await;
    check_every_point(FailureKind::Panic, Case::Whole, true).await;
}

/// Environment variable of the process: the failpoint at which it aborts, and the case.
const ABORTS: &str = "FLUVIUS_SQLITE_ABORTS";

/// The program of the process that aborts at a failpoint; a no-op in the first process.
#[tokio::test]
async fn a_process_that_ends_at_a_point() {
    let Some(file) = child::file() else { return };
    let value = std::env::var(ABORTS).unwrap();
    let (point, case) = value.split_once(' ').unwrap();
    let case = if case == "each" { Case::Each } else { Case::Whole };
    let trap = Arc::new(Trap::default());
    let store = trap.options(FailureKind::Abort).open(file).await.unwrap();
    let known = aggregate_id();
    commit(&store, first(&known)).await;
    if case == Case::Each {
        on_writer(&store, |connection| connection.execute_batch(PLANTED).unwrap()).await;
    }
    trap.arm(point.parse().unwrap());
    assert_eq!(is_stored(&store.commit(batch(&known, 1, case)).await, case), Some(true));
    child::send_line("answered");
}

#[tokio::test]
async fn a_process_abort_at_any_point_leaves_all_or_nothing() {
    for case in ["whole", "each"] {
        for point in 0.. {
            assert!(point < 200, "a commit has over 200 failpoints");
            let folder = TempDir::new().unwrap();
            let file = folder.path().join("store.db");
            let program = "writer::tests::points::a_process_that_ends_at_a_point";
            let mut process = child::ChildProcess::start(program, &file, |command| {
                command.env(ABORTS, format!("{point} {case}"));
            });
            let at = process.receive();
            let is_answered = at == "answered";
            process.kill();
            let store = SqliteStore::open(&file).await.unwrap();
            let found = logs(&store).await;
            let is_stored = is_answered || at == "committed";
            assert_eq!(found.commands.len(), if is_stored { 4 } else { 1 }, "at `{at}`");
            assert_eq!(found.events.len(), found.commands.len(), "at `{at}`");
            let sound = verify(&store).await.unwrap();
            assert!(sound.is_sound(), "at `{at}`: {sound}");
            let known = found.commands[0].record.aggregate_id.clone();
            let version = store.load(&known).await.unwrap().unwrap().version;
            assert_eq!(version, 1 + u64::from(is_stored), "at `{at}`");
            commit(&store, unit(&context(), &known, version)).await;
            if is_answered {
                break;
            }
        }
    }
}

/// Writes and deletes a work row, and reads the incarnation of a copy.
async fn write_work(store: &SqliteStore) {
    let key = WorkKey::new("checkpoint", "mailer", "0");
    let units = [
        WorkUnit::new([WorkWrite::put(key.clone(), None, json("1"))]),
        WorkUnit::new([WorkWrite::delete(key, 1)]),
    ];
    for outcome in store.write_work(Arc::from(units), DateTime::UNIX_EPOCH).await {
        assert!(matches!(outcome, WorkOutcome::Stored { .. }), "{outcome:?}");
    }
    on_writer(store, |connection| {
        // The statement is the test's own.
        let moved = "WITH moved AS (SELECT 'elsewhere' AS file) UPDATE work_counter SET file = \
            (SELECT file FROM moved)";
        connection.execute_batch(moved).unwrap();
    })
    .await;
    store.incarnation().await.unwrap();
}

/// If a changing statement had no failpoint after it, no test would fail the commit there.
#[tokio::test]
async fn every_changing_statement_has_a_failpoint() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let is_broken = Arc::new(AtomicBool::new(false));
    let (steps, broken) = (Arc::clone(&seen), Arc::clone(&is_broken));
    let happens = move |step: Step<'_>| {
        let step = match step {
            Step::Statement(sql) => sql.to_owned(),
            Step::Point(point) => format!("point {point}"),
        };
        let fails = step == "point commit" && broken.load(Ordering::SeqCst);
        steps.lock().unwrap().push(step);
        if fails { Err(failure(ffi::SQLITE_IOERR_FSYNC)) } else { Ok(()) }
    };
    let options =
        SqliteOptions { failpoint: Failpoint(Some(Arc::new(happens))), ..SqliteOptions::default() };
    let store = options.open_in_memory().await.unwrap();
    store.register_domain("purses", &["purse"]).await.unwrap();
    store.declare_indexes("purse", &[Field::number("coins")]).await.unwrap();
    let known = aggregate_id();
    commit(&store, first(&known)).await;
    let mut in_new_realm = unit(&context(), &known, 1);
    Arc::make_mut(&mut in_new_realm.states[0]).realm = None;
    commit(&store, in_new_realm).await;
    store.commit(batch(&known, 2, Case::Whole)).await;
    store.declare_indexes("purse", &[]).await.unwrap();
    is_broken.store(true, Ordering::SeqCst);
    store.commit(batch(&known, 3, Case::Whole)).await;
    is_broken.store(false, Ordering::SeqCst);
    write_work(&store).await;
    on_writer(&store, |connection| connection.execute_batch(PLANTED).unwrap()).await;
    seen.lock().unwrap().push("point planted".to_owned());
    store.commit(batch(&known, 3, Case::Each)).await;

    let seen = seen.lock().unwrap();
    // These statements change nothing, and a rollback follows on a failure.
    let changes = |step: &str| {
        let others = ["point", "SELECT", "WITH", "PRAGMA data_version", "ROLLBACK"];
        step.starts_with("ROLLBACK TO") || !others.iter().any(|other| step.starts_with(other))
    };
    let statements: Vec<usize> = (0..seen.len()).filter(|at| changes(&seen[*at])).collect();
    for at in &statements {
        let next = seen[at + 1..]
            .iter()
            .find(|step| !step.starts_with("SELECT") && !step.starts_with("WITH"));
        // A rejected row has no failpoint after it.
        let is_point =
            next.is_some_and(|step| step.starts_with("point") || step.starts_with("ROLLBACK"));
        assert!(is_point, "`{}` is followed by {next:?}", seen[*at]);
    }
    for begin in [
        "BEGIN",
        "INSERT INTO resource_owner",
        "INSERT INTO name",
        "INSERT INTO context",
        "INSERT INTO command ",
        "INSERT INTO event ",
        "INSERT INTO aggregate",
        "INSERT INTO state",
        "INSERT INTO message",
        "INSERT INTO activity",
        "INSERT INTO field ",
        "INSERT INTO field_value",
        "UPDATE field ",
        "DELETE FROM field ",
        "DELETE FROM field_value",
        "UPDATE aggregate",
        "UPDATE state",
        "SAVEPOINT",
        "ROLLBACK TO",
        "RELEASE",
        "INSERT INTO work_counter",
        "INSERT INTO work ",
        "UPDATE work_counter SET token",
        "UPDATE work_counter SET copy",
        "DELETE FROM work ",
        "PRAGMA user_version",
        "COMMIT",
    ] {
        let is_seen = |at: &usize| seen[*at].trim_start().starts_with(begin);
        assert!(statements.iter().any(is_seen), "no commit ran `{begin}`");
    }
}
