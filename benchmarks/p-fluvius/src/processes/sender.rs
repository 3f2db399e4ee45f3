//! One of the processes: its clients, its counters and its results.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use bench_common::{BankCommand, Batches, Rng, account_id, cpu_time, next_command};
use fluvius_core::{AggregateId, Error};
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use rust_decimal::Decimal;
use tokio::task::JoinSet;

use super::CLIENT_COUNT;
use crate::postgres::Counted;

/// The time before the measurement starts.
const WARM_UP: Duration = Duration::from_millis(300);

/// The time between two counts of the connections.
const COUNT_INTERVAL: Duration = Duration::from_millis(50);

/// The default measured time in milliseconds. `BENCH_TWO_MS` overrides it.
const TIME_MS: u64 = 3_000;

/// Runs one of the processes. It prints a line once it is ready, and sends after it has read a
/// line.
#[expect(clippy::expect_used, reason = "without its schema there is nothing to send to")]
pub(crate) async fn process() {
    let variable = |name| std::env::var(name).unwrap_or_default();
    let number = |name| variable(name).parse().expect("the variable is a number");
    let accounts = accounts(number("BENCH_ACCOUNTS"), &variable("BENCH_PARTITION"));
    let transfers = variable("BENCH_TRANSFERS").parse().expect("the percentage is a number");
    let seed = number("BENCH_SEED") as u64;
    let url = bench_common::pg_url().expect("the variable names the server");
    // The counters of the store, which the results contain.
    metrics::set_global_recorder(CounterRecorder).expect("no other recorder is installed");
    let name = format!("bench-{}", std::process::id());
    let bank = Arc::new(Counted::open(&named(&url, &name), &variable("BENCH_SCHEMA")).await);
    let mut connections = Connections::of(&url, name).await;
    connections.count().await;
    let at_rest = connections.most;
    println!("ready");
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).expect("a line starts the measurement");
    let counting = tokio::spawn(async move {
        loop {
            connections.count().await;
            COUNTERS.connections.store(connections.most, Ordering::Relaxed);
            tokio::time::sleep(COUNT_INTERVAL).await;
        }
    });
    let mut sent = send(&bank, &accounts, transfers, seed).await;
    counting.abort();
    sent.connections_at_rest = at_rest;
    sent.connections = COUNTERS.connections.load(Ordering::Relaxed);
    println!("{}", serde_json::to_string(&sent).expect("the result can be written"));
}

/// Returns the address with a name of its connections.
fn named(url: &str, name: &str) -> String {
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}application_name={name}")
}

/// The connections of this process, counted over a further one.
struct Connections {
    client: tokio_postgres::Client,
    name: String,
    /// The largest number so far.
    most: u64,
}

impl Connections {
    #[expect(clippy::expect_used, reason = "without a connection there is nothing to count")]
    async fn of(url: &str, name: String) -> Self {
        let (client, connection) =
            tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect("a connection");
        tokio::spawn(connection);
        Self { client, name, most: 0 }
    }

    #[expect(clippy::expect_used, reason = "a failed statement counts nothing")]
    async fn count(&mut self) {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1";
        let row = self.client.query_one(sql, &[&self.name]).await.expect("they are counted");
        self.most = self.most.max(u64::try_from(row.get::<_, i64>(0)).unwrap_or(0));
    }
}

/// The results of a process.
#[derive(Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Sent {
    /// The commands that were applied, or rejected by the rule, within the measured time.
    pub(super) answered: u64,
    pub(super) seconds: f64,
    /// The latencies of all commands that were answered within the measured time or after it,
    /// including failed ones. A command sent before the measured time may be the slowest.
    pub(super) times_us: Vec<u64>,
    /// The failed commands by code, at any time.
    pub(super) failed: BTreeMap<String, u64>,
    /// The sum of changes to balances by applied commands, at any time.
    pub(super) delta: Decimal,
    pub(super) batches: u64,
    pub(super) units: u64,
    /// The units that ended with a version conflict.
    pub(super) stale: u64,
    /// The calls that stored the batches, and the granted leases.
    pub(super) calls: u64,
    pub(super) leases: u64,
    /// The processor time of this process in microseconds.
    pub(super) cpu_us: u64,
    /// The connections before the first command, and the most during the sending.
    pub(super) connections_at_rest: u64,
    pub(super) connections: u64,
}

/// The indexes of the accounts that a process sends to, and the number of all accounts.
struct Accounts {
    own: Arc<[usize]>,
    all: usize,
}

