//! A long time on one account over PostgreSQL, with a reader that holds a snapshot for a tenth of it: what the versions of
//! one row that cannot be cleared away cost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bench_common::{
    Bank, BankCommand, BankError, OPENING, Rng, account_id, next_command, pg_url, report, selected,
};
use rust_decimal::Decimal;
use tokio::task::JoinSet;
use tokio_postgres::{Client, NoTls};

use crate::bank::Typed;
use crate::postgres::fresh_schema;

const SCHEMA: &str = "bench_hot";

const CLIENT_COUNT: u64 = 64;

/// In how many parts the time is told.
const PART_COUNT: u32 = 10;

/// The part in which the reader holds its snapshot.
const HELD_PART: u32 = 5;

/// The sizes of the row's table with its indexes, and of the rows that are dead in it, as far as the server knows.
const SIZE: &str = "SELECT pg_total_relation_size('resource_state'), \
                    (SELECT n_dead_tup FROM pg_stat_user_tables WHERE relid = 'resource_state'::regclass)";

/// Runs for `BENCH_HOT_S` seconds; not at all where that is not set.
#[expect(clippy::expect_used, reason = "without a server there is nothing to measure")]
pub(crate) async fn run() {
    let time = std::env::var("BENCH_HOT_S").ok().and_then(|text| text.parse().ok());
    let (Some(url), Some(seconds)) = (pg_url(), time) else { return };
    if !selected("hot/fluvius/postgres") {
        return;
    }
    let bank = Arc::new(Typed::over(fresh_schema(&url, SCHEMA).await).await.expect("the domain"));
    let open = BankCommand::Open(Decimal::from(OPENING));
    bank.run(account_id(0), open).await.expect("the account is opened");
    let beside = connect(&url).await;
    let (applied, is_over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let mut clients = JoinSet::new();
    for client in 0..CLIENT_COUNT {
        let (bank, applied, is_over) =
            (Arc::clone(&bank), Arc::clone(&applied), Arc::clone(&is_over));
        clients.spawn(async move {
            let mut rng = Rng::new(client + 1);
            while !is_over.load(Ordering::Relaxed) {
                match bank.run(account_id(0), next_command(&mut rng)).await {
                    Ok(()) | Err(BankError::Rejected) => applied.fetch_add(1, Ordering::Relaxed),
                    Err(error) => panic!("{error:?}"),
                };
            }
        });
    }
    let (mut rates, mut sizes, mut dead) = (Vec::new(), Vec::new(), Vec::new());
    for part in 0..PART_COUNT {
        let holder = match part {
            HELD_PART => Some(hold(&url).await),
            _ => None,
        };
        let (begun, before) = (Instant::now(), applied.load(Ordering::Relaxed));
        tokio::time::sleep(Duration::from_secs(seconds) / PART_COUNT).await;
        let sent = applied.load(Ordering::Relaxed) - before;
        rates.push(sent as f64 / begun.elapsed().as_secs_f64());
        let row = beside.query_one(SIZE, &[]).await.expect("the sizes");
        sizes.push(row.get::<_, i64>(0) as f64 / 1024.0);
        dead.push(row.get::<_, i64>(1) as f64);
        drop(holder);
    }
    is_over.store(true, Ordering::Relaxed);
    while let Some(ended) = clients.join_next().await {
        ended.expect("a client ends");
    }
    let note = format!(
        "{seconds} s on one account with 64 clients, in {PART_COUNT} parts; in part {} a reader holds a snapshot",
        HELD_PART + 1
    );
    for (name, unit, values) in
        [("rate", "commands/s", &rates), ("table", "KiB", &sizes), ("dead_rows", "rows", &dead)]
    {
        report("hot", &format!("fluvius/postgres/{name}"), unit, values, &note);
    }
}

#[expect(clippy::expect_used, reason = "without a server there is nothing to measure")]
async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("a server");
    tokio::spawn(connection);
    client.batch_execute(&format!("SET search_path = {SCHEMA}")).await.expect("the schema");
    client
}

/// A reader whose snapshot lasts until it is dropped.
#[expect(clippy::expect_used, reason = "without its snapshot there is nothing to measure")]
async fn hold(url: &str) -> Client {
    let client = connect(url).await;
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM resource_state";
    client.batch_execute(begin).await.expect("the snapshot is taken");
    client
}
