//! The path of a database, and the identity of its file, which detects a deleted, moved or replaced
//! one.

use std::io::Error;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use fluvius_store::StoreError;

use crate::error::Fault;
use crate::options::SqliteOptions;

/// The file of a store, and the options with which it is opened.
#[derive(Debug)]
pub(crate) struct DatabasePath {
    /// `None` for a store in memory.
    pub(crate) file: Option<PathBuf>,
    pub(crate) options: SqliteOptions,
    /// Identity of the file that was opened first.
    id: OnceLock<FileId>,
}

impl DatabasePath {
    pub(crate) fn new(file: Option<PathBuf>, options: SqliteOptions) -> Self {
        Self { file, options, id: OnceLock::new() }
    }

    /// Returns true once the file was opened.
    pub(crate) fn is_opened(&self) -> bool {
        self.id.get().is_some()
    }

    /// Records the identity of the opened file, if it is the first.
    pub(crate) fn set_opened(&self) -> Result<(), Fault> {
        let Some(file) = &self.file else { return Ok(()) };
        let id =
            FileId::of(file).map_err(|error| Fault::Public(lost_file(file).with_source(error)))?;
        let _ = self.id.set(id);
        self.check_file()
    }

    /// Returns a text that differs in every copy of the file, also after a restart of the machine.
    pub(crate) fn copy_mark(&self) -> Result<String, Fault> {
        let Some(file) = &self.file else { return Ok("memory".to_owned()) };
        FileId::mark(file).map_err(|error| Fault::Public(lost_file(file).with_source(error)))
    }

    /// Fails if the file at the path is not the one that was opened.
    pub(crate) fn check_file(&self) -> Result<(), Fault> {
        let (Some(file), Some(id)) = (&self.file, self.id.get()) else { return Ok(()) };
        check_id(file, *id, file)
    }
}

/// Fails if a file of the database, at `path`, has another identity.
pub(crate) fn check_id(path: &Path, id: FileId, database: &Path) -> Result<(), Fault> {
    match FileId::of(path) {
        Ok(found) if found == id => Ok(()),
        Ok(_) => Err(Fault::Public(lost_file(database))),
        Err(error) => Err(Fault::Public(lost_file(database).with_source(error))),
    }
}

fn lost_file(file: &Path) -> StoreError {
    StoreError::unavailable(format!(
        "`{}`, or a file beside it, was deleted, moved or replaced while it was open: restore it, \
         or close the store and open it again",
        file.display()
    ))
}

/// The device and the inode of a file.
///
/// On Windows it is empty: the system does not release a file that SQLite has open. On systems
/// other than Unix and Windows, a replaced file is not detected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileId {
    #[cfg(unix)]
    device: u64,
    #[cfg(unix)]
    inode: u64,
}

impl FileId {
    /// Returns the identity of the file at a path.
    #[cfg(unix)]
    pub(crate) fn of(path: &Path) -> Result<Self, Error> {
        use std::os::unix::fs::MetadataExt;
        let metadata = path.metadata()?;
        Ok(Self { device: metadata.dev(), inode: metadata.ino() })
    }

    /// Returns the inode of the file at a path, and the time of its creation if the file system
    /// keeps it. The number of a device may change with a restart, so it is no part of the text.
    #[cfg(unix)]
    fn mark(path: &Path) -> Result<String, Error> {
        use std::os::unix::fs::MetadataExt;
        let metadata = path.metadata()?;
        let created = metadata.created().ok();
        let since = created.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        let created = since.map(|since| since.as_nanos().to_string()).unwrap_or_default();
        Ok(format!("{}.{created}", metadata.ino()))
    }

    /// Returns the time of the creation of the file at a path, if the file system keeps it.
    #[cfg(not(unix))]
    fn mark(path: &Path) -> Result<String, Error> {
        let created = path.metadata()?.created().ok();
        let since = created.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        Ok(since.map(|since| since.as_nanos().to_string()).unwrap_or_default())
    }

    /// Returns the identity of the file at a path.
    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "on Unix it may fail")]
    pub(crate) fn of(_path: &Path) -> Result<Self, Error> {
        Ok(Self {})
    }
}

/// Number of symbolic links that are followed to the file to create.
#[cfg(unix)]
const MAX_LINKS: usize = 16;

/// Creates an empty file with these permissions, unless one exists.
///
/// The file is renamed to its final name after its handle is closed. On POSIX, closing any handle
/// of a file releases all locks of the process on it. Another store of this process may open the
/// file immediately.
#[cfg(unix)]
pub(crate) fn create_file(path: &Path, mode: u32) -> Result<(), Error> {
    use std::fs::Permissions;
    use std::io::ErrorKind;
    use std::os::unix::fs::PermissionsExt;
    // A link without a target: the file is created at the target.
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let (Ok(target), Some(folder)) = (std::fs::read_link(&path), path.parent()) else { break };
        path = folder.join(target);
    }
    if path.symlink_metadata().is_ok() {
        return Ok(());
    }
    let Some(folder) = path.parent() else { return Ok(()) };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".").suffix(".new").permissions(Permissions::from_mode(mode & 0o600));
    let created = builder.tempfile_in(folder)?.into_temp_path();
    std::fs::set_permissions(&created, Permissions::from_mode(mode))?;
    match created.persist_noclobber(&path) {
        Err(error) if error.error.kind() != ErrorKind::AlreadyExists => Err(error.error),
        _ => Ok(()),
    }
}

/// Does nothing: SQLite creates the file.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "on Unix it may fail")]
pub(crate) fn create_file(_path: &Path, _mode: u32) -> Result<(), Error> {
    Ok(())
}
