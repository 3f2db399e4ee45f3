//! The rows that PostgreSQL reads for a page of a log, as reported by its planner.

use fluvius_store::AggregateId;
use fluvius_store::uuid::Uuid;
use tokio_postgres::NoTls;

use super::*;
use crate::PostgresStore;
use crate::connection::{Connector, Endpoint};
use crate::runtime::StoreRuntime;
use fluvius_testing::servers::TestServer;

/// Rows of one aggregate among those of others: each tenth event belongs to the aggregate.
const COUNT: u64 = 20_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_of_one_aggregate_reads_up_to_its_limit() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let _store = PostgresStore::options().schema(schema.name()).open(schema.url()).await.unwrap();
    let (client, connection) = tokio_postgres::connect(schema.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    let aggregate_id = AggregateId::new("purse", Uuid::from_u128(0));
    let name = schema.name();
    let rows = format!(
        "SET search_path = {name}; INSERT INTO event_log SELECT n, md5(n::text)::uuid, 'd', 1, \
         'e', 'purse', CASE WHEN n % 10 = 0 THEN '{}'::uuid ELSE md5((n % 10)::text)::uuid END, (n \
         + 9) / 10, md5(n::text)::uuid, '{{}}', NULL, '{{}}', now() FROM generate_series(1, \
         {COUNT}) AS n; ANALYZE event_log",
        aggregate_id.id
    );
    client.batch_execute(&rows).await.unwrap();
    let endpoint =
        Endpoint::new(schema.url(), PostgresStore::options().schema(schema.name())).unwrap();
    let pool = ReadPool::for_queries(Connector::new(endpoint, StoreRuntime::start(false).unwrap()));
    for after in [0, 5, COUNT / 2, COUNT - 100] {
        for limit in [1, 7] {
            let aggregate_id = Some(aggregate_id.clone());
            let query = LogQuery::all().aggregate_id(aggregate_id).after(after).limit(limit);
            let (sql, params) = statement(&EVENTS, &query);
            let explain = format!("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) {sql}");
            let plan = pool.query_once(explain, params).await.unwrap();
            let plan: Vec<String> = plan.iter().map(|row| row.get(0)).collect();
            // The newest position is one row of each log.
            let scans = plan.iter().filter(|line| line.contains("Scan"));
            let read = scans.filter_map(|line| {
                let (_, rows) = line.split_once("actual rows=")?;
                rows.split(['.', ' ']).next()?.parse::<usize>().ok()
            });
            assert!(read.max().unwrap() <= limit, "{plan:#?}");
            assert!(!plan.iter().any(|line| line.contains("Removed")), "{plan:#?}");
            let (sql, params) = statement(&EVENTS, &query);
            let rows = pool.query_prepared(sql, params).await.unwrap();
            let found: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
            let first = i64::try_from(after / 10 * 10 + 10).unwrap();
            let expected: Vec<i64> = (first..).step_by(10).take(limit).collect();
            assert_eq!(found, expected);
        }
    }
}
