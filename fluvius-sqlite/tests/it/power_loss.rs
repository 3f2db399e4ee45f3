//! Loss of power (T4): a process works over a disk whose writes and syncs are recorded. If the
//! record is cut anywhere, synced writes are kept, and any of the others may be.

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

use crate::child::{self, Other};
use crate::purses::{self, Pair};
use crate::record::{MARKS, Record, Unsynced};

const CLIENT_COUNT: usize = 3;
const UNITS_OF_A_CLIENT: usize = 35;

/// Small, so that the log is copied into the file and begins anew several times.
fn options() -> SqliteOptions {
    SqliteStore::options().wal_bytes(64 * 1024, 128 * 1024)
}

/// The process with the disk; alone it does nothing. It marks on the disk what it was answered.
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
            // On a fast disk all is over before the log is copied for the first time.
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let clients = [(); CLIENT_COUNT].map(|()| client(store.clone(), Arc::clone(&marks)));
    let [one, two, three] = clients;
    tokio::join!(one, two, three);
    child::say("done");
    child::told();
}

const DURABILITY: &str = "FLUVIUS_SQLITE_DURABILITY";

/// Results of the cuts.
#[derive(Debug, Default)]
struct Found {
    places: usize,
    /// Answered commands that are not there, at the places where there are any.
    lost: Vec<String>,
    /// Stores that are damaged, or hold something else than the first of all commands.
    damaged: Vec<String>,
}

/// Lets a process work, and cuts its power off at places of its record; at all of them, or until
/// the first at which something is wrong.
async fn cut_off(environment: &[(&str, &str)], is_all: bool) -> Found {
    let folder = TempDir::new().unwrap();
    let library = child::library("recorded_disk.c", folder.path());
    let work = folder.path().join("work");
    std::fs::create_dir(&work).unwrap();
    let (file, path) = (work.join("store.db"), work.join("record"));
    let mut process =
        Other::start("power_loss::a_process_over_a_recorded_disk", &file, |command| {
            command.env("LD_PRELOAD", library).env("FLUVIUS_RECORD", &path);
            command.envs(environment.iter().copied());
        });
    assert_eq!(process.hear(), "done");
    let record = Record::read(&path);
    process.end();
    let whole = SqliteStore::open(&file).await.unwrap();
    let all = purses::check(&whole).await;
    drop(whole);
    assert_eq!(all.len(), CLIENT_COUNT * UNITS_OF_A_CLIENT);
    assert!(record.write_count("store.db-wal", 0) > 2, "the log did not begin anew");

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
        let behind = random.below(u64::try_from(record.len() - first).unwrap());
        let at = first + 1 + usize::try_from(behind).unwrap();
        let unsynced = [Unsynced::Lost, Unsynced::Torn, Unsynced::Kept][number % 3];
        // Of its own: the threads of the store before may still be closing theirs, by its path.
        let left = folder.path().join(format!("left-{number}"));
        std::fs::create_dir(&left).unwrap();
        record.leave(first, at, unsynced, &mut random, &left);
        let answered = record.marked(at);
        let place = format!("{unsynced:?} behind entry {at} of {}", record.len());
        found.look(&left.join("store.db"), &place, &all, &answered[1..]).await;
        // A store that was not opened may still be closing its files. The folder around goes at the
        // end.
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
                // It goes on.
                let outcomes = store.commit(Arc::from([Pair::new(0).next()])).await;
                if !matches!(outcomes[..], [CommitOutcome::Committed { .. }]) {
                    self.damaged.push(format!("{place}: it does not go on: {outcomes:?}"));
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
async fn a_loss_of_power_takes_nothing_that_was_answered() {
    let found = cut_off(&[], true).await;
    assert_eq!((found.lost, found.damaged), (Vec::new(), Vec::new()));
}

/// The documented trade-off: the file stays consistent, and the last commands may be lost.
#[tokio::test]
async fn normal_durability_loses_only_the_last_commands() {
    let found = cut_off(&[(DURABILITY, "normal")], true).await;
    assert_eq!(found.damaged, Vec::<String>::new());
    assert!(!found.lost.is_empty(), "what the option warns of was not seen");
}

/// The same as to answer before the disk has it, or to write with `synchronous = OFF`.
#[tokio::test]
async fn a_log_that_is_not_synced_is_found() {
    let found = cut_off(&[("FLUVIUS_LYING", "-wal")], false).await;
    assert!(!found.lost.is_empty() || !found.damaged.is_empty());
}

/// The same as a checkpoint that begins the log anew before the file is synced.
#[tokio::test]
async fn a_file_that_is_not_synced_is_found() {
    let found = cut_off(&[("FLUVIUS_LYING", "store.db")], false).await;
    assert!(!found.lost.is_empty() || !found.damaged.is_empty());
}
