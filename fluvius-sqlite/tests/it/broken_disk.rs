//! A disk that is full or fails, and then works again (T4). A preloaded library returns the errors
//! of the operating system.

#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use fluvius_core::CommandRecord;
use fluvius_core::verify::verify;
use fluvius_core::{AggregateId, CommitOutcome, ContextRecord, Store, UnitOfWork};
use fluvius_sqlite::SqliteStore;
use tempfile::TempDir;

use crate::child::{self, ChildProcess};
use crate::units::{aggregate_id, all, context, logs, unit};

/// The program of the second process; a no-op in the first.
#[tokio::test]
async fn a_process_with_its_disk() {
    let Some(file) = child::file() else { return };
    let store = SqliteStore::open(&file).await.unwrap();
    child::send_line("ready");
    let (context, aggregate_id) = (context(), aggregate_id());
    let mut version = 0;
    let mut last = batch(&context, &aggregate_id, version);
    while let Some(order) = child::receive_line() {
        match order.as_str() {
            "commit" => {
                last = batch(&context, &aggregate_id, version);
                version += commit(&store, &last).await;
            }
            "again" => version += commit(&store, &last).await,
            "backup" => match store.backup_to(Path::new(&file).with_file_name("copy.db")).await {
                Ok(()) => child::send_line("made"),
                Err(error) => child::send_line(format!("retry {}: {error}", error.is_retryable())),
            },
            _ => match store.command(last[0].commands[0].id).await {
                Ok(Some(_)) => child::send_line("stored"),
                Ok(None) => child::send_line("absent"),
                Err(error) => child::send_line(format!("retry {}: {error}", error.is_retryable())),
            },
        }
    }
}

/// Number of the units of a batch that are stored unless the disk fails.
const STORED: usize = 2;

/// Returns a unit, a dependent of it, and a unit with the version conflict that they cause.
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
            child::send_line("committed");
            return 2;
        }
        // No unit is stored. The third one fails like the others, without a version conflict.
        [
            CommitOutcome::Failed(error),
            CommitOutcome::Failed(other),
            CommitOutcome::Failed(third),
        ] => {
            assert!(other.is_retryable() == error.is_retryable() && third.is_retryable());
            child::send_line(format!("retry {}: {error}", error.is_retryable()));
        }
        [CommitOutcome::InDoubt, CommitOutcome::InDoubt, CommitOutcome::Failed(third)]
            if third.is_retryable() =>
        {
            child::send_line("unknown");
        }
        outcomes => child::send_line(format!("{outcomes:?}")),
    }
    0
}

const PROGRAM: &str = "broken_disk::a_process_with_its_disk";

struct Disk {
    folder: TempDir,
    process: ChildProcess,
    committed: usize,
}

impl Disk {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let library = child::library("broken_disk.c", folder.path());
        let file = folder.path().join("store.db");
        let process = ChildProcess::start(PROGRAM, &file, |command| {
            command.env("LD_PRELOAD", library).env("FLUVIUS_BROKEN_DISK", folder.path());
        });
        Self::of(folder, process)
    }

    /// A disk with a limit of the file size, without the library.
    fn bounded() -> Self {
        let folder = TempDir::new().unwrap();
        let process = ChildProcess::start_without_signal(PROGRAM, &folder.path().join("store.db"));
        Self::of(folder, process)
    }

    fn of(folder: TempDir, process: ChildProcess) -> Self {
        let mut disk = Self { folder, process, committed: 0 };
        assert_eq!(disk.process.receive(), "ready");
        disk
    }

    /// Limits the size of the files of the process.
    fn bound(&self, bytes: &str) {
        let mut prlimit = Command::new("prlimit");
        prlimit.arg("--pid").arg(self.process.id().to_string()).arg(format!("--fsize={bytes}:"));
        assert!(prlimit.status().unwrap().success());
    }

    fn add_fault(&self, how: &str) {
        std::fs::write(self.folder.path().join(how), "").unwrap();
    }

    fn remove_fault(&self, how: &str) {
        std::fs::remove_file(self.folder.path().join(how)).unwrap();
    }

    #[track_caller]
    fn check(&mut self, order: &str, expected: &str) -> String {
        self.process.send(order);
        let answer = self.process.receive();
        assert!(answer.starts_with(expected), "{order}: {answer}");
        self.committed += usize::from(answer == "committed");
        answer
    }

    /// Kills the process and checks that the reported commits are in the file.
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

    /// Checks that the reported commits are in the file, before and after the process has ended.
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
    disk.add_fault("space");
    for _ in 0..3 {
        disk.check("commit", "retry true: there is no space left");
        disk.check("look", "absent");
    }
    disk.remove_fault("space");
    disk.check("again", "committed");
    disk.check("commit", "committed");
    disk.end().await;
}

#[tokio::test]
async fn a_sync_that_fails_once_leaves_nothing() {
    let mut disk = Disk::new();
    disk.check("commit", "committed");
    for _ in 0..3 {
        disk.add_fault("sync-once");
        disk.check("commit", "retry true: the database file cannot be read or written");
        disk.check("look", "absent");
        disk.check("again", "committed");
        disk.check("look", "stored");
    }
    disk.end().await;
}

/// While syncs fail, a crash may restore the last commit.
#[tokio::test]
async fn a_commit_is_in_doubt_while_syncs_fail() {
    let mut disk = Disk::new();
    disk.check("commit", "committed");
    disk.add_fault("sync");
    disk.check("commit", "unknown");
    disk.check("look", "retry true");
    disk.check("again", "retry true");
    disk.remove_fault("sync");
    disk.check("look", "absent");
    disk.check("again", "committed");
    disk.end().await;
}

#[tokio::test]
async fn writes_that_fail_leave_nothing() {
    let mut disk = Disk::new();
    disk.check("commit", "committed");
    disk.add_fault("write");
    for _ in 0..3 {
        disk.check("commit", "retry true: the database file cannot be read or written");
        disk.check("look", "absent");
    }
    disk.remove_fault("write");
    disk.check("again", "committed");
    disk.end().await;
}

/// The log may contain all pages of a failed commit. The store overwrites them before it reports
/// the failure.
#[tokio::test]
async fn a_failed_commit_does_not_come_back_after_a_crash() {
    let mut disk = Disk::new();
    disk.check("commit", "committed");
    disk.add_fault("sync-once");
    disk.check("commit", "retry true");
    disk.kill().await;
}

/// At the file size limit of the operating system, one write is partial and the next one fails.
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
        disk.add_fault(how);
        let expected = format!("retry true: no backup was made as `{}`: ", copy.display());
        let answer = disk.check("backup", &expected);
        assert!(answer.contains(why), "{answer}");
        let entries = std::fs::read_dir(disk.folder.path()).unwrap();
        let names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        let is_left = |name: &std::ffi::OsString| {
            let name = name.to_str().unwrap();
            name.ends_with(".part") || name.starts_with("copy")
        };
        assert!(!names.iter().any(is_left), "{how}: {names:?}");
        disk.remove_fault(how);
    }
    disk.check("backup", "made");
    let store = SqliteStore::open(&copy).await.unwrap();
    assert_eq!(store.read_log::<CommandRecord>(&all()).await.unwrap().rows.len(), STORED);
    drop(store);
    disk.end().await;
}
