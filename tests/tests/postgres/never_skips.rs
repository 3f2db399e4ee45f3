//! Readers of a log that resume from a checkpoint skip no row under concurrent commits.
//!
//! `FLUVIUS_EVENTS` sets the number of events, `FLUVIUS_MUTANT_SEEDS` the number of seeds under
//! which a mutant must be caught. `FLUVIUS_SEED` repeats the plan of a run.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fluvius_core::CommandRecord;
use fluvius_core::uuid::Uuid;
use fluvius_core::{
    CommitOutcome, EventRecord, Json, LogPage, LogQuery, LogRecord, ResumeToken, Store, UnitOfWork,
};
use fluvius_postgres::{Durability, PostgresStore};
use fluvius_testing::SeededRng;
use fluvius_testing::servers::{TestSchema, TestServer};
use tokio::task::JoinHandle;

use crate::{OpenStore, client, number, units};

const EVENTS: usize = 10_000;
const EVENTS_OF_A_MUTANT: usize = 2_000;
const FOUND_WITHIN: Duration = Duration::from_secs(60);
const WRITERS: u64 = 8;
const READERS: u64 = 2;

/// The mutants of the function that draws positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mutant {
    /// Draws positions without a lock.
    NoLock,
    /// Releases the lock before the commit.
    LockReleasedEarly,
}

const LOCK: &str =
    "IF pg_advisory_xact_lock(hashtextextended(current_schema(), 0)) IS NULL THEN\n    END IF;";
const DRAWN: &str = "RETURN CASE";

impl Mutant {
    fn changed(self, function: &str) -> String {
        assert_eq!(function.matches(LOCK).count(), 1, "{function}");
        assert_eq!(function.matches(DRAWN).count(), 1, "{function}");
        match self {
            Self::NoLock => function.replace(LOCK, ""),
            Self::LockReleasedEarly => {
                let key = "hashtextextended(current_schema(), 0)";
                let lock = format!("PERFORM pg_advisory_lock({key});");
                let (head, tail) = function.split_once(DRAWN).unwrap();
                let (drawn, tail) = tail.split_once(';').unwrap();
                let drawn = format!(
                    "DECLARE drawn bigint := CASE{drawn}; BEGIN PERFORM pg_advisory_unlock({key}); \
                     RETURN drawn; END;"
                );
                format!("{}{drawn}{tail}", head.replace(LOCK, &lock))
            }
        }
    }
}

/// The effects of the arguments of an event on its commit.
const ROLLS_BACK: &str = r#"{"then":"roll back"}"#;
const IS_SLOW: &str = r#"{"then":"take your time"}"#;
const IS_DELAYED: &str = r#"{"then":"wait"}"#;

/// Creates a schema with these effects, and with a mutant of the function.
async fn prepare(schema: &TestSchema, mutant: Option<Mutant>) -> tokio_postgres::Client {
    drop(schema.open().await);
    let client = client(schema.url()).await;
    client.batch_execute(&format!("SET search_path = {}", schema.name())).await.unwrap();
    let trigger = format!(
        "CREATE FUNCTION hold_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.args = \
             '{ROLLS_BACK}' THEN RAISE 'no room' USING ERRCODE = '53100'; END IF; IF NEW.args = \
             '{IS_SLOW}' THEN PERFORM pg_sleep(0.004); END IF; IF NEW.args = '{IS_DELAYED}' THEN \
             PERFORM pg_advisory_xact_lock(1, hashtext(TG_TABLE_SCHEMA)); END IF; RETURN NULL; END \
             $$; CREATE TRIGGER hold_up AFTER INSERT ON event_log FOR EACH ROW EXECUTE FUNCTION \
             hold_up()"
    );
    client.batch_execute(&trigger).await.unwrap();
    if let Some(mutant) = mutant {
        let source = "SELECT pg_get_functiondef('draw_positions'::regproc)";
        let function: String = client.query_one(source, &[]).await.unwrap().get(0);
        client.batch_execute(&mutant.changed(&function)).await.unwrap();
    }
    client
}

fn set_effect(unit: &mut UnitOfWork, what: &str) {
    Arc::make_mut(&mut unit.events[0]).args = Json::parse(what).unwrap();
}

/// The position and the id of a row.
type Row = (u64, Uuid);

/// A stored unit: its command, its event, and the times of the call and the answer of its commit.
struct Stored {
    rows: [Row; 2],
    called: Instant,
    answered: Instant,
}

