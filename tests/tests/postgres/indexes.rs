//! The values of declared fields, under changes of declarations, states and commits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fluvius_core::query::{Field, Filter};
use fluvius_core::uuid::Uuid;
use fluvius_core::verify::verify;
use fluvius_core::{StateQuery, Store};
use fluvius_postgres::PostgresStore;
use fluvius_testing::SeededRng;
use fluvius_testing::servers::{TestSchema, TestServer};
use tokio_postgres::Client;

use crate::{OpenStore, bank, client};

const SETTLE_TIME: Duration = Duration::from_secs(30);
const RESOURCE: &str = "bank-account";

/// A number of aggregates above the limit of one filling statement.
const MANY: u64 = 1_200;

async fn client_in(schema: &TestSchema) -> Client {
    let client = client(schema.url()).await;
    client.batch_execute(&format!("SET search_path = {}", schema.name())).await.unwrap();
    client
}

/// Inserts aggregates that are older than the declarations.
async fn fill(client: &Client, count: u64) {
    let sql = format!(
        "INSERT INTO resource_state SELECT '{RESOURCE}', md5(n::text)::uuid, 1, 'v1-' || \
        repeat('0', 32), 1, json_build_object('balance', n || '.00', 'owner_name', 'owner ' || n % \
        100, 'account_number', '1')::text, now(), NULL, now(), NULL, NULL, NULL FROM \
        generate_series(1, {count}) AS n"
    );
    client.batch_execute(&sql).await.unwrap();
}

async fn count(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap().get(0)
}

