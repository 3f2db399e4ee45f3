//! The time to open a store with many events, and the time until the first command is answered.

use std::time::{Duration, Instant};

use bench_common::{Bank, BankCommand, Plan, account_id, report, selected};
use rust_decimal::Decimal;

use crate::bank::Typed;

/// The default number of events. `BENCH_EVENTS` overrides it.
const EVENT_COUNT: u64 = 1_000_000;

const ACCOUNT_COUNT: u64 = 1_000;

/// The least number of measured starts.
const MIN_STARTS: usize = 5;

/// The events of each account in the store for comparison.
const FEW_EVENTS: u64 = 10;

#[cfg(feature = "sqlite")]
#[expect(clippy::expect_used, reason = "without its file there is nothing to measure")]
pub(crate) async fn sqlite(plan: &Plan) {
    use fluvius_sqlite::SqliteStore;

    if !selected("start/fluvius/sqlite") {
        return;
    }
    let accounts = usize::try_from(ACCOUNT_COUNT).unwrap_or(usize::MAX);
    let few = crate::filled::file("few-events", &vec![FEW_EVENTS; accounts]);
    let many = crate::filled::file("many-events", &vec![events_per_account(); accounts]);
    let bytes = many.metadata().map_or(0, |file| file.len());
    let file = |size| match size {
        Size::Few => &few,
        Size::Many => &many,
    };
    let open = async |size| {
        let store = SqliteStore::open(file(size)).await.expect("the store is opened");
        Typed::over(store).await.expect("the domain is built")
    };
    measure("sqlite", plan, open, |size| crate::sqlite::wait_until_closed(file(size))).await;
    let events = events_per_account() * ACCOUNT_COUNT;
    let note = format!("the file with {events} events, written by hand");
    report("start", "fluvius/sqlite/bytes", "bytes/event", &[bytes as f64 / events as f64], &note);
}

#[cfg(feature = "postgres")]
#[expect(clippy::expect_used, reason = "without its schema there is nothing to measure")]
pub(crate) async fn postgres(plan: &Plan, url: &str) {
    use fluvius_postgres::PostgresStore;

    if !selected("start/fluvius/postgres") {
        return;
    }
    let few = crate::filled_schema::schema(url, FEW_EVENTS, ACCOUNT_COUNT).await;
    let many = crate::filled_schema::schema(url, events_per_account(), ACCOUNT_COUNT).await;
    let open = async |size| {
        let schema = match size {
            Size::Few => &few,
            Size::Many => &many,
        };
        let store = PostgresStore::options().schema(schema).open(url).await;
        let bank = Typed::over(store.expect("the store is opened")).await;
        bank.expect("the domain is built")
    };
    measure("postgres", plan, open, |_| ()).await;
}

/// A store with few events, or with many.
#[derive(Clone, Copy)]
enum Size {
    Few,
    Many,
}

fn events_per_account() -> u64 {
    let wanted = std::env::var("BENCH_EVENTS").ok().and_then(|text| text.parse().ok());
    wanted.unwrap_or(EVENT_COUNT) / ACCOUNT_COUNT
}

/// Opens the two stores in turn, again and again, and sends one command each time.
#[expect(clippy::expect_used, reason = "a deposit to an open account succeeds")]
async fn measure(
    store: &str,
    plan: &Plan,
    open: impl AsyncFn(Size) -> Typed,
    close: impl Fn(Size),
) {
    // With few events, and with many.
    let (mut opened, mut answered) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    // The first start warms up.
    for start in 0..=plan.repetitions.max(MIN_STARTS) {
        for size in [Size::Few, Size::Many] {
            let begun = Instant::now();
            let bank = open(size).await;
            let opening = begun.elapsed();
            let deposit = BankCommand::Deposit(Decimal::ONE);
            bank.run(account_id(start), deposit).await.expect("a deposit");
            if start > 0 {
                opened[size as usize].push(ms(opening));
                answered[size as usize].push(ms(begun.elapsed()));
            }
            drop(bank);
            close(size);
        }
    }
    for (number, (end, events)) in
        [("_with_few_events", FEW_EVENTS), ("", events_per_account())].into_iter().enumerate()
    {
        let note = format!(
            "a store with {} events on {ACCOUNT_COUNT} aggregates, in the system's cache; the \
            domain is built",
            events * ACCOUNT_COUNT
        );
        let name = |what| format!("fluvius/{store}/{what}{end}");
        report("start", &name("open"), "ms", &opened[number], &note);
        let note = "from the beginning of that until a first command is answered";
        report("start", &name("first_command"), "ms", &answered[number], note);
    }
}
