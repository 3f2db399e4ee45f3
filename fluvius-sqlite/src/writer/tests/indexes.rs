//! Values of declared fields, under changes of declarations, states and commits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fluvius_store::query::Field;
use fluvius_store::verify::verify;
use fluvius_store::{AggregateId, StateQuery, Store, UnitOfWork};
use rusqlite::types::Value;
use rusqlite::{Connection, ffi};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::units::{self, aggregate_id, commit, context, json, unit};
use super::{failing, failure};
use crate::writer::Job;
use crate::{SqliteStore, field};

/// A number of aggregates above the limit of one part.
const MANY: usize = 4_500;

fn purse(coins: usize) -> fluvius_store::Json {
    json(&format!(r#"{{"coins":{coins},"owner":"owner {}"}}"#, coins % 100))
}

/// Commits new aggregates, and returns them.
async fn fill(store: &SqliteStore, count: usize) -> Vec<AggregateId> {
    let context = context();
    let aggregate_ids: Vec<AggregateId> = (0..count).map(|_| aggregate_id()).collect();
    let units: Vec<UnitOfWork> = (0..count)
        .map(|coins| units::with_data(&context, &aggregate_ids[coins], 0, purse(coins)))
        .collect();
    for batch in units.chunks(1_000) {
        store.commit(Arc::from(batch)).await;
    }
    aggregate_ids
}

fn at(folder: &TempDir) -> Connection {
    Connection::open(folder.path().join("store.db")).unwrap()
}

fn count(connection: &Connection, sql: &str) -> i64 {
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// Counts the completely filled fields.
fn filled(connection: &Connection) -> i64 {
    count(connection, "SELECT count(*) FROM field WHERE filled_to IS NULL")
}

async fn owned(store: &SqliteStore, owner: &str) -> usize {
    let filter = Field::text("owner").eq(owner);
    store.query(&StateQuery::for_resource("purse", usize::MAX).filter(filter)).await.unwrap().len()
}

/// Does one part of the work of `declare_indexes`.
async fn part(store: &SqliteStore, fields: Option<Vec<Field>>) -> bool {
    let (answer, answered) = oneshot::channel();
    let resource = "purse".to_owned();
    store.writer().send(Job::DeclareIndexes { resource, fields, answer }).unwrap();
    answered.await.unwrap().unwrap()
}

/// Counts the aggregates whose owner has this prefix, and checks their order.
async fn begins(store: &SqliteStore, owner: &str) -> usize {
    let filter = Field::text("owner").starts_with(owner);
    let query = StateQuery::for_resource("purse", usize::MAX).filter(filter);
    let found = store.query(&query).await.unwrap();
    assert!(found.is_sorted_by(|one, other| one.aggregate_id < other.aggregate_id));
    found.len()
}

#[tokio::test]
async fn a_new_field_is_filled_while_commits_continue() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path().join("store.db")).await.unwrap();
    let aggregate_ids = fill(&store, MANY).await;
    let connection = at(&folder);
    let mut fields = Some(vec![Field::text("owner"), Field::number("coins")]);
    let mut commits = 0;
    while part(&store, fields.take()).await {
        let old = &aggregate_ids[commits * 701];
        let moved = units::with_data(&context(), old, 1, purse(MANY + commits));
        commit(&store, moved).await;
        commit(&store, units::with_data(&context(), &aggregate_id(), 0, purse(7))).await;
        commits += 1;
        assert_eq!(begins(&store, "owner").await, MANY + commits);
    }
    // Three parts per field.
    assert_eq!(commits, 6);
    assert_eq!(filled(&connection), 2);
    check_values(&connection);
    assert_eq!(count(&connection, "SELECT count(*) FROM field_value"), 2 * (MANY + commits) as i64);
    // If the declarations are unchanged, nothing is done.
    let before =
        connection.pragma_query_value(None, "data_version", |row| row.get::<_, i64>(0)).unwrap();
    store
        .declare_indexes(
            "purse",
            &[Field::number("coins"), Field::text("owner"), Field::text("owner")],
        )
        .await
        .unwrap();
    let after =
        connection.pragma_query_value(None, "data_version", |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(before, after);

    store.declare_indexes("purse", &[Field::number("coins"), Field::time("due")]).await.unwrap();
    check_values(&connection);
    store.declare_indexes("purse", &[]).await.unwrap();
    assert_eq!(count(&connection, "SELECT count(*) FROM field_value"), 0);
    assert_eq!(count(&connection, "SELECT count(*) FROM field"), 0);
    assert!(verify(&store).await.unwrap().is_sound());
}

#[tokio::test]
async fn each_store_maintains_declarations_of_the_others() {
    let folder = TempDir::new().unwrap();
    let one = SqliteStore::open(folder.path().join("store.db")).await.unwrap();
    let other = SqliteStore::open(folder.path().join("store.db")).await.unwrap();
    let connection = at(&folder);
    let known = aggregate_id();
    commit(&other, units::with_data(&context(), &known, 0, purse(1))).await;
    one.declare_indexes("purse", &[Field::text("owner")]).await.unwrap();
    // The other store has written before, and has declared nothing.
    commit(&other, units::with_data(&context(), &known, 1, purse(2))).await;
    commit(&other, units::with_data(&context(), &aggregate_id(), 0, purse(2))).await;
    check_values(&connection);
    assert_eq!((owned(&one, "owner 2").await, owned(&other, "owner 1").await), (2, 0));
    other.declare_indexes("purse", &[Field::number("coins")]).await.unwrap();
    commit(&one, units::with_data(&context(), &known, 2, purse(3))).await;
    check_values(&connection);
    assert_eq!((owned(&one, "owner 2").await, owned(&other, "owner 3").await), (1, 1));
    let path: String =
        connection.query_row("SELECT path FROM field", [], |row| row.get(0)).unwrap();
    assert_eq!(path, r#"["coins"]"#);
    // Two concurrent declarations do not wait for each other forever.
    fill(&one, MANY).await;
    let declare = |store: &SqliteStore, fields: Vec<Field>| {
        let store = store.clone();
        tokio::spawn(async move { store.declare_indexes("purse", &fields).await })
    };
    let both = [
        declare(&one, vec![Field::text("owner"), Field::time("due")]),
        declare(&other, vec![Field::number("coins"), Field::text("owner")]),
    ];
    for declared in both {
        declared.await.unwrap().unwrap();
    }
    assert_eq!(filled(&connection), count(&connection, "SELECT count(*) FROM field"));
    one.declare_indexes("other", &[]).await.unwrap();
    check_values(&connection);
}

/// Another program writes to the tables, with triggers but without the functions that read a state.
#[tokio::test]
async fn a_state_changed_by_another_program_is_found() {
    for change in [
        r#"UPDATE state SET data = '{"owner":"new"}'"#,
        r#"REPLACE INTO state SELECT aggregate, version, event, etag, revision, '{"owner":"new"}', updated_at, updated_by, closed_at FROM state"#,
        r#"UPDATE state SET data = '{"owner":"new"}'; DELETE FROM field_value"#,
    ] {
        let folder = TempDir::new().unwrap();
        let store = SqliteStore::open(folder.path().join("store.db")).await.unwrap();
        store.declare_indexes("purse", &[Field::text("owner")]).await.unwrap();
        fill(&store, 3).await;
        let foreign = at(&folder);
        foreign.execute_batch(change).unwrap();
        assert_eq!(
            (owned(&store, "owner 1").await, owned(&store, "new").await),
            (0, 3),
            "{change}"
        );
        commit(&store, unit(&context(), &aggregate_id(), 0)).await;
        store.declare_indexes("purse", &[Field::text("owner")]).await.unwrap();
        check_values(&foreign);
        assert_eq!((filled(&foreign), owned(&store, "new").await), (1, 3));
    }
    for change in [
        "UPDATE aggregate SET identifier = randomblob(16)",
        "DELETE FROM field_value",
        "UPDATE field_value SET value = 'owner 1'",
        "INSERT OR REPLACE INTO field_value SELECT aggregate, field, 'owner 1', identifier FROM \
        field_value",
    ] {
        let folder = TempDir::new().unwrap();
        let store = SqliteStore::open(folder.path().join("store.db")).await.unwrap();
        store.declare_indexes("purse", &[Field::text("owner")]).await.unwrap();
        fill(&store, 30).await;
        at(&folder).execute_batch(change).unwrap();
        assert_eq!(
            (owned(&store, "owner 1").await, begins(&store, "owner 2").await),
            (1, 11),
            "{change}"
        );
    }
}

/// Declaring, filling and removing fail at one failpoint after the other, and then complete.
#[tokio::test]
async fn declaring_fields_resumes_after_a_disk_failure() {
    let left = Arc::new(AtomicUsize::new(usize::MAX));
    let counted = Arc::clone(&left);
    let folder = TempDir::new().unwrap();
    let options = failing(move |_| {
        let before =
            counted.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if before == Err(0) { Err(failure(ffi::SQLITE_IOERR_FSYNC)) } else { Ok(()) }
    });
    let store = options.open(folder.path().join("store.db")).await.unwrap();
    fill(&store, 5).await;
    let connection = at(&folder);
    let declared = [vec![Field::text("owner")], vec![Field::number("coins")], vec![]];
    for point in 0.. {
        assert!(point < 100, "it never comes to its end");
        let fields = &declared[point % 3];
        left.store(point, Ordering::SeqCst);
        let ended = store.declare_indexes("purse", fields).await;
        let failed = left.swap(usize::MAX, Ordering::SeqCst) == 0 && ended.is_err();
        assert_eq!(ended.is_err(), failed);
        assert_eq!(owned(&store, "owner 3").await, 1);
        commit(&store, units::with_data(&context(), &aggregate_id(), 0, purse(200))).await;
        store.declare_indexes("purse", fields).await.unwrap();
        assert_eq!(filled(&connection), i64::try_from(fields.len()).unwrap());
        check_values(&connection);
        if !failed && point % 3 == 2 {
            return;
        }
    }
}

/// The file was written by another run of the program, before the fields were declared.
#[tokio::test]
async fn an_existing_file_gets_its_declared_indexes() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("store.db");
    let store = SqliteStore::open(&file).await.unwrap();
    fill(&store, 3).await;
    let all = StateQuery::every(usize::MAX);
    let before = store.query(&all).await.unwrap();
    store.close().await.unwrap();

    let store = SqliteStore::open(&file).await.unwrap();
    let connection = at(&folder);
    assert_eq!(store.query(&all).await.unwrap(), before);
    store.declare_indexes("purse", &[Field::text("owner"), Field::number("coins")]).await.unwrap();
    check_values(&connection);
    assert_eq!(count(&connection, "SELECT count(*) FROM field_value"), 6);
    let filter = Field::text("owner").eq("owner 1");
    let found = store.query(&StateQuery::for_resource("purse", 5).filter(filter)).await.unwrap();
    let expected = before.iter().filter(|row| row.data == purse(1)).cloned().collect::<Vec<_>>();
    assert_eq!(found, expected);
    assert_eq!(found.len(), 1);
    assert!(verify(&store).await.unwrap().is_sound());
}

#[tokio::test]
async fn a_backup_has_the_indexes() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path().join("first.db")).await.unwrap();
    store.declare_indexes("purse", &[Field::text("owner")]).await.unwrap();
    fill(&store, 20).await;
    store.backup_to(folder.path().join("store.db")).await.unwrap();
    let copy = SqliteStore::open(folder.path().join("store.db")).await.unwrap();
    let connection = at(&folder);
    assert_eq!(filled(&connection), 1);
    commit(&copy, units::with_data(&context(), &aggregate_id(), 0, purse(7))).await;
    assert_eq!((owned(&store, "owner 7").await, owned(&copy, "owner 7").await), (1, 2));
    check_values(&connection);
    let integrity: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(integrity, "ok");
    assert!(verify(&copy).await.unwrap().is_sound());
}