/// The fields of the tests.
async fn filled(client: &Client) -> Vec<String> {
    let sql = "SELECT path[1] FROM field WHERE is_filled ORDER BY path";
    client.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

/// Checks that the tables of fields have exactly the values of the states, and that each table,
/// trigger and function belongs to a field.
async fn check_values(client: &Client) {
    let fields = client.query("SELECT id, resource, path, kind FROM field", &[]).await.unwrap();
    for row in &fields {
        let (id, kind): (i64, String) = (row.get(0), row.get(3));
        let (resource, path): (String, Vec<String>) = (row.get(1), row.get(2));
        let sql = format!(
            "SELECT count(*) FROM (SELECT identifier, field_{kind}(data, $2) AS value FROM \
            resource_state WHERE resource = $1) AS s FULL JOIN field_{id} AS f ON f.identifier = \
            s.identifier WHERE f.identifier IS NULL OR s.identifier IS NULL OR f.value IS DISTINCT \
            FROM s.value"
        );
        let wrong: i64 = client.query_one(&sql, &[&resource, &path]).await.unwrap().get(0);
        assert_eq!(wrong, 0, "{kind} {path:?}");
    }
    let made = "SELECT (SELECT count(*) FROM pg_trigger WHERE tgrelid = \
        'resource_state'::regclass), (SELECT count(*) FROM pg_proc WHERE pronamespace = \
        current_schema()::regnamespace AND proname ~ '^field_[0-9]'), (SELECT count(*) FROM \
        pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relname \
        ~ '^field_[0-9]')";
    let made = client.query_one(made, &[]).await.unwrap();
    let each = i64::try_from(fields.len()).unwrap();
    let made: (i64, i64, i64) = (made.get(0), made.get(1), made.get(2));
    assert_eq!(made, (2 * each, 2 * each, each));
}

async fn found(store: &PostgresStore, filter: Filter) -> usize {
    let query = StateQuery::for_resource(RESOURCE, usize::MAX).filter(filter);
    let found = store.query(&query).await.unwrap();
    let all = store.query(&StateQuery::for_resource(RESOURCE, usize::MAX)).await.unwrap();
    assert_eq!(found, query.select(all));
    found.len()
}

fn owned(owner: &str) -> Filter {
    Field::text("owner_name").eq(owner)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn later_declaration_is_filled_under_load() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let store = schema.open().await;
    let client = client_in(&schema).await;
    let session = bank::session(&bank::runtime(store.clone(), SETTLE_TIME).await);
    bank::open_accounts(&session, 4).await;
    fill(&client, MANY).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let load = tokio::spawn({
        let is_over = Arc::clone(&is_over);
        async move {
            let mut rng = SeededRng::new(1);
            let mut number = 0;
            while !is_over.load(Ordering::SeqCst) {
                number += 1;
                let transfer = bank::any_transfer(&mut rng, Uuid::from_u128(1_000 + number), 4);
                bank::send(&session, &transfer).await.unwrap();
            }
            number
        }
    });
    let fields = [Field::text("owner_name"), Field::number("balance"), Field::time("balance")];
    store.declare_indexes(RESOURCE, &fields).await.unwrap();
    check_values(&client).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    is_over.store(true, Ordering::SeqCst);
    assert!(load.await.unwrap() > 0);
    check_values(&client).await;
    assert_eq!(filled(&client).await, ["balance", "balance", "owner_name"]);
    assert_eq!(found(&store, owned("owner 7")).await, 12);
    // A repeated declaration changes nothing.
    let newest = count(&client, "SELECT max(id) FROM field").await;
    store.declare_indexes(RESOURCE, &fields).await.unwrap();
    store
        .declare_indexes(RESOURCE, &[Field::number("balance"), Field::text("account_number")])
        .await
        .unwrap();
    assert_eq!(count(&client, "SELECT max(id) FROM field").await, newest + 1);
    check_values(&client).await;
    assert_eq!(found(&store, owned("owner 7")).await, 12);
    store.declare_indexes(RESOURCE, &[]).await.unwrap();
    check_values(&client).await;
    assert_eq!(count(&client, "SELECT count(*) FROM field").await, 0);
    client.batch_execute("DELETE FROM resource_state WHERE data LIKE '%owner %'").await.unwrap();
    assert!(verify(&store).await.unwrap().is_sound());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn last_declaration_of_several_stores_counts() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let (one, other) = (schema.open().await, schema.open().await);
    let client = client_in(&schema).await;
    let session = bank::session(&bank::runtime(other.clone(), SETTLE_TIME).await);
    fill(&client, 300).await;
    one.declare_indexes(RESOURCE, &[Field::text("owner_name"), Field::number("balance")])
        .await
        .unwrap();
    bank::open_accounts(&session, 2).await;
    check_values(&client).await;
    assert_eq!(found(&one, owned("owner 7")).await, 3);
    other.declare_indexes(RESOURCE, &[Field::number("balance")]).await.unwrap();
    // The table of one index is dropped, and another one is not filled yet.
    let begin = format!("SELECT declare_field('{RESOURCE}', '{{account_number}}', 'text')");
    client.batch_execute(&begin).await.unwrap();
    assert_eq!(found(&one, owned("owner 7") & Field::number("balance").gt(100)).await, 2);
    assert_eq!(found(&one, Field::text("account_number").eq("1")).await, 301);
    assert_eq!(filled(&client).await, ["balance"]);
    other.declare_indexes(RESOURCE, &[Field::number("balance")]).await.unwrap();
    // A table was dropped without its declaration.
    let table = count(&client, "SELECT id FROM field").await;
    client.batch_execute(&format!("DROP TABLE field_{table}")).await.unwrap();
    assert_eq!(found(&other, Field::number("balance").gt(290)).await, 12);
}

/// Ten processes start at the same time, half of them with an older declaration.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_declarations_create_each_field_once() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let client = client_in(&schema).await;
    drop(schema.open().await);
    fill(&client, MANY).await;
    let declare = |number: usize| {
        let options = schema.options().max_readers(1);
        let url = schema.url();
        tokio::spawn(async move {
            let store = options.open(url).await?;
            let fields: &[Field] = match number % 2 {
                0 => &[Field::text("owner_name"), Field::number("balance")],
                _ => &[Field::text("account_number"), Field::number("balance")],
            };
            store.declare_indexes(RESOURCE, fields).await?;
            Ok::<_, fluvius_core::StoreError>(store)
        })
    };
    for declared in (0..10).map(declare).collect::<Vec<_>>() {
        let store = declared.await.unwrap().unwrap();
        assert_eq!(found(&store, owned("owner 7") & Field::number("balance").gt(100)).await, 11);
    }
    check_values(&client).await;
    // Each field exists once.
    let sql = "SELECT count(*) FROM (SELECT FROM field GROUP BY resource, path, kind HAVING \
        count(*) > 1) AS f";
    assert_eq!(count(&client, sql).await, 0);
    let store = schema.open().await;
    store.declare_indexes(RESOURCE, &[Field::text("owner_name")]).await.unwrap();
    assert_eq!(filled(&client).await, ["owner_name"]);
    check_values(&client).await;
}

/// A process that ended during the filling leaves a partly filled table.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interrupted_filling_is_completed() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let store = schema.open().await;
    let client = client_in(&schema).await;
    fill(&client, MANY).await;
    let begin = format!("SELECT declare_field('{RESOURCE}', '{{owner_name}}', 'text')");
    client.batch_execute(&begin).await.unwrap();
    let id = count(&client, "SELECT id FROM field").await;
    client.batch_execute(&format!("SELECT fill_field({id}, 100)")).await.unwrap();
    assert_eq!(count(&client, &format!("SELECT count(*) FROM field_{id}")).await, 100);
    assert_eq!(found(&store, owned("owner 7")).await, 12);
    store.declare_indexes(RESOURCE, &[Field::text("owner_name")]).await.unwrap();
    assert_eq!(count(&client, "SELECT id FROM field").await, id);
    check_values(&client).await;
    assert_eq!(found(&store, owned("owner 7")).await, 12);
}

