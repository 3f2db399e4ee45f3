//! Two clients on the same work: the batches of the store's one writing connection, and the loads
//! of its pool of readers.

mod by_sqlx;
mod by_tokio_postgres;

use bench_common::{Uuid, account_id};

use crate::load::{Done, measure, time};

const READER_COUNT: u32 = 8;
const ROW_COUNT: usize = 64;
const ACCOUNT_COUNT: usize = 1_000;

const SCHEMA: &str = "
DROP SCHEMA IF EXISTS choices CASCADE; CREATE SCHEMA choices;
CREATE TABLE choices.state(id uuid PRIMARY KEY, version bigint NOT NULL, data text NOT NULL)
    WITH (fillfactor = 50);
CREATE TABLE choices.log(position bigserial PRIMARY KEY, id uuid NOT NULL, version bigint NOT NULL,
    data text NOT NULL);
CREATE FUNCTION choices.commit(ids uuid[], versions bigint[], datas text[]) RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO choices.state
    SELECT DISTINCT ON (id) * FROM unnest(ids, versions, datas) AS n (id, version, data)
    ORDER BY id, version DESC
    ON CONFLICT (id) DO UPDATE SET version = excluded.version, data = excluded.data;
    INSERT INTO choices.log (id, version, data) SELECT * FROM unnest(ids, versions, datas);
    RETURN cardinality(ids);
END $$;";

const COMMIT: &str = "SELECT choices.commit($1, $2, $3)";
const LOAD: &str = "SELECT version, data FROM choices.state WHERE id = $1";

/// The rows of a batch, column by column.
struct Rows {
    ids: Vec<Uuid>,
    versions: Vec<i64>,
    datas: Vec<String>,
}

impl Rows {
    /// Returns the rows of a caller's turn. Each turn uses other accounts.
    fn of(turn: u64) -> Self {
        let first = usize::try_from(turn).unwrap_or(0) * ROW_COUNT;
        let ids =
            (first..first + ROW_COUNT).map(|index| account_id(index % ACCOUNT_COUNT)).collect();
        let version = i64::try_from(turn).unwrap_or(0) + 1;
        Self { ids, versions: vec![version; ROW_COUNT], datas: vec![DATA.to_owned(); ROW_COUNT] }
    }
}

/// A text about as long as the data that the store writes for a command.
const DATA: &str =
    r#"{"account_number":"0123456789","owner_name":"Ada Lovelace","balance":"1000000.00"}"#;

/// A client under comparison.
trait Client {
    /// Runs statements once, before the measurement.
    async fn setup(url: &str, sql: &str);
    /// Measures calls of the function by `callers` tasks, with 64 rows per call, over one
    /// connection.
    async fn batches(url: &str, callers: usize) -> Done;
    /// Measures loads of one row by `callers` tasks, over a pool of eight connections.
    async fn loads(url: &str, callers: usize) -> Done;
}

pub(crate) async fn run(url: &str) {
    // In each case both clients run in succession, so that they meet the same load of the machine.
    for callers in [1, 4] {
        batches::<by_tokio_postgres::TokioPostgres>("tokio-postgres", url, callers).await;
        batches::<by_sqlx::Sqlx>("sqlx", url, callers).await;
    }
    for callers in [1, 64] {
        loads::<by_tokio_postgres::TokioPostgres>("tokio-postgres+deadpool", url, callers).await;
        loads::<by_sqlx::Sqlx>("sqlx", url, callers).await;
    }
}

async fn batches<C: Client>(name: &str, url: &str, callers: usize) {
    let name = format!("{name}/batch64/{callers}");
    let note =
        "a batch of 64 rows by one call with three arrays, one connection, the callers at once";
    measure("client", &name, "batches", note, async || {
        C::setup(url, SCHEMA).await;
        C::batches(url, callers).await
    })
    .await;
}

async fn loads<C: Client>(name: &str, url: &str, callers: usize) {
    let name = format!("{name}/load/{callers}");
    let note = "one row by its key, a pool of 8 connections, the callers at once";
    measure("client", &name, "loads", note, async || {
        C::setup(url, SCHEMA).await;
        let fill = format!(
            "INSERT INTO choices.state SELECT ('01920000-0000-7000-8000-' || lpad(to_hex(n), 12, \
            '0'))::uuid, 1, \
             '{DATA}' FROM generate_series(0, {}) AS n",
            ACCOUNT_COUNT - 1
        );
        C::setup(url, &fill).await;
        C::loads(url, callers).await
    })
    .await;
}
