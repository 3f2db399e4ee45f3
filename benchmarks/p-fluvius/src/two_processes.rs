//! Two processes over one file, both with 64 clients at full load.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
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
const ACCOUNT_COUNT: usize = 1_000;

/// The default time for which both send, in milliseconds. `BENCH_TWO_MS` overrides it.
const TIME_MS: u64 = 3_000;

/// The accounts to which a process sends: all, so that the two processes contend, or one half.
#[derive(Clone, Copy)]
enum Accounts {
    Shared,
    OfItsOwn,
}

pub(crate) async fn run(plan: &Plan) {
    for (word, accounts) in
        [("own-accounts", Accounts::OfItsOwn), ("shared-accounts", Accounts::Shared)]
    {
        if selected(&format!("two/fluvius/sqlite/{word}")) {
            measure(word, accounts, plan).await;
        }
    }
}

#[expect(clippy::expect_used, reason = "without two processes there is nothing to measure")]
async fn measure(word: &str, accounts: Accounts, plan: &Plan) {
    let folder = TempDir::new("two");
    let file = folder.0.join("b.db");
    let bank = Arc::new(open(&file).await);
    for index in 0..ACCOUNT_COUNT {
        let command = BankCommand::Open(Decimal::from(OPENING));
        bank.run(account_id(index), command).await.expect("an account is opened");
    }
    let (mut shares, mut p99s, mut rates, mut failed) = (vec![], vec![], vec![], vec![]);
    for repetition in 0..plan.repetitions {
        let seed = repetition as u64 * 2;
        let mut other = roles::start(roles::OTHER, |command: &mut Command| {
            let whose = match accounts {
                Accounts::Shared => "shared",
                Accounts::OfItsOwn => "own",
            };
            command.env("BENCH_FILE", &file).env("BENCH_ACCOUNTS", whose);
            command.env("BENCH_SEED", (seed + 1).to_string());
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
        });
        let mut input = other.stdin.take().expect("it has an input");
        let mut lines = BufReader::new(other.stdout.take().expect("it has an output")).lines();
        let mut hear = || lines.next().and_then(Result::ok).expect("it says something");
        assert_eq!(hear(), "ready");
        writeln!(input, "go").expect("it listens");
        let own = send(&bank, accounts, 0, seed).await;
        let others: Sent = serde_json::from_str(&hear()).expect("it says what it has sent");
        drop(input);
        other.wait().expect("it ends");
        let all = own.applied + others.applied;
        shares.push(own.applied.min(others.applied) as f64 * 100.0 / all as f64);
        p99s.push(own.p99_ms.max(others.p99_ms));
        rates.push(all as f64 / own.seconds);
        failed.push((own.failed + others.failed) as f64);
        for error in own.errors.iter().chain(&others.errors) {
            eprintln!("{word}: {error}");
        }
    }
    let note = format!(
        "two processes over one file, {CLIENT_COUNT} clients each, FULL, 1,000 accounts, {word}"
    );
    let figure = |what: &str| format!("fluvius/sqlite/{word}/{what}");
    report("two", &figure("smaller_share"), "%", &shares, &note);
    report("two", &figure("p99"), "ms", &p99s, &note);
    report("two", &figure("commands_failed"), "commands", &failed, &note);
    report("two", &figure("rate"), "commands/s", &rates, &note);
}

/// Runs the second process. It prints a line once it is ready, and sends after it has read a line.
#[expect(clippy::expect_used, reason = "without its file there is nothing to send to")]
pub(crate) async fn other() {
    let variable = |name| std::env::var(name).unwrap_or_default();
    let bank = Arc::new(open(Path::new(&variable("BENCH_FILE"))).await);
    println!("ready");
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).expect("it is told to go");
    let accounts = match variable("BENCH_ACCOUNTS").as_str() {
        "shared" => Accounts::Shared,
        _ => Accounts::OfItsOwn,
    };
    let seed = variable("BENCH_SEED").parse().unwrap_or(1);
    let sent = send(&bank, accounts, 1, seed).await;
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
    /// The first few errors.
    errors: Vec<String>,
}

async fn send(bank: &Arc<Typed>, accounts: Accounts, process: usize, seed: u64) -> Sent {
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
                let drawn = rng.below(1_000) as usize;
                let account = match accounts {
                    Accounts::Shared => drawn,
                    Accounts::OfItsOwn => drawn / 2 + process * ACCOUNT_COUNT / 2,
                };
                let begun = Instant::now();
                match bank.run(account_id(account), next_command(&mut rng)).await {
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
    all.errors.truncate(3);
    all.seconds = begun.elapsed().as_secs_f64();
    all.p99_ms = times.get(times.len() * 99 / 100).map_or(0.0, |time| time.as_secs_f64() * 1e3);
    all
}