/// A state that changes while its value is filled in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commit_waits_for_the_filling_of_its_aggregate() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    drop(schema.open().await);
    let (client, other) = (client_in(&schema).await, client_in(&schema).await);
    fill(&client, 10).await;
    let declare = format!("SELECT declare_field('{RESOURCE}', '{{owner_name}}', 'text')");
    client.batch_execute(&declare).await.unwrap();
    client.batch_execute("BEGIN; SELECT fill_field(1, 100)").await.unwrap();
    let changed = tokio::spawn(async move {
        let change = r#"UPDATE resource_state SET data = '{"owner_name":"new"}'"#;
        other.batch_execute(change).await.unwrap();
    });
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' \
                 AND query LIKE '%SET data = ''{\"owner_name\":\"new\"}%' AND pid <> \
                 pg_backend_pid()";
    // Within a transaction the server shows the activity of the first query.
    let beside = client_in(&schema).await;
    while count(&beside, waits).await == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    client.batch_execute("COMMIT").await.unwrap();
    changed.await.unwrap();
    check_values(&client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn index_follows_changes_of_other_programs() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let store = schema.open().await;
    let client = client_in(&schema).await;
    store
        .declare_indexes(RESOURCE, &[Field::text("owner_name"), Field::number("balance")])
        .await
        .unwrap();
    fill(&client, 50).await;
    check_values(&client).await;
    // With a search path without the schema.
    client.batch_execute("SET search_path = pg_catalog").await.unwrap();
    let name = schema.name();
    for change in [
        "UPDATE S.resource_state SET data = '{\"owner_name\":\"new\"}' WHERE data LIKE '%owner 1%'",
        "UPDATE S.resource_state SET identifier = md5(identifier::text)::uuid",
        "UPDATE S.resource_state SET resource = 'other' WHERE data LIKE '%owner 2%'",
        "UPDATE S.resource_state SET resource = 'bank-account', data = '{\"balance\":[]}' WHERE \
        resource = 'other'",
        "DELETE FROM S.resource_state WHERE data LIKE '%owner 3%'",
    ] {
        let change = change.replace("S.", &format!("{name}."));
        assert!(client.execute(&change, &[]).await.unwrap() > 0);
        let path: String = client.query_one("SHOW search_path", &[]).await.unwrap().get(0);
        assert_eq!(path, "pg_catalog");
        check_values(&client_in(&schema).await).await;
    }
    assert_eq!(found(&store, owned("new")).await, 11);
}

/// Values that are too long for an index.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_any_length_are_compared() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let store = schema.open().await;
    let client = client_in(&schema).await;
    store.declare_indexes("long", &[Field::text("t"), Field::number("n")]).await.unwrap();
    let mut rng = SeededRng::new(1);
    let mut texts: Vec<String> = Vec::new();
    // Incompressible texts that differ late; numbers beyond, between and below all floats.
    for tail in ["", "a", "b", "\u{10ffff}"] {
        let mut noise = SeededRng::new(7);
        let long: String = (0..20_000)
            .map(|_| char::from_u32(33 + u32::try_from(noise.below(5_000)).unwrap()).unwrap())
            .collect();
        texts.push(format!("{long}{tail}"));
        texts.push(format!("{}{tail}", long.chars().take(100).collect::<String>()));
    }
    let digits: String = (0..5_000)
        .map(|_| char::from_digit(u32::try_from(1 + rng.below(9)).unwrap(), 10).unwrap())
        .collect();
    let numbers = [
        "1e9999",
        "-1e9999",
        "1e-9999",
        "-1e-9999",
        "0",
        "1e308",
        "1e309",
        "-1e309",
        "1e-320",
        "1e300",
        "1.1e300",
        "9.9e299",
        "0.1",
        "0.10000000000000000000000001",
        "0.1000000000000000000000000100",
        &digits,
        &format!("-0.{digits}"),
    ];
    let states = texts
        .iter()
        .map(|text| serde_json::json!({ "t": text }))
        .chain(numbers.iter().map(|number| serde_json::json!({ "n": number })));
    for (index, state) in states.enumerate() {
        let insert = "INSERT INTO resource_state SELECT 'long', $1, 1, 'v1-' || repeat('0', 32), \
            1, $2, now(), NULL, now(), NULL, NULL, NULL";
        let id = Uuid::from_u128(u128::try_from(index).unwrap() * 7_919 % 101);
        client.execute(insert, &[&id, &state.to_string()]).await.unwrap();
    }
    check_values(&client).await;
    let all = store.query(&StateQuery::for_resource("long", usize::MAX)).await.unwrap();
    let number_of = |number: &&str| number.parse::<fluvius_core::query::Number>().unwrap();
    let filters = texts.iter().flat_map(|word| {
        let word = word.as_str();
        [
            Field::text("t").eq(word),
            Field::text("t").lt(word),
            Field::text("t").ge(word),
            Field::text("t").starts_with(word),
        ]
    });
    let numbers = numbers.iter().flat_map(|value| {
        let value = || number_of(value);
        [
            Field::number("n").eq(value()),
            Field::number("n").lt(value()),
            Field::number("n").gt(value()),
            Field::number("n").le(value()),
        ]
    });
    for filter in filters.chain(numbers) {
        for sort in [Field::text("t").ascending(), Field::number("n").descending()] {
            let mut query =
                StateQuery::for_resource("long", 3).filter(filter.clone()).sort(vec![sort]);
            loop {
                let found = store.query(&query).await.unwrap();
                assert_eq!(found, query.select(all.clone()));
                let Some(last) = found.last() else { break };
                query.after = Some(fluvius_core::query::Cursor::of(&query, last));
            }
        }
    }
}

