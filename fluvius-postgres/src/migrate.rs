//! The schema of the database, and how an older one becomes this release's.

use fluvius_core::StoreError;
use tokio_postgres::Client;

use crate::error::Fault;
use crate::rights;

/// Each brings the schema from the version before it to the next. The third changes functions alone.
const MIGRATIONS: [&str; 4] = [
    concat!(
        include_str!("schema/0001_tables.sql"),
        include_str!("schema/0001_turns.sql"),
        include_str!("schema/0001_fields.sql")
    ),
    include_str!("schema/0002_indexes.sql"),
    "",
    include_str!("schema/0004_fields.sql"),
];

/// The functions of this release, which every version of the schema gets.
const FUNCTIONS: &str = include_str!("schema/functions.sql");

/// The version that this release writes, in the table `schema_version`.
#[expect(clippy::cast_possible_wrap, reason = "there are a few")]
pub(crate) const SCHEMA_VERSION: i64 = MIGRATIONS.len() as i64;

/// The tables that the schema must have.
const TABLES: [&str; 10] = [
    "resource_owner",
    "resource_state",
    "context_log",
    "command_log",
    "event_log",
    "message_log",
    "activity_log",
    "position",
    "turn",
    "field",
];

/// Brings the schema to this release's, in one transaction. Any number of processes may do so at once: one does it, the
/// others wait for it. A schema that is of this release already is only looked at.
pub(crate) async fn migrate(client: &mut Client, schema: &str) -> Result<(), Fault> {
    match version(client, schema).await? {
        Some(SCHEMA_VERSION) => return check_tables(client, schema).await,
        Some(version) if version > SCHEMA_VERSION => return Err(newer(version).into()),
        _ => {}
    }
    let transaction = client.transaction().await?;
    let lock = "SELECT pg_advisory_xact_lock(hashtextextended('fluvius schema ' || $1, 0))";
    transaction.execute(lock, &[&schema]).await?;
    // Another process may have been quicker while this one waited for the lock.
    let found = version(transaction.client(), schema).await?;
    let done = match found {
        Some(version) if version > SCHEMA_VERSION => return Err(newer(version).into()),
        Some(version) => version,
        None => {
            refuse_foreign(transaction.client(), schema).await?;
            0
        }
    };
    if done == 0 {
        rights::check_making(transaction.client(), schema).await?;
    }
    let has_schema = "SELECT FROM pg_namespace WHERE nspname = $1";
    if transaction.query_opt(has_schema, &[&schema]).await?.is_none() {
        transaction.batch_execute(&format!("CREATE SCHEMA \"{schema}\"")).await?;
    }
    for migration in MIGRATIONS.iter().skip(usize::try_from(done).unwrap_or(usize::MAX)) {
        transaction.batch_execute(migration).await?;
    }
    if done < SCHEMA_VERSION {
        transaction.batch_execute(FUNCTIONS).await?;
        transaction.execute("DELETE FROM schema_version", &[]).await?;
        transaction.execute("INSERT INTO schema_version VALUES ($1)", &[&SCHEMA_VERSION]).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Returns the version of a schema that is one of fluvius. The user is found to have rights in it.
async fn version(client: &Client, schema: &str) -> Result<Option<i64>, Fault> {
    // Not by `to_regclass`: it may still hold that there is no such schema, as it was before the lock was there.
    let has_table = "SELECT count(*) = 2 FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace \
                     WHERE n.nspname = $1 AND c.relname IN ('schema_version', 'resource_state')";
    if !client.query_one(has_table, &[&schema]).await?.try_get::<_, bool>(0)? {
        return Ok(None);
    }
    rights::check(client, schema).await?;
    let rows = client.query("SELECT version FROM schema_version", &[]).await?;
    match rows.as_slice() {
        [row] => Ok(Some(row.try_get(0)?)),
        rows => Err(Fault::damaged("schema_version", format!("it has {} rows", rows.len()))),
    }
}

/// A schema that holds something else stays as it is.
async fn refuse_foreign(client: &Client, schema: &str) -> Result<(), Fault> {
    let content = "SELECT (SELECT count(*) FROM pg_class WHERE relnamespace = n.oid) \
                   + (SELECT count(*) FROM pg_proc WHERE pronamespace = n.oid) \
                   FROM pg_namespace AS n WHERE nspname = $1";
    let count: i64 = match client.query_opt(content, &[&schema]).await? {
        Some(row) => row.try_get(0)?,
        None => 0,
    };
    if count == 0 {
        return Ok(());
    }
    Err(StoreError::permanent(format!(
        "the schema `{schema}` holds something else than a store of fluvius: name another one"
    ))
    .into())
}

async fn check_tables(client: &Client, schema: &str) -> Result<(), Fault> {
    // Not by `to_regclass`, which needs rights.
    let missing = "SELECT name FROM unnest($2::text[]) AS name WHERE NOT EXISTS ( \
                   SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace \
                   WHERE n.nspname = $1 AND c.relname = name) LIMIT 1";
    match client.query_opt(missing, &[&schema, &TABLES.as_slice()]).await? {
        None => Ok(()),
        Some(row) => Err(StoreError::permanent(format!(
            "the schema `{schema}` has no table `{}`: restore a backup of it",
            row.try_get::<_, String>(0)?
        ))
        .into()),
    }
}

/// The schema was written by a release that this one does not know.
fn newer(version: i64) -> StoreError {
    StoreError::permanent(format!(
        "the database has schema version {version}, this program knows up to {SCHEMA_VERSION}: use a newer release"
    ))
}
