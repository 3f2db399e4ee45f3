//! tokio-postgres, which pipelines on one connection, with deadpool for reads.

use std::sync::Arc;

use bench_common::account_id;
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use tokio_postgres::NoTls;

use super::{ACCOUNT_COUNT, COMMIT, Client, Done, LOAD, READER_COUNT, ROW_COUNT, Rows, time};
use crate::load::calls;

pub(super) struct TokioPostgres;

async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

impl Client for TokioPostgres {
    async fn setup(url: &str, sql: &str) {
        connect(url).await.batch_execute(sql).await.unwrap();
    }

    async fn batches(url: &str, callers: usize) -> Done {
        let client = connect(url).await;
        let statement = client.prepare(COMMIT).await.unwrap();
        let shared = Arc::new((client, statement));
        calls(callers, time(), |_| {
            let shared = Arc::clone(&shared);
            move |turn| {
                let shared = Arc::clone(&shared);
                async move {
                    let (client, statement) = &*shared;
                    let Rows { ids, versions, datas } = Rows::of(turn);
                    let row =
                        client.query_one(statement, &[&ids, &versions, &datas]).await.unwrap();
                    assert_eq!(row.get::<_, i64>(0), ROW_COUNT as i64);
                }
            }
        })
        .await
    }

    async fn loads(url: &str, callers: usize) -> Done {
        let config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(url.parse().unwrap(), NoTls, config);
        let pool = Pool::builder(manager).max_size(READER_COUNT as usize).build().unwrap();
        calls(callers, time(), |caller| {
            let pool = pool.clone();
            move |turn| {
                let pool = pool.clone();
                async move {
                    let client = pool.get().await.unwrap();
                    let statement = client.prepare_cached(LOAD).await.unwrap();
                    let id = account_id((caller + turn as usize) % ACCOUNT_COUNT);
                    let row = client.query_one(&statement, &[&id]).await.unwrap();
                    assert_eq!(row.get::<_, i64>(0), 1);
                }
            }
        })
        .await
    }
}
