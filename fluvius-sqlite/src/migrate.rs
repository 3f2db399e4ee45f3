//! The schema of the file, and how an older one becomes this release's.

use fluvius_core::StoreError;
use rusqlite::{Connection, TransactionBehavior};

use crate::error::Fault;

/// What a store of fluvius has in the header of its file: `flvs`.
pub(crate) const APPLICATION_ID: u32 = u32::from_be_bytes(*b"flvs");

/// Each brings the file from the version before it to the next.
const MIGRATIONS: [&str; 2] =
    [include_str!("schema/0001_first.sql"), include_str!("schema/0002_indexes.sql")];

/// The version that this release writes, in the header as `user_version`.
#[expect(clippy::cast_possible_truncation, reason = "there are a few")]
pub(crate) const SCHEMA_VERSION: u32 = MIGRATIONS.len() as u32;

/// What the file's schema must have, since the commits rest on it.
const TABLES: [&str; 13] = [
    "name",
    "command_kind",
    "event_kind",
    "owner",
    "context",
    "command",
    "root",
    "event",
    "state",
    "message",
    "activity",
    "field",
    "field_value",
];

/// Whether the file can be read, and is of this release or an older one. Nothing is written.
pub(crate) fn check(connection: &Connection) -> Result<(), Fault> {
    let version = version(connection)?;
    if version > SCHEMA_VERSION {
        return Err(Fault::Told(newer(version)));
    }
    if version == SCHEMA_VERSION {
        check_tables(connection)?;
    }
    Ok(())
}

fn check_tables(connection: &Connection) -> Result<(), Fault> {
    for table in TABLES {
        // The beginning and the end of each: more would take as long as the file is large.
        let sql = format!("SELECT count(*) FROM (SELECT 1 FROM {table} LIMIT 1)");
        connection.query_row(&sql, [], |_| Ok(())).map_err(Fault::from).map_err(|fault| {
            if !fault.is_of_schema() {
                return fault;
            }
            let why = format!("the database has no proper table `{table}`: restore a backup of it");
            Fault::Told(StoreError::permanent(why).with_source(fault))
        })?;
    }
    Ok(())
}

/// Brings the file to this release's schema, in one transaction.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), Fault> {
    if version(connection)? == SCHEMA_VERSION {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another program may have been quicker while this one waited for the lock.
    let found = version(&transaction)?;
    let done = usize::try_from(found).unwrap_or(usize::MAX);
    for migration in MIGRATIONS.iter().skip(done) {
        transaction.execute_batch(migration)?;
    }
    if found < SCHEMA_VERSION {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    }
    transaction.commit()?;
    Ok(())
}

fn version(connection: &Connection) -> Result<u32, Fault> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// The file was written by a release that this one does not know.
pub(crate) fn newer(version: u32) -> StoreError {
    StoreError::permanent(format!(
        "the database has schema version {version}, this program knows up to {SCHEMA_VERSION}: \
         use a newer release"
    ))
}
