//! Backup: copies the whole store into another file while it accepts commits.
//!
//! SQLite copies page by page within one read transaction, so the copy is a consistent snapshot,
//! and commits continue. Without the transaction, SQLite restarts the copy after each commit of
//! another connection, and never finishes under load. `VACUUM INTO` holds such a transaction about
//! twice as long, which lets the write-ahead log grow. The copy is checked after the transaction.

use std::fs::Permissions;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak, mpsc};
use std::thread;
use std::time::Duration;

use fluvius_store::StoreError;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use tempfile::TempPath;

use crate::connection::{self, OpenGuard};
use crate::error::{Fault, thread_lost};
use crate::file_format;
use crate::writer::{Job, Writer};

/// Pages copied between two checks for an abort: 1 MiB.
const PAGES_AT_ONCE: i32 = 256;

/// Steps of SQLite between two checks for an abort, while the copy is verified.
const STEPS_AT_ONCE: i32 = 100_000;

/// Pause after a blocked step.
const WAIT_TIME: Duration = Duration::from_millis(1);

/// The conditions under which a backup continues.
#[derive(Debug, Clone)]
pub(crate) struct CancelFlag {
    /// Expired once the caller's future is dropped.
    caller: Weak<()>,
    is_closed: Arc<AtomicBool>,
}

impl CancelFlag {
    pub(crate) fn new(caller: &Arc<()>, is_closed: &Arc<AtomicBool>) -> Self {
        Self { caller: Arc::downgrade(caller), is_closed: Arc::clone(is_closed) }
    }

    fn is_active(&self) -> bool {
        self.caller.strong_count() > 0 && !self.is_closed.load(Ordering::Acquire)
    }
}

/// The path of a backup.
#[derive(Debug)]
pub(crate) struct BackupTarget {
    path: PathBuf,
    folder: PathBuf,
}

impl BackupTarget {
    /// Rejects a path that exists or names no file.
    pub(crate) fn new(path: &Path) -> Result<Self, StoreError> {
        let rejected = |why: &str| StoreError::permanent(failure_text(path, why));
        // SQLite would parse a relative name that begins with `file:` as a URI.
        let absolute = std::path::absolute(path)
            .map_err(|error| rejected("the path names no file").with_source(error))?;
        let (Some(name), Some(folder)) = (absolute.file_name(), absolute.parent()) else {
            return Err(rejected("the path names no file"));
        };
        if !folder.is_dir() {
            return Err(rejected("its folder is not there, or cannot be looked into"));
        }
        // SQLite would treat such a file as a part of the database.
        for beside in ["", "-wal", "-shm", "-journal"] {
            let mut taken = name.to_owned();
            taken.push(beside);
            let taken = folder.join(taken);
            if taken.symlink_metadata().is_ok() {
                let taken = taken.display();
                return Err(rejected(&format!(
                    "`{taken}` is there, and a backup replaces nothing: name another file"
                )));
            }
        }
        let folder = folder.to_owned();
        Ok(Self { path: absolute, folder })
    }

    /// Creates the temporary file, which is removed when dropped.
    fn part(&self, permissions: Option<Permissions>) -> Result<TempPath, StoreError> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".").suffix(".part");
        // The copy must not be readable by users who cannot read the store.
        if let Some(permissions) = permissions {
            builder.permissions(permissions);
        }
        let part = builder.tempfile_in(&self.folder);
        // SQLite opens it by its name.
        Ok(part.map_err(|error| self.system_error(error))?.into_temp_path())
    }

    /// Syncs the copy, and renames it to its final name.
    fn finish(&self, part: TempPath) -> Result<(), StoreError> {
        let file = std::fs::OpenOptions::new().write(true).open(&part);
        file.and_then(|file| file.sync_all()).map_err(|error| self.system_error(error))?;
        part.persist_noclobber(&self.path).map_err(|error| self.system_error(error.error))?;
        if let Err(error) = sync_folder(&self.folder) {
            let _ = std::fs::remove_file(&self.path);
            return Err(self.system_error(error));
        }
        Ok(())
    }

    /// Adds the path to an error of the store.
    fn store_error(&self, error: StoreError) -> StoreError {
        let text = failure_text(&self.path, &error.to_string());
        let text = match error.is_retryable() {
            true => StoreError::unavailable(text),
            false => StoreError::permanent(text),
        };
        text.with_source(error)
    }

    fn system_error(&self, error: Error) -> StoreError {
        let text = |why| failure_text(&self.path, why);
        let text = match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                StoreError::unavailable(text("there is no space left for it"))
            }
            ErrorKind::AlreadyExists => StoreError::permanent(text(
                "another program has made a file of this name: name another one",
            )),
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem | ErrorKind::NotFound => {
                StoreError::permanent(text("let the user of this program write to its folder"))
            }
            _ => StoreError::unavailable(text("see that its disk works, and try again")),
        };
        text.with_source(error)
    }
}

