//! One account under load for a longer time: the rate, and the sizes of the tables. A reader holds
//! a snapshot for a tenth of the time. The server cannot remove row versions that the reader might
//! still see.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bench_common::{Bank, BankCommand, OPENING, Rng, account_id, next_command, report, selected};
use rust_decimal::Decimal;
use tokio::task::JoinSet;
use tokio_postgres::{Client, NoTls};

use crate::postgres::{Counted, Schema};

const CLIENT_COUNT: u64 = 64;

/// The default duration in seconds. `BENCH_HOT_S` overrides it.
const TIME_S: u64 = 10;

/// The number of parts into which the duration is divided.
const PART_COUNT: u64 = 10;

/// The part in which the reader holds its snapshot.
const READER_PART: u64 = 4;

/// The number of samples of the rate per part.
const SAMPLE_COUNT: u32 = 10;

const SIZES: &str = "SELECT pg_table_size('resource_state'), pg_indexes_size('resource_state'), \
     pg_total_relation_size('command_log') + pg_total_relation_size('event_log'), \
     pg_stat_get_dead_tuples('resource_state'::regclass)";

/// The measurements of one part.
#[derive(Default)]
struct Part {
    rates: Vec<f64>,
    state_kib: Vec<f64>,
    index_kib: Vec<f64>,
    dead_rows: Vec<f64>,
    times_us: Vec<u64>,
}

#[expect(clippy::expect_used, reason = "without its schema there is nothing to measure")]
pub(crate) async fn run(url: &str) {
    if !selected("hot-account/fluvius/postgres") {
        return;
    }
    let time = std::env::var("BENCH_HOT_S").ok().and_then(|text| text.parse().ok());
    let part_time = Duration::from_secs(time.unwrap_or(TIME_S)) / 10;
    let schema = Schema::new(url);
    let bank = Arc::new(Counted::open(url, &schema.name).await);
    let open = BankCommand::Open(Decimal::from(OPENING));
    bank.run(account_id(0), open).await.expect("the account is opened");
    let watcher = connect(url, &schema.name).await.expect("sizes can be looked at");
    let reader = connect(url, &schema.name).await.expect("there is a reader");
    let before = sizes(&watcher).await.expect("sizes can be looked at");

    let (answered, part) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut clients = JoinSet::new();
    for client in 0..CLIENT_COUNT {
        let (bank, answered, part) = (Arc::clone(&bank), Arc::clone(&answered), Arc::clone(&part));
        clients.spawn(send(bank, client, answered, part));
    }
    let mut parts = Vec::new();
    let mut last = before;
    for number in 0..PART_COUNT {
        part.store(number, Ordering::Relaxed);
        if number == READER_PART {
            hold_snapshot(&reader).await.expect("the reader takes a snapshot");
        }
        let mut of_part = Part::default();
        for _ in 0..SAMPLE_COUNT {
            let (begun, from) = (Instant::now(), answered.load(Ordering::Relaxed));
            tokio::time::sleep(part_time / SAMPLE_COUNT).await;
            let count = answered.load(Ordering::Relaxed) - from;
            of_part.rates.push(count as f64 / begun.elapsed().as_secs_f64());
        }
        last = sizes(&watcher).await.expect("sizes can be looked at");
        of_part.state_kib.push(last.state as f64 / 1024.0);
        of_part.index_kib.push(last.index as f64 / 1024.0);
        of_part.dead_rows.push(last.dead_rows as f64);
        if number == READER_PART {
            reader.batch_execute("COMMIT").await.expect("the reader gives its snapshot back");
        }
        parts.push(of_part);
    }
    part.store(PART_COUNT, Ordering::Relaxed);
    let mut failed = 0;
    while let Some(ended) = clients.join_next().await {
        let (times, failures) = ended.expect("a client ends");
        failed += failures;
        for (part, times) in parts.iter_mut().zip(times) {
            part.times_us.extend(times);
        }
    }
    tell(&parts, part_time, failed);
    let rows = answered.load(Ordering::Relaxed).max(1) as f64;
    let note = "rows and indexes of the command and the event of a command";
    let logs = (last.logs - before.logs) as f64 / rows;
    report("hot", "hot-account/fluvius/postgres/log_bytes", "bytes/command", &[logs], note);
}

