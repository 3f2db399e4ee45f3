//! The file: the store's own schema, the settings of its writer, and the names shared by all rows.

use std::path::Path;
use std::time::Duration;

use bench_common::Uuid;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

/// The schema with which `fluvius-sqlite` makes its files.
const SCHEMA: &str = include_str!("../../../../../fluvius-sqlite/src/migrations/0003_schema.sql");

/// The application id of the store's files, `flvs`, and the version of the schema above.
const MARKS: &str = "PRAGMA application_id = 1718384243; PRAGMA user_version = 3;";

/// The names shared by all rows of the bank, numbered from 1.
const NAMES: &str = "
INSERT INTO resource_owner (resource, domain) VALUES ('bank-account', 'transaction-manager');
INSERT INTO name (id, text) VALUES (1, 'bank-account'), (2, 'transaction-manager');
INSERT INTO command_type (id, domain, revision, command, resource) VALUES
    (1, 'transaction-manager', 1, 'open-account', 'bank-account'),
    (2, 'transaction-manager', 1, 'deposit-money', 'bank-account'),
    (3, 'transaction-manager', 1, 'withdraw-money', 'bank-account');
INSERT INTO event_type (id, domain, revision, event) VALUES
    (1, 'transaction-manager', 1, 'account-opened'),
    (2, 'transaction-manager', 1, 'money-deposited'),
    (3, 'transaction-manager', 1, 'money-withdrawn');";

/// The statement that inserts the context, number 1. There is one, since all commands have the same
/// sender.
const CONTEXT: &str = "INSERT INTO context (number, id, domain, revision, transport, source, \
    headers, roles) VALUES (1, ?1, 2, 1, 'in-process', 'benchmark', '{}', '[]')";

pub(super) const RESOURCE: i64 = 1;
pub(super) const CONTEXT_NUMBER: i64 = 1;

/// The settings with which the file is opened.
#[derive(Clone, Copy)]
pub(crate) struct Settings {
    /// The value of `synchronous`: `FULL` or `NORMAL`.
    pub(crate) sync: &'static str,
    /// The number of pages of the write-ahead log from which it is copied into the file; 0 for
    /// never.
    pub(crate) checkpoint_pages: i64,
}

impl Settings {
    /// Returns the default settings. The log is copied from 8 MiB on, as by the store, but by the
    /// writer thread.
    pub(crate) fn usual(sync: &'static str) -> Self {
        Self { sync, checkpoint_pages: 2048 }
    }
}

/// Makes the file. As in the store, triggers and foreign keys are off. The triggers are for other
/// programs, and the rows that a row refers to are known to exist.
pub(crate) fn open(path: &Path, settings: Settings) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.execute_batch(&format!("BEGIN;{SCHEMA};{NAMES};{MARKS}"))?;
    connection.execute(CONTEXT, (Uuid::now_v7(),))?;
    connection.execute_batch("COMMIT")?;
    // WAL mode is set only now, so that the application id and the version are in the file and not
    // in its log.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", settings.sync)?;
    connection.pragma_update(None, "wal_autocheckpoint", settings.checkpoint_pages)?;
    connection.pragma_update(None, "cache_size", -32 * 1024)?;
    connection.pragma_update(None, "foreign_keys", false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    Ok(connection)
}
