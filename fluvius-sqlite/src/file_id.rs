//! Identity of a file, by which a deleted, moved or replaced one is noticed.

use std::io::Error;
use std::path::Path;

/// The device and the inode of a file.
///
/// On Windows it is empty, and not needed: the system does not release a file that SQLite has open.
/// On systems other than Unix and Windows a replaced file is not noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileId {
    #[cfg(unix)]
    device: u64,
    #[cfg(unix)]
    inode: u64,
}

impl FileId {
    /// The identity of the file at a path.
    #[cfg(unix)]
    pub(crate) fn of(path: &Path) -> Result<Self, Error> {
        use std::os::unix::fs::MetadataExt;
        let metadata = path.metadata()?;
        Ok(Self { device: metadata.dev(), inode: metadata.ino() })
    }

    /// The identity of the file at a path.
    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "on Unix it may fail")]
    pub(crate) fn of(_path: &Path) -> Result<Self, Error> {
        Ok(Self {})
    }
}

/// Number of links that are followed to a file that is to be made.
#[cfg(unix)]
const LINK_COUNT_MAX: usize = 16;

/// Makes an empty file with these permissions, unless there is one.
///
/// The file gets its name once it is closed. On POSIX a process gives up all its locks of a file
/// when it closes any handle of its own, and another store of this process may open it at once.
#[cfg(unix)]
pub(crate) fn make(path: &Path, mode: u32) -> Result<(), Error> {
    use std::fs::Permissions;
    use std::io::ErrorKind;
    use std::os::unix::fs::PermissionsExt;
    // A link without a target: the file is made at the target.
    let mut path = path.to_owned();
    for _ in 0..LINK_COUNT_MAX {
        let (Ok(target), Some(folder)) = (std::fs::read_link(&path), path.parent()) else { break };
        path = folder.join(target);
    }
    if path.symlink_metadata().is_ok() {
        return Ok(());
    }
    let Some(folder) = path.parent() else { return Ok(()) };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".").suffix(".new").permissions(Permissions::from_mode(mode & 0o600));
    let made = builder.tempfile_in(folder)?.into_temp_path();
    std::fs::set_permissions(&made, Permissions::from_mode(mode))?;
    match made.persist_noclobber(&path) {
        Err(error) if error.error.kind() != ErrorKind::AlreadyExists => Err(error.error),
        _ => Ok(()),
    }
}

/// Does nothing: SQLite makes the file.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "on Unix it may fail")]
pub(crate) fn make(_path: &Path, _mode: u32) -> Result<(), Error> {
    Ok(())
}
