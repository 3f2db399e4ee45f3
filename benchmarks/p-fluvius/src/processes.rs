//! One, two and four processes over one schema, each with 64 clients at full load, on 1,000
//! accounts and on one.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bench_common::{
    Bank, BankCommand, Batches, OPENING, Plan, Rng, account_id, next_command, report, selected,
};
use fluvius_core::Error;
use rust_decimal::Decimal;
use tokio::task::JoinSet;

use crate::postgres::{Counted, Schema};
use crate::roles;

const CLIENT_COUNT: u64 = 64;

const COUNTS: [usize; 3] = [1, 2, 4];

/// The time before the measurement starts.
const WARM_UP: Duration = Duration::from_millis(300);

/// The default measured time in milliseconds. `BENCH_TWO_MS` overrides it.
const TIME_MS: u64 = 3_000;

pub(crate) async fn run(plan: &Plan, url: &str) {
    for (word, accounts) in [("1000-accounts", 1_000), ("1-account", 1)] {
        for count in COUNTS {
            if selected(&format!("processes/fluvius/postgres/{word}/{count}")) {
                measure(word, accounts, count, plan, url).await;
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

async fn measure(word: &str, accounts: usize, count: usize, plan: &Plan, url: &str) {
    let schema = Schema::new(url);
    open_accounts(url, &schema.name, accounts).await;
    let mut figures = Figures::default();
    let mut codes: BTreeMap<String, u64> = BTreeMap::new();
    let mut balance = Decimal::from(OPENING) * Decimal::from(accounts);
    for repetition in 0..plan.repetitions {
        let sent = send_all(&schema.name, accounts, count, repetition as u64);
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
    fn start(schema: &str, accounts: usize, seed: u64) -> Self {
        let mut child = roles::start(roles::PROCESS, |command: &mut Command| {
            command.env("BENCH_SCHEMA", schema).env("BENCH_ACCOUNTS", accounts.to_string());
            command.env("BENCH_SEED", seed.to_string());
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
        });
        let input = child.stdin.take().expect("it has an input");
        let lines = BufReader::new(child.stdout.take().expect("it has an output")).lines();
        Self { child, input, lines }
    }

    #[expect(clippy::expect_used, reason = "without all processes there is nothing to measure")]
    fn hear(&mut self) -> String {
        self.lines.next().and_then(Result::ok).expect("it says something")
    }
}

/// Starts all processes, lets them send at the same time, and returns their results.
#[expect(clippy::expect_used, reason = "without all processes there is nothing to measure")]
fn send_all(schema: &str, accounts: usize, count: usize, repetition: u64) -> Vec<Sent> {
    let seed = |process| repetition * 100 + process;
    let mut others: Vec<Other> =
        (0..count as u64).map(|process| Other::start(schema, accounts, seed(process))).collect();
    for other in &mut others {
        assert_eq!(other.hear(), "ready");
    }
    for other in &mut others {
        writeln!(other.input, "go").expect("it listens");
    }
    let sent =
        |other: &mut Other| serde_json::from_str(&other.hear()).expect("it says what it did");
    let all = others.iter_mut().map(sent).collect();
    for mut other in others {
        drop(other.input);
        other.child.wait().expect("it ends");
    }
    all
}

/// Runs one of the processes. It prints a line once it is ready, and sends after it has read a
/// line.
#[expect(clippy::expect_used, reason = "without its schema there is nothing to send to")]
pub(crate) async fn process() {
    let variable = |name| std::env::var(name).unwrap_or_default();
    let accounts = variable("BENCH_ACCOUNTS").parse().expect("it is told how many accounts");
    let seed = variable("BENCH_SEED").parse().expect("it is told its seed");
    let url = bench_common::pg_url().expect("it is told where the server is");
    let bank = Arc::new(Counted::open(&url, &variable("BENCH_SCHEMA")).await);
    println!("ready");
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).expect("it is told to go");
    let sent = send(&bank, accounts, seed).await;
    println!("{}", serde_json::to_string(&sent).expect("it is JSON"));
}

/// The results of a process.
#[derive(Default, serde::Serialize, serde::Deserialize)]
struct Sent {
    /// The commands that were applied, or rejected by the rule, within the measured time.
    answered: u64,
    seconds: f64,
    /// The latencies of all commands that were answered within the measured time or after it,
    /// including failed ones. A command sent before the measured time may be the slowest.
    times_us: Vec<u64>,
    /// The failed commands by code, at any time.
    failed: BTreeMap<String, u64>,
    /// The sum of changes to balances by applied commands, at any time.
    delta: Decimal,
    batches: u64,
    units: u64,
}

async fn send(bank: &Arc<Counted>, accounts: u32, seed: u64) -> Sent {
    let time = std::env::var("BENCH_TWO_MS").ok().and_then(|text| text.parse().ok());
    let start = Instant::now() + WARM_UP;
    let end = start + Duration::from_millis(time.unwrap_or(TIME_MS));
    let mut clients = JoinSet::new();
    for client in 0..CLIENT_COUNT {
        let bank = Arc::clone(bank);
        clients.spawn(async move {
            let mut rng = Rng::new(seed * 1000 + client + 1);
            let mut sent = Sent::default();
            loop {
                let begun = Instant::now();
                if begun >= end {
                    return sent;
                }
                let (account, command) = (rng.below(accounts) as usize, next_command(&mut rng));
                let outcome = bank.typed.send(account_id(account), command).await;
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
    let before = bank.batches();
    while let Some(sent) = clients.join_next().await {
        match sent {
            Ok(sent) => all.join(sent),
            Err(error) => *all.failed.entry(error.to_string()).or_default() += 1,
        }
    }
    let Batches { batches, units } = bank.batches().since(before);
    Sent { seconds: (end - start).as_secs_f64(), batches, units, ..all }
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
