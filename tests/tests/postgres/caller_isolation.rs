//! Callers that send invalid or large requests, or are dropped: other callers are not affected.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use banking_domain::TransactionManagerDomain;
use fluvius_core::query::Field;
use fluvius_core::uuid::Uuid;
use fluvius_core::{
    AggregateId, CommandRecord, CommitOutcome, Domain, DomainContext, LogQuery, RealmFilter,
    StateQuery, Store, UnitOfWork,
};
use fluvius_postgres::PostgresStore;
use fluvius_testing::servers::{PrivateServer, Proxy, TestSchema, TestServer};
use futures_util::future::join_all;

use crate::units::{of_aggregate, units};
use crate::{OpenStore, client};

/// Timeout of a call. A longer call counts as hanging.
const MAX_TIME: Duration = Duration::from_secs(20);

async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(MAX_TIME, future).await.expect("it hangs")
}

/// Creates accounts, and returns their ids.
async fn accounts(store: &PostgresStore, count: u64) -> Vec<AggregateId> {
    let [opened, ..] = units().await;
    let batch: Vec<UnitOfWork> =
        (1..=count).flat_map(|id| of_aggregate(std::slice::from_ref(&opened), id)).collect();
    let aggregate_ids = batch.iter().map(|unit| unit.states[0].aggregate_id.clone()).collect();
    let outcomes = store.commit(batch.into()).await;
    assert!(
        outcomes.iter().all(|outcome| matches!(outcome, CommitOutcome::Committed { .. })),
        "{outcomes:?}"
    );
    aggregate_ids
}

/// Returns the number of running statements on the server that contain a text.
async fn running(schema: &TestSchema, text: &str) -> i64 {
    let sql = "SELECT count(*) FROM pg_stat_activity \
               WHERE state = 'active' AND strpos(query, $1) > 0 AND pid <> pg_backend_pid()";
    client(schema.url()).await.query_one(sql, &[&text]).await.unwrap().get(0)
}

/// Locks a table until the connection is dropped.
async fn lock_table(schema: &TestSchema, table: &str) -> tokio_postgres::Client {
    let other = client(schema.url()).await;
    let sql = format!("BEGIN; LOCK TABLE {}.{table} IN ACCESS EXCLUSIVE MODE", schema.name());
    other.batch_execute(&sql).await.unwrap();
    other
}

