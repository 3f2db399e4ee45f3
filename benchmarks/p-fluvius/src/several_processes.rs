//! One, two and four processes over one PostgreSQL schema, with 64 clients together.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bench_common::{
    Bank, BankCommand, BankError, OPENING, Plan, Rng, account_id, next_command, pg_url, report,
    selected,
};
use rust_decimal::Decimal;
use tokio::task::JoinSet;

use crate::bank::Typed;
use crate::counting_store::CountingStore;
use crate::postgres::{fresh_schema, open};
use crate::roles;

const SCHEMA: &str = "bench_processes";

const CLIENT_COUNT: u64 = 64;

/// How long all send; `BENCH_TWO_MS` may say otherwise.
const TIME_MS: u64 = 3_000;

pub(crate) async fn run(plan: &Plan) {
    let Some(url) = pg_url() else { return };
    for account_count in [1, 1_000] {
        for process_count in [1, 2, 4] {
            let word = format!("{account_count}x{process_count}");
            if selected(&format!("processes/fluvius/postgres/{word}")) {
                measure(&url, &word, account_count, process_count, plan).await;
            }
        }
    }
}

#[expect(clippy::expect_used, reason = "without processes there is nothing to measure")]
async fn measure(url: &str, word: &str, account_count: usize, process_count: u64, plan: &Plan) {
    let mut figures: [Vec<f64>; 7] = Default::default();
    for repetition in 0..plan.repetitions {
        let bank = Typed::over(fresh_schema(url, SCHEMA).await).await.expect("the domain");
        for index in 0..account_count {
            let command = BankCommand::Open(Decimal::from(OPENING));
            bank.run(account_id(index), command).await.expect("an account is opened");
        }
        let mut processes: Vec<Process> = (0..process_count)
            .map(|number| {
                let seed = repetition as u64 * process_count + number;
                Process::start(account_count, CLIENT_COUNT / process_count, seed)
            })
            .collect();
        processes.iter_mut().for_each(|process| assert_eq!(process.hear(), "ready"));
        processes.iter_mut().for_each(|process| writeln!(process.input, "go").expect("it listens"));
        let sent: Vec<Sent> = processes
            .iter_mut()
            .map(|process| serde_json::from_str(&process.hear()).expect("what it has sent"))
            .collect();
        for mut process in processes {
            drop(process.input);
            process.child.wait().expect("it ends");
        }
        let sum = |of: fn(&Sent) -> u64| sent.iter().map(of).sum::<u64>() as f64;
        let most = |of: fn(&Sent) -> f64| sent.iter().map(of).fold(0.0, f64::max);
        let applied = sum(|sent| sent.applied);
        let least = sent.iter().map(|sent| sent.applied).min().unwrap_or(0) as f64;
        let values = [
            applied / most(|sent| sent.seconds),
            least * 100.0 / applied,
            most(|sent| sent.p99_ms),
            most(|sent| sent.longest_ms),
            sum(|sent| sent.conflicts),
            sum(|sent| sent.failed),
            sum(|sent| sent.units) / sum(|sent| sent.batches).max(1.0),
        ];
        for (all, value) in figures.iter_mut().zip(values) {
            all.push(value);
        }
        for error in sent.iter().flat_map(|sent| &sent.errors) {
            eprintln!("{word}: {error}");
        }
    }
    let note = format!(
        "{process_count} processes over one schema, {CLIENT_COUNT} clients together, {account_count} accounts"
    );
    let names = [
        ("rate", "commands/s"),
        ("smallest_share", "%"),
        ("p99", "ms"),
        ("longest", "ms"),
        ("conflicts", "commands"),
        ("otherwise_failed", "commands"),
        ("mean_batch", "units"),
    ];
    for ((name, unit), values) in names.iter().zip(&figures) {
        report("processes", &format!("fluvius/postgres/{word}/{name}"), unit, values, &note);
    }
}

