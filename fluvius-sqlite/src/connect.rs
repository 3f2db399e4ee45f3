//! Opening connections: to write, to read, and to copy the write-ahead log into the file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};

use crate::error::Fault;
use crate::options::{Durability, Place};
use crate::{busy, file_id, foreign, migrations, read, reading};

/// What SQLite may keep of the file in memory, in KiB: all of what a busy writer comes back to,
/// and of a reader a page of a log.
const WRITER_CACHE_KIB: i64 = 32 * 1024;
const READER_CACHE_KIB: i64 = 4 * 1024;

/// How long a reader waits for a lock; it only waits while the log is restored after a crash.
const READER_BUSY_TIME: Duration = Duration::from_secs(5);

/// How long the log's copier may keep writers waiting.
const COPIER_BUSY_TIME: Duration = Duration::from_millis(50);

/// Opens the connection that writes, and brings the file to this release's schema.
pub(crate) fn writer(place: &Place) -> Result<Connection, Fault> {
    open_writer(place).map_err(|fault| match &place.file {
        Some(file) if fault.is_of_opening() => foreign::unmade(file, fault),
        _ => fault,
    })
}

fn open_writer(place: &Place) -> Result<Connection, Fault> {
    let mut has_log = false;
    let mut connection = match &place.file {
        None => {
            let mut connection = Connection::open_in_memory()?;
            // Here it reads as well.
            read::register(&connection)?;
            reading::watch(&mut connection)?;
            connection
        }
        // Opened once more: a file that is gone is not created again.
        Some(file) if place.is_opened() => {
            place.check_file()?;
            open(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?
        }
        Some(file) => {
            foreign::refuse(file)?;
            // If it cannot be made, SQLite tries, and reports the reason.
            let made = file_id::make(file, place.options.file_mode);
            if let Err(error) = made {
                tracing::debug!(%error, "the database file is left to SQLite to make");
            }
            has_log = beside(file, "-wal").metadata().is_ok_and(|log| log.len() > 0);
            open(file, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?
        }
    };
    place.remember()?;
    if let Some(file) = &place.file
        && connection.is_readonly("main")?
    {
        return Err(foreign::read_only(file));
    }
    connection.busy_handler(Some(busy::handler(place.options.busy_timeout)))?;
    keep_plans(&connection)?;
    // What turns out to be damaged or newer is left as it is, together with its log.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, has_log)?;
    migrations::check(&connection)?;
    migrations::migrate(&mut connection)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    // The triggers are there for others: the writer inserts, and changes no log.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    if place.file.is_some() {
        use_wal(&connection)?;
    }
    let synchronous = match place.options.durability {
        Durability::Full => "FULL",
        Durability::Normal => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    // On macOS the disk's own cache is written through only where this is asked for.
    connection.pragma_update(None, "fullfsync", place.options.durability == Durability::Full)?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    let wal_bytes = i64::try_from(place.options.wal_bytes_max).unwrap_or(i64::MAX);
    connection.pragma_update(None, "journal_size_limit", wal_bytes)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    // The commit looks up whatever a row refers to. To let SQLite do it again made a command a
    // fifth dearer.
    connection.pragma_update(None, "foreign_keys", false)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LENGTH_MAX)?;
    Ok(connection)
}

/// SQLite's own bound of a row; the option is below it.
const LENGTH_MAX: i32 = 768 * 1024 * 1024;

/// Opens a connection of a store that only reads.
pub(crate) fn reader_of(place: &Place, file: &Path) -> Result<Connection, Fault> {
    place.check_file()?;
    let mut connection = reader(file)?;
    // Another file may have been opened.
    place.check_file()?;
    reading::watch(&mut connection)?;
    Ok(connection)
}

/// Opens a connection that only reads.
pub(crate) fn reader(file: &Path) -> Result<Connection, Fault> {
    let mut connection = open(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_handler(Some(busy::handler(READER_BUSY_TIME)))?;
    keep_plans(&connection)?;
    connection.pragma_update(None, "query_only", true)?;
    read::register(&connection)?;
    connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
    Ok(connection)
}

/// Opens the connection that copies the write-ahead log into the file.
pub(crate) fn copier(file: &Path, wal_bytes_max: u64) -> Result<Connection, Fault> {
    let mut connection = open(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_handler(Some(busy::handler(COPIER_BUSY_TIME)))?;
    let wal_bytes = i64::try_from(wal_bytes_max).unwrap_or(i64::MAX);
    connection.pragma_update(None, "journal_size_limit", wal_bytes)?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    Ok(connection)
}

fn open(file: &Path, how: OpenFlags) -> Result<Connection, Fault> {
    // One thread uses a connection at a time: a mutex inside would only cost.
    Ok(Connection::open_with_flags(file, how | OpenFlags::SQLITE_OPEN_NO_MUTEX)?)
}

/// A statement is planned once, whatever is bound to it. Otherwise SQLite plans some again at each
/// use, in the hope of a better plan: that was nine tenths of loading an aggregate.
fn keep_plans(connection: &Connection) -> Result<(), Fault> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// Returns the path of a file beside the database file.
pub(crate) fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Copies the whole write-ahead log into the file, and empties it, as far as other programs let it.
pub(crate) fn copy_log(connection: &mut Connection) -> Result<(), Fault> {
    connection.busy_handler(Some(busy::handler(COPIER_BUSY_TIME)))?;
    let copied = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    copied.map_err(Fault::from)
}

/// Lets readers read while the writer writes. It stays so in the file.
fn use_wal(connection: &Connection) -> Result<(), Fault> {
    let mut wait = busy::handler(Duration::from_secs(5));
    let mut count = 0;
    loop {
        let mode = connection
            .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0));
        match mode.map_err(Fault::from) {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(mode) => {
                return Err(Fault::Told(fluvius_core::StoreError::permanent(format!(
                    "the file cannot have a write-ahead log, and stays in the mode `{mode}`: \
                     put it on a local disk"
                ))));
            }
            // SQLite does not ask the busy handler here.
            Err(fault) if fault.is_busy() && wait(count) => count += 1,
            Err(fault) => return Err(fault),
        }
    }
}