/// Commits, and records the stored units.
async fn commit(store: &PostgresStore, batch: Vec<UnitOfWork>) -> Vec<Stored> {
    let batch: Arc<[UnitOfWork]> = batch.into();
    let called = Instant::now();
    let outcomes = store.commit(Arc::clone(&batch)).await;
    let answered = Instant::now();
    let stored = batch.iter().zip(outcomes).filter_map(|(unit, outcome)| match outcome {
        CommitOutcome::Committed { first, .. } => {
            let rows = [(first, unit.commands[0].id), (first + 1, unit.events[0].id)];
            Some(Stored { rows, called, answered })
        }
        CommitOutcome::VersionConflict { .. } | CommitOutcome::Failed(_) => None,
        outcome => panic!("{outcome:?}"),
    });
    stored.collect()
}

/// Progress of a reader: the commands and the events that it has read, with its checkpoints.
#[derive(Default)]
struct Progress([Vec<Row>; 2], [ResumeToken; 2]);

impl Progress {
    /// Reads one page of a log after the checkpoint, and moves the checkpoint to the end of the
    /// scan. Returns true if the page has a row.
    async fn read(this: &Mutex<Self>, store: &PostgresStore, log: usize, limit: usize) -> bool {
        fn rows<T: LogRecord>(page: &LogPage<T>) -> Vec<Row> {
            page.rows.iter().map(|row| (row.position, row.record.row_id())).collect()
        }
        let query = LogQuery::all().after(this.lock().unwrap().1[log]).limit(limit);
        let (page, scanned_to) = if log == 0 {
            let page = store.read_log::<CommandRecord>(&query).await.unwrap();
            (rows(&page), page.scanned_to)
        } else {
            let page = store.read_log::<EventRecord>(&query).await.unwrap();
            (rows(&page), page.scanned_to)
        };
        let is_some = !page.is_empty();
        let mut progress = this.lock().unwrap();
        progress.0[log].extend(page);
        progress.1[log] = scanned_to;
        is_some
    }
}

/// Checks that a reader has read the stored rows in their order. Returns a description of the
/// difference.
fn check(progress: &Progress, stored: &[Stored]) -> Result<(), String> {
    for (log, read) in progress.0.iter().enumerate() {
        let mut wanted: Vec<Row> = stored.iter().map(|unit| unit.rows[log]).collect();
        wanted.sort_unstable();
        let known: std::collections::BTreeSet<&Row> = read.iter().collect();
        if let Some(skipped) = wanted.iter().find(|row| !known.contains(row)) {
            return Err(format!("a reader has skipped {skipped:?} in log {log}"));
        }
        if *read != wanted {
            return Err(format!(
                "a reader has read what is not stored, or not in order, in log {log}"
            ));
        }
    }
    Ok(())
}

/// Checks that a commit has lower positions than each commit that was called after its answer.
/// Returns a description of the difference.
fn check_order(stored: &mut [Stored]) -> Result<(), String> {
    stored.sort_unstable_by_key(|unit| unit.rows);
    let mut answered: Option<&Stored> = None;
    for unit in stored.iter().rev() {
        if let Some(later) = answered.filter(|later| later.answered < unit.called) {
            return Err(format!("{:?} was stored before {:?} was called", later.rows, unit.rows));
        }
        if answered.is_none_or(|first| unit.answered < first.answered) {
            answered = Some(unit);
        }
    }
    Ok(())
}

/// The shared state of a run.
struct Run {
    schema: TestSchema,
    seed: u64,
    /// The number of events to store.
    events: usize,
    /// The number of aggregates.
    begun: AtomicU64,
    stored: Mutex<Vec<Stored>>,
}

impl Run {
    async fn open(&self) -> PostgresStore {
        // No test crashes the server, so no commit needs to wait for the disk.
        let options = self.schema.options().max_readers(1).durability(Durability::Normal);
        options.open(self.schema.url()).await.unwrap()
    }

