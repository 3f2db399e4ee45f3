//! The processes that have announced that they are alive: each by a lock on a file of its own,
//! beside the database. The system releases the lock when the process ends.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::Error;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use fluvius_store::uuid::Uuid;
use fluvius_store::work::Announcement;

use crate::connection::beside;

/// The announced processes of a store.
#[derive(Debug)]
pub(crate) enum Processes {
    /// By locks on files beside this one.
    Files(PathBuf),
    /// In this process alone, for a store in memory.
    Memory(Mutex<BTreeMap<Uuid, Weak<()>>>),
}

/// A locked file. Dropping it removes the file and releases the lock.
struct LockFile {
    path: PathBuf,
    _file: File,
}

impl Drop for LockFile {
    fn drop(&mut self) {
        // A file that stays has no lock, and the next process that finds it removes it.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Processes {
    pub(crate) fn new(file: Option<&Path>) -> Self {
        match file {
            Some(file) => Self::Files(file.to_owned()),
            None => Self::Memory(Mutex::default()),
        }
    }

    /// Announces a process. Returns `None` if the file system has no locks.
    pub(crate) fn announce(&self, process: Uuid) -> Option<Announcement> {
        match self {
            Self::Files(database) => match lock_file(database, process) {
                Ok(lock) => Some(Announcement::new(lock)),
                Err(error) => {
                    let file = database.display();
                    tracing::warn!(
                        %error,
                        "the process cannot be announced beside `{file}`, so others learn of its \
                         end by a timeout: let it create and lock files in that folder"
                    );
                    None
                }
            },
            Self::Memory(processes) => {
                let alive = Arc::new(());
                let mut processes = processes.lock().unwrap_or_else(PoisonError::into_inner);
                processes.retain(|_, process| process.strong_count() > 0);
                processes.insert(process, Arc::downgrade(&alive));
                Some(Announcement::new(alive))
            }
        }
    }

    /// Returns the processes that have ended.
    pub(crate) fn ended(&self, processes: &[Uuid]) -> Vec<Uuid> {
        let has_ended = |process: &&Uuid| match self {
            Self::Files(database) => has_ended(&path_of(database, **process)),
            Self::Memory(known) => {
                let known = known.lock().unwrap_or_else(PoisonError::into_inner);
                known.get(*process).is_none_or(|process| process.strong_count() == 0)
            }
        };
        processes.iter().filter(has_ended).copied().collect()
    }
}

/// Returns the path of the file of a process, beside the database and not beside a link to it.
fn path_of(database: &Path, process: Uuid) -> PathBuf {
    let file = database.canonicalize().unwrap_or_else(|_| database.to_owned());
    beside(&file, &format!("-process-{process}"))
}

/// Creates the file of a process, and locks it before it gets its name: a file without a lock is
/// one of a process that has ended.
fn lock_file(database: &Path, process: Uuid) -> Result<LockFile, Error> {
    let path = path_of(database, process);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut builder = tempfile::Builder::new();
    // Other users of the store lock the file too.
    if let Ok(metadata) = database.metadata() {
        builder.permissions(metadata.permissions());
    }
    let (file, part) = builder.tempfile_in(folder.unwrap_or(Path::new(".")))?.into_parts();
    file.try_lock()?;
    part.persist(&path).map_err(|error| error.error)?;
    Ok(LockFile { path, _file: file })
}

/// Returns true if the process of a file has ended. Removes the file then.
fn has_ended(path: &Path) -> bool {
    // For writing, since some systems lock only such files.
    let file = match OpenOptions::new().write(true).open(path) {
        Ok(file) => file,
        Err(error) => return error.kind() == std::io::ErrorKind::NotFound,
    };
    match file.try_lock() {
        Ok(()) => {
            let _ = std::fs::remove_file(path);
            true
        }
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => false,
    }
}
