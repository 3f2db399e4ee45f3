//! The number of rows that PostgreSQL reads for a page of a log, as measured by the server.

use fluvius_store::AggregateId;
use serde_json::Value;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use super::*;
use crate::PostgresStore;
use fluvius_testing::servers::{TestSchema, TestServer};

/// The number of commands, each followed by its event.
const COUNT: i64 = 20_000;

/// A store whose rows are all of the realm `busy`, which the planner knows.
async fn busy() -> Option<(TestSchema, Client)> {
    let schema = TestServer::get()?.schema();
    drop(PostgresStore::options().schema(schema.name()).open(schema.url()).await.unwrap());
    let (client, connection) = tokio_postgres::connect(schema.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    let rows = format!(
        "SET search_path = {}; SET plan_cache_mode = force_generic_plan; INSERT INTO context_log \
         SELECT md5('x' || n)::uuid, 'd', 1, 'http', 's', '{{}}', NULL, NULL, NULL, '[]', 'busy', \
         NULL, NULL FROM generate_series(1, {COUNT}) AS n; INSERT INTO command_log SELECT 2 * n - \
         1, md5('c' || n)::uuid, NULL, 'd', 1, 'c', 'r', md5('r' || n % 100)::uuid, '{{}}', '', \
         md5('x' || n)::uuid, 'applied', NULL, NULL, now() FROM generate_series(1, {COUNT}) AS n; \
         INSERT INTO event_log SELECT 2 * n, md5('e' || n)::uuid, 'd', 1, 'e', 'r', md5('r' || n % \
         100)::uuid, n, md5('c' || n)::uuid, '{{}}', NULL, '{{}}', now() FROM generate_series(1, \
         {COUNT}) AS n; ANALYZE context_log, command_log, event_log, message_log, activity_log",
        schema.name()
    );
    client.batch_execute(&rows).await.unwrap();
    Some((schema, client))
}

/// The rows that a plan has read from tables and indexes.
fn rows_read(node: &Value) -> f64 {
    let number = |key: &str| node[key].as_f64().unwrap_or(0.0);
    let rows = number("Actual Rows") + number("Rows Removed by Filter");
    let own = if node["Relation Name"].is_string() { rows * number("Actual Loops") } else { 0.0 };
    own + node["Plans"].as_array().into_iter().flatten().map(rows_read).sum::<f64>()
}

/// Returns the number of rows read for a page of the realm `quiet`, under the plan of a prepared
/// statement.
async fn read_for<T>(client: &Client, log: &Log<T>, after: i64, scan_limit: usize) -> f64 {
    let realm = RealmFilter::Only(Some("quiet".to_owned()));
    let query = LogQuery::all().realm(realm).scan_limit(scan_limit);
    let (sql, _) = statement(log, &query);
    let values = format!("{after}, 1000, {scan_limit}, 'quiet'");
    read_by(client, &sql, "bigint, bigint, bigint, text", &values).await
}

/// Returns the number of rows read by a statement with these parameters.
async fn read_by(client: &Client, sql: &str, types: &str, values: &str) -> f64 {
    let explain = format!(
        "PREPARE page ({types}) AS {sql}; EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) EXECUTE page \
         ({values}); DEALLOCATE page"
    );
    let output = client.simple_query(&explain).await.unwrap();
    let plan = output.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    let plan: Value = serde_json::from_str(plan.unwrap()).unwrap();
    rows_read(&plan[0]["Plan"])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_of_a_quiet_realm_reads_few_rows() {
    let Some((_schema, client)) = busy().await else { return };
    let end = 2 * COUNT;
    for (after, scan_limit, most) in [
        // No later row, and ten later rows: each with its command and its context.
        (end, 10_000, 20.0),
        (end - 20, 10_000, 80.0),
        // A bounded part of a long log.
        (0, 100, 600.0),
    ] {
        let commands = read_for(&client, &COMMANDS, after, scan_limit).await;
        let events = read_for(&client, &EVENTS, after, scan_limit).await;
        let read = commands.max(events);
        assert!(after > 0 || read >= 100.0, "all reads are counted: {read}");
        assert!(read <= most, "{read} rows are read behind {after}, {scan_limit} at a time");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_before_a_position_reads_up_to_its_limits() {
    let Some((_schema, client)) = busy().await else { return };
    for mode in ["force_custom_plan", "force_generic_plan"] {
        client.batch_execute(&format!("SET plan_cache_mode = {mode}")).await.unwrap();
        for is_descending in [false, true] {
            for before in [10, COUNT, 2 * COUNT] {
                // Rows without the key: the scan limit ends the page.
                let query = LogQuery::all().before(1).keys(["other"]).descending(is_descending);
                let (sql, _) = statement(&EVENTS, &query);
                let types = "bigint, bigint, bigint, bigint, text[]";
                let values = format!("0, 10, 100, {before}, ARRAY['other']");
                let read = read_by(&client, &sql, types, &values).await;
                assert!(read <= 220.0, "{mode}: {read} rows are read before {before}");
                assert!(before <= 10 || read >= 100.0, "all reads are counted: {read}");
            }
        }
        // One aggregate has each hundredth event.
        let aggregate_id = AggregateId::new("r", Uuid::nil());
        let query = LogQuery::all().before(1).aggregate_id(aggregate_id).descending(true);
        let (sql, _) = statement(&EVENTS, &query);
        let types = "bigint, bigint, bigint, bigint, text, uuid";
        let values = format!("0, 10, 100, {COUNT}, 'r', md5('r7')::uuid");
        let read = read_by(&client, &sql, types, &values).await;
        assert!(read <= 30.0, "{mode}: {read} rows of one aggregate are read");
    }
}