/// The source of a backup.
pub(crate) enum Source<'s> {
    /// A file, opened by a separate connection.
    File(&'s Path),
    /// A store in memory, read over its only connection, that of the writer. The number is the file
    /// mode of the copy.
    Memory(&'s Writer, u32),
}

/// Makes a copy of the store.
pub(crate) fn run(
    source: Source<'_>,
    target: &BackupTarget,
    cancel_flag: &CancelFlag,
    open_guard: OpenGuard,
) -> Result<(), StoreError> {
    let store_error = |error: StoreError| target.store_error(error);
    let part = match source {
        Source::File(file) => {
            let part = target.part(permissions_of(file))?;
            let copied =
                connection::open_reader(file).and_then(|source| copy(&source, &part, cancel_flag));
            copied.map_err(StoreError::from).map_err(store_error)?;
            part
        }
        Source::Memory(writer, mode) => {
            let part = target.part(permissions(mode))?;
            copy_memory(writer, part.to_owned(), cancel_flag.clone()).map_err(store_error)?;
            part
        }
    };
    // The source is closed, and the copy is not one of its files.
    drop(open_guard);
    check(&part, cancel_flag).map_err(StoreError::from).map_err(store_error)?;
    target.finish(part)
}

/// Like [`copy`], on the writer's thread.
fn copy_memory(writer: &Writer, to: PathBuf, cancel_flag: CancelFlag) -> Result<(), StoreError> {
    let (answer, answered) = mpsc::channel();
    writer.send(Job::Read(Box::new(move |source| {
        let copied = source.and_then(|source| Ok(copy(source, &to, &cancel_flag)?));
        let _ = answer.send(copied);
    })))?;
    answered.recv().map_err(|_| thread_lost())?
}

/// Copies all pages in one read transaction.
fn copy(source: &Connection, to: &Path, cancel_flag: &CancelFlag) -> Result<(), Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut copy = Connection::open_with_flags(to, flags)?;
    // The copy is opened only when it is complete, and is synced then.
    copy.pragma_update(None, "journal_mode", "OFF")?;
    copy.pragma_update(None, "synchronous", "OFF")?;
    let moment = source.unchecked_transaction()?;
    // The transaction begins with its first read.
    moment.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    let backup = Backup::new(&moment, &mut copy)?;
    loop {
        check_not_cancelled(cancel_flag)?;
        match backup.step(PAGES_AT_ONCE)? {
            StepResult::Done => break,
            StepResult::Busy | StepResult::Locked => thread::sleep(WAIT_TIME),
            _ => {}
        }
    }
    drop(backup);
    // It has no write-ahead log before a store opens it.
    copy.pragma_update(None, "journal_mode", "OFF")?;
    // The file that it is restored to may have the identity of the source, and is a new copy.
    copy.execute("UPDATE work_counter SET file = NULL", [])?;
    Ok(())
}

/// Verifies a copy, since damaged pages are copied like any other.
fn check(copy: &Path, cancel_flag: &CancelFlag) -> Result<(), Fault> {
    let mut connection = file_format::open_unchanging(copy)?;
    let wanted = cancel_flag.clone();
    let is_given_up = move || !wanted.is_active();
    connection.progress_handler(STEPS_AT_ONCE, Some(is_given_up))?;
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    check_not_cancelled(cancel_flag)?;
    match found.as_str() {
        "ok" => Ok(()),
        _ => Err(Fault::Public(StoreError::permanent(format!(
            "the database file is damaged: keep a copy of it, and restore an older backup \
             (quick_check: {found})"
        )))),
    }
}

fn check_not_cancelled(cancel_flag: &CancelFlag) -> Result<(), Fault> {
    match cancel_flag.is_active() {
        false => {
            Err(Fault::Public(StoreError::unavailable("the store was closed during the backup")))
        }
        true => Ok(()),
    }
}

/// Returns the text of a failed backup.
fn failure_text(path: &Path, why: &str) -> String {
    format!("no backup was made as `{}`: {why}", path.display())
}

/// Returns the permissions of a file for its copy, without those that the umask forbids.
#[cfg(unix)]
fn permissions_of(file: &Path) -> Option<Permissions> {
    file.metadata().ok().map(|file| file.permissions())
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "on other systems there are none")]
fn permissions(mode: u32) -> Option<Permissions> {
    use std::os::unix::fs::PermissionsExt;
    Some(Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn permissions_of(_file: &Path) -> Option<Permissions> {
    None
}

#[cfg(not(unix))]
fn permissions(_mode: u32) -> Option<Permissions> {
    None
}

/// Makes a new directory entry durable. If a folder cannot be synced, the operating system does so
/// itself.
fn sync_folder(folder: &Path) -> Result<(), Error> {
    if cfg!(unix) { std::fs::File::open(folder)?.sync_all() } else { Ok(()) }
}
