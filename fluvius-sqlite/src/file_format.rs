//! Telling a file of this store from another one, before anything of it can change.
//!
//! It is read by SQLite itself, as a file that never changes, which neither locks nor makes
//! anything. To open it in another way would be a fault: on POSIX a process gives up all its locks
//! of a file, those of a store that has it open too, when it closes any handle of its own.

use std::path::Path;

use fluvius_store::StoreError;
use rusqlite::{Connection, OpenFlags};

use crate::error::Fault;
use crate::migrations::{APPLICATION_ID, check_version};

/// Refuses a file that is there, is not empty, and is not a store of this release or an older one.
pub(crate) fn check(path: &Path) -> Result<(), Fault> {
    let found = match path.metadata() {
        Ok(found) => found,
        Err(_) if path.parent().is_some_and(Path::is_dir) => return Ok(()),
        Err(error) => {
            let why = "its folder is not there, or cannot be looked into";
            return Err(Fault::Public(refusal(path, why).with_source(error)));
        }
    };
    if found.is_dir() {
        return Err(Fault::Public(refusal(path, "it is a folder")));
    }
    if found.len() == 0 {
        return Ok(());
    }
    match header(path) {
        Ok((APPLICATION_ID, version)) => Ok(check_version(version)?),
        Ok(_) => Err(Fault::Public(refusal(path, "it is the SQLite database of another program"))),
        Err(fault) if fault.is_corrupt() => {
            let why = "it is no SQLite database, or its beginning is damaged";
            Err(Fault::Public(refusal(path, why).with_source(fault)))
        }
        Err(fault) => Err(fault),
    }
}

/// Whose file it is, and the version of its schema.
fn header(path: &Path) -> Result<(u32, u32), Fault> {
    let connection = open_unchanging(path)?;
    // While the log is copied into the file, its beginning tells of pages that have not come yet.
    // Where a crash has left it so, the log has them; so their number is not looked at here.
    connection.pragma_update(None, "writable_schema", true)?;
    let number = |name| connection.pragma_query_value(None, name, |row| row.get(0));
    Ok((number("application_id")?, number("user_version")?))
}

/// Opens a file of which nothing changes, without a lock and without a file beside it.
pub(crate) fn open_unchanging(path: &Path) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Ok(Connection::open_with_flags(address(path), flags)?)
}

/// A path as SQLite reads it in an address.
///
/// # Source
/// "URI filename format", <https://sqlite.org/uri.html>.
fn address(path: &Path) -> String {
    let mut address = "file:".to_owned();
    let path = path.as_os_str().as_encoded_bytes();
    // Before the name of a drive.
    if path.get(1) == Some(&b':') {
        address.push('/');
    }
    for byte in path {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b':' => {
                address.push(char::from(*byte));
            }
            b'\\' if cfg!(windows) => address.push('/'),
            byte => address.push_str(&format!("%{byte:02x}")),
        }
    }
    address.push_str("?immutable=1");
    address
}

/// The file, or one beside it, cannot be made or opened.
pub(crate) fn open_failure(path: &Path, fault: Fault) -> Fault {
    let path = path.display();
    let told = format!(
        "`{path}` cannot be opened: let the user of this program write to it and to its folder, \
         where two more files lie beside it"
    );
    Fault::Public(StoreError::permanent(told).with_source(fault))
}

/// The file cannot be written to.
pub(crate) fn read_only(path: &Path) -> Fault {
    let told =
        format!("`{}` is read-only: let the user of this program write to it", path.display());
    Fault::Public(StoreError::permanent(told))
}

fn refusal(path: &Path, why: &str) -> StoreError {
    StoreError::permanent(format!(
        "`{}` cannot be opened as a store: {why}; name another file",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_as_it_is() {
        for (path, expected) in [
            ("/tmp/store.db", "file:/tmp/store.db?immutable=1"),
            ("/tmp/a b?c#d%e", "file:/tmp/a%20b%3fc%23d%25e?immutable=1"),
            ("/tmp/\u{e4}", "file:/tmp/%c3%a4?immutable=1"),
        ] {
            assert_eq!(address(Path::new(path)), expected);
        }
    }
}
