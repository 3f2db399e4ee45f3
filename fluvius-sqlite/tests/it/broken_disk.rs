//! A process whose disk is full, or fails, and works again (T4): the real errors of the system, by a
//! library that is put before the C library.

#![cfg(target_os = "linux")]

use std::sync::Arc;

use fluvius_core::{Fate, Store, UnitOfWork};
use fluvius_sqlite::SqliteStore;
use tempfile::TempDir;

use crate::child::{self, Other};
use crate::units::{all, context, logs, root, unit};

/// The process with the disk; alone it does nothing.
#[tokio::test]
async fn a_process_with_its_disk() {
    let Some(file) = child::file() else { return };
    let store = SqliteStore::open(file).await.unwrap();
    child::say("ready");
    let (context, root) = (context(), root());
    let mut version = 0;
    let mut last = unit(&context, &root, version);
    while let Some(order) = child::told() {
        match order.as_str() {
            "commit" => {
                last = unit(&context, &root, version);
                version += commit(&store, last.clone()).await;
            }
            "again" => version += commit(&store, last.clone()).await,
            _ => match store.command(last.commands[0].id).await {
                Ok(Some(_)) => child::say("stored"),
                Ok(None) => child::say("absent"),
                Err(error) => child::say(format!("retry {}: {error}", error.can_retry())),
            },
        }
    }
}

/// Commits a unit, and tells what became of it, and how many versions it has added.
async fn commit(store: &SqliteStore, unit: UnitOfWork) -> u64 {
    match store.commit(Arc::from([unit])).await.pop() {
        Some(Fate::Committed { .. }) => {
            child::say("committed");
            return 1;
        }
        Some(Fate::Failed(error)) => child::say(format!("retry {}: {error}", error.can_retry())),
        fate => child::say(format!("{:?}", fate.unwrap())),
    }
    0
}

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
        let process = Other::start("broken_disk::a_process_with_its_disk", &file, |command| {
            command.env("LD_PRELOAD", library).env("FLUVIUS_BROKEN_DISK", folder.path());
        });
        let mut disk = Self { folder, process, committed: 0 };
        assert_eq!(disk.process.hear(), "ready");
        disk
    }

    fn breaks(&self, how: &str) {
        std::fs::write(self.folder.path().join(how), "").unwrap();
    }

    fn is_mended(&self, how: &str) {
        std::fs::remove_file(self.folder.path().join(how)).unwrap();
    }

    #[track_caller]
    fn check(&mut self, order: &str, expected: &str) {
        self.process.tell(order);
        let said = self.process.hear();
        assert!(said.starts_with(expected), "{order}: {said}");
        self.committed += usize::from(said == "committed");
    }

    /// What the process has said is what another one finds, after its end too.
    async fn end(self) {
        let file = self.folder.path().join("store.db");
        let store = SqliteStore::open(&file).await.unwrap();
        let found = logs(&store).await;
        assert_eq!(found.commands.len(), self.committed);
        assert_eq!(found.events.len(), self.committed);
        self.process.end();
        drop(store);
        let store = SqliteStore::open(&file).await.unwrap();
        assert_eq!(logs(&store).await, found);
        let root = &found.commands[0].root;
        let version = store.load(root).await.unwrap().unwrap().version;
        assert_eq!(usize::try_from(version).unwrap(), self.committed);
        assert_eq!(store.commands(&all()).await.unwrap().len(), self.committed);
    }
}

#[tokio::test]
async fn a_full_disk_is_told_and_the_store_goes_on_when_there_is_space() {
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

/// While no sync works, nobody can say whether the last commit comes back with a crash.
#[tokio::test]
async fn while_no_sync_works_a_commit_is_unknown() {
    let mut disk = Disk::new();
    disk.check("commit", "committed");
    disk.breaks("sync");
    disk.check("commit", "Unknown");
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
