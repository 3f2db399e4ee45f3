//! The time to open a file with a million events, and the time until the first command is answered.

use std::time::Instant;

use bench_common::{Bank, BankCommand, Plan, account_id, report, selected};
use fluvius_sqlite::SqliteStore;
use rust_decimal::Decimal;

use crate::bank::Typed;
use crate::{filled, sqlite};

/// The default number of events. `BENCH_EVENTS` overrides it.
const EVENT_COUNT: u64 = 1_000_000;

const ACCOUNT_COUNT: u64 = 1_000;

#[expect(clippy::expect_used, reason = "without its file there is nothing to measure")]
pub(crate) async fn run(plan: &Plan) {
    if !selected("start/fluvius/sqlite") {
        return;
    }
    let wanted = std::env::var("BENCH_EVENTS").ok().and_then(|text| text.parse().ok());
    let events = wanted.unwrap_or(EVENT_COUNT) / ACCOUNT_COUNT;
    let accounts = usize::try_from(ACCOUNT_COUNT).unwrap_or(usize::MAX);
    let file = filled::file("many-events", &vec![events; accounts]);
    let bytes = file.metadata().map_or(0, |file| file.len());
    let (mut opened, mut answered) = (Vec::new(), Vec::new());
    for repetition in 0..=plan.repetitions.max(5) {
        let begun = Instant::now();
        let store = SqliteStore::open(&file).await.expect("the store is opened");
        let bank = Typed::over(store).await.expect("the domain is built");
        let open = begun.elapsed();
        let deposit = BankCommand::Deposit(Decimal::ONE);
        bank.run(account_id(repetition), deposit).await.expect("a deposit");
        if repetition > 0 {
            opened.push(open.as_secs_f64() * 1e3);
            answered.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        drop(bank);
        sqlite::wait_until_closed(&file);
    }
    let all = events * ACCOUNT_COUNT;
    let note = format!(
        "a file with {all} events on {ACCOUNT_COUNT} aggregates, in the system's cache; the \
        domain is built"
    );
    report("start", "fluvius/sqlite/open", "ms", &opened, &note);
    let note = "from the beginning of that until a first command is answered";
    report("start", "fluvius/sqlite/first_command", "ms", &answered, note);
    let note = format!("the file with {all} events, written by hand");
    report("start", "fluvius/sqlite/bytes", "bytes/event", &[bytes as f64 / all as f64], &note);
}
