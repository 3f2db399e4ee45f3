//! Opening connections: for the writer, for readers and for the checkpointer.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use fluvius_store::StoreError;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};

use crate::busy_handler::busy_handler;
use crate::database_path::{DatabasePath, create_file};
use crate::error::Fault;
use crate::options::Durability;
use crate::{file_format, migrations, read};

/// A read to run on a connection, or with the error if no connection can be opened.
pub(crate) type ReadJob = Box<dyn FnOnce(Result<&Connection, StoreError>) + Send>;

/// The guard of each thread other than the writer that has the file open, held until it has closed
/// the file.
///
/// The writer closes last, since the last close checkpoints the write-ahead log and removes it. If
/// two connections close at the same time, neither may do so.
pub(crate) type OpenGuard = mpsc::Sender<Infallible>;

/// Page caches in KiB: the pages that a busy writer revisits, and a page of a log for a reader.
const WRITER_CACHE_KIB: i64 = 32 * 1024;
const READER_CACHE_KIB: i64 = 4 * 1024;

/// Busy timeout of readers, which wait only while the log is recovered after a crash.
const READER_BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest time that the checkpointer blocks writers.
const CHECKPOINTER_BUSY_TIMEOUT: Duration = Duration::from_millis(50);

/// Longest wait for the switch to the write-ahead log.
const WAL_BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// SQLite's own bound of a row, above the option `max_row_bytes`.
const MAX_LENGTH: i32 = 768 * 1024 * 1024;

/// Opens the connection that writes, and migrates the file to this release's schema.
pub(crate) fn open_writer(database: &DatabasePath) -> Result<Connection, Fault> {
    try_open_writer(database).map_err(|fault| match &database.file {
        Some(file) if fault.is_open_failure() => file_format::open_failure(file, fault),
        _ => fault,
    })
}

fn try_open_writer(database: &DatabasePath) -> Result<Connection, Fault> {
    let options = &database.options;
    let mut has_log = false;
    let mut connection = match &database.file {
        None => {
            let mut connection = Connection::open_in_memory()?;
            // This connection serves reads as well.
            read::register(&connection)?;
            read::install_bounds_check(&mut connection)?;
            connection
        }
        // Reopened: a missing file is not created again.
        Some(file) if database.is_opened() => {
            database.check_file()?;
            open(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?
        }
        Some(file) => {
            file_format::check(file)?;
            // If this fails, SQLite tries to create the file, and reports the reason.
            if let Err(error) = create_file(file, options.file_mode) {
                tracing::debug!(%error, "cannot create the database file: left to SQLite");
            }
            has_log = beside(file, "-wal").metadata().is_ok_and(|log| log.len() > 0);
            open(file, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?
        }
    };
    database.set_opened()?;
    if let Some(file) = &database.file
        && connection.is_readonly("main")?
    {
        return Err(file_format::read_only(file));
    }
    connection.busy_handler(Some(busy_handler(options.busy_timeout)))?;
    keep_plans(&connection)?;
    // A damaged or newer file is left unchanged, together with its log.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, has_log)?;
    migrations::check(&connection)?;
    migrations::migrate(&mut connection)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    // The triggers are for other programs: the writer only inserts into logs.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    if database.file.is_some() {
        use_wal(&connection)?;
    }
    let synchronous = match options.durability {
        Durability::Full => "FULL",
        Durability::Normal => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    // On macOS, a sync flushes the cache of the disk only with this setting.
    connection.pragma_update(None, "fullfsync", options.durability == Durability::Full)?;
    set_log_bounds(&connection, options.max_wal_bytes)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    // A commit looks up every referenced row itself. With SQLite's own check, a command took a
    // fifth more time.
    connection.pragma_update(None, "foreign_keys", false)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_LENGTH)?;
    Ok(connection)
}

/// Opens a connection of a reader thread of the store.
pub(crate) fn open_pooled_reader(
    database: &DatabasePath,
    file: &Path,
) -> Result<Connection, Fault> {
    database.check_file()?;
    let mut connection = open_reader(file)?;
    // The file may have been replaced in between.
    database.check_file()?;
    read::install_bounds_check(&mut connection)?;
    Ok(connection)
}

/// Opens a connection that only reads.
pub(crate) fn open_reader(file: &Path) -> Result<Connection, Fault> {
    let mut connection = open(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_handler(Some(busy_handler(READER_BUSY_TIMEOUT)))?;
    keep_plans(&connection)?;
    connection.pragma_update(None, "query_only", true)?;
    read::register(&connection)?;
    connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
    Ok(connection)
}

/// Opens the connection that checkpoints the write-ahead log.
pub(crate) fn open_checkpointer(file: &Path, max_wal_bytes: u64) -> Result<Connection, Fault> {
    let mut connection = open(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_handler(Some(busy_handler(CHECKPOINTER_BUSY_TIMEOUT)))?;
    set_log_bounds(&connection, max_wal_bytes)?;
    Ok(connection)
}

/// Returns the path of a file beside the database file.
pub(crate) fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Checkpoints the whole write-ahead log and empties it, as far as other programs permit.
pub(crate) fn truncate_log(connection: &mut Connection) -> Result<(), Fault> {
    connection.busy_handler(Some(busy_handler(CHECKPOINTER_BUSY_TIMEOUT)))?;
    let truncated = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    truncated.map_err(Fault::from)
}

fn open(file: &Path, flags: OpenFlags) -> Result<Connection, Fault> {
    // One thread uses a connection at a time, so SQLite needs no mutex.
    Ok(Connection::open_with_flags(file, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?)
}

/// Keeps the plan of a prepared statement for all bound values.
///
/// Otherwise SQLite prepares some statements again at each use, in search of a better plan. That
/// was nine tenths of the time to load an aggregate.
fn keep_plans(connection: &Connection) -> Result<(), Fault> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// Leaves checkpoints to the checkpointer, which shortens the log to this size.
fn set_log_bounds(connection: &Connection, max_wal_bytes: u64) -> Result<(), Fault> {
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    let max_wal_bytes = i64::try_from(max_wal_bytes).unwrap_or(i64::MAX);
    connection.pragma_update(None, "journal_size_limit", max_wal_bytes)?;
    Ok(())
}

/// Switches the file to a write-ahead log, so that readers do not block the writer.
fn use_wal(connection: &Connection) -> Result<(), Fault> {
    let mut wait = busy_handler(WAL_BUSY_TIMEOUT);
    let mut count = 0;
    loop {
        let mode = connection
            .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0));
        match mode.map_err(Fault::from) {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(mode) => {
                return Err(Fault::Public(StoreError::permanent(format!(
                    "the file cannot have a write-ahead log, and stays in the mode `{mode}`: \
                     put it on a local disk"
                ))));
            }
            // SQLite does not call the busy handler here.
            Err(fault) if fault.is_busy() && wait(count) => count += 1,
            Err(fault) => return Err(fault),
        }
    }
}