    /// Commits until there are enough events. Some commits are slow, some are rolled back, some are
    /// stored in part. Batches create aggregates or update present ones.
    async fn write(self: Arc<Self>, number: u64, [opened, deposited]: [UnitOfWork; 2]) {
        let store = self.open().await;
        let mut rng = SeededRng::new(self.seed.wrapping_add(number));
        let mut only_opened: Vec<u64> = Vec::new();
        while self.stored.lock().unwrap().len() < self.events {
            let mut batch = Vec::new();
            for _ in 0..1 + rng.below(8) {
                // If the creation was rolled back, the aggregate is absent, and this unit leaves a
                // gap of positions.
                let Some(id) = only_opened.pop() else { break };
                batch.extend(units::of_aggregate(&[opened.clone(), deposited.clone()], id).pop());
            }
            for _ in 0..if batch.is_empty() { 1 + rng.below(8) } else { 0 } {
                let id = self.begun.fetch_add(1, Ordering::SeqCst);
                batch.extend(match rng.below(10) {
                    // The same holds for an aggregate that was never created.
                    0 => units::of_aggregate(std::slice::from_ref(&deposited), id),
                    1..6 => {
                        only_opened.push(id);
                        units::of_aggregate(std::slice::from_ref(&opened), id)
                    }
                    _ => units::of_aggregate(&[opened.clone(), deposited.clone()], id),
                });
            }
            match rng.below(20) {
                0 => set_effect(&mut batch[0], ROLLS_BACK),
                1..4 => set_effect(&mut batch[0], IS_SLOW),
                _ => {}
            }
            let stored = commit(&store, batch).await;
            self.stored.lock().unwrap().extend(stored);
        }
    }

    /// Reads from the checkpoint until the task is aborted.
    async fn read(self: Arc<Self>, progress: Arc<Mutex<Progress>>, mut rng: SeededRng) {
        let store = self.open().await;
        loop {
            let limit = usize::try_from(1 + rng.below(60)).unwrap();
            let log = usize::try_from(rng.below(2)).unwrap();
            if !Progress::read(&progress, &store, log, limit).await {
                tokio::time::sleep(Duration::from_micros(rng.below(1_000))).await;
            }
        }
    }
}

/// The counts of a run.
#[derive(Debug, Default)]
struct Tally {
    stored: usize,
    readers_ended: u64,
}

