//! The connections that read: a small pool. Each read is one statement.

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Pool, PoolError, RecyclingMethod, Runtime,
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
}

impl Readers {
    pub(crate) fn new(place: &Place) -> Result<Self, StoreError> {
        let config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(place.config.clone(), place.tls.clone(), config);
        let setup = place.setup();
        let pool = Pool::builder(manager)
            .max_size(place.options.reader_count)
            .wait_timeout(Some(place.options.statement_time_max))
            .runtime(Runtime::Tokio1)
            .post_create(Hook::async_fn(move |client, _| {
                let setup = setup.clone();
                Box::pin(
                    async move { client.batch_execute(&setup).await.map_err(HookError::Backend) },
                )
            }))
            .build()
            .map_err(|error| StoreError::permanent("the pool cannot be made").with_source(error))?;
        Ok(Self { pool })
    }

    /// The rows of a statement of which there are a few: it is prepared once a connection.
    pub(crate) async fn fixed(&self, sql: &str, params: &Params<'_>) -> Result<Vec<Row>, Fault> {
        let mut count = 0;
        loop {
            count += 1;
            let rows = async {
                let client = self.client().await?;
                let types: Vec<Type> = params.iter().map(|(_, of)| of.clone()).collect();
                let statement = client.prepare_typed_cached(sql, &types).await?;
                let values: Vec<_> = params.iter().map(|(value, _)| *value).collect();
                Ok(client.query(&statement, &values).await?)
            };
            match rows.await {
                Err(fault) if is_gone(&fault) && count < TRY_COUNT => {}
                rows => return rows,
            }
        }
    }

    /// The rows of a statement that was put together for one call.
    pub(crate) async fn once(&self, sql: &str, params: &Params<'_>) -> Result<Vec<Row>, Fault> {
        let mut count = 0;
        loop {
            count += 1;
            let rows = async { Ok(self.client().await?.query_typed(sql, params).await?) };
            match rows.await {
                Err(fault) if is_gone(&fault) && count < TRY_COUNT => {}
                rows => return rows,
            }
        }
    }

    async fn client(&self) -> Result<deadpool_postgres::Object, Fault> {
        self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => {
                Fault::Postgres(error)
            }
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

fn is_gone(fault: &Fault) -> bool {
    fault.is_of_connection()
}
