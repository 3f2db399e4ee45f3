//! One, two and four processes over one schema, each with 64 clients at full load: on 1,000
//! accounts, on one, and on 1,000 of which each process has its own share.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bench_common::{Bank, BankCommand, Batches, OPENING, Plan, account_id, report, selected};
use rust_decimal::Decimal;
use tokio::task::JoinSet;

use crate::postgres::{Counted, Schema};
use crate::roles;

mod sender;

use sender::Sent;
pub(crate) use sender::process;

const CLIENT_COUNT: u64 = 64;

/// A workload and the numbers of processes that run it.
struct Workload {
    name: &'static str,
    accounts: usize,
    counts: &'static [usize],
    /// Set if each process sends to the accounts of its own partition only.
    has_own_accounts: bool,
    /// The percentage of commands that are transfers to any account.
    transfers: u32,
}

const WORKLOADS: [Workload; 4] = [
    Workload {
        name: "1000-accounts",
        accounts: 1_000,
        counts: &[1, 2, 4],
        has_own_accounts: false,
        transfers: 0,
    },
    Workload {
        name: "1-account",
        accounts: 1,
        counts: &[1, 2, 4],
        has_own_accounts: false,
        transfers: 0,
    },
    Workload {
        name: "own-accounts",
        accounts: 1_000,
        counts: &[1, 4],
        has_own_accounts: true,
        transfers: 0,
    },
    Workload {
        name: "own-accounts-with-transfers",
        accounts: 1_000,
        counts: &[1, 4],
        has_own_accounts: true,
        transfers: 10,
    },
];

pub(crate) async fn run(plan: &Plan, url: &str) {
    for workload in &WORKLOADS {
        for count in workload.counts {
            if selected(&format!("processes/fluvius/postgres/{}/{count}", workload.name)) {
                measure(workload, *count, plan, url).await;
            }
        }
    }
}

/// The results of the repetitions: the name, the unit and the values of each figure.
#[derive(Default)]
struct Figures(Vec<(&'static str, &'static str, Vec<f64>)>);

impl Figures {
    fn add(&mut self, name: &'static str, unit: &'static str, value: f64) {
        match self.0.iter_mut().find(|(known, ..)| *known == name) {
            Some((.., values)) => values.push(value),
            None => self.0.push((name, unit, vec![value])),
        }
    }
}

async fn measure(workload: &Workload, count: usize, plan: &Plan, url: &str) {
    let Workload { name: word, accounts, .. } = *workload;
    let schema = Schema::new(url);
    open_accounts(url, &schema.name, accounts).await;
    let mut figures = Figures::default();
    let mut codes: BTreeMap<String, u64> = BTreeMap::new();
    let mut balance = Decimal::from(OPENING) * Decimal::from(accounts);
    for repetition in 0..plan.repetitions {
        let server = server_cpu_time();
        let sent = send_all(&schema.name, workload, count, repetition as u64);
        let commands: u64 = sent.iter().map(|sent| sent.times_us.len() as u64).sum();
        if let (Some(before), Some(after)) = (server, server_cpu_time()) {
            let micros = after.saturating_sub(before).as_secs_f64() * 1e6;
            figures.add("server_cpu", "µs/command", micros / commands.max(1) as f64);
        }
        for of_process in &sent {
            balance += of_process.delta;
            for (code, count) in &of_process.failed {
                *codes.entry(code.clone()).or_default() += count;
            }
        }
        add(&mut figures, &sent);
        let found = sum_of_balances(url, &schema.name, accounts).await;
        // A command with an unknown outcome may have been applied.
        let is_known = !codes.contains_key("outcome-unknown");
        let missing = if is_known { (balance - found).abs() } else { Decimal::ZERO };
        figures.add("missing", "rounds", if missing.is_zero() { 0.0 } else { 1.0 });
    }
    let codes: Vec<String> = codes.iter().map(|(code, count)| format!("{code}: {count}")).collect();
    let note = format!(
        "{count} process{} over one schema, {CLIENT_COUNT} clients each, {word}; failures: {}",
        if count > 1 { "es" } else { "" },
        if codes.is_empty() { "none".to_owned() } else { codes.join(", ") }
    );
    for (name, unit, values) in &figures.0 {
        report(
            "processes",
            &format!("fluvius/postgres/{word}/{count}/{name}"),
            unit,
            values,
            &note,
        );
    }
}

