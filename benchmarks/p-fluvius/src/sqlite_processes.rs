//! Several processes over one SQLite file, each with 64 clients at full load.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bench_common::{
    Bank, BankCommand, BankError, OPENING, Plan, Rng, TempDir, account_id, next_command, report,
    selected,
};
use fluvius_sqlite::SqliteStore;
use rust_decimal::Decimal;
use tokio::task::JoinSet;

use crate::bank::Typed;
use crate::roles;

const CLIENT_COUNT: u64 = 64;

/// The default time for which all send, in milliseconds. `BENCH_TWO_MS` overrides it.
const TIME_MS: u64 = 3_000;

/// A workload: its name, the number of processes and of accounts, and whether each process sends to
/// a separate part of the accounts.
struct Workload {
    name: &'static str,
    processes: usize,
    accounts: usize,
    has_own_accounts: bool,
}

const WORKLOADS: [Workload; 4] = [
    Workload { name: "own-accounts", processes: 2, accounts: 1_000, has_own_accounts: true },
    Workload { name: "shared-accounts", processes: 2, accounts: 1_000, has_own_accounts: false },
    Workload { name: "1-account", processes: 2, accounts: 1, has_own_accounts: false },
    Workload { name: "1-account", processes: 12, accounts: 1, has_own_accounts: false },
];

pub(crate) async fn run(plan: &Plan) {
    for workload in &WORKLOADS {
        if selected(&workload.case()) {
            measure(workload, plan).await;
        }
    }
}

impl Workload {
    fn case(&self) -> String {
        format!("processes/fluvius/sqlite/{}/{}", self.name, self.processes)
    }
}

#[expect(clippy::expect_used, reason = "without the processes there is nothing to measure")]
async fn measure(workload: &Workload, plan: &Plan) {
    let folder = TempDir::new("processes");
    let file = folder.0.join("b.db");
    let bank = open(&file).await;
    for index in 0..workload.accounts {
        let command = BankCommand::Open(Decimal::from(OPENING));
        bank.run(account_id(index), command).await.expect("an account is opened");
    }
    drop(bank);
    let (mut shares, mut p99s, mut slowest) = (vec![], vec![], vec![]);
    let (mut rates, mut failed) = (vec![], vec![]);
    for repetition in 0..plan.repetitions {
        let sent = send_all(&file, workload, repetition);
        let applied: u64 = sent.iter().map(|sent| sent.applied).sum();
        let least = sent.iter().map(|sent| sent.applied).min().unwrap_or(0);
        let mean = applied as f64 / sent.len() as f64;
        let largest = |of: fn(&Sent) -> f64| sent.iter().map(of).fold(0.0, f64::max);
        shares.push(least as f64 * 100.0 / mean);
        p99s.push(largest(|sent| sent.p99_ms));
        slowest.push(largest(|sent| sent.slowest_ms));
        rates.push(applied as f64 / largest(|sent| sent.seconds));
        failed.push(sent.iter().map(|sent| sent.failed).sum::<u64>() as f64);
        for error in sent.iter().flat_map(|sent| &sent.errors) {
            eprintln!("{}: {error}", workload.case());
        }
    }
    let note = format!(
        "{} processes over one file, {CLIENT_COUNT} clients each, FULL, {}",
        workload.processes, workload.name
    );
    let figure = |name: &str| format!("{}/{name}", workload.case());
    report("processes", &figure("smallest_share"), "% of the mean", &shares, &note);
    report("processes", &figure("p99"), "ms", &p99s, &note);
    report("processes", &figure("slowest"), "ms", &slowest, &note);
    report("processes", &figure("commands_failed"), "commands", &failed, &note);
    report("processes", &figure("rate"), "commands/s", &rates, &note);
}

