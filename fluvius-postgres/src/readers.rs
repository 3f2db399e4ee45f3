//! The connections that read: a small pool. Each read is one statement.

use std::time::Duration;

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime,
    TimeoutType,
};
use fluvius_core::StoreError;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use crate::connect::Place;
use crate::error::Fault;

/// How often a read is tried on another connection where the one it had is gone: after a restart of the server all of
/// the pool may be.
const TRY_COUNT: usize = 3;

/// The values of a statement's parameters, with their types.
pub(crate) type Params<'a> = [(&'a (dyn ToSql + Sync), Type)];

/// The pool.
#[derive(Debug, Clone)]
pub(crate) struct Readers {
    pool: Pool,
    /// How long an answer may take: the server ends a statement before that.
    answer_time_max: Duration,
}

impl Readers {
    pub(crate) fn new(place: &Place) -> Result<Self, StoreError> {
        let config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(place.config.clone(), place.tls.clone(), config);
        let (setup, connect_time_max) = (place.setup(), place.connect_time_max());
        let pool = Pool::builder(manager)
            .max_size(place.options.reader_count)
            .wait_timeout(Some(place.options.statement_time_max))
            .create_timeout(Some(connect_time_max))
            .runtime(Runtime::Tokio1)
            .post_create(Hook::async_fn(move |client, _| {
                let setup = setup.clone();
                Box::pin(async move {
                    let set = client.batch_execute(&setup);
                    match tokio::time::timeout(connect_time_max, set).await {
                        Ok(set) => set.map_err(HookError::Backend),
                        Err(_) => Err(HookError::message("the server does not answer")),
                    }
                })
            }))
            .build()
            .map_err(|error| StoreError::permanent("the pool cannot be made").with_source(error))?;
        Ok(Self { pool, answer_time_max: place.options.statement_time_max * 2 })
    }

    /// The rows of a statement of which there are a few: it is prepared once a connection.
    pub(crate) async fn fixed(&self, sql: &str, params: &Params<'_>) -> Result<Vec<Row>, Fault> {
        self.read(sql, params, true).await
    }

    /// The rows of a statement that was put together for one call.
    pub(crate) async fn once(&self, sql: &str, params: &Params<'_>) -> Result<Vec<Row>, Fault> {
        self.read(sql, params, false).await
    }

    /// Reads, again where the connection turns out to be gone.
    async fn read(
        &self,
        sql: &str,
        params: &Params<'_>,
        is_prepared: bool,
    ) -> Result<Vec<Row>, Fault> {
        let mut count = 0;
        loop {
            count += 1;
            match self.read_once(sql, params, is_prepared).await {
                Err(fault) if fault.is_of_connection() && count < TRY_COUNT => {}
                rows => return rows,
            }
        }
    }

    async fn read_once(
        &self,
        sql: &str,
        params: &Params<'_>,
        is_prepared: bool,
    ) -> Result<Vec<Row>, Fault> {
        let client = self.client().await?;
        let rows = rows(&client, sql, params, is_prepared);
        if let Ok(rows) = tokio::time::timeout(self.answer_time_max, rows).await {
            return Ok(rows?);
        }
        // Whoever had this connection next would wait behind this read.
        drop(Object::take(client));
        Err(Fault::unanswered())
    }

    async fn client(&self) -> Result<Object, Fault> {
        self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => {
                Fault::Postgres(error)
            }
            PoolError::Timeout(TimeoutType::Create) => Fault::unanswered(),
            PoolError::Timeout(_) => StoreError::unavailable(
                "all connections that read are taken: raise `reader_count`, or read less at once",
            )
            .into(),
            error => StoreError::unavailable("there is no connection to read with")
                .with_source(error)
                .into(),
        })
    }
}

async fn rows(
    client: &Object,
    sql: &str,
    params: &Params<'_>,
    is_prepared: bool,
) -> Result<Vec<Row>, tokio_postgres::Error> {
    if !is_prepared {
        return client.query_typed(sql, params).await;
    }
    let types: Vec<Type> = params.iter().map(|(_, of)| of.clone()).collect();
    let statement = client.prepare_typed_cached(sql, &types).await?;
    let values: Vec<_> = params.iter().map(|(value, _)| *value).collect();
    client.query(&statement, &values).await
}