/// Returns the accounts of a partition, such as `1/4`, or all accounts.
#[expect(clippy::expect_used, reason = "without its accounts there is nothing to measure")]
fn accounts(all: usize, partition: &str) -> Accounts {
    let own = match partition.split_once('/') {
        None => (0..all).collect(),
        Some((number, count)) => {
            let number: u32 = number.parse().expect("the partition is a number");
            let count = count.parse().expect("the count is a number");
            let is_own = |index: &usize| {
                AggregateId::new("bank-account", account_id(*index)).partition(count) == number
            };
            (0..all).filter(is_own).collect()
        }
    };
    Accounts { own, all }
}

async fn send(bank: &Arc<Counted>, accounts: &Accounts, transfers: u32, seed: u64) -> Sent {
    let time = std::env::var("BENCH_TWO_MS").ok().and_then(|text| text.parse().ok());
    let start = Instant::now() + WARM_UP;
    let end = start + Duration::from_millis(time.unwrap_or(TIME_MS));
    let mut clients = JoinSet::new();
    for client in 0..CLIENT_COUNT {
        let (bank, own, all) = (Arc::clone(bank), Arc::clone(&accounts.own), accounts.all);
        clients.spawn(async move {
            let mut rng = Rng::new(seed * 1000 + client + 1);
            let mut sent = Sent::default();
            loop {
                let begun = Instant::now();
                if begun >= end {
                    return sent;
                }
                let below = |rng: &mut Rng, count: usize| {
                    rng.below(u32::try_from(count).unwrap_or(u32::MAX)) as usize
                };
                let id = account_id(own[below(&mut rng, own.len())]);
                let is_transfer = transfers > 0 && rng.below(100) < transfers;
                let mut command = next_command(&mut rng);
                let outcome = if is_transfer {
                    // It changes no sum of balances.
                    command = BankCommand::Deposit(Decimal::ZERO);
                    let recipient = account_id(below(&mut rng, all));
                    if recipient == id {
                        continue;
                    }
                    bank.typed.transfer(id, Decimal::new(1, 2), recipient).await
                } else {
                    bank.typed.send(id, command).await.map(drop)
                };
                let answered = Instant::now();
                sent.add(command, outcome, answered >= start && answered < end);
                if answered >= start {
                    let time = answered.duration_since(begun).as_micros();
                    sent.times_us.push(u64::try_from(time).unwrap_or(u64::MAX));
                }
            }
        });
    }
    let mut all = Sent::default();
    tokio::time::sleep_until(start.into()).await;
    let before = (bank.batches(), bank.stale(), COUNTERS.values(), cpu_time());
    while let Some(sent) = clients.join_next().await {
        match sent {
            Ok(sent) => all.join(sent),
            Err(error) => *all.failed.entry(error.to_string()).or_default() += 1,
        }
    }
    let Batches { batches, units } = bank.batches().since(before.0);
    let [calls, leases] = COUNTERS.values();
    let cpu = cpu_time().zip(before.3).map_or(Duration::ZERO, |(now, then)| now - then);
    Sent {
        seconds: (end - start).as_secs_f64(),
        batches,
        units,
        stale: bank.stale() - before.1,
        calls: calls - before.2[0],
        leases: leases - before.2[1],
        cpu_us: u64::try_from(cpu.as_micros()).unwrap_or(u64::MAX),
        ..all
    }
}

/// The calls that store batches, the leases, and the largest number of connections.
#[derive(Default)]
struct Counters {
    calls: Arc<AtomicU64>,
    leases: Arc<AtomicU64>,
    connections: AtomicU64,
}

static COUNTERS: LazyLock<Counters> = LazyLock::new(Counters::default);

/// Records these counters, and no other metric.
struct CounterRecorder;

impl Recorder for CounterRecorder {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        match key.name() {
            "fluvius_postgres_commit_calls_total" => Counter::from_arc(Arc::clone(&COUNTERS.calls)),
            "fluvius_postgres_leases_total" => Counter::from_arc(Arc::clone(&COUNTERS.leases)),
            _ => Counter::noop(),
        }
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

impl Counters {
    fn values(&self) -> [u64; 2] {
        [&self.calls, &self.leases].map(|count| count.load(Ordering::Relaxed))
    }
}

impl Sent {
    fn add(&mut self, command: BankCommand, outcome: Result<(), Error>, is_counted: bool) {
        match outcome {
            Ok(()) => {
                self.answered += u64::from(is_counted);
                self.delta += match command {
                    BankCommand::Open(amount) | BankCommand::Deposit(amount) => amount,
                    BankCommand::Withdraw(amount) => -amount,
                };
            }
            Err(Error::Rejected { .. }) => self.answered += u64::from(is_counted),
            Err(error) => *self.failed.entry(error.code().to_owned()).or_default() += 1,
        }
    }

    fn join(&mut self, other: Self) {
        self.answered += other.answered;
        self.times_us.extend(other.times_us);
        self.delta += other.delta;
        for (code, count) in other.failed {
            *self.failed.entry(code).or_default() += count;
        }
    }
}
