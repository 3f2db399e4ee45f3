//! The schema of the database, and its migrations.

use fluvius_store::StoreError;
use tokio_postgres::Client;

use crate::error::Fault;
use crate::privileges;

/// The version of the schema that the first migration creates. Lower versions are from before the
/// first release.
const FIRST_VERSION: i64 = 5;

/// The migrations: the first one creates the schema, each other one migrates it to the next
/// version.
const MIGRATIONS: [&str; 2] = [
    concat!(
        include_str!("0005_tables.sql"),
        include_str!("0005_leases.sql"),
        include_str!("0005_values.sql"),
        include_str!("0005_fields.sql"),
    ),
    include_str!("0006_work.sql"),
];

/// The functions that commits call, which every migration replaces.
const FUNCTIONS: &str = include_str!("functions.sql");

/// The tables that the schema must have.
const TABLES: [&str; 13] = [
    "resource_owner",
    "resource_state",
    "context_log",
    "command_log",
    "event_log",
    "message_log",
    "activity_log",
    "position",
    "lease",
    "field",
    "work",
    "work_token",
    "incarnation",
];

/// Migrates a schema to the version of this release, in one transaction.
///
/// Any number of processes may call it at once: one migrates, the others wait for it. A schema that
/// already has the version is only checked. A schema that this release cannot migrate is left
/// untouched.
pub(crate) async fn migrate(client: &mut Client, schema: &str) -> Result<(), Fault> {
    run(client, schema, &MIGRATIONS).await
}

async fn run(client: &mut Client, schema: &str, migrations: &[&str]) -> Result<(), Fault> {
    let last = FIRST_VERSION.saturating_add_unsigned(migrations.len() as u64) - 1;
    if applied(client, schema, last).await? == migrations.len() {
        return check_tables(client, schema).await;
    }
    let transaction = client.transaction().await?;
    let lock = "SELECT pg_advisory_xact_lock(hashtextextended('fluvius schema ' || $1, 0))";
    transaction.execute(lock, &[&schema]).await?;
    // Another process may have migrated while this one waited for the lock.
    let done = applied(transaction.client(), schema, last).await?;
    if done == 0 {
        check_empty(transaction.client(), schema).await?;
        privileges::check_create(transaction.client(), schema).await?;
    }
    let has_schema = "SELECT FROM pg_namespace WHERE nspname = $1";
    if transaction.query_opt(has_schema, &[&schema]).await?.is_none() {
        transaction.batch_execute(&format!("CREATE SCHEMA \"{schema}\"")).await?;
    }
    for migration in migrations.iter().skip(done) {
        transaction.batch_execute(migration).await?;
    }
    if done < migrations.len() {
        transaction.batch_execute(FUNCTIONS).await?;
        transaction.execute("DELETE FROM schema_version", &[]).await?;
        transaction.execute("INSERT INTO schema_version VALUES ($1)", &[&last]).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Returns the number of migrations that a schema has had. Fails if its version is not one of this
/// release's, which end with `last`.
async fn applied(client: &Client, schema: &str, last: i64) -> Result<usize, Fault> {
    let Some(version) = version(client, schema).await? else { return Ok(0) };
    if version < FIRST_VERSION {
        return Err(StoreError::permanent(format!(
            "the schema `{schema}` has version {version}, from before the first release of \
            fluvius, and cannot be migrated: name another schema, or drop this one if its data is \
            no longer needed"
        ))
        .into());
    }
    if version > last {
        return Err(StoreError::permanent(format!(
            "the schema `{schema}` has version {version}, and this program knows versions up to \
            {last}: use a newer release"
        ))
        .into());
    }
    Ok(usize::try_from(version - FIRST_VERSION + 1).unwrap_or(usize::MAX))
}

/// Returns the version of a schema with the tables of a store. Fails if the user lacks a privilege
/// in it.
async fn version(client: &Client, schema: &str) -> Result<Option<i64>, Fault> {
    // `to_regclass` may return an answer cached before the lock.
    let has_table = "SELECT count(*) = 2 FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = \
        c.relnamespace WHERE n.nspname = $1 AND c.relname IN ('schema_version', 'resource_state')";
    if !client.query_one(has_table, &[&schema]).await?.try_get::<_, bool>(0)? {
        return Ok(None);
    }
    privileges::check(client, schema).await?;
    let rows = client.query("SELECT version FROM schema_version", &[]).await?;
    match rows.as_slice() {
        [row] => Ok(Some(row.try_get(0)?)),
        rows => Err(Fault::damaged("schema_version", format!("it has {} rows", rows.len()))),
    }
}

/// Fails if a schema without the tables of a store contains anything.
async fn check_empty(client: &Client, schema: &str) -> Result<(), Fault> {
    let content = "SELECT (SELECT count(*) FROM pg_class WHERE relnamespace = n.oid) + (SELECT \
                   count(*) FROM pg_proc WHERE pronamespace = n.oid) FROM pg_namespace AS n WHERE \
                   nspname = $1";
    let count: i64 = match client.query_opt(content, &[&schema]).await? {
        Some(row) => row.try_get(0)?,
        None => 0,
    };
    if count == 0 {
        return Ok(());
    }
    Err(StoreError::permanent(format!(
        "the schema `{schema}` contains something other than a store of fluvius: name another one"
    ))
    .into())
}

async fn check_tables(client: &Client, schema: &str) -> Result<(), Fault> {
    // `to_regclass` would need privileges.
    let missing = "SELECT name FROM unnest($2::text[]) AS name WHERE NOT EXISTS ( SELECT FROM \
                   pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname \
                   = $1 AND c.relname = name) LIMIT 1";
    match client.query_opt(missing, &[&schema, &TABLES.as_slice()]).await? {
        None => Ok(()),
        Some(row) => Err(StoreError::permanent(format!(
            "the schema `{schema}` has no table `{}`: restore a backup of it",
            row.try_get::<_, String>(0)?
        ))
        .into()),
    }
}

#[cfg(test)]
mod tests;
