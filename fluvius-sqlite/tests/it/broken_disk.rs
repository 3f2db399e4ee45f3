//! A process whose disk is full, or fails, and works again (T4): the real errors of the system, by
//! a library that is put before the C library.

#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use fluvius_core::CommandRecord;
use fluvius_core::verify::verify;
use fluvius_core::{AggregateId, CommitOutcome, ContextRecord, Store, UnitOfWork};
use fluvius_sqlite::SqliteStore;
use tempfile::TempDir;

use crate::child::{self, Other};
use crate::units::{aggregate_id, all, context, logs, unit};

/// The process with the disk; alone it does nothing.
#[tokio::test]
async fn a_process_with_its_disk() {
    let Some(file) = child::file() else { return };
    let store = SqliteStore::open(&file).await.unwrap();
    child::say("ready");
    let (context, aggregate_id) = (context(), aggregate_id());
    let mut version = 0;
    let mut last = batch(&context, &aggregate_id, version);
    while let Some(order) = child::told() {
        match order.as_str() {
            "commit" => {
                last = batch(&context, &aggregate_id, version);
                version += commit(&store, &last).await;
            }
            "again" => version += commit(&store, &last).await,
            "backup" => match store.backup_to(Path::new(&file).with_file_name("copy.db")).await {
                Ok(()) => child::say("made"),
                Err(error) => child::say(format!("retry {}: {error}", error.is_retryable())),
            },
            _ => match store.command(last[0].commands[0].id).await {
                Ok(Some(_)) => child::say("stored"),
                Ok(None) => child::say("absent"),
                Err(error) => child::say(format!("retry {}: {error}", error.is_retryable())),
            },
        }
    }
}

/// Units of a batch that are stored, if none fails.
const STORED: usize = 2;

/// A unit, one that stands on it, and one that comes too late because of them.
fn batch(
    context: &Arc<ContextRecord>,
    aggregate_id: &AggregateId,
    version: u64,
) -> Arc<[UnitOfWork]> {
    let mut second = unit(context, aggregate_id, version + 1);
    second.depends_on.push(0);
    Arc::from([unit(context, aggregate_id, version), second, unit(context, aggregate_id, version)])
}

/// Commits a batch, reports the outcomes, and returns the number of new versions.
async fn commit(store: &SqliteStore, batch: &Arc<[UnitOfWork]>) -> u64 {
    let outcomes = store.commit(Arc::clone(batch)).await;
    match &outcomes[..] {
        [
            CommitOutcome::Committed { .. },
            CommitOutcome::Committed { .. },
            CommitOutcome::VersionConflict { .. },
        ] => {
            child::say("committed");
            return 2;
        }
        // None of them stands, and that the third came too late is not said either.
        [
            CommitOutcome::Failed(error),
            CommitOutcome::Failed(other),
            CommitOutcome::Failed(third),
        ] => {
            assert!(other.is_retryable() == error.is_retryable() && third.is_retryable());
            child::say(format!("retry {}: {error}", error.is_retryable()));
        }
        [CommitOutcome::InDoubt, CommitOutcome::InDoubt, CommitOutcome::Failed(third)]
            if third.is_retryable() =>
        {
            child::say("unknown");
        }
        outcomes => child::say(format!("{outcomes:?}")),
    }
    0
}

const PROGRAM: &str = "broken_disk::a_process_with_its_disk";

struct Disk {
    folder: TempDir,
    process: Other,
    committed: usize,
}

impl Disk {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let library = child::library("broken_disk.c", folder.path());
        let file = folder.path().join("store.db");
        let process = Other::start(PROGRAM, &file, |command| {
            command.env("LD_PRELOAD", library).env("FLUVIUS_BROKEN_DISK", folder.path());
        });
        Self::of(folder, process)
    }

    /// A disk that lets no file grow beyond its bound.
    fn bounded() -> Self {
        let folder = TempDir::new().unwrap();
        let process = Other::start_without_signal(PROGRAM, &folder.path().join("store.db"));
        Self::of(folder, process)
    }

    fn of(folder: TempDir, process: Other) -> Self {
        let mut disk = Self { folder, process, committed: 0 };
        assert_eq!(disk.process.hear(), "ready");
        disk
    }

    /// Lets files of the process have so many bytes.
    fn bound(&self, bytes: &str) {
        let mut prlimit = Command::new("prlimit");
        prlimit.arg("--pid").arg(self.process.id().to_string()).arg(format!("--fsize={bytes}:"));
        assert!(prlimit.status().unwrap().success());
    }

    fn breaks(&self, how: &str) {
        std::fs::write(self.folder.path().join(how), "").unwrap();
    }

    fn is_mended(&self, how: &str) {
        std::fs::remove_file(self.folder.path().join(how)).unwrap();
    }

    #[track_caller]
    fn check(&mut self, order: &str, expected: &str) -> String {
        self.process.tell(order);
        let said = self.process.hear();
        assert!(said.starts_with(expected), "{order}: {said}");
        self.committed += usize::from(said == "committed");
        said
    }

    /// Checks the reported commits in another process, after a kill.
    async fn kill(self) {
        let file = self.folder.path().join("store.db");
        self.process.kill();
        let store = SqliteStore::open(&file).await.unwrap();
        assert_eq!(
            store.read_log::<CommandRecord>(&all()).await.unwrap().rows.len(),
            STORED * self.committed
        );
        let sound = verify(&store).await.unwrap();
        assert!(sound.is_sound(), "{sound}");
    }

    /// Checks the reported commits in another process, before and after the end of the first.
    async fn end(self) {
        let file = self.folder.path().join("store.db");
        let store = SqliteStore::open(&file).await.unwrap();
        let found = logs(&store).await;
        assert_eq!(found.commands.len(), STORED * self.committed);
        assert_eq!(found.events.len(), STORED * self.committed);
        let sound = verify(&store).await.unwrap();
        assert!(sound.is_sound(), "{sound}");
        self.process.end();
        drop(store);
        let store = SqliteStore::open(&file).await.unwrap();
        assert_eq!(logs(&store).await, found);
        let aggregate_id = &found.commands[0].record.aggregate_id;
        let version = store.load(aggregate_id).await.unwrap().unwrap().version;
        assert_eq!(usize::try_from(version).unwrap(), STORED * self.committed);
        assert_eq!(
            store.read_log::<CommandRecord>(&all()).await.unwrap().rows.len(),
            STORED * self.committed
        );
    }
}