fn add(figures: &mut Figures, sent: &[Sent]) {
    let all: u64 = sent.iter().map(|sent| sent.answered).sum();
    let seconds = sent.iter().map(|sent| sent.seconds).fold(0.0, f64::max);
    let least = sent.iter().map(|sent| sent.answered).min().unwrap_or(0);
    let mut times: Vec<u64> = sent.iter().flat_map(|sent| &sent.times_us).copied().collect();
    times.sort_unstable();
    let ms = |time: Option<&u64>| time.map_or(0.0, |time| *time as f64 / 1e3);
    let at = |percent: usize| ms(times.get(times.len() * percent / 100));
    let failed = |code: &str| {
        let of = |sent: &Sent| sent.failed.get(code).copied().unwrap_or(0);
        sent.iter().map(of).sum::<u64>() as f64
    };
    let failures = sent.iter().flat_map(|sent| sent.failed.values()).sum::<u64>() as f64;
    let (units, batches) = sent
        .iter()
        .fold((0, 0), |(units, batches), sent| (units + sent.units, batches + sent.batches));
    let mean = Batches { units, batches }.mean().unwrap_or(0.0);
    figures.add("rate", "commands/s", all as f64 / seconds);
    figures.add("smallest_share", "%", least as f64 * 100.0 / all.max(1) as f64);
    figures.add("p50", "ms", at(50));
    figures.add("p99", "ms", at(99));
    figures.add("slowest", "ms", ms(times.last()));
    figures.add("conflict", "commands", failed("conflict"));
    figures.add("failed_otherwise", "commands", failures - failed("conflict"));
    figures.add("mean_batch", "units/commit", mean);
    let commands = times.len().max(1) as f64;
    let sum = |of: fn(&Sent) -> u64| sent.iter().map(of).sum::<u64>() as f64;
    figures.add("stale_units", "%", sum(|sent| sent.stale) * 100.0 / (units.max(1) as f64));
    figures.add("calls", "calls/batch", sum(|sent| sent.calls) / batches.max(1) as f64);
    figures.add("leases", "leases/s", sum(|sent| sent.leases) / seconds);
    figures.add("client_cpu", "µs/command", sum(|sent| sent.cpu_us) / commands);
    let most = |of: fn(&Sent) -> u64| sent.iter().map(of).max().unwrap_or(0) as f64;
    figures.add("connections_at_rest", "connections", most(|sent| sent.connections_at_rest));
    figures.add("connections", "connections", most(|sent| sent.connections));
}

#[expect(clippy::expect_used, reason = "without its accounts there is nothing to measure")]
async fn open_accounts(url: &str, schema: &str, accounts: usize) {
    let bank = Arc::new(Counted::open(url, schema).await);
    let mut opened = JoinSet::new();
    for index in 0..accounts {
        let bank = Arc::clone(&bank);
        opened.spawn(async move {
            let command = BankCommand::Open(Decimal::from(OPENING));
            bank.run(account_id(index), command).await.expect("an account is opened");
        });
    }
    while let Some(opened) = opened.join_next().await {
        opened.expect("an account is opened");
    }
}

#[expect(clippy::expect_used, reason = "an account that cannot be read is no figure")]
async fn sum_of_balances(url: &str, schema: &str, accounts: usize) -> Decimal {
    let bank = Counted::open(url, schema).await;
    let mut sum = Decimal::ZERO;
    for index in 0..accounts {
        sum += bank.balance(account_id(index)).await.expect("the account is there");
    }
    sum
}

/// Another process and its input and output.
struct Other {
    child: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Other {
    #[expect(clippy::expect_used, reason = "without all processes there is nothing to measure")]
    fn start(schema: &str, workload: &Workload, partition: (u64, usize), seed: u64) -> Self {
        let mut child = roles::start(roles::PROCESS, |command: &mut Command| {
            let Workload { accounts, transfers, .. } = workload;
            command.env("BENCH_SCHEMA", schema).env("BENCH_ACCOUNTS", accounts.to_string());
            command.env("BENCH_SEED", seed.to_string());
            command.env("BENCH_TRANSFERS", transfers.to_string());
            if workload.has_own_accounts {
                let (number, count) = partition;
                command.env("BENCH_PARTITION", format!("{number}/{count}"));
            }
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
        });
        let input = child.stdin.take().expect("the input is piped");
        let lines = BufReader::new(child.stdout.take().expect("the output is piped")).lines();
        Self { child, input, lines }
    }

    #[expect(clippy::expect_used, reason = "without all processes there is nothing to measure")]
    fn read_line(&mut self) -> String {
        self.lines.next().and_then(Result::ok).expect("the process writes a line")
    }
}

/// Starts all processes, lets them send at the same time, and returns their results.
#[expect(clippy::expect_used, reason = "without all processes there is nothing to measure")]
fn send_all(schema: &str, workload: &Workload, count: usize, repetition: u64) -> Vec<Sent> {
    let start =
        |process| Other::start(schema, workload, (process, count), repetition * 100 + process);
    let mut others: Vec<Other> = (0..count as u64).map(start).collect();
    for other in &mut others {
        assert_eq!(other.read_line(), "ready");
    }
    for other in &mut others {
        writeln!(other.input, "go").expect("the process reads");
    }
    let sent =
        |other: &mut Other| serde_json::from_str(&other.read_line()).expect("the line is JSON");
    let all = others.iter_mut().map(sent).collect();
    for mut other in others {
        drop(other.input);
        other.child.wait().expect("the process ends");
    }
    all
}

/// Returns the processor time of all processes of the PostgreSQL server on this machine, including
/// those that have ended. `None` if the server is on another machine.
///
/// # Source
/// Linux, `proc_pid_stat(5)`: fields 14 to 17, in ticks of 10 ms.
fn server_cpu_time() -> Option<Duration> {
    let mut ticks = 0;
    for process in std::fs::read_dir("/proc").ok()?.flatten() {
        let Ok(stat) = std::fs::read_to_string(process.path().join("stat")) else { continue };
        let Some((name, fields)) = stat.rsplit_once(") ") else { continue };
        if name.ends_with("(postgres") {
            let times = fields.split(' ').skip(11).take(4);
            ticks += times.filter_map(|time| time.parse::<u64>().ok()).sum::<u64>();
        }
    }
    (ticks > 0).then(|| Duration::from_millis(ticks * 10))
}
