//! The plans of PostgreSQL for queries over many aggregates.

use fluvius_store::Store;
use fluvius_store::chrono::DateTime;
use fluvius_store::query::{Cursor, Field};
use fluvius_store::uuid::Uuid;
use tokio_postgres::NoTls;

use super::*;
use crate::PostgresStore;
use crate::statement_params::as_sql;
use fluvius_testing::servers::{TestSchema, TestServer};

const COUNT: u32 = 5_000;

/// A store of many purses, of which nearly all values differ, and its indexes.
async fn store() -> Option<(TestSchema, PostgresStore, Indexes, ReadPool)> {
    let server = TestServer::get()?;
    let schema = server.schema();
    let store = PostgresStore::options().schema(schema.name()).open(schema.url()).await.unwrap();
    let (client, connection) = tokio_postgres::connect(schema.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    let name = schema.name();
    let rows = format!(
        "SET search_path = {name}; INSERT INTO resource_state SELECT 'purse', md5(n::text)::uuid, \
         1, 'v1-' || repeat('0', 32), 1, json_build_object('coins', n / 2 || '.50', 'owner', \
         'owner ' || n / 3, 'is_open', n % 500 = 0, 'due', to_char(to_timestamp(n) AT TIME ZONE \
         'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), 'id', md5('id' || n)::uuid, 'other', n)::text, \
         now(), NULL, now(), NULL, NULL, NULL FROM generate_series(1, {COUNT}) AS n; ANALYZE \
         resource_state"
    );
    client.batch_execute(&rows).await.unwrap();
    let endpoint = crate::connection::Endpoint::new(
        schema.url(),
        PostgresStore::options().schema(schema.name()),
    )
    .unwrap();
    let connector = crate::connection::Connector::new(
        endpoint,
        crate::runtime::StoreRuntime::start(false).unwrap(),
    );
    let (pool, indexes) = (ReadPool::for_queries(connector), Indexes::default());
    let fields = [
        Field::number("coins"),
        Field::text("owner"),
        Field::time("due"),
        Field::uuid("id"),
        Field::boolean("is_open"),
    ];
    indexes.declare(&pool, "purse", &fields).await.unwrap();
    store.declare_indexes("purse", &fields).await.unwrap();
    Some((schema, store, indexes, pool))
}

async fn plan(pool: &ReadPool, indexes: &[Index], query: &StateQuery) -> String {
    let sql = Sql::new(query, indexes);
    let rows =
        pool.query_once(format!("EXPLAIN (COSTS OFF) {}", sql.text), sql.params).await.unwrap();
    let lines: Vec<String> = rows.iter().map(|row| row.get::<_, String>(0)).collect();
    lines.join("\n")
}

/// Checks that a plan uses the index of the field with these conditions, and does not sort if the
/// index has the order.
async fn check(
    (indexes, pool): (&Indexes, &ReadPool),
    query: &StateQuery,
    field: &Field,
    condition: &[&str],
    is_in_order: bool,
) {
    let indexes = indexes.for_resource("purse");
    let id = indexes.iter().find(|index| index.field == *field).unwrap().id;
    let plan = plan(pool, &indexes, query).await;
    assert!(plan.contains(&format!("field_{id}_in_order")), "{query:?}\n{plan}");
    for part in condition {
        let lines = plan.lines().filter(|line| line.contains("Index Cond"));
        assert!(lines.clone().any(|line| line.contains(part)), "no {part} for {query:?}\n{plan}");
    }
    let sorts = plan.lines().filter(|line| line.contains("Sort") && !line.contains("Sort Key"));
    let whole = sorts.filter(|line| !line.contains("Incremental Sort")).count();
    assert!(whole == 0 || !is_in_order, "{query:?}\n{plan}");
    assert!(!plan.contains("Seq Scan"), "{query:?}\n{plan}");
}

fn found_by(filter: Filter) -> StateQuery {
    StateQuery::for_resource("purse", 10).filter(filter)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn planner_uses_the_indexes() {
    let Some((_schema, store, indexes, pool)) = store().await else { return };
    let at = (&indexes, &pool);
    let moment = DateTime::from_timestamp(77, 0).unwrap();
    let id = Uuid::from_u128(7);
    for (field, equal) in [
        (Field::number("coins"), Field::number("coins").eq(77)),
        (Field::text("owner"), Field::text("owner").eq("owner 77")),
        (Field::time("due"), Field::time("due").eq(moment)),
        (Field::uuid("id"), Field::uuid("id").eq(id)),
        (Field::number("coins"), Field::number("coins").is_null()),
    ] {
        check(at, &found_by(equal), &field, &["key = "], false).await;
    }
    check(
        at,
        &found_by(Field::boolean("is_open").eq(true)),
        &Field::boolean("is_open"),
        &["key = "],
        false,
    )
    .await;
    for (field, range, parts) in [
        (Field::number("coins"), Field::number("coins").between(7, 9), &["key >= ", "key <= "][..]),
        (Field::number("coins"), Field::number("coins").gt(2_490), &["key >= "]),
        (
            Field::text("owner"),
            Field::text("owner").starts_with("owner 77"),
            &["key >= ", "key <= "],
        ),
        (Field::time("due"), Field::time("due").lt(moment), &["key < "]),
        (Field::uuid("id"), Field::uuid("id").le(id), &["key <= "]),
    ] {
        check(at, &found_by(range), &field, parts, false).await;
    }
    for (key, part) in [
        (Field::number("coins").ascending(), "key >= "),
        (Field::number("coins").descending(), "key <= "),
        (Field::text("owner").ascending(), "key >= "),
        (Field::text("owner").descending(), "key <= "),
        (Field::time("due").ascending(), "ROW(key, identifier) > ROW("),
        (Field::time("due").descending(), "key <= "),
        (Field::uuid("id").ascending(), "ROW(key, identifier) > ROW("),
    ] {
        let first = StateQuery::for_resource("purse", 10).sort(vec![key.clone()]);
        check(at, &first, &key.field, &[], true).await;
        let rows = store.query(&first).await.unwrap();
        let next = first.clone().after(Some(Cursor::of(&first, &rows[9])));
        check(at, &next, &key.field, &[part], true).await;
        // The pages are those of the states.
        let all = store.query(&StateQuery::for_resource("purse", usize::MAX)).await.unwrap();
        assert_eq!(rows, first.select(all.clone()));
        assert_eq!(store.query(&next).await.unwrap(), next.select(all));
    }
    // With so few values the planner sorts all aggregates in one direction.
    for key in [Field::boolean("is_open").ascending(), Field::boolean("is_open").descending()] {
        let first = StateQuery::for_resource("purse", 20).sort(vec![key]);
        let all = store.query(&StateQuery::for_resource("purse", usize::MAX)).await.unwrap();
        let rows = store.query(&first).await.unwrap();
        assert_eq!(rows, first.select(all.clone()));
        let cursor = Cursor::of(&first, &rows[19]);
        let next = first.after(cursor);
        assert_eq!(store.query(&next).await.unwrap(), next.select(all));
    }
    let first = found_by(Field::boolean("is_open").eq(true));
    let rows = store.query(&first.clone().limit(3)).await.unwrap();
    let cursor = Cursor::of(&first, &rows[2]);
    let next = first.after(cursor);
    check(at, &next, &Field::boolean("is_open"), &["key = ", "identifier > "], false).await;
    // A condition on an undeclared field reads all states.
    let plan =
        plan(&pool, &indexes.for_resource("purse"), &found_by(Field::number("other").eq(3))).await;
    assert!(!plan.contains("field_1"), "{plan}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn state_is_parsed_once_per_row() {
    let Some((schema, _store, ..)) = store().await else { return };
    let (mut client, connection) = tokio_postgres::connect(schema.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(&format!("SET search_path = {}", schema.name())).await.unwrap();
    let terms = (0..200).map(|n| Field::text("owner").contains(format!("none {n}")));
    let filter = terms.reduce(|all, term| all | term).unwrap() | Field::number("coins").lt(-1);
    let sort = vec![Field::text("owner").ascending()];
    let query = StateQuery::for_resource("purse", 10).filter(filter).sort(sort);
    // Without the indexes.
    let sql = Sql::new(&query, &[]);
    let transaction = client.transaction().await.unwrap();
    transaction.batch_execute("SET LOCAL track_functions = 'all'").await.unwrap();
    let types = sql.params.iter().map(Param::sql_type);
    let params: Vec<_> = as_sql(&sql.params).into_iter().zip(types).collect();
    assert!(transaction.query_typed(&sql.text, &params).await.unwrap().is_empty());
    let calls = "SELECT funcname::text, calls FROM pg_stat_xact_user_functions WHERE schemaname = \
                 $1 AND funcname ~ '^(state|field)_(json|text|number)$' ORDER BY funcname";
    let rows = transaction.query(calls, &[&schema.name()]).await.unwrap();
    let calls: Vec<(String, i64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let count = i64::from(COUNT);
    let expected = ["field_number", "field_text", "state_json"];
    assert_eq!(calls, expected.map(|name| (name.to_owned(), count)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_window_reads_one_realm_in_order() {
    let Some((schema, store, _, pool)) = store().await else { return };
    let (client, connection) = tokio_postgres::connect(schema.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    let update = "UPDATE resource_state SET realm = 'north' WHERE identifier < \
                  '80000000-0000-0000-0000-000000000000'";
    for statement in
        [&format!("SET search_path = {}", schema.name()), update, "VACUUM ANALYZE resource_state"]
    {
        client.batch_execute(statement).await.unwrap();
    }
    for realm in [None, Some("north".to_owned())] {
        let asked = found_by(Field::number("other").lt(0)).realm(RealmFilter::Only(realm));
        let scan = store.scan(&asked, 100).await.unwrap();
        assert_eq!((scan.rows.len(), scan.scanned), (0, 100));
        for query in [asked.clone(), asked.after(scan.next)] {
            let plan = plan(&pool, &[], &query.window(100)).await;
            let is_in_order = plan.contains("Index Scan using resource_state_in_order");
            assert!(is_in_order && !plan.contains("Sort"), "{plan}");
            let has_realm =
                plan.lines().any(|line| line.contains("Cond") && line.contains("realm"));
            assert!(has_realm, "{plan}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_with_few_candidates_completes_a_scan() {
    let Some((_schema, store, ..)) = store().await else { return };
    let few = found_by(Field::number("coins").lt(10) & Field::number("other").gt(3));
    let scan = store.scan(&few, 1).await.unwrap();
    // 0.5 once, and 1.5 to 9.5 twice.
    assert_eq!((scan.rows.len(), scan.scanned), (10, 19));
    assert_eq!(scan.next, Some(Cursor::of(&few, &scan.rows[9])));
    let rest = store.scan(&few.after(scan.next), 1).await.unwrap();
    assert_eq!((rest.rows.len(), rest.next), (6, None));
    let none = store.scan(&found_by(Field::number("other").eq(3)), 1).await.unwrap();
    assert_eq!((none.scanned, none.next.is_some()), (1, true));
}
