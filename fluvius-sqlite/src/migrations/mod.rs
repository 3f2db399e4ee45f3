//! The schema of the file, and its migrations.

#[cfg(test)]
mod tests;

use fluvius_store::StoreError;
use rusqlite::{Connection, TransactionBehavior};

use crate::error::Fault;

/// The `application_id` in the header of a store's file: `flvs`.
pub(crate) const APPLICATION_ID: u32 = u32::from_be_bytes(*b"flvs");

/// The version that the first migration creates. Programs before the first release wrote 1 and 2.
const FIRST_VERSION: u32 = 3;

/// The first one creates the schema in an empty file; each later one migrates to the next version.
const MIGRATIONS: &[&str] = &[include_str!("0003_schema.sql"), include_str!("0004_work.sql")];

/// The version that this release writes, in the header as `user_version`.
pub(crate) const SCHEMA_VERSION: u32 = last_version(MIGRATIONS);

/// The tables that every commit relies on.
const TABLES: [&str; 15] = [
    "name",
    "command_type",
    "event_type",
    "resource_owner",
    "context",
    "command",
    "aggregate",
    "event",
    "state",
    "message",
    "activity",
    "field",
    "field_value",
    "work",
    "work_counter",
];

/// Checks, without a write, that the file is readable and that this release can open or migrate it.
pub(crate) fn check(connection: &Connection) -> Result<(), Fault> {
    let version = version(connection)?;
    check_version(version)?;
    if version == SCHEMA_VERSION {
        check_tables(connection)?;
    }
    Ok(())
}

/// Fails for the schema versions that this release can neither open nor migrate.
pub(crate) fn check_version(version: u32) -> Result<(), StoreError> {
    if (1..FIRST_VERSION).contains(&version) {
        return Err(StoreError::permanent(format!(
            "the database has schema version {version}, written before the first release, and \
             cannot be migrated: name another file, or open it with the program that wrote it"
        )));
    }
    if version > SCHEMA_VERSION {
        return Err(StoreError::permanent(format!(
            "the database has schema version {version}, this program supports up to \
             {SCHEMA_VERSION}: use a newer release"
        )));
    }
    Ok(())
}

fn check_tables(connection: &Connection) -> Result<(), Fault> {
    for table in TABLES {
        // Reads one row only: a full check takes time in proportion to the file.
        let sql = format!("SELECT count(*) FROM (SELECT 1 FROM {table} LIMIT 1)");
        connection.query_row(&sql, [], |_| Ok(())).map_err(Fault::from).map_err(|fault| {
            if !fault.is_schema_mismatch() {
                return fault;
            }
            let why = format!("the table `{table}` is missing or damaged: restore a backup");
            Fault::Public(StoreError::permanent(why).with_source(fault))
        })?;
    }
    Ok(())
}

/// Migrates the file to the schema of this release, in one transaction.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), Fault> {
    apply(connection, MIGRATIONS)
}

fn apply(connection: &mut Connection, migrations: &[&str]) -> Result<(), Fault> {
    let last = last_version(migrations);
    if version(connection)? == last {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another program may have migrated the file while this one waited for the lock.
    let found = version(&transaction)?;
    if found < last {
        for (_, migration) in (FIRST_VERSION..).zip(migrations).filter(|(to, _)| *to > found) {
            transaction.execute_batch(migration)?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", last)?;
    }
    transaction.commit()?;
    Ok(())
}

#[expect(clippy::cast_possible_truncation, reason = "there are a few migrations")]
const fn last_version(migrations: &[&str]) -> u32 {
    FIRST_VERSION - 1 + migrations.len() as u32
}

fn version(connection: &Connection) -> Result<u32, Fault> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}