/// Starts all processes, lets them send at the same time, and returns their results.
#[expect(clippy::expect_used, reason = "without the processes there is nothing to measure")]
fn send_all(file: &Path, workload: &Workload, repetition: usize) -> Vec<Sent> {
    let start = |process: usize| {
        let accounts = if workload.has_own_accounts {
            let count = workload.accounts / workload.processes;
            count * process..count * (process + 1)
        } else {
            0..workload.accounts
        };
        let child = roles::start(roles::OTHER, |command: &mut Command| {
            command.env("BENCH_FILE", file).env("BENCH_SEED", format!("{repetition}{process:02}"));
            command.env("BENCH_FIRST_ACCOUNT", accounts.start.to_string());
            command.env("BENCH_ACCOUNTS", accounts.len().to_string());
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
        });
        Other::new(child)
    };
    let mut others: Vec<Other> = (0..workload.processes).map(start).collect();
    for other in &mut others {
        assert_eq!(other.read_line(), "ready");
    }
    for other in &mut others {
        let mut input = other.child.stdin.take().expect("the input is piped");
        writeln!(input, "go").expect("the process reads");
    }
    let result = |mut other: Other| {
        let sent = serde_json::from_str(&other.read_line()).expect("the line is JSON");
        other.child.wait().expect("the process ends");
        sent
    };
    others.into_iter().map(result).collect()
}

/// Another process and its output.
struct Other {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Other {
    #[expect(clippy::expect_used, reason = "without the processes there is nothing to measure")]
    fn new(mut child: Child) -> Self {
        let lines = BufReader::new(child.stdout.take().expect("the output is piped")).lines();
        Self { child, lines }
    }

    #[expect(clippy::expect_used, reason = "without the processes there is nothing to measure")]
    fn read_line(&mut self) -> String {
        self.lines.next().and_then(Result::ok).expect("the process writes a line")
    }
}

/// Runs one of the processes. It prints a line once it is ready, and sends after it has read a
/// line.
#[expect(clippy::expect_used, reason = "without its file there is nothing to send to")]
pub(crate) async fn other() {
    let variable = |name| std::env::var(name).unwrap_or_default();
    let number = |name| variable(name).parse::<usize>().expect("the variable is a number");
    let bank = Arc::new(open(Path::new(&variable("BENCH_FILE"))).await);
    println!("ready");
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).expect("a line starts the measurement");
    let (first, accounts) = (number("BENCH_FIRST_ACCOUNT"), number("BENCH_ACCOUNTS"));
    let sent = send(&bank, first, accounts, number("BENCH_SEED") as u64).await;
    println!("{}", serde_json::to_string(&sent).expect("numbers are JSON"));
}

#[expect(clippy::expect_used, reason = "without its file there is nothing to measure")]
async fn open(file: &Path) -> Typed {
    let store = SqliteStore::open(file).await.expect("the store is opened");
    Typed::over(store).await.expect("the domain is built")
}

/// The results of a process.
#[derive(Default, serde::Serialize, serde::Deserialize)]
struct Sent {
    applied: u64,
    failed: u64,
    seconds: f64,
    p99_ms: f64,
    slowest_ms: f64,
    /// The first few errors.
    errors: Vec<String>,
}

async fn send(bank: &Arc<Typed>, first: usize, accounts: usize, seed: u64) -> Sent {
    let time = std::env::var("BENCH_TWO_MS").ok().and_then(|text| text.parse().ok());
    let begun = Instant::now();
    let end = begun + Duration::from_millis(time.unwrap_or(TIME_MS));
    let mut clients = JoinSet::new();
    for client in 0..CLIENT_COUNT {
        let bank = Arc::clone(bank);
        clients.spawn(async move {
            let mut rng = Rng::new(seed * 1000 + client + 1);
            let (mut sent, mut times) = (Sent::default(), Vec::new());
            while Instant::now() < end {
                let drawn = rng.below(u32::try_from(accounts).unwrap_or(u32::MAX)) as usize;
                let begun = Instant::now();
                match bank.run(account_id(first + drawn), next_command(&mut rng)).await {
                    Ok(()) | Err(BankError::Rejected) => sent.applied += 1,
                    Err(error) => {
                        sent.failed += 1;
                        sent.errors.push(format!("{error:?}"));
                    }
                }
                times.push(begun.elapsed());
            }
            (sent, times)
        });
    }
    let (mut all, mut times) = (Sent::default(), Vec::new());
    while let Some(ended) = clients.join_next().await {
        let Ok((sent, of_client)) = ended else {
            all.failed += 1;
            continue;
        };
        all.applied += sent.applied;
        all.failed += sent.failed;
        all.errors.extend(sent.errors);
        times.extend(of_client);
    }
    times.sort();
    let ms = |time: Option<&Duration>| time.map_or(0.0, |time| time.as_secs_f64() * 1e3);
    all.errors.truncate(3);
    all.seconds = begun.elapsed().as_secs_f64();
    all.p99_ms = ms(times.get(times.len() * 99 / 100));
    all.slowest_ms = ms(times.last());
    all
}
