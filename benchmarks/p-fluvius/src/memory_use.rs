//! The memory use of a program with a store, at rest and under load, and that of the cached
//! aggregates. Each figure is measured in a separate process.

use std::io::Read;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bench_common::{
    Bank, BankCommand, OPENING, Plan, Rng, account_id, next_command, report, selected,
};
use rust_decimal::Decimal;
use tokio::task::JoinSet;

use crate::roles;

const ACCOUNT_COUNT: usize = 1_000;
const CLIENT_COUNT: u64 = 64;
const TIME: Duration = Duration::from_secs(3);

/// The figures in the order of the process's output, in MiB.
const WHAT: [(&str, &str); 4] = [
    ("empty", "the program before a store is opened"),
    ("at_rest", "an open store and domain with 1,000 accounts"),
    ("under_load", "the most while 64 clients send for three seconds"),
    ("after_load", "a second after that"),
];

/// Measures a program over a store, at rest and under load.
pub(crate) fn run(plan: &Plan, store: &str) {
    if !selected(&format!("rss/fluvius/{store}")) {
        return;
    }
    let mut values: [Vec<f64>; WHAT.len()] = Default::default();
    for _ in 0..plan.repetitions {
        for (values, value) in values.iter_mut().zip(figures_of(roles::MEMORY, store)) {
            values.push(value);
        }
    }
    for ((name, note), values) in WHAT.iter().zip(values) {
        report("rss", &format!("fluvius/{store}/{name}"), "MiB", &values, note);
    }
}

/// Runs a process in a role over a store, and returns the numbers that it prints.
#[expect(clippy::expect_used, reason = "without the other process there is nothing to measure")]
fn figures_of(role: &str, setting: &str) -> Vec<f64> {
    let mut child = roles::start(role, |command| {
        command.env(SETTING, setting).stdout(Stdio::piped());
    });
    let mut text = String::new();
    let mut output = child.stdout.take().expect("it has an output");
    output.read_to_string(&mut text).expect("it says something");
    child.wait().expect("it ends");
    serde_json::from_str(&text).expect("it says numbers")
}

/// The environment variable with the store, or with the size of the cache, of a process.
const SETTING: &str = "BENCH_MEMORY_OF";

fn setting() -> String {
    std::env::var(SETTING).unwrap_or_default()
}

/// Runs a measured process, and prints its figures.
pub(crate) async fn tell() {
    let before = now("VmRSS:");
    match setting().as_str() {
        #[cfg(feature = "sqlite")]
        "sqlite" => {
            let bank = crate::sqlite::fluvius(crate::sqlite::options("FULL")).await;
            tell_of(bank, before).await;
        }
        #[cfg(feature = "postgres")]
        "postgres" => {
            let Some(url) = bench_common::pg_url() else { return };
            let schema = crate::postgres::Schema::new(&url);
            tell_of(crate::postgres::Counted::open(&url, &schema.name).await, before).await;
        }
        _ => {}
    }
}

#[expect(clippy::expect_used, reason = "a deposit to an open account succeeds")]
async fn tell_of(bank: impl Bank, before: f64) {
    let mut told = vec![before];
    let bank = Arc::new(bank);
    open_accounts(&bank, ACCOUNT_COUNT).await;
    told.push(now("VmRSS:"));
    let end = Instant::now() + TIME;
    let mut clients = JoinSet::new();
    for client in 0..CLIENT_COUNT {
        let bank = Arc::clone(&bank);
        clients.spawn(async move {
            let mut rng = Rng::new(client + 1);
            while Instant::now() < end {
                let account = account_id(rng.below(1_000) as usize);
                bank.run(account, next_command(&mut rng)).await.expect("it is applied");
            }
        });
    }
    while clients.join_next().await.is_some() {}
    // The peak of the process's whole life. It occurs under load.
    told.push(now("VmHWM:"));
    tokio::time::sleep(Duration::from_secs(1)).await;
    told.push(now("VmRSS:"));
    println!("{told:?}");
}

/// Opens accounts with 64 clients.
#[expect(clippy::expect_used, reason = "a new store takes every account")]
async fn open_accounts<B: Bank>(bank: &Arc<B>, accounts: usize) {
    let next = Arc::new(AtomicUsize::new(0));
    let mut clients = JoinSet::new();
    for _ in 0..CLIENT_COUNT {
        let (bank, next) = (Arc::clone(bank), Arc::clone(&next));
        clients.spawn(async move {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= accounts {
                    return;
                }
                let command = BankCommand::Open(Decimal::from(OPENING));
                bank.run(account_id(index), command).await.expect("an account is opened");
            }
        });
    }
    while let Some(opened) = clients.join_next().await {
        opened.expect("a client ends");
    }
}

/// The default size of the cache in bytes.
#[cfg(feature = "sqlite")]
const CACHE_CAPACITY: usize = 64 << 20;

/// Accounts that fit into the cache, and more than fit.
#[cfg(feature = "sqlite")]
const FEW: usize = 50_000;
#[cfg(feature = "sqlite")]
const MANY: usize = 200_000;

/// Measures the memory of cached aggregates: a process with the default cache, less one without a
/// cache.
#[cfg(feature = "sqlite")]
pub(crate) fn cache(plan: &Plan) {
    if !selected("cache/fluvius/sqlite") {
        return;
    }
    let (mut of_one, mut of_all) = (Vec::new(), Vec::new());
    for _ in 0..plan.repetitions {
        let of = |accounts: usize| {
            let with = |capacity: usize| {
                let setting = format!("{capacity}/{accounts}");
                figures_of(roles::CACHE, &setting).first().copied().unwrap_or(0.0)
            };
            with(CACHE_CAPACITY) - with(0)
        };
        of_one.push(of(FEW) * f64::from(1 << 20) / FEW as f64);
        of_all.push(of(MANY));
    }
    let note = format!("one of {FEW} accounts, all of them cached");
    report("cache", "fluvius/sqlite/cached_aggregate", "bytes", &of_one, &note);
    let note = format!("{MANY} accounts, of which `cache_capacity` (64 MiB) leaves a part cached");
    report("cache", "fluvius/sqlite/full_cache", "MiB", &of_all, &note);
}

/// Opens accounts with a size of the cache, and prints the memory use after that.
#[cfg(feature = "sqlite")]
#[expect(clippy::expect_used, reason = "without its settings there is nothing to measure")]
pub(crate) async fn tell_of_cache() {
    let setting = setting();
    let (capacity, accounts) = setting.split_once('/').expect("the setting has two numbers");
    let capacity = capacity.parse().expect("the capacity is a number");
    let accounts = accounts.parse().expect("the accounts are a number");
    let options = crate::sqlite::options("NORMAL");
    let bank = Arc::new(crate::sqlite::with_cache(options, capacity).await);
    open_accounts(&bank, accounts).await;
    println!("[{}]", now("VmRSS:"));
}

/// Returns a memory figure of this process in MiB, as the operating system reports it.
///
/// # Source
/// Linux, proc(5), /proc/pid/status.
fn now(what: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(what));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok());
    kib.unwrap_or(0.0) / 1024.0
}