struct Process {
    child: Child,
    input: ChildStdin,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Process {
    #[expect(clippy::expect_used, reason = "without processes there is nothing to measure")]
    fn start(account_count: usize, client_count: u64, seed: u64) -> Self {
        let mut child = roles::start(roles::SENDER, |command| {
            command.env("BENCH_ACCOUNTS", account_count.to_string());
            command.env("BENCH_CLIENTS", client_count.to_string());
            command.env("BENCH_SEED", seed.to_string());
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
        });
        let input = child.stdin.take().expect("it has an input");
        let lines = BufReader::new(child.stdout.take().expect("it has an output")).lines();
        Self { child, input, lines }
    }

    #[expect(clippy::expect_used, reason = "a process that is gone has measured nothing")]
    fn hear(&mut self) -> String {
        self.lines.next().and_then(Result::ok).expect("it says something")
    }
}

/// One of the processes: says when it is ready, and sends when it is told to.
#[expect(clippy::expect_used, reason = "without its server there is nothing to send to")]
pub(crate) async fn send_when_told() {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
    let url = pg_url().expect("BENCH_PG_URL");
    let store = CountingStore::over(open(&url, SCHEMA).await, Duration::ZERO);
    let counts = store.counts();
    let bank = Arc::new(Typed::over(store).await.expect("the domain is built"));
    println!("ready");
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).expect("it is told to go");
    let accounts = number("BENCH_ACCOUNTS").unwrap_or(1);
    let clients = number("BENCH_CLIENTS").unwrap_or(1);
    let seed = number("BENCH_SEED").unwrap_or(1);
    let mut sent = send(&bank, accounts, clients.into(), seed.into()).await;
    sent.batches = counts.batches.load(Ordering::Relaxed) as u64;
    sent.units = counts.units.load(Ordering::Relaxed) as u64;
    println!("{}", serde_json::to_string(&sent).expect("numbers are JSON"));
}

/// What a process has sent.
#[derive(Default, serde::Serialize, serde::Deserialize)]
struct Sent {
    applied: u64,
    conflicts: u64,
    failed: u64,
    seconds: f64,
    p99_ms: f64,
    longest_ms: f64,
    batches: u64,
    units: u64,
    /// The first few.
    errors: Vec<String>,
}

async fn send(bank: &Arc<Typed>, account_count: u32, client_count: u64, seed: u64) -> Sent {
    let time = std::env::var("BENCH_TWO_MS").ok().and_then(|text| text.parse().ok());
    let begun = Instant::now();
    let end = begun + Duration::from_millis(time.unwrap_or(TIME_MS));
    let mut clients = JoinSet::new();
    for client in 0..client_count {
        let bank = Arc::clone(bank);
        clients.spawn(async move {
            let mut rng = Rng::new(seed * 1000 + client + 1);
            let (mut sent, mut times) = (Sent::default(), Vec::new());
            while Instant::now() < end {
                let account = account_id(rng.below(account_count) as usize);
                let begun = Instant::now();
                match bank.run(account, next_command(&mut rng)).await {
                    Ok(()) | Err(BankError::Rejected) => sent.applied += 1,
                    Err(error) => {
                        let error = format!("{error:?}");
                        match error.contains("Conflict") || error.contains("changed") {
                            true => sent.conflicts += 1,
                            false => sent.failed += 1,
                        }
                        sent.errors.push(error);
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
        all.conflicts += sent.conflicts;
        all.failed += sent.failed;
        all.errors.extend(sent.errors);
        times.extend(of_client);
    }
    times.sort();
    all.errors.truncate(3);
    let ms = |time: Option<&Duration>| time.map_or(0.0, |time| time.as_secs_f64() * 1e3);
    all.seconds = begun.elapsed().as_secs_f64();
    all.p99_ms = ms(times.get(times.len() * 99 / 100));
    all.longest_ms = ms(times.last());
    all
}
