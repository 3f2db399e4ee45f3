//! The SQLite repository of distributed.

use bench_common::{Plan, TempDir, matrix, repeat, wants_store};
use distributed::{AggregateBuilder, Queueable, SqliteRepository};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use crate::account::Account;
use crate::bank::{self, DistributedBank};

pub(crate) async fn run(plan: &Plan) {
    if !wants_store("sqlite") {
        return;
    }
    for (sync, synchronous) in
        [("FULL", SqliteSynchronous::Full), ("NORMAL", SqliteSynchronous::Normal)]
    {
        matrix("distributed", "sqlite", sync, plan, |_, _| async move {
            let (repository, folder) = repository(synchronous).await;
            let repository = repository.aggregate::<Account>();
            DistributedBank { repository, is_queued: false, _folder: Some(folder) }
        })
        .await;
        matrix("distributed+queued+snapshot50", "sqlite", sync, plan, |_, _| async move {
            let (repository, folder) = repository(synchronous).await;
            let repository = repository.queued().aggregate::<Account>().with_snapshots(50);
            DistributedBank { repository, is_queued: true, _folder: Some(folder) }
        })
        .await;
    }
    for count in [10_000_u32, 100_000] {
        let name = format!("distributed/sqlite/{count}");
        repeat("replay", &name, "events/s", bank::REPLAY, || async move {
            let (repository, _folder) = repository(SqliteSynchronous::Normal).await;
            bank::replay(repository, count).await
        })
        .await;
    }
}

async fn repository(synchronous: SqliteSynchronous) -> (SqliteRepository, TempDir) {
    let folder = TempDir::new("distributed");
    let options = SqliteConnectOptions::new()
        .filename(folder.0.join("b.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous);
    // The default of distributed is 5 connections.
    let pool = SqlitePoolOptions::new().max_connections(5).connect_with(options).await.unwrap();
    let repository = SqliteRepository::new(pool);
    repository.migrate().await.unwrap();
    (repository, folder)
}