/// A long lock of another session delays neither the start of a domain nor a commit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn locked_table_gets_no_index() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let store = schema.open().await;
    let client = client_in(&schema).await;
    fill(&client, 10).await;
    let other = client_in(&schema).await;
    other
        .batch_execute(
            "BEGIN; UPDATE schema_version SET version = version; LOCK resource_state \
        IN ROW EXCLUSIVE MODE",
        )
        .await
        .unwrap();
    let session = bank::session(&bank::runtime(store.clone(), SETTLE_TIME).await);
    let index = tokio::spawn({
        let store = store.clone();
        async move {
            store
                .declare_indexes(RESOURCE, &[Field::text("owner_name"), Field::number("balance")])
                .await
        }
    });
    let begun = std::time::Instant::now();
    bank::open_accounts(&session, 3).await;
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    index.await.unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(18), "{:?}", begun.elapsed());
    assert_eq!(count(&client, "SELECT count(*) FROM field").await, 0);
    assert_eq!(found(&store, owned("owner 7")).await, 1);
    other.batch_execute("ROLLBACK").await.unwrap();
    store.declare_indexes(RESOURCE, &[Field::text("owner_name")]).await.unwrap();
    check_values(&client).await;
    assert_eq!(filled(&client).await, ["owner_name"]);
}

/// An update that changes no declared value costs the same as without indexes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_version_writes_to_an_index_only_if_its_value_changes() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let store = schema.open().await;
    let client = client_in(&schema).await;
    store.declare_indexes(RESOURCE, &[Field::text("owner_name")]).await.unwrap();
    fill(&client, 1).await;
    client
        .batch_execute(
            "INSERT INTO resource_state SELECT 'other', identifier, version, etag, revision, data, \
        created_at, created_by, updated_at, updated_by, closed_at, realm FROM resource_state",
        )
        .await
        .unwrap();
    let table = count(&client, "SELECT id FROM field").await;
    let counters = format!(
        "SELECT pg_stat_get_xact_tuples_hot_updated('resource_state'::regclass), \
         pg_stat_get_xact_tuples_inserted('field_{table}'::regclass), \
         pg_stat_get_xact_tuples_updated('field_{table}'::regclass)"
    );
    let counted = async || {
        let row = client.query_one(&counters, &[]).await.unwrap();
        [0, 1, 2].map(|number| row.get::<_, i64>(number))
    };
    for (resource, data, expected) in [
        ("other", r#"{"owner_name":"x"}"#, [1, 0, 0]),
        (RESOURCE, r#"{"owner_name":"owner 1","balance":5}"#, [1, 0, 0]),
        (RESOURCE, r#"{"owner_name":"x"}"#, [1, 0, 1]),
    ] {
        client.batch_execute("BEGIN").await.unwrap();
        let before = counted().await;
        let update = "UPDATE resource_state SET data = $2 WHERE resource = $1";
        assert_eq!(client.execute(update, &[&resource, &data]).await.unwrap(), 1);
        let after = counted().await;
        let found = [0, 1, 2].map(|number| after[number] - before[number]);
        assert_eq!(found, expected, "{resource} {data}");
        client.batch_execute("COMMIT").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn index_follows_a_session_with_the_role_replica() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let set = "-c session_replication_role=replica";
    let url = crate::with_parameter(schema.url(), "options", set);
    let store = schema.options().open(&url).await.unwrap();
    store.declare_indexes(RESOURCE, &[Field::text("owner_name")]).await.unwrap();
    let session = bank::session(&bank::runtime(store.clone(), SETTLE_TIME).await);
    bank::open_accounts(&session, 2).await;
    store
        .declare_indexes(RESOURCE, &[Field::text("owner_name"), Field::text("account_number")])
        .await
        .unwrap();
    let all = found(&store, !Field::text("owner_name").is_null()).await;
    assert_eq!((all, found(&store, Field::text("account_number").eq("1")).await), (2, 1));
}
