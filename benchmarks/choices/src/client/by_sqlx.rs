//! sqlx. Each call borrows a connection exclusively, so the callers of one connection take turns.

use std::sync::Arc;

use bench_common::account_id;
use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection, PgConnection, Row};
use tokio::sync::Mutex;

use super::{ACCOUNT_COUNT, COMMIT, Client, Done, LOAD, READER_COUNT, ROW_COUNT, Rows, time};
use crate::load::calls;

pub(super) struct Sqlx;

impl Client for Sqlx {
    async fn setup(url: &str, sql: &str) {
        let mut connection = PgConnection::connect(url).await.unwrap();
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    }

    async fn batches(url: &str, callers: usize) -> Done {
        let connection = Arc::new(Mutex::new(PgConnection::connect(url).await.unwrap()));
        calls(callers, time(), |_| {
            let connection = Arc::clone(&connection);
            move |turn| {
                let connection = Arc::clone(&connection);
                async move {
                    let Rows { ids, versions, datas } = Rows::of(turn);
                    let call = sqlx::query(COMMIT).bind(ids).bind(versions).bind(datas);
                    let row = call.fetch_one(&mut *connection.lock().await).await.unwrap();
                    assert_eq!(row.get::<i64, _>(0), ROW_COUNT as i64);
                }
            }
        })
        .await
    }

    async fn loads(url: &str, callers: usize) -> Done {
        // As in the other pool, a closed connection is detected without a query beforehand.
        let options = PgPoolOptions::new().max_connections(READER_COUNT).test_before_acquire(false);
        let pool = options.connect(url).await.unwrap();
        calls(callers, time(), |caller| {
            let pool = pool.clone();
            move |turn| {
                let pool = pool.clone();
                async move {
                    let id = account_id((caller + turn as usize) % ACCOUNT_COUNT);
                    let row = sqlx::query(LOAD).bind(id).fetch_one(&pool).await.unwrap();
                    assert_eq!(row.get::<i64, _>(0), 1);
                }
            }
        })
        .await
    }
}