#[tokio::test]
async fn the_store_continues_after_a_full_disk() {
    let mut disk = Disk::new();
    disk.check("commit", "committed");
    disk.breaks("space");
    for _ in 0..3 {
        disk.check("commit", "retry true: there is no space left");
        disk.check("look", "absent");
    }
    disk.is_mended("space");
    disk.check("again", "committed");
    disk.check("commit", "committed");
    disk.end().await;
}

#[tokio::test]
async fn a_sync_that_fails_once_leaves_nothing() {
    let mut disk = Disk::new();
    disk.check("commit", "committed");
    for _ in 0..3 {
        disk.breaks("sync-once");
        disk.check("commit", "retry true: the database file cannot be read or written");
        disk.check("look", "absent");
        disk.check("again", "committed");
        disk.check("look", "stored");
    }
    disk.end().await;
}

/// While syncs fail, the last commit may come back with a crash.
#[tokio::test]
async fn a_commit_is_in_doubt_while_syncs_fail() {
    let mut disk = Disk::new();
    disk.check("commit", "committed");
    disk.breaks("sync");
    disk.check("commit", "unknown");
    disk.check("look", "retry true");
    disk.check("again", "retry true");
    disk.is_mended("sync");
    disk.check("look", "absent");
    disk.check("again", "committed");
    disk.end().await;
}

#[tokio::test]
async fn writes_that_fail_leave_nothing() {
    let mut disk = Disk::new();
    disk.check("commit", "committed");
    disk.breaks("write");
    for _ in 0..3 {
        disk.check("commit", "retry true: the database file cannot be read or written");
        disk.check("look", "absent");
    }
    disk.is_mended("write");
    disk.check("again", "committed");
    disk.end().await;
}

/// All of its pages may be in the log: the store overwrites them before it reports the failure.
#[tokio::test]
async fn a_failed_commit_does_not_come_back_after_a_crash() {
    let mut disk = Disk::new();
    disk.check("commit", "committed");
    disk.breaks("sync-once");
    disk.check("commit", "retry true");
    disk.kill().await;
}

/// The bound of the system for the size of a file: a write stops in the middle, and the next one
/// fails.
#[tokio::test]
async fn the_store_continues_after_a_file_size_limit() {
    let mut disk = Disk::bounded();
    disk.check("commit", "committed");
    let log = disk.folder.path().join("store.db-wal");
    for more in [100, 4_200, 12_345] {
        disk.bound(&(log.metadata().unwrap().len() + more).to_string());
        for _ in 0..2 {
            disk.check("commit", "retry true: the database file cannot be read or written");
            disk.check("look", "absent");
        }
        disk.bound("unlimited");
        disk.check("again", "committed");
        disk.check("commit", "committed");
    }
    disk.end().await;
}

#[tokio::test]
async fn a_backup_on_a_disk_that_fails_leaves_nothing() {
    let mut disk = Disk::new();
    disk.check("commit", "committed");
    let copy = disk.folder.path().join("copy.db");
    for (how, why) in [
        ("space", "there is no space left"),
        ("write", "see that its disk works"),
        ("sync-file", "see that its disk works"),
        ("sync-folder", "see that its disk works"),
    ] {
        disk.breaks(how);
        let told = format!("retry true: no backup was made as `{}`: ", copy.display());
        let said = disk.check("backup", &told);
        assert!(said.contains(why), "{said}");
        let entries = std::fs::read_dir(disk.folder.path()).unwrap();
        let names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        let is_left = |name: &std::ffi::OsString| {
            let name = name.to_str().unwrap();
            name.ends_with(".part") || name.starts_with("copy")
        };
        assert!(!names.iter().any(is_left), "{how}: {names:?}");
        disk.is_mended(how);
    }
    disk.check("backup", "made");
    let store = SqliteStore::open(&copy).await.unwrap();
    assert_eq!(store.read_log::<CommandRecord>(&all()).await.unwrap().rows.len(), STORED);
    drop(store);
    disk.end().await;
}
