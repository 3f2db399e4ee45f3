//! eventcore-postgres.

use bench_common::{Plan, matrix, pg_url, repeat, wants_store};
use eventcore_postgres::PostgresEventStore;

use crate::bank::{self, EventcoreBank};

const EMPTY: &str = "
DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public;
DROP TABLE IF EXISTS _sqlx_migrations;";

pub(crate) async fn run(plan: &Plan) {
    let Some(url) = pg_url().filter(|_| wants_store("postgres")) else { return };
    let url = url.as_str();
    for (name, with_snapshots) in
        [("eventcore-postgres", false), ("eventcore-postgres+snapshot", true)]
    {
        matrix(name, "postgres", "on", plan, |_, _| async move {
            EventcoreBank { store: store(url).await, with_snapshots, _folder: None }
        })
        .await;
    }
    for count in [10_000_usize, 100_000] {
        let name = format!("eventcore/postgres/{count}");
        repeat("replay", &name, "events/s", crate::REPLAY, || async move {
            bank::replay(&store(url).await, count).await
        })
        .await;
    }
}

async fn store(url: &str) -> PostgresEventStore {
    let options = sqlx::postgres::PgPoolOptions::new().max_connections(10);
    let pool = options.connect(url).await.unwrap();
    sqlx::raw_sql(EMPTY).execute(&pool).await.unwrap();
    let store = PostgresEventStore::from_pool(pool);
    store.migrate().await;
    store
}
