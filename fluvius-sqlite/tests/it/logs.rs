//! The logs in the shell of SQLite: the content of their views, and the writes that they reject.

use std::sync::Arc;

use fluvius_sqlite::SqliteStore;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use tempfile::TempDir;

use crate::units::{aggregate_id, commit, context, id, json, logs, unit, with_data};

/// The append-only tables, each with the end of a statement that inserts a row again with another
/// number.
const LOGS: [(&str, &str); 8] = [
    ("name", "(id, text) SELECT id + 1000, text"),
    (
        "command_type",
        "(id, domain, revision, command, resource) \
         SELECT id + 1000, domain, revision, command, resource",
    ),
    ("event_type", "(id, domain, revision, event) SELECT id + 1000, domain, revision, event"),
    (
        "context",
        "(number, id, domain, revision, transport, source, headers, roles) \
         SELECT number + 1000, id, domain, revision, transport, 'forged', headers, roles",
    ),
    (
        "command",
        "(position, id, type, identifier, payload, payload_hash, context, is_rejected, \
        received_at) SELECT position + 1000, id, type, identifier, 'forged', payload_hash, \
        context, 0, 0",
    ),
    (
        "event",
        "(position, id, type, aggregate, version, command, delta, occurred_at) \
         SELECT position + 1000, id, type, aggregate, version, command, 'forged', 0",
    ),
    // Only the position identifies a row of these tables.
    ("message", "SELECT *"),
    ("activity", "SELECT *"),
];

fn foreign(folder: &TempDir) -> Connection {
    let connection = Connection::open(folder.path().join("store.db")).unwrap();
    // As in the shell of SQLite.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, false).unwrap();
    connection
}

#[tokio::test]
async fn no_log_is_changed_from_outside() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path().join("store.db")).await.unwrap();
    let (context, aggregate_id) = (context(), aggregate_id());
    // Every 16th version is in the index of the events.
    for version in 0..16 {
        commit(&store, unit(&context, &aggregate_id, version)).await;
    }
    let before = logs(&store).await;
    let foreign = foreign(&folder);
    for is_recursive in [false, true] {
        foreign.pragma_update(None, "recursive_triggers", is_recursive).unwrap();
        for (table, other_number) in LOGS {
            // Only the event of the 16th version is in the index.
            let which = if table == "event" { "WHERE version = 16" } else { "WHERE true LIMIT 1" };
            let key = match table {
                "name" | "command_type" | "event_type" => "id",
                "context" => "number",
                _ => "position",
            };
            for sql in [
                format!("UPDATE {table} SET rowid = rowid + 1000"),
                format!("UPDATE OR REPLACE {table} SET {key} = 1"),
                format!("DELETE FROM {table}"),
                format!("INSERT OR REPLACE INTO {table} SELECT * FROM {table} {which}"),
                format!("REPLACE INTO {table} {other_number} FROM {table} {which}"),
                format!(
                    "INSERT INTO {table} SELECT * FROM {table} WHERE true \
                     ON CONFLICT DO UPDATE SET {key} = {key} + 1000"
                ),
            ] {
                let error = foreign.execute(&sql, []).unwrap_err().to_string();
                assert!(error.contains(&format!("rows of `{table}` are never")), "{sql}: {error}");
            }
        }
        for view in ["command_log", "event_log", "context_log", "message_log", "activity_log"] {
            for sql in [
                format!("DELETE FROM {view}"),
                format!("UPDATE {view} SET id = 'forged'"),
                format!("INSERT INTO {view} SELECT * FROM {view}"),
            ] {
                assert!(foreign.execute(&sql, []).is_err(), "{sql}");
            }
        }
    }
    assert_eq!(logs(&store).await, before);
    commit(&store, unit(&context, &aggregate_id, 16)).await;
}