/// Checks that the stored values are exactly those of the states.
pub(super) fn check_values(connection: &Connection) {
    let fields =
        "SELECT f.id, r.text, f.path, f.kind FROM field AS f JOIN name AS r ON r.id = f.resource";
    let mut select = connection.prepare(fields).unwrap();
    let mut rows = select.query([]).unwrap();
    let mut expected = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let (id, resource): (i64, String) = (row.get(0).unwrap(), row.get(1).unwrap());
        let (path, kind): (String, String) = (row.get(2).unwrap(), row.get(3).unwrap());
        let field = field::from_stored(&path, &kind).unwrap();
        let states = "SELECT a.number, s.data, a.identifier FROM aggregate AS a JOIN state AS s ON \
            s.aggregate = a.number JOIN name AS r ON r.id = a.resource WHERE r.text = ?1";
        let mut states = connection.prepare(states).unwrap();
        let mut states = states.query((resource,)).unwrap();
        while let Some(row) = states.next().unwrap() {
            let data: String = row.get(1).unwrap();
            let value = field::stored_value_of(&data, &field);
            let identifier: Vec<u8> = row.get(2).unwrap();
            expected.push((row.get::<_, i64>(0).unwrap(), id, value, identifier));
        }
    }
    expected.sort_by_key(|(aggregate_id, field, ..)| (*aggregate_id, *field));
    let values =
        "SELECT aggregate, field, value, identifier FROM field_value ORDER BY aggregate, field";
    let mut values = connection.prepare(values).unwrap();
    let found: Vec<(i64, i64, Value, Vec<u8>)> = values
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(found, expected);
}
