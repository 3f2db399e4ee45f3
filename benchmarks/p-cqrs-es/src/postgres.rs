//! postgres-es 0.5.

use std::time::Instant;

use bench_common::{Plan, account_id, matrix, pg_url, repeat, wants_store};
use cqrs_es::persist::PersistedEventStore;
use cqrs_es::{AggregateContext, EventStore};
use postgres_es::PostgresEventRepository;
use rust_decimal::Decimal;
use sqlx::PgPool;

use crate::account::Account;
use crate::bank::CqrsBank;

const SCHEMA: &str = "
DROP TABLE IF EXISTS events; DROP TABLE IF EXISTS snapshots;
CREATE TABLE events (aggregate_type text NOT NULL, aggregate_id text NOT NULL,
  sequence bigint CHECK (sequence >= 0) NOT NULL, event_type text NOT NULL,
  event_version text NOT NULL, payload json NOT NULL, metadata json NOT NULL,
  PRIMARY KEY (aggregate_type, aggregate_id, sequence));
CREATE TABLE snapshots (aggregate_type text NOT NULL, aggregate_id text NOT NULL,
  last_sequence bigint CHECK (last_sequence >= 0) NOT NULL,
  current_snapshot bigint CHECK (current_snapshot >= 0) NOT NULL, payload json NOT NULL,
  PRIMARY KEY (aggregate_type, aggregate_id, last_sequence));";

const FILL: &str = "
INSERT INTO events
SELECT 'account', $1, g, 'Deposited', '1.0',
       json_build_object('Deposited', json_build_object('amount', '1.05')), '{}'
FROM generate_series(1, $2::bigint) g";

pub(crate) async fn run(plan: &Plan) {
    let Some(url) = pg_url().filter(|_| wants_store("postgres")) else { return };
    let url = url.as_str();
    matrix("cqrs-es/postgres-es", "postgres", "on", plan, |_, _| async move {
        let pool = pool(url).await;
        let reader = store(&pool, false);
        CqrsBank { cqrs: postgres_es::postgres_cqrs(pool, vec![], ()), reader, _folder: None }
    })
    .await;
    matrix("cqrs-es/postgres-es+aggregate-store", "postgres", "on", plan, |_, _| async move {
        let pool = pool(url).await;
        let reader = store(&pool, true);
        let cqrs = postgres_es::postgres_aggregate_cqrs(pool, vec![], ());
        CqrsBank { cqrs, reader, _folder: None }
    })
    .await;
    for count in [10_000_u32, 100_000] {
        let name = format!("cqrs-es/postgres-es/{count}");
        let note = "load_aggregate of one account with that many events";
        repeat("replay", &name, "events/s", note, || replay(url, count)).await;
    }
}

async fn pool(url: &str) -> PgPool {
    let pool = postgres_es::default_postgress_pool(url).await;
    sqlx::raw_sql(SCHEMA).execute(&pool).await.unwrap();
    pool
}

fn store(
    pool: &PgPool,
    with_aggregates: bool,
) -> PersistedEventStore<PostgresEventRepository, Account> {
    let repository = PostgresEventRepository::new(pool.clone());
    match with_aggregates {
        true => PersistedEventStore::new_aggregate_store(repository),
        false => PersistedEventStore::new_event_store(repository),
    }
}

async fn replay(url: &str, count: u32) -> f64 {
    let pool = pool(url).await;
    let id = account_id(0).to_string();
    let fill = sqlx::query(FILL).bind(&id).bind(i64::from(count));
    fill.execute(&pool).await.unwrap();
    let store = store(&pool, false);
    let start = Instant::now();
    let mut loaded = store.load_aggregate(&id).await.unwrap();
    assert_eq!(loaded.aggregate().balance, Decimal::new(105, 2) * Decimal::from(count));
    f64::from(count) / start.elapsed().as_secs_f64()
}
