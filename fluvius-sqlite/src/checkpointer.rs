//! The checkpointer copies the write-ahead log into the file while commits run.
//!
//! It has a thread and a connection of its own. A commit waits for it only if the log would grow
//! beyond its bound.

use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::Duration;

use fluvius_store::StoreError;
use rusqlite::Connection;
use rusqlite::hooks::Wal;

use crate::connection::{self, OpenGuard};
use crate::error::Fault;
use crate::options::SqliteOptions;

/// Pause before the next attempt after a reader blocked a checkpoint.
const RETRY_TIME: Duration = Duration::from_millis(100);

/// The handle of the checkpointer's thread, which ends when it is dropped.
pub(crate) struct Checkpointer {
    wake: SyncSender<()>,
    page_count: u64,
}

/// The result of a checkpoint, in pages.
#[derive(Debug, Clone, Copy)]
struct Checkpoint {
    in_log: u64,
    copied: u64,
}

impl Checkpointer {
    pub(crate) fn start(
        file: &Path,
        options: &SqliteOptions,
        open_guard: OpenGuard,
    ) -> Result<Self, Fault> {
        let connection = connection::open_checkpointer(file, options.max_wal_bytes)?;
        let page_bytes: u32 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let page_count = |bytes: u64| (bytes / u64::from(page_bytes)).max(1);
        let page_count_max = page_count(options.max_wal_bytes);
        // One pending request is enough: the checkpointer reads the size of the log itself.
        let (wake, requests) = mpsc::sync_channel(1);
        let run = move || {
            run(&connection, &requests, page_count_max);
            drop(connection);
            drop(open_guard);
        };
        let spawned =
            thread::Builder::new().name("fluvius-sqlite-checkpointer".to_owned()).spawn(run);
        spawned.map_err(|error| {
            StoreError::unavailable("cannot start the checkpointer thread").with_source(error)
        })?;
        Ok(Self { wake, page_count: page_count(options.checkpoint_bytes) })
    }

    /// Returns the hook that SQLite calls after each commit with the number of pages in the log.
    pub(crate) fn hook(self) -> impl FnMut(&mut Wal, i32) -> rusqlite::Result<()> + Send + 'static {
        let mut asked_at = 0;
        move |_, pages| {
            let pages = u64::try_from(pages).unwrap_or(0);
            if pages < asked_at {
                asked_at = 0;
            }
            if pages >= asked_at + self.page_count {
                asked_at = pages;
                // Full: a request is pending. Disconnected: the next open starts another
                // checkpointer.
                let _ = self.wake.try_send(());
            }
            Ok(())
        }
    }
}

fn run(connection: &Connection, requests: &Receiver<()>, page_count_max: u64) {
    let mut is_too_long = false;
    loop {
        let request = match is_too_long {
            true => requests.recv_timeout(RETRY_TIME),
            false => requests.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        if let Err(RecvTimeoutError::Disconnected) = request {
            return;
        }
        is_too_long = match copy(connection, page_count_max) {
            Ok(is_too_long) => is_too_long,
            Err(error) => {
                // The log is kept and grows; commits do not depend on the checkpoint.
                tracing::warn!(%error, "the write-ahead log was not copied into the file");
                true
            }
        };
    }
}

/// Copies the pages that no reader needs, and restarts the log: overwriting a file takes about half
/// the time of extending it. Returns true if the log exceeds its limit.
fn copy(connection: &Connection, page_count_max: u64) -> Result<bool, Fault> {
    let copied = checkpoint(connection, "PRAGMA wal_checkpoint(PASSIVE)")?;
    // A reader needs the rest. Waiting for it here would block the writers.
    if copied.copied < copied.in_log {
        return Ok(copied.in_log >= page_count_max);
    }
    // Copies the pages of commits during the first copy, so that writers wait for a few pages only.
    checkpoint(connection, "PRAGMA wal_checkpoint(PASSIVE)")?;
    let copied = checkpoint(connection, "PRAGMA wal_checkpoint(RESTART)")?;
    Ok(copied.in_log >= page_count_max && copied.copied < copied.in_log)
}

fn checkpoint(connection: &Connection, sql: &str) -> Result<Checkpoint, Fault> {
    let pages = |number: i64| u64::try_from(number).unwrap_or(0);
    let mut statement = connection.prepare_cached(sql)?;
    let copied = statement.query_row([], |row| {
        Ok(Checkpoint { in_log: pages(row.get(1)?), copied: pages(row.get(2)?) })
    })?;
    Ok(copied)
}
