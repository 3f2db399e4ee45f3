//! The checks that the cases run, and their output.

use std::time::{Duration, Instant};

use fluvius_testing::SeededRng;

use crate::backend::Backend;
use crate::http_client::ClientMutant;
use crate::processes::ProcessKind;
use crate::subscribers::{self, SubscriberMutant};
use crate::workload::Conditions;
use crate::{http_bank, jepsen_bank, kills, linearizability};
use fluvius_tests::faulty_store::StoreMutant;
use fluvius_tests::seeds;

fn seed() -> u64 {
    seeds::seed().unwrap_or(1)
}

/// Returns the command that runs a failed test again.
fn replay(test: &str, seed: u64) -> String {
    format!(
        "replay: FLUVIUS_SEED={seed} cargo test -p fluvius-tests --test fault_tolerance {test} -- \
        --nocapture"
    )
}

/// Returns the conditions of a process in the bank and linearizability checks.
fn conditions(kind: ProcessKind, mutant: Option<StoreMutant>) -> Conditions {
    // Kills interrupt enough commits of processes. Runtimes in one process need a delay of the
    // store to overlap.
    match kind {
        ProcessKind::Processes => Conditions { mutant, ..Conditions::default() },
        ProcessKind::Runtimes => Conditions { mutant, max_delay_micros: 300, cuts: 20 },
    }
}

/// Checks that kills neither lose an acknowledged command nor apply one twice.
pub fn kills<B: Backend>(test: &str, kills: u64) {
    if !B::is_available() {
        return;
    }
    let kills = seeds::number("FLUVIUS_KILLS").unwrap_or(kills);
    let options =
        kills::Options { seed: seed(), kills, clients: 16, min_acknowledged: 100, mutant: None };
    println!("{test}: {options:?}");
    match kills::run::<B>(&options) {
        Ok(stats) => println!("{test}: seed {}: {stats:?}", options.seed),
        Err(fault) => panic!("{test}: {fault}\n{}", replay(test, options.seed)),
    }
}

/// Checks that kills find a mutant, by the invariant that it breaks.
pub fn kills_find<B: Backend>(mutant: Option<StoreMutant>, breaks: &[&str]) {
    if !B::is_available() {
        return;
    }
    let options =
        kills::Options { seed: seed(), kills: 20, clients: 8, min_acknowledged: 20, mutant };
    let fault = kills::run::<B>(&options).expect_err("kills find the mutant");
    println!("{mutant:?} is found: {}", fault.lines().next().unwrap_or_default());
    let is_found = breaks.iter().any(|breaks| fault.contains(breaks));
    assert!(is_found, "{mutant:?} was found by something else: {fault}");
}

/// Checks that no event is skipped while subscribers are killed and suspended.
pub fn subscribers<B: Backend>(test: &str, kills: u64) {
    if !B::is_available() {
        return;
    }
    let kills = seeds::number("FLUVIUS_KILLS").unwrap_or(kills);
    let options = subscribers::Options { seed: seed(), kills, mutant: None };
    println!("{test}: {options:?}");
    match subscribers::run::<B>(&options) {
        Ok(stats) => println!("{test}: seed {}: {stats:?}", options.seed),
        Err(fault) => panic!("{test}: {fault}\n{}", replay(test, options.seed)),
    }
}

/// Checks that the check of subscribers finds a mutant, by the invariant that it breaks.
pub fn subscribers_find<B: Backend>(mutant: SubscriberMutant, breaks: &str) {
    if !B::is_available() {
        return;
    }
    let options = subscribers::Options { seed: seed(), kills: 3, mutant: Some(mutant) };
    let fault = subscribers::run::<B>(&options).expect_err("the check finds the mutant");
    println!("{mutant:?} is found: {}", fault.lines().next().unwrap_or_default());
    assert!(fault.contains(breaks), "{mutant:?} was found by something else: {fault}");
}

/// Checks the bank: consistent snapshots, no write skew, no lost answer.
pub fn bank<B: Backend>(test: &str, kind: ProcessKind) {
    if !B::is_available() {
        return;
    }
    let time = Duration::from_secs(seeds::number("FLUVIUS_SECONDS").unwrap_or(3));
    let options =
        jepsen_bank::Options { seed: seed(), kind, time, conditions: conditions(kind, None) };
    println!("{test}: {options:?}");
    let stats = match jepsen_bank::run::<B>(&options) {
        Ok(stats) => stats,
        Err(fault) => panic!("{test}: {fault}\n{}", replay(test, options.seed)),
    };
    println!("{test}: seed {}: {stats:?}", options.seed);
    // A run without interrupted requests proves nothing.
    assert!(stats.kills > 0 && stats.open > 0, "no request was interrupted: {stats:?}");
    assert!(stats.jointly_overdrawn > 0, "no linked account was drawn to the limit: {stats:?}");
    assert!(stats.snapshots > 0, "no snapshot was read: {stats:?}");
}

