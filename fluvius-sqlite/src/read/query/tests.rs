//! The cost of a query, in virtual machine steps of SQLite.

use fluvius_store::Store;
use fluvius_store::query::{Cursor, Field};
use rusqlite::StatementStatus;
use tempfile::TempDir;

use super::*;
use crate::SqliteStore;
use crate::writer::tests::units;

async fn store(count: u64) -> (TempDir, Connection, SqliteStore) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("store.db");
    let store = SqliteStore::open(&file).await.unwrap();
    let context = units::context();
    let state = |number| units::json(&format!(r#"{{"coins":{number},"note":"a note"}}"#));
    let all: Vec<_> = (0..count)
        .map(|number| units::with_data(&context, &units::aggregate_id(), 0, state(number)))
        .collect();
    store.commit(std::sync::Arc::from(all)).await;
    (folder, crate::connection::open_reader(&file).unwrap(), store)
}

fn asked(filter: Filter) -> StateQuery {
    StateQuery::for_resource("purse", 10).filter(filter)
}

/// Returns the steps that SQLite takes for a query.
fn steps(connection: &Connection, asked: &StateQuery) -> i32 {
    query(connection, asked).unwrap();
    let sql = Sql::of(asked, None);
    let statement = connection.prepare_cached(&sql.text).unwrap();
    statement.reset_status(StatementStatus::VmStep)
}

#[tokio::test]
async fn terms_of_a_filter_cost_sqlite_no_steps() {
    let (_folder, connection, _store) = store(100).await;
    let any = |count: usize| {
        let terms = (0..count).map(|n| Field::text("note").contains(format!("zz{n}")));
        asked(Filter::Any(terms.collect()))
    };
    let few = steps(&connection, &any(2));
    assert!(few > 0);
    assert_eq!(steps(&connection, &any(900)), few);
}

#[tokio::test]
async fn an_aggregate_is_looked_up_by_its_identifier() {
    let (_folder, connection, store) = store(200).await;
    let one = store.query(&StateQuery::for_resource("purse", 1)).await.unwrap().remove(0);
    let by_id = Field::column(Column::Identifier).eq(one.aggregate_id.id);
    let asked = asked(by_id & Field::number("coins").ge(0));
    assert_eq!(query(&connection, &asked).unwrap(), [one]);
    let scanned = asked.clone().filter(Field::number("coins").lt(0));
    assert!(steps(&connection, &asked) * 10 < steps(&connection, &scanned));
}

#[tokio::test]
async fn a_scan_costs_the_same_in_a_large_store() {
    let steps_of = async |count| {
        let (_folder, connection, _store) = store(count).await;
        let row = query(&connection, &StateQuery::for_resource("purse", 1)).unwrap().remove(0);
        let realm = RealmFilter::Only(row.realm.map(|realm| realm.to_string()));
        let of = asked(Field::number("coins").lt(0)).realm(realm);
        let found = scan(&connection, &of, 50).unwrap();
        assert_eq!((found.rows.len(), found.scanned, found.next.is_some()), (0, 50, true));
        let statement = connection.prepare_cached(&Sql::of(&of.window(50), None).text).unwrap();
        statement.reset_status(StatementStatus::VmStep)
    };
    let small = steps_of(60).await;
    assert!(small > 0);
    assert_eq!(steps_of(600).await, small);
}

#[tokio::test]
async fn an_index_with_few_candidates_completes_a_scan() {
    let (_folder, connection, store) = store(200).await;
    store.declare_indexes("purse", &[Field::number("coins")]).await.unwrap();
    let found = scan(&connection, &asked(Field::number("coins").eq(77)), 1).unwrap();
    assert_eq!((found.rows.len(), found.scanned, found.next), (1, 1, None));
    let many = asked(Field::number("coins").ge(100) & Field::text("note").contains("note"));
    let found = scan(&connection, &many, 1).unwrap();
    assert_eq!((found.rows.len(), found.scanned), (10, 100));
    assert_eq!(found.next, Some(Cursor::of(&many, &found.rows[9])));
}
