//! The PostgreSQL repository of distributed.

use bench_common::{Plan, matrix, pg_url, repeat, wants_store};
use distributed::{AggregateBuilder, PostgresRepository, Queueable};

use crate::account::Account;
use crate::bank::{self, DistributedBank};

pub(crate) async fn run(plan: &Plan) {
    let Some(url) = pg_url().filter(|_| wants_store("postgres")) else { return };
    let url = url.as_str();
    matrix("distributed", "postgres", "on", plan, |_, _| async move {
        let repository = repository(url).await.aggregate::<Account>();
        DistributedBank { repository, is_queued: false, _folder: None }
    })
    .await;
    matrix("distributed+queued+snapshot50", "postgres", "on", plan, |_, _| async move {
        let repository = repository(url).await.queued().aggregate::<Account>().with_snapshots(50);
        DistributedBank { repository, is_queued: true, _folder: None }
    })
    .await;
    for count in [10_000_u32, 100_000] {
        let name = format!("distributed/postgres/{count}");
        repeat("replay", &name, "events/s", bank::REPLAY, || async move {
            bank::replay(repository(url).await, count).await
        })
        .await;
    }
}

async fn repository(url: &str) -> PostgresRepository {
    let options = sqlx::postgres::PgPoolOptions::new().max_connections(10);
    let pool = options.connect(url).await.unwrap();
    let empty = "DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public;";
    sqlx::raw_sql(empty).execute(&pool).await.unwrap();
    let repository = PostgresRepository::new(pool);
    repository.migrate().await.unwrap();
    repository
}