/// Runs concurrent writers, and readers that are aborted and resumed from their checkpoints.
async fn run(
    server: TestServer,
    seed: u64,
    events: usize,
    mutant: Option<Mutant>,
) -> Result<Tally, String> {
    let schema = server.schema();
    let _client = prepare(&schema, mutant).await;
    let run = Run { schema, seed, events, begun: AtomicU64::new(0), stored: Mutex::default() };
    let run = Arc::new(run);
    let [opened, deposited, _] = units::units().await;
    let writers: Vec<JoinHandle<()>> = (0..WRITERS)
        .map(|number| {
            tokio::spawn(Arc::clone(&run).write(number, [opened.clone(), deposited.clone()]))
        })
        .collect();
    let mut rng = SeededRng::new(seed);
    let all: Vec<Arc<Mutex<Progress>>> = (0..READERS).map(|_| Arc::default()).collect();
    let begin = |progress: &Arc<Mutex<Progress>>, rng: &mut SeededRng| {
        tokio::spawn(Arc::clone(&run).read(Arc::clone(progress), SeededRng::new(rng.next_u64())))
    };
    let mut readers: Vec<JoinHandle<()>> =
        all.iter().map(|progress| begin(progress, &mut rng)).collect();
    let mut tally = Tally::default();
    while writers.iter().any(|writer| !writer.is_finished()) {
        tokio::time::sleep(Duration::from_micros(rng.below(400_000))).await;
        let number = usize::try_from(rng.below(READERS)).unwrap();
        readers[number].abort();
        let ended = std::mem::replace(&mut readers[number], tokio::spawn(async {}));
        assert!(ended.await.unwrap_err().is_cancelled());
        readers[number] = begin(&all[number], &mut rng);
        tally.readers_ended += 1;
    }
    for writer in writers {
        writer.await.unwrap();
    }
    for reader in readers {
        reader.abort();
        assert!(reader.await.unwrap_err().is_cancelled());
    }
    let store = run.open().await;
    let mut stored = std::mem::take(&mut *run.stored.lock().unwrap());
    for progress in all {
        for log in 0..2 {
            while Progress::read(&progress, &store, log, 1_000).await {}
        }
        check(&progress.lock().unwrap(), &stored)?;
    }
    check_order(&mut stored)?;
    tally.stored = stored.len();
    Ok(tally)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn resumed_readers_read_each_row_once_in_commit_order() {
    let Some(server) = TestServer::get() else { return };
    let seed = number("FLUVIUS_SEED").unwrap_or_else(|| RandomState::new().hash_one(0) >> 1);
    let events = number("FLUVIUS_EVENTS").map_or(EVENTS, |count| usize::try_from(count).unwrap());
    println!("seed {seed}, {events} events");
    match run(server, seed, events, None).await {
        Ok(tally) => {
            println!("seed {seed}: {tally:?}");
            assert!(tally.readers_ended > 0, "seed {seed}: {tally:?}");
        }
        Err(wrong) => panic!(
            "{wrong}\nagain: FLUVIUS_SEED={seed} FLUVIUS_EVENTS={events} cargo test -p \
            fluvius-tests --test postgres never_skips"
        ),
    }
}

async fn check_found(mutant: Mutant) {
    let Some(server) = TestServer::get() else { return };
    let first = number("FLUVIUS_SEED").unwrap_or(1);
    for seed in first..first + number("FLUVIUS_MUTANT_SEEDS").unwrap_or(1) {
        let (begun, mut rng) = (Instant::now(), SeededRng::new(seed));
        let mut runs = 1;
        let wrong = loop {
            match run(server, rng.next_u64(), EVENTS_OF_A_MUTANT, Some(mutant)).await {
                Err(wrong) => break wrong,
                Ok(tally) => {
                    assert!(begun.elapsed() < FOUND_WITHIN, "seed {seed}: {mutant:?}: {tally:?}")
                }
            }
            runs += 1;
        };
        println!(
            "seed {seed}: {mutant:?} is found in run {runs}, {:.1?}: {wrong}",
            begun.elapsed()
        );
        // Without a lock the same positions may be drawn twice.
        let is_of_order =
            wrong.starts_with("a reader has skipped") || wrong.contains("was stored before");
        assert!(is_of_order, "seed {seed}: {mutant:?}: {wrong}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn mutant_that_draws_positions_without_a_lock_is_caught() {
    check_found(Mutant::NoLock).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn mutant_that_releases_the_lock_before_the_commit_is_caught() {
    check_found(Mutant::LockReleasedEarly).await;
}

/// Delays one commit after it has drawn its positions, calls another one, and reads during the
/// delay.
async fn run_with_delayed_commit(server: TestServer, mutant: Option<Mutant>) -> Result<(), String> {
    let schema = server.schema();
    let other = prepare(&schema, mutant).await;
    let [delayed, later, reader] = [schema.open().await, schema.open().await, schema.open().await];
    let [opened, ..] = units::units().await;
    let lock = |what: &str| format!("SELECT {what}(1, hashtext('{}'))", schema.name());
    other.batch_execute(&lock("pg_advisory_lock")).await.unwrap();
    let mut batch = units::of_aggregate(std::slice::from_ref(&opened), 1);
    set_effect(&mut batch[0], IS_DELAYED);
    let delayed = tokio::spawn(async move { commit(&delayed, batch).await });
    let waits = |lock: &str| {
        format!(
            "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND locktype = 'advisory' \
             AND (classid::bigint << 32) + objid::bigint = {lock}"
        )
    };
    let name = schema.name();
    let for_other = waits(&format!("(1::bigint << 32) + hashtext('{name}')::oid::bigint"));
    while !other.query_one(&for_other, &[]).await.unwrap().get::<_, bool>(0) {
        assert!(!delayed.is_finished());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let batch = units::of_aggregate(&[opened], 2);
    let later = tokio::spawn(async move { commit(&later, batch).await });
    let for_positions = waits(&format!("hashtextextended('{name}', 0)"));
    while !later.is_finished()
        && !other.query_one(&for_positions, &[]).await.unwrap().get::<_, bool>(0)
    {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let progress = Mutex::default();
    let read = async || {
        for log in 0..2 {
            while Progress::read(&progress, &reader, log, 10).await {}
        }
    };
    read().await;
    other.batch_execute(&lock("pg_advisory_unlock")).await.unwrap();
    let mut stored = delayed.await.unwrap();
    stored.extend(later.await.unwrap());
    assert_eq!(stored.len(), 2);
    read().await;
    check(&progress.lock().unwrap(), &stored)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn delayed_commit_delays_later_ones() {
    let Some(server) = TestServer::get() else { return };
    run_with_delayed_commit(server, None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn delayed_commit_of_a_mutant_is_skipped() {
    let Some(server) = TestServer::get() else { return };
    for mutant in [Mutant::NoLock, Mutant::LockReleasedEarly] {
        let wrong = run_with_delayed_commit(server, Some(mutant)).await.unwrap_err();
        assert!(wrong.starts_with("a reader has skipped"), "{mutant:?}: {wrong}");
    }
}
