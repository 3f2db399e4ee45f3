//! Aggregates with few and with many events: the time to load one, and to load an earlier version.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use banking_domain::{Account, TransactionManagerDomain};
use bench_common::{Plan, account_id, report, selected};
use fluvius_core::{Domain, DomainRuntime, Versioned};
use fluvius_sqlite::SqliteStore;

use crate::counting_store::CountingStore;
use crate::filled;

/// The numbers of events of the aggregates.
const EVENTS: [u64; 3] = [10, 1_000, 100_000];

/// The number of loads of each aggregate per repetition. The aggregates are loaded in turn.
const LOAD_COUNT: usize = 300;

#[expect(clippy::expect_used, reason = "without its file there is nothing to measure")]
pub(crate) async fn run(plan: &Plan) {
    if !selected("load/fluvius/sqlite") {
        return;
    }
    let file = filled::file("long-aggregates", &EVENTS);
    let store = SqliteStore::open(&file).await.expect("the store is opened");
    let store = CountingStore::over(store, Duration::ZERO);
    let counts = store.counts();
    let domain = TransactionManagerDomain::runtime(store).await.expect("the domain is built");
    let mut loads: [Vec<f64>; EVENTS.len()] = Default::default();
    let mut pasts = Vec::new();
    let middle = EVENTS[2] / 2;
    // The first repetition warms up.
    for repetition in 0..=plan.repetitions.max(3) {
        let mut of_loads: [Vec<f64>; EVENTS.len()] = Default::default();
        let mut of_pasts = Vec::new();
        for index in 0..LOAD_COUNT {
            for (aggregate_id, times) in of_loads.iter_mut().enumerate() {
                let begun = Instant::now();
                load(&domain, aggregate_id, EVENTS[aggregate_id]).await;
                times.push(begun.elapsed().as_secs_f64() * 1e6);
            }
            // Successive versions, so that a whole state is found at each distance.
            let version = middle + (index % 64) as u64;
            let begun = Instant::now();
            let past = domain.statemgr().fetch_at::<Account>(account_id(2), version).await;
            of_pasts.push(begun.elapsed().as_secs_f64() * 1e6);
            assert_eq!(Versioned::version(&past.expect("the past is read")), version);
        }
        if repetition > 0 {
            for (times, of_loads) in loads.iter_mut().zip(of_loads) {
                times.push(middle_of(of_loads));
            }
            pasts.push(middle_of(of_pasts));
        }
    }
    for (events, times) in EVENTS.iter().zip(loads) {
        let note = format!(
            "`fetch` of an aggregate with {events} events; {LOAD_COUNT} in a repetition, in turn \
            with others"
        );
        report("load", &format!("fluvius/sqlite/{events}_events"), "µs", &times, &note);
    }
    let note = format!("`fetch_at` of version {middle} and those behind it, of {}", EVENTS[2]);
    report("load", "fluvius/sqlite/fetch_at", "µs", &pasts, &note);
    let most = counts.history_length.load(Ordering::Relaxed) as f64;
    let note = "the most changes that one `fetch_at` reads";
    report("load", "fluvius/sqlite/changes_read", "changes", &[most], note);
}

async fn load(domain: &DomainRuntime, aggregate_id: usize, events: u64) {
    let found = domain.statemgr().fetch::<Account>(account_id(aggregate_id)).await;
    assert!(
        found.is_ok_and(|account| Versioned::version(&account) == events),
        "the aggregate is \
        not as written"
    );
}

fn middle_of(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
