//! Query plans, from `EXPLAIN QUERY PLAN`.

use fluvius_store::query::{Cursor, Field};
use fluvius_store::{RealmFilter, Store};
use rusqlite::config::DbConfig;
use tempfile::TempDir;

use super::*;
use crate::SqliteStore;
use crate::read::query::Sql;
use crate::writer::tests::units;

fn fields() -> [Field; 5] {
    [
        Field::number("coins"),
        Field::text("owner"),
        Field::time("due"),
        Field::uuid("id"),
        Field::boolean("is_open"),
    ]
}

/// Creates a store of 40 purses with five declared fields.
async fn store() -> (TempDir, Connection, SqliteStore) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("store.db");
    let store = SqliteStore::open(&file).await.unwrap();
    store.declare_indexes("purse", &fields()).await.unwrap();
    let context = units::context();
    for number in 0..40 {
        let state = serde_json::json!({
            "coins": format!("{}.50", number / 2),
            "owner": format!("owner {}", number % 7),
            "due": format!("2026-01-01T00:00:{number:02}Z"),
            "id": fluvius_store::uuid::Uuid::from_u128(number),
            "is_open": number % 2 == 0,
            "other": number,
        });
        let state = units::json(&state.to_string());
        units::commit(&store, units::with_data(&context, &units::aggregate_id(), 0, state)).await;
    }
    let connection = crate::connection::open_reader(&file).unwrap();
    (folder, connection, store)
}

/// Returns the search of values or of aggregates, and the sorts, in the plan of a query.
fn plan(connection: &Connection, query: &StateQuery) -> (String, String) {
    let index = Index::of(connection, query).unwrap();
    let sql = Sql::of(query, index.as_ref());
    let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", sql.text)).unwrap();
    let lines: Vec<String> = explain
        .query_map(params_from_iter(sql.params), |row| row.get(3))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let of = |table: &str| {
        let begins = [format!("SEARCH {table} "), format!("SCAN {table} ")];
        lines.iter().find(|line| begins.iter().any(|begin| line.starts_with(begin)))
    };
    let first = of("i").or(of("a"));
    assert_eq!(of("i").is_none(), index.is_none(), "{lines:?}");
    let sorted: Vec<&str> =
        lines.iter().filter_map(|line| line.strip_prefix("USE TEMP B-TREE FOR ")).collect();
    (first.unwrap().replace(" USING COVERING INDEX", " USING INDEX"), sorted.join(", "))
}

fn check(connection: &Connection, query: &StateQuery, how: &str, sorted: &str) {
    let (found, found_sorted) = plan(connection, query);
    let expected = format!("SEARCH i USING INDEX field_value_in_order ({how})");
    assert_eq!((found, found_sorted.as_str()), (expected, sorted), "{query:?}");
}

fn found_by(filter: fluvius_store::query::Filter) -> StateQuery {
    StateQuery::for_resource("purse", 10).filter(filter)
}

#[tokio::test]
async fn an_equality_and_a_range_are_looked_up() {
    let (_folder, connection, _store) = store().await;
    let uuid_of = |number| fluvius_store::uuid::Uuid::from_u128(number);
    let moment = fluvius_store::chrono::DateTime::from_timestamp(1_767_225_610, 0).unwrap();
    for equal in [
        Field::number("coins").eq(3),
        Field::text("owner").eq("owner 3"),
        Field::time("due").eq(moment),
        Field::uuid("id").eq(uuid_of(3)),
        Field::boolean("is_open").eq(true),
        Field::number("coins").is_null(),
        Field::number("other").eq(3) & Field::text("owner").eq("owner 3"),
    ] {
        check(&connection, &found_by(equal), "field=? AND value=?", "");
    }
    for (range, how) in [
        (Field::number("coins").gt(3), "field=? AND value>?"),
        (Field::number("coins").ge(3), "field=? AND value>?"),
        (Field::number("coins").between(3, 4), "field=? AND value>? AND value<?"),
        (Field::text("owner").starts_with("owner 3"), "field=? AND value>? AND value<?"),
        (Field::time("due").lt(moment), "field=? AND value>? AND value<?"),
        (Field::uuid("id").le(uuid_of(3)), "field=? AND value>? AND value<?"),
        (Field::text("owner").one_of(["a", "b"]), "field=? AND value=?"),
    ] {
        check(&connection, &found_by(range), how, "ORDER BY");
    }
}