#[tokio::test]
async fn the_views_have_the_columns_of_the_guide() {
    let folder = TempDir::new().unwrap();
    let _store = SqliteStore::open(folder.path().join("store.db")).await.unwrap();
    let foreign = foreign(&folder);
    for (view, columns) in [
        (
            "resource_state",
            "resource identifier version etag revision data created_at created_by updated_at \
            updated_by closed_at realm",
        ),
        (
            "command_log",
            "position id parent domain revision command resource identifier payload payload_hash \
             context_id status code response received_at",
        ),
        (
            "event_log",
            "position id domain revision event resource identifier version command_id args data \
             delta occurred_at",
        ),
        (
            "context_log",
            "id domain revision transport source headers user_id profile_id organization_id roles \
             realm correlation causation",
        ),
        ("message_log", "position id key data command_id resource identifier"),
        (
            "activity_log",
            "position id resource identifier context_id command_id message kind label code data",
        ),
    ] {
        let statement = foreign.prepare(&format!("SELECT * FROM {view}")).unwrap();
        let found: Vec<&str> = statement.column_names().collect();
        assert_eq!(found.join(" "), columns, "{view}");
    }
}

#[tokio::test]
async fn the_views_show_what_is_stored() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path().join("store.db")).await.unwrap();
    let (context, aggregate_id) = (context(), aggregate_id());
    commit(&store, unit(&context, &aggregate_id, 0)).await;
    let mut second = with_data(&context, &aggregate_id, 1, json(r#"{"coins":9}"#));
    Arc::make_mut(&mut second.commands[0]).parent = Some(id());
    Arc::make_mut(&mut second.events[0]).args = json(r#"{"coins":"9"}"#);
    let early = "1899-12-31T23:59:59.000001Z".parse().unwrap();
    Arc::make_mut(&mut second.states[0]).closed_at = Some(early);
    let state = Arc::make_mut(&mut second.states[0]);
    (state.created_by, state.realm) = (None, None);
    commit(&store, second.clone()).await;

    let foreign = foreign(&folder);
    let check = |sql: &str, expected: &[&str]| {
        let mut statement = foreign.prepare(sql).unwrap();
        let count = statement.column_count();
        let rows = statement.query_map([], |row| {
            let column = |index| row.get::<_, Option<String>>(index);
            (0..count).map(|index| Ok(column(index)?.unwrap_or("-".to_owned()))).collect()
        });
        let rows: Vec<Vec<String>> = rows.unwrap().collect::<Result<_, _>>().unwrap();
        let rows: Vec<String> = rows.into_iter().map(|row| row.join(" ")).collect();
        assert_eq!(rows, expected, "{sql}");
    };
    let state = &second.states[0];
    let expected = format!(
        "purse {} {} {} 1899-12-31T23:59:59.000001Z - -",
        aggregate_id.id, state.etag, state.data
    );
    check(
        "SELECT resource, identifier, etag, data, closed_at, created_by, realm FROM resource_state",
        &[&expected],
    );
    let command = &second.commands[0];
    let parent = command.parent.unwrap();
    check(
        "SELECT id, parent, domain, command, status, received_at, payload_hash FROM command_log \
         WHERE position > 4",
        &[&format!(
            "{} {parent} purses give-coins applied 2023-11-14T22:13:20.123456Z {}",
            command.id, command.payload_hash
        )],
    );
    check(
        "SELECT command_id, event, args, delta FROM event_log WHERE version = 2",
        &[&format!(r#"{} coins-given {{"coins":"9"}} {{"snapshot":{{"coins":9}}}}"#, command.id)],
    );
    check("SELECT args FROM event_log WHERE version = 1", &[r#"{"coins":7}"#]);
    let user = context.actor.user_id.unwrap();
    check(
        "SELECT id, transport, user_id, profile_id, realm FROM context_log",
        &[&format!("{} cli {user} - north", context.id)],
    );
    check("SELECT DISTINCT key FROM message_log", &["coins-were-given"]);
    check("SELECT DISTINCT context_id FROM activity_log", &[&context.id.to_string()]);
}