/// A page of the command log, which reads the contexts too.
fn log_page() -> LogQuery {
    LogQuery::all().realm(RealmFilter::Only(None)).limit(10)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn aggregate_with_an_unstorable_name_is_absent() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let domain = TransactionManagerDomain::runtime(schema.open().await).await.unwrap();
    let id = Uuid::from_u128(1);
    let aggregate_id = AggregateId::new("bank-account\0", id);
    let (states, log) = (domain.statemgr(), domain.log().for_aggregate(aggregate_id.clone()));
    assert_eq!(states.find_record(&aggregate_id).await.unwrap(), None);
    assert_eq!(states.fetch_record(&aggregate_id).await.unwrap_err().code(), "not-found");
    assert_eq!(states.find_record_at(&aggregate_id, 1).await.unwrap(), None);
    assert_eq!(states.history(&aggregate_id, ..).await.unwrap_err().code(), "not-found");
    let both = [aggregate_id.clone(), AggregateId::new("bank-account", id), aggregate_id.clone()];
    assert_eq!(states.snapshot(&both).await.unwrap(), [None, None, None]);
    assert!(log.commands().await.unwrap().rows.is_empty());
    assert!(log.events().await.unwrap().rows.is_empty());
    assert!(log.messages().await.unwrap().rows.is_empty());
    assert!(log.activities().await.unwrap().rows.is_empty());
    let error = states.query_rows("bank-account\0").page().await.unwrap_err();
    assert_eq!(error.code(), "invalid-query");
    let named = Field::text("a\0").eq("x") | Field::text("a").contains("\0");
    let error = states.query_rows("bank-account").filter(named).page().await.unwrap_err();
    assert_eq!(error.code(), "invalid-query");

    let session = domain.session(DomainContext::create("x").with_realm("a\0b"));
    let reader = session.statemgr().query_rows("bank-account");
    assert!(reader.page().await.unwrap().rows.is_empty());
    assert!(reader.all().await.unwrap().is_empty());
    assert!(reader.one().await.unwrap().is_none());
    assert!(session.log().events().await.unwrap().rows.is_empty());
    assert_eq!(session.log().context(id).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failing_load_does_not_fail_others() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let store = schema.open().await;
    let aggregate_ids = accounts(&store, 40).await;
    let odd = AggregateId::new("bank-account\0", Uuid::from_u128(1));
    for _ in 0..10 {
        // All but the first are read together.
        let loads = aggregate_ids
            .iter()
            .chain(std::iter::repeat_n(&odd, 3))
            .map(|aggregate_id| store.load(aggregate_id));
        let loaded = in_time(join_all(loads)).await;
        assert!(loaded[..40].iter().all(|row| matches!(row, Ok(Some(_)))), "{loaded:?}");
        assert!(loaded[40..].iter().all(|row| matches!(row, Ok(None) | Err(_))), "{loaded:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loads_bypass_a_silent_connection() {
    let Some(server) = PrivateServer::start_with(&[]) else { return };
    let proxy = Proxy::start(server.socket(), &[]).await;
    let store = PostgresStore::open(&proxy.url()).await.unwrap();
    let aggregate_ids = accounts(&store, 5).await;
    store.load(&aggregate_ids[0]).await.unwrap();
    proxy.silence_existing();
    let mut silent = pin!(store.load(&aggregate_ids[0]));
    let first = tokio::time::timeout(Duration::from_millis(20), &mut silent).await;
    assert!(first.is_err(), "{first:?}");
    for aggregate_id in &aggregate_ids {
        assert!(in_time(store.load(aggregate_id)).await.unwrap().is_some());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_reads_are_cancelled_or_not_sent() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let store = schema.options().max_readers(2).open(schema.url()).await.unwrap();
    accounts(&store, 1).await;
    let marker = "FROM command_log WHERE position";
    let held = lock_table(&schema, "context_log").await;
    let page = log_page();
    let reads: Vec<_> = (0..12)
        .map(|_| {
            let (store, page) = (store.clone(), page.clone());
            tokio::spawn(async move { store.read_log::<CommandRecord>(&page).await.map(drop) })
        })
        .collect();
    in_time(async {
        while running(&schema, marker).await < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    reads.iter().for_each(|read| read.abort());
    // Running reads are cancelled on the server, and waiting ones are not sent: the table is still
    // locked.
    in_time(async {
        let mut quiet = 0;
        while quiet < 10 {
            tokio::time::sleep(Duration::from_millis(30)).await;
            quiet = if running(&schema, marker).await == 0 { quiet + 1 } else { 0 };
        }
    })
    .await;
    drop(held);
    assert_eq!(in_time(store.read_log::<CommandRecord>(&page)).await.unwrap().rows.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loads_of_commands_do_not_wait_for_queries() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let store = schema.options().max_readers(1).open(schema.url()).await.unwrap();
    let aggregate_ids = accounts(&store, 3).await;
    let held = lock_table(&schema, "context_log").await;
    let page = log_page();
    let reads = join_all((0..8).map(|_| store.read_log::<CommandRecord>(&page)));
    let loads = async {
        for aggregate_id in &aggregate_ids {
            assert!(in_time(store.load(aggregate_id)).await.unwrap().is_some());
        }
        drop(held);
    };
    let (reads, ()) = tokio::join!(reads, loads);
    assert!(reads.iter().all(Result::is_ok), "{reads:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn read_that_times_out_names_the_option() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let options = schema.options().read_timeout(Duration::from_millis(200));
    let store = options.open(schema.url()).await.unwrap();
    accounts(&store, 1).await;
    let held = lock_table(&schema, "context_log").await;
    let error = in_time(store.read_log::<CommandRecord>(&log_page())).await.unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains("`read_timeout`"), "{error}");
    drop(held);
    assert_eq!(in_time(store.query(&StateQuery::every(9))).await.unwrap().len(), 1);
}