/// Runs one client until the last part has ended. Returns the times of its commands by part, and
/// the number of failed commands.
async fn send(
    bank: Arc<Counted>,
    client: u64,
    answered: Arc<AtomicU64>,
    part: Arc<AtomicU64>,
) -> (Vec<Vec<u64>>, u64) {
    let mut rng = Rng::new(client + 1);
    let mut times: Vec<Vec<u64>> = (0..PART_COUNT).map(|_| Vec::new()).collect();
    let mut failed = 0;
    loop {
        let now = usize::try_from(part.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
        let Some(times_of_part) = times.get_mut(now) else { return (times, failed) };
        let begun = Instant::now();
        match bank.run(account_id(0), next_command(&mut rng)).await {
            Ok(()) | Err(bench_common::BankError::Rejected) => {
                answered.fetch_add(1, Ordering::Relaxed);
            }
            Err(_) => failed += 1,
        }
        times_of_part.push(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX));
    }
}

/// Reports one line per part, and one line per figure for each of the periods before, during and
/// after the reader.
fn tell(parts: &[Part], part_time: Duration, failed: u64) {
    let seconds = part_time.as_secs_f64();
    let note = format!(
        "one account, {CLIENT_COUNT} clients, {:.0} s; a reader holds a snapshot for {seconds:.0} \
        s after {:.0} s; \
         {failed} commands failed",
        seconds * PART_COUNT as f64,
        seconds * READER_PART as f64,
    );
    let reader = usize::try_from(READER_PART).unwrap_or(0);
    let tell = |name: &str, unit: &str, of: &dyn Fn(&Part) -> Vec<f64>| {
        for (time, parts) in [
            ("before", &parts[..reader]),
            ("during", &parts[reader..=reader]),
            ("after", &parts[reader + 1..]),
        ] {
            let values: Vec<f64> = parts.iter().flat_map(of).collect();
            report(
                "hot",
                &format!("hot-account/fluvius/postgres/{name}/{time}"),
                unit,
                &values,
                &note,
            );
        }
    };
    tell("rate", "commands/s", &|part| part.rates.clone());
    tell("p99", "ms", &|part| vec![p99_ms(part)]);
    tell("state_table", "KiB", &|part| part.state_kib.clone());
    tell("state_index", "KiB", &|part| part.index_kib.clone());
    tell("dead_rows", "rows", &|part| part.dead_rows.clone());
    for (number, part) in parts.iter().enumerate() {
        let last = |values: &[f64]| values.last().copied().unwrap_or(0.0);
        let note = format!(
            "p99 {:.1} ms; at its end the state's table has {:.0} KiB, its index {:.0} KiB, {:.0} \
            dead rows{}",
            p99_ms(part),
            last(&part.state_kib),
            last(&part.index_kib),
            last(&part.dead_rows),
            if number == reader { "; with the reader" } else { "" },
        );
        let name = format!("hot-account/fluvius/postgres/part {} of {PART_COUNT}", number + 1);
        report("hot", &name, "commands/s", &part.rates, &note);
    }
}

fn p99_ms(part: &Part) -> f64 {
    let mut times = part.times_us.clone();
    times.sort_unstable();
    times.get(times.len() * 99 / 100).map_or(0.0, |time| *time as f64 / 1e3)
}

#[derive(Clone, Copy)]
struct Sizes {
    state: i64,
    index: i64,
    logs: i64,
    dead_rows: i64,
}

async fn sizes(client: &Client) -> Result<Sizes, tokio_postgres::Error> {
    let row = client.query_one(SIZES, &[]).await?;
    Ok(Sizes {
        state: row.try_get(0)?,
        index: row.try_get(1)?,
        logs: row.try_get(2)?,
        dead_rows: row.try_get(3)?,
    })
}

/// Begins a transaction, and holds its snapshot until the transaction ends.
async fn hold_snapshot(client: &Client) -> Result<(), tokio_postgres::Error> {
    client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ").await?;
    client.query_one("SELECT version FROM resource_state", &[]).await?;
    Ok(())
}

async fn connect(url: &str, schema: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    client.batch_execute(&format!("SET search_path = \"{schema}\"")).await?;
    Ok(client)
}
