//! The file format: rejects the file of another program before it is changed.
//!
//! SQLite reads the file as immutable, which neither locks nor creates anything. Any other handle
//! would be an error: on POSIX, closing it releases all locks that the process holds on the file.

use std::path::Path;

use fluvius_store::StoreError;
use rusqlite::{Connection, OpenFlags};

use crate::error::Fault;
use crate::migrations::{APPLICATION_ID, check_version};

/// Rejects an existing file that is not empty and not a store that this release can open.
pub(crate) fn check(path: &Path) -> Result<(), Fault> {
    let found = match path.metadata() {
        Ok(found) => found,
        Err(_) if path.parent().is_some_and(Path::is_dir) => return Ok(()),
        Err(error) => {
            let why = "its folder is not there, or cannot be looked into";
            return Err(Fault::Public(rejection(path, why).with_source(error)));
        }
    };
    if found.is_dir() {
        return Err(Fault::Public(rejection(path, "it is a folder")));
    }
    if found.len() == 0 {
        return Ok(());
    }
    match header(path) {
        Ok((APPLICATION_ID, version)) => Ok(check_version(version)?),
        Ok(_) => {
            Err(Fault::Public(rejection(path, "it is the SQLite database of another program")))
        }
        Err(fault) if fault.is_corrupt() => {
            let why = "it is no SQLite database, or its beginning is damaged";
            Err(Fault::Public(rejection(path, why).with_source(fault)))
        }
        Err(fault) => Err(fault),
    }
}

/// Returns the application id and the schema version.
fn header(path: &Path) -> Result<(u32, u32), Fault> {
    let connection = open_unchanging(path)?;
    // During a checkpoint, the first page may refer to pages that are only in the log. A crash can
    // leave the file in this state, so the page count is not checked here.
    connection.pragma_update(None, "writable_schema", true)?;
    let number = |name| connection.pragma_query_value(None, name, |row| row.get(0));
    Ok((number("application_id")?, number("user_version")?))
}

/// Opens a file as immutable, without a lock or an auxiliary file.
pub(crate) fn open_unchanging(path: &Path) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Ok(Connection::open_with_flags(address(path), flags)?)
}

/// Returns a path as an SQLite URI.
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

/// Returns the error of a file that cannot be created or opened.
pub(crate) fn open_failure(path: &Path, fault: Fault) -> Fault {
    let path = path.display();
    let text = format!(
        "`{path}` cannot be opened: let the user of this program write to it and to its folder, \
         where the store keeps two more files"
    );
    Fault::Public(StoreError::permanent(text).with_source(fault))
}

/// Returns the error of a read-only file.
pub(crate) fn read_only(path: &Path) -> Fault {
    let text =
        format!("`{}` is read-only: let the user of this program write to it", path.display());
    Fault::Public(StoreError::permanent(text))
}

fn rejection(path: &Path, why: &str) -> StoreError {
    StoreError::permanent(format!(
        "`{}` cannot be opened as a store: {why}; name another file",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_characters_of_a_path_are_escaped() {
        for (path, expected) in [
            ("/tmp/store.db", "file:/tmp/store.db?immutable=1"),
            ("/tmp/a b?c#d%e", "file:/tmp/a%20b%3fc%23d%25e?immutable=1"),
            ("/tmp/\u{e4}", "file:/tmp/%c3%a4?immutable=1"),
        ] {
            assert_eq!(address(Path::new(path)), expected);
        }
    }
}