#[tokio::test]
async fn pages_keep_the_order_of_the_index() {
    let (_folder, connection, store) = store().await;
    for (key, sorted, behind) in [
        (Field::number("coins").ascending(), "", "field=? AND (value,identifier)>(?,?)"),
        (Field::number("coins").descending(), "LAST TERM OF ORDER BY", "field=? AND value<?"),
        (Field::text("owner").ascending(), "", "field=? AND (value,identifier)>(?,?)"),
        (Field::time("due").descending(), "LAST TERM OF ORDER BY", "field=? AND value<?"),
    ] {
        let first = StateQuery::for_resource("purse", 10).sort(vec![key.clone()]);
        check(&connection, &first, "field=?", sorted);
        let rows = store.query(&first).await.unwrap();
        let cursor = Cursor::of(&first, &rows[9]);
        let next = first.after(cursor);
        check(&connection, &next, behind, sorted);
        // With a range on the same field, the search begins at the cursor.
        let narrow = next.filter(Field::number("coins").between(0, 1_000));
        if key.field == Field::number("coins") {
            let behind = match key.is_descending {
                false => "field=? AND (value,identifier)>(?,?) AND value<?",
                true => "field=? AND value>? AND value<?",
            };
            check(&connection, &narrow, behind, sorted);
        }
    }
    // By id among equal values.
    let first = found_by(Field::boolean("is_open").eq(true));
    let rows = store.query(&first).await.unwrap();
    let cursor = Cursor::of(&first, &rows[9]);
    let next = first.after(cursor);
    check(&connection, &next, "field=? AND value=? AND identifier>?", "");
    assert_eq!(store.query(&next).await.unwrap().len(), 10);
}

#[tokio::test]
async fn undeclared_fields_are_not_looked_up() {
    let (_folder, connection, store) = store().await;
    let of_all = found_by(Field::number("coins").eq(3)).resource(None);
    let in_order = "SEARCH a USING INDEX sqlite_autoindex_aggregate_1 (resource=?)";
    for query in [
        found_by(Field::number("other").eq(3)),
        found_by(Field::text("coins").eq("3")),
        found_by(!Field::number("coins").eq(3)),
    ] {
        assert_eq!(plan(&connection, &query), (in_order.to_owned(), String::new()), "{query:?}");
    }
    assert!(!plan(&connection, &of_all).0.starts_with("SEARCH i"));
    store.declare_indexes("purse", &[]).await.unwrap();
    let (found, sorted) = plan(&connection, &found_by(Field::number("coins").eq(3)));
    assert_eq!((found.as_str(), sorted.as_str()), (in_order, ""));
}

#[tokio::test]
async fn a_window_reads_one_realm_in_order() {
    let (_folder, connection, _store) = store().await;
    let later = |query: &StateQuery| {
        let row = crate::read::query::query(&connection, &StateQuery::for_resource("purse", 1));
        Some(Cursor::of(query, &row.unwrap()[0]))
    };
    for realm in [None, Some("a realm".to_owned())] {
        let first = found_by(Field::number("other").eq(3)).realm(RealmFilter::Only(realm));
        let next = first.clone().after(later(&first));
        for (query, how) in [(first, ""), (next, " AND identifier>?")] {
            let how =
                format!("SEARCH a USING INDEX aggregate_in_order (resource=? AND realm=?{how})");
            assert_eq!(plan(&connection, &query.window(100)), (how, String::new()), "{query:?}");
        }
    }
}

/// If many aggregates match, the sort order decides.
#[tokio::test]
async fn an_unselective_index_is_not_used_if_another_is_cheaper() {
    let (folder, connection, _store) = store().await;
    let other = Connection::open(folder.path().join("store.db")).unwrap();
    other.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false).unwrap();
    other.pragma_update(None, "foreign_keys", false).unwrap();
    let sql = "WITH RECURSIVE n (n) AS (SELECT 1000 UNION ALL SELECT n + 1 FROM n LIMIT 11000) \
        INSERT INTO field_value SELECT n.n, f.id, CAST('a' AS BLOB), zeroblob(16) FROM n, field AS \
        f WHERE f.path = '[\"coins\"]'";
    other.execute_batch(sql).unwrap();
    let many = || Field::number("coins").gt(3);
    let few = || Field::text("owner").eq("owner 3");
    let by = |query: StateQuery| Index::of(&connection, &query).unwrap().map(|index| index.field);
    // In id order, the first matches come soon.
    assert_eq!(by(found_by(many())), None);
    assert_eq!(by(found_by(many() & few())), Some(Field::text("owner")));
    let sorted = |key| found_by(many()).sort(vec![key]);
    assert_eq!(by(sorted(Field::number("coins").ascending())), Some(Field::number("coins")));
    assert_eq!(by(sorted(Field::text("owner").ascending())), Some(Field::text("owner")));
    // All matches have to be sorted with any index.
    assert_eq!(by(sorted(Field::number("other").ascending())), Some(Field::number("coins")));
    let few_sorted = sorted(Field::number("coins").ascending()).filter(few());
    assert_eq!(by(few_sorted), Some(Field::text("owner")));
}
