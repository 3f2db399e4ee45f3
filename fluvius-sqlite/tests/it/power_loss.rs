//! Loss of power (T4): a library records the writes and syncs of a process. The record is cut at
//! any entry: synced writes are kept, and each of the others may be lost.

#![cfg(target_os = "linux")]

use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fluvius_core::uuid::Uuid;
use fluvius_core::{CommitOutcome, Store};
use fluvius_sqlite::{Durability, SqliteOptions, SqliteStore};
use fluvius_testing::SeededRng;
use tempfile::TempDir;

use crate::child::{self, ChildProcess};
use crate::purses::{self, Pair};
use crate::record::{MARKS, Record, Unsynced};

const CLIENT_COUNT: usize = 3;
const UNITS_OF_A_CLIENT: usize = 35;

/// A small log, which is copied into the file and restarted several times.
fn options() -> SqliteOptions {
    SqliteStore::options().wal_bytes(64 * 1024, 128 * 1024)
}

/// The program of the second process; a no-op in the first. It writes a mark to the disk for each
/// command that the store has answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_over_a_recorded_disk() {
    let Some(file) = child::file() else { return };
    let durability = match std::env::var(DURABILITY).as_deref() {
        Ok("normal") => Durability::Normal,
        _ => Durability::Full,
    };
    let store = options().durability(durability).open(&file).await.unwrap();
    let marks = std::fs::File::create(Path::new(&file).with_file_name(MARKS)).unwrap();
    let marks = Arc::new((marks, AtomicU64::new(0)));
    let mark = |marks: &(std::fs::File, AtomicU64), id: Uuid| {
        marks.0.write_all_at(id.as_bytes(), marks.1.fetch_add(16, Ordering::SeqCst)).unwrap();
    };
    mark(&marks, Uuid::nil());
    let client = async |store: SqliteStore, marks: Arc<(std::fs::File, AtomicU64)>| {
        let mut pair = Pair::new(0);
        for _ in 0..UNITS_OF_A_CLIENT {
            let unit = pair.next();
            let id = unit.commands[0].id;
            let outcomes = store.commit(Arc::from([unit])).await;
            assert!(matches!(outcomes[..], [CommitOutcome::Committed { .. }]), "{outcomes:?}");
            mark(&marks, id);
            // Without a pause, a fast disk ends the run before the first checkpoint.
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let clients = [(); CLIENT_COUNT].map(|()| client(store.clone(), Arc::clone(&marks)));
    let [one, two, three] = clients;
    tokio::join!(one, two, three);
    child::send_line("done");
    child::receive_line();
}

const DURABILITY: &str = "FLUVIUS_SQLITE_DURABILITY";

/// Results of the cuts.
#[derive(Debug, Default)]
struct Found {
    places: usize,
    /// The cuts with missing answered commands.
    lost: Vec<String>,
    /// The cuts with a damaged store, or with commands that are no prefix of all commands.
    damaged: Vec<String>,
}

/// Runs a process and cuts its record at random entries. Checks the store after each cut, or only
/// up to the first fault if `is_all` is false.
async fn cut_off(environment: &[(&str, &str)], is_all: bool) -> Found {
    let folder = TempDir::new().unwrap();
    let library = child::library("recorded_disk.c", folder.path());
    let work = folder.path().join("work");
    std::fs::create_dir(&work).unwrap();
    let (file, path) = (work.join("store.db"), work.join("record"));
    let mut process =
        ChildProcess::start("power_loss::a_process_over_a_recorded_disk", &file, |command| {
            command.env("LD_PRELOAD", library).env("FLUVIUS_RECORD", &path);
            command.envs(environment.iter().copied());
        });
    assert_eq!(process.receive(), "done");
    let record = Record::read(&path);
    process.end();
    let whole = SqliteStore::open(&file).await.unwrap();
    let all = purses::check(&whole).await;
    drop(whole);
    assert_eq!(all.len(), CLIENT_COUNT * UNITS_OF_A_CLIENT);
    assert!(record.write_count("store.db-wal", 0) > 2, "the log was not restarted");

    let seed = std::env::var("FLUVIUS_SEED").ok().map_or(17, |seed| seed.parse().unwrap());
    let count = std::env::var("FLUVIUS_SQLITE_POWER_CUTS").ok();
    let count: usize = count.map_or(45, |count| count.parse().unwrap());
    println!("FLUVIUS_SEED={seed} FLUVIUS_SQLITE_POWER_CUTS={count} {environment:?}");
    let mut random = SeededRng::new(seed);
    let first = record.first_mark();
    let mut found = Found::default();
    for number in 0..count {
        if !is_all && found.lost.len() + found.damaged.len() > 0 {
            break;
        }
        let offset = random.below(u64::try_from(record.len() - first).unwrap());
        let at = first + 1 + usize::try_from(offset).unwrap();
        let unsynced = [Unsynced::Lost, Unsynced::Torn, Unsynced::Kept][number % 3];
        // A folder per cut: the threads of the store before may still be closing its files.
        let left = folder.path().join(format!("left-{number}"));
        std::fs::create_dir(&left).unwrap();
        record.leave(first, at, unsynced, &mut random, &left);
        let answered = record.marked(at);
        let place = format!("{unsynced:?} after entry {at} of {}", record.len());
        found.look(&left.join("store.db"), &place, &all, &answered[1..]).await;
        // The threads of the store may still be closing its files. The outer folder is removed
        // later.
        let _ = std::fs::remove_dir_all(left);
    }
    println!(
        "{} places: {} with lost answers, {} damaged",
        found.places,
        found.lost.len(),
        found.damaged.len()
    );
    found
}

impl Found {
    async fn look(&mut self, file: &Path, place: &str, all: &[Uuid], answered: &[Uuid]) {
        self.places += 1;
        let store = match options().open(file).await {
            Ok(store) => store,
            Err(error) => return self.damaged.push(format!("{place}: {error}")),
        };
        match purses::look(&store).await {
            Ok(found) if all.starts_with(&found) => {
                let lost = answered.iter().filter(|id| !found.contains(id)).count();
                if lost > 0 {
                    self.lost.push(format!("{place}: {lost} of {}", answered.len()));
                }
                // The store accepts commits.
                let outcomes = store.commit(Arc::from([Pair::new(0).next()])).await;
                if !matches!(outcomes[..], [CommitOutcome::Committed { .. }]) {
                    self.damaged.push(format!("{place}: a commit fails: {outcomes:?}"));
                }
            }
            Ok(_) => self.damaged.push(format!("{place}: commands are missing between others")),
            Err(error) => self.damaged.push(format!("{place}: {error}")),
        }
        if let Err(error) = store.close().await {
            self.damaged.push(format!("{place}: it is not closed: {error}"));
        }
    }
}

#[tokio::test]
async fn a_loss_of_power_loses_no_answered_command() {
    let found = cut_off(&[], true).await;
    assert_eq!((found.lost, found.damaged), (Vec::new(), Vec::new()));
}

/// The documented trade-off: the file stays consistent, and the last commands may be lost.
#[tokio::test]
async fn normal_durability_loses_only_the_last_commands() {
    let found = cut_off(&[(DURABILITY, "normal")], true).await;
    assert_eq!(found.damaged, Vec::<String>::new());
    assert!(!found.lost.is_empty(), "no command was lost");
}

/// Without syncs of the log, as with `synchronous = OFF` or with an answer before the sync.
#[tokio::test]
async fn a_log_that_is_not_synced_is_found() {
    let found = cut_off(&[("FLUVIUS_LYING", "-wal")], false).await;
    assert!(!found.lost.is_empty() || !found.damaged.is_empty());
}

/// Without syncs of the file, as with a checkpoint that restarts the log before the sync.
#[tokio::test]
async fn a_file_that_is_not_synced_is_found() {
    let found = cut_off(&[("FLUVIUS_LYING", "store.db")], false).await;
    assert!(!found.lost.is_empty() || !found.damaged.is_empty());
}
