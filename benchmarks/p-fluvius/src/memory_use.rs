//! The memory use of a program with a store, at rest and under load. It is measured in a separate
//! process.

use std::io::Read;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bench_common::{
    Bank, BankCommand, OPENING, Plan, Rng, account_id, next_command, report, selected,
};
use rust_decimal::Decimal;
use tokio::task::JoinSet;

use crate::{roles, sqlite};

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

#[expect(clippy::expect_used, reason = "without the other process there is nothing to measure")]
pub(crate) fn run(plan: &Plan) {
    if !selected("rss/fluvius/sqlite") {
        return;
    }
    let mut values: [Vec<f64>; WHAT.len()] = Default::default();
    for _ in 0..plan.repetitions {
        let mut child = roles::start(roles::MEMORY, |command| {
            command.stdout(Stdio::piped());
        });
        let mut text = String::new();
        let mut output = child.stdout.take().expect("it has an output");
        output.read_to_string(&mut text).expect("it says something");
        child.wait().expect("it ends");
        let told: Vec<f64> = serde_json::from_str(&text).expect("it says numbers");
        for (values, value) in values.iter_mut().zip(told) {
            values.push(value);
        }
    }
    for ((name, note), values) in WHAT.iter().zip(values) {
        report("rss", &format!("fluvius/sqlite/{name}"), "MiB", &values, note);
    }
}

/// Runs the measured process, and prints its figures.
#[expect(clippy::expect_used, reason = "a deposit to an open account succeeds")]
pub(crate) async fn tell() {
    let mut told = vec![now("VmRSS:")];
    let bank = Arc::new(sqlite::fluvius(sqlite::options("FULL")).await);
    for index in 0..ACCOUNT_COUNT {
        let command = BankCommand::Open(Decimal::from(OPENING));
        bank.run(account_id(index), command).await.expect("an account is opened");
    }
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
