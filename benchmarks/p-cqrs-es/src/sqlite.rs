//! sqlite-es 0.5.

use std::time::Instant;

use bench_common::{Plan, TempDir, account_id, matrix, repeat, wants_store};
use cqrs_es::persist::PersistedEventStore;
use cqrs_es::{AggregateContext, EventStore};
use rust_decimal::Decimal;
use sqlite_es::SqliteEventRepository;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use crate::account::Account;
use crate::bank::CqrsBank;

const SCHEMA: &str = "
CREATE TABLE events (aggregate_type text NOT NULL, aggregate_id text NOT NULL,
  sequence integer NOT NULL, event_type text NOT NULL, event_version text NOT NULL,
  payload text NOT NULL, metadata text NOT NULL,
  PRIMARY KEY (aggregate_type, aggregate_id, sequence)) STRICT;
CREATE TABLE snapshots (aggregate_type text NOT NULL, aggregate_id text NOT NULL,
  last_sequence integer NOT NULL, current_snapshot integer NOT NULL, payload text NOT NULL,
  PRIMARY KEY (aggregate_type, aggregate_id, last_sequence)) STRICT;";

/// The kind of store, by the states that it keeps beside events.
#[derive(Clone, Copy)]
pub(crate) enum Mode {
    Events,
    Aggregates,
    SnapshotEvery2,
}

pub(crate) async fn run(plan: &Plan) {
    if !wants_store("sqlite") {
        return;
    }
    for (sync, synchronous) in
        [("FULL", SqliteSynchronous::Full), ("NORMAL", SqliteSynchronous::Normal)]
    {
        matrix("cqrs-es/sqlite-es", "sqlite", sync, plan, |_, _| async move {
            let (pool, folder) = pool(synchronous).await;
            let reader = store(&pool, Mode::Events);
            let cqrs = sqlite_es::sqlite_cqrs(pool, vec![], ());
            CqrsBank { cqrs, reader, _folder: Some(folder) }
        })
        .await;
        matrix("cqrs-es/sqlite-es+aggregate-store", "sqlite", sync, plan, |_, _| async move {
            let (pool, folder) = pool(synchronous).await;
            let reader = store(&pool, Mode::Aggregates);
            let cqrs = sqlite_es::sqlite_aggregate_cqrs(pool, vec![], ());
            CqrsBank { cqrs, reader, _folder: Some(folder) }
        })
        .await;
    }
    for count in [10_000_u32, 100_000] {
        let name = format!("cqrs-es/sqlite-es/{count}");
        let note = "load_aggregate of one account with that many events";
        repeat("replay", &name, "events/s", note, || replay(count)).await;
    }
}

pub(crate) async fn pool(synchronous: SqliteSynchronous) -> (SqlitePool, TempDir) {
    let folder = TempDir::new("cqrs");
    let options = SqliteConnectOptions::new()
        .filename(folder.0.join("b.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .foreign_keys(true);
    let pool = SqlitePoolOptions::new().max_connections(10).connect_with(options).await.unwrap();
    sqlx::raw_sql(SCHEMA).execute(&pool).await.unwrap();
    (pool, folder)
}

pub(crate) fn store(
    pool: &SqlitePool,
    mode: Mode,
) -> PersistedEventStore<SqliteEventRepository, Account> {
    let repository = SqliteEventRepository::new(pool.clone());
    match mode {
        Mode::Events => PersistedEventStore::new_event_store(repository),
        Mode::Aggregates => PersistedEventStore::new_aggregate_store(repository),
        Mode::SnapshotEvery2 => PersistedEventStore::new_snapshot_store(repository, 2),
    }
}

async fn replay(count: u32) -> f64 {
    let (pool, _folder) = pool(SqliteSynchronous::Normal).await;
    let id = account_id(0).to_string();
    let mut transaction = pool.begin().await.unwrap();
    for sequence in 1..=i64::from(count) {
        sqlx::query("INSERT INTO events VALUES('account',?,?,'Deposited','1.0',?,'{}')")
            .bind(&id)
            .bind(sequence)
            .bind(r#"{"Deposited":{"amount":"1.05"}}"#)
            .execute(&mut *transaction)
            .await
            .unwrap();
    }
    transaction.commit().await.unwrap();
    let store = store(&pool, Mode::Events);
    let start = Instant::now();
    let mut loaded = store.load_aggregate(&id).await.unwrap();
    assert_eq!(loaded.aggregate().balance, Decimal::new(105, 2) * Decimal::from(count));
    f64::from(count) / start.elapsed().as_secs_f64()
}