/// Checks that the bank finds a mutant, by the invariant that it breaks, under each seed.
pub fn bank_finds<B: Backend>(test: &str, kind: ProcessKind, mutant: StoreMutant, breaks: &str) {
    if !B::is_available() {
        return;
    }
    under_each_seed(test, mutant, 1, |seed| {
        let options = jepsen_bank::Options {
            seed,
            kind,
            time: Duration::from_millis(1_500),
            conditions: conditions(kind, Some(mutant)),
        };
        let fault = jepsen_bank::run::<B>(&options).err()?;
        assert!(fault.contains(breaks), "{mutant:?} was found by something else: {fault}");
        Some(fault)
    });
}

/// Checks the bank over HTTP: the same, and a request that is sent again has one effect.
pub fn http_bank<B: Backend>(test: &str) {
    if !B::is_available() {
        return;
    }
    let options = http_bank_options(None, None);
    println!("{test}: {options:?}");
    let stats = match http_bank::run::<B>(&options) {
        Ok(stats) => stats,
        Err(fault) => panic!("{test}: {fault}\n{}", replay(test, options.seed)),
    };
    println!("{test}: seed {}: {stats:?}", options.seed);
    assert!(stats.bank.kills > 0 && stats.bank.open > 0, "nothing was interrupted: {stats:?}");
    assert!(stats.retries > 0 && stats.replays > 0, "no retry met a stored answer: {stats:?}");
    assert!(stats.bank.jointly_overdrawn > 0, "no linked account reached its limit: {stats:?}");
    assert!(stats.bank.snapshots > 0, "no page was read: {stats:?}");
}

/// Checks that the bank over HTTP finds a mutant of the store, or of the clients, under each seed.
pub fn http_bank_finds<B: Backend>(
    test: &str,
    store: Option<StoreMutant>,
    client: Option<ClientMutant>,
    breaks: &str,
) {
    if !B::is_available() {
        return;
    }
    under_each_seed(test, (store, client), 1, |seed| {
        let options = http_bank::Options { seed, ..http_bank_options(store, client) };
        let fault = http_bank::run::<B>(&options).err()?;
        assert!(
            fault.contains(breaks),
            "{store:?} {client:?} was found by something else: {fault}"
        );
        Some(fault)
    });
}

fn http_bank_options(
    store: Option<StoreMutant>,
    client: Option<ClientMutant>,
) -> http_bank::Options {
    let time = Duration::from_secs(seeds::number("FLUVIUS_SECONDS").unwrap_or(4));
    let conditions = Conditions { mutant: store, ..Conditions::default() };
    http_bank::Options { seed: seed(), time, conditions, mutant: client }
}

/// Time within which each seed must find a mutant.
const MAX_SEARCH_TIME: Duration = Duration::from_secs(60);

/// Runs under `seeds` seeds, or under the number in the environment, until each has found the
/// mutant.
fn under_each_seed(
    test: &str,
    mutant: impl std::fmt::Debug,
    seeds: u64,
    run: impl Fn(u64) -> Option<String>,
) {
    let seeds = seeds::number("FLUVIUS_MUTANT_SEEDS").unwrap_or(seeds);
    for seed in seed()..seed() + seeds {
        let mut rng = SeededRng::new(seed);
        let begun = Instant::now();
        let mut runs = 1;
        let fault = loop {
            if let Some(fault) = run(rng.next_u64()) {
                break fault;
            }
            runs += 1;
            assert!(
                begun.elapsed() < MAX_SEARCH_TIME,
                "{test}: seed {seed}: {mutant:?} is not found"
            );
        };
        let fault: String = fault.lines().next().unwrap_or_default().chars().take(120).collect();
        let time = begun.elapsed();
        println!("{test}: seed {seed}: {mutant:?} is found in run {runs}, {time:.1?}: {fault}");
    }
}

/// Checks that the history of each account is linearizable.
pub fn histories<B: Backend>(test: &str, kind: ProcessKind, histories: u64) {
    if !B::is_available() {
        return;
    }
    let seed = seed();
    let histories = seeds::number("FLUVIUS_HISTORIES").unwrap_or(histories);
    let mut stats = linearizability::Stats::default();
    println!("{test}: seeds {seed} to {}: {:?}", seed + histories, conditions(kind, None));
    for seed in seed..seed + histories {
        if let Err(fault) =
            linearizability::run::<B>(kind, seed, conditions(kind, None), &mut stats)
        {
            panic!("{test}: {fault}\n{}", replay(test, seed));
        }
    }
    println!("{test}: {stats:?}");
    assert!(
        10 * stats.interrupted >= stats.requests,
        "too few requests were interrupted: {stats:?}"
    );
}

/// Checks that a mutant causes a history that is not linearizable, under each seed.
pub fn histories_find<B: Backend>(test: &str, kind: ProcessKind, mutant: StoreMutant, seeds: u64) {
    if !B::is_available() {
        return;
    }
    under_each_seed(test, mutant, seeds, |seed| {
        let conditions = conditions(kind, Some(mutant));
        linearizability::run::<B>(kind, seed, conditions, &mut linearizability::Stats::default())
            .err()
    });
}
