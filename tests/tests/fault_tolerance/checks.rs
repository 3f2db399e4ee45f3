//! What each checker runs in a test, and what is told of it.

use std::time::{Duration, Instant};

use fluvius_testing::SeededRng;

use crate::backend::Backend;
use crate::processes::ProcessKind;
use crate::workload::Conditions;
use crate::{jepsen_bank, kills, linearizability};
use fluvius_tests::faulty_store::StoreMutant;
use fluvius_tests::seeds;

fn seed() -> u64 {
    seeds::seed().unwrap_or(1)
}

/// How to run a test again that has failed.
fn replay(test: &str, seed: u64) -> String {
    format!(
        "replay: FLUVIUS_SEED={seed} cargo test -p fluvius-tests --test fault_tolerance {test} -- --nocapture"
    )
}

/// How the store of a process of the bank and of the histories is.
fn conditions(kind: ProcessKind, mutant: Option<StoreMutant>) -> Conditions {
    // Killing a process cuts enough. Of runtimes in one process the store has no time of its own
    // in which they can meet.
    match kind {
        ProcessKind::Processes => Conditions { mutant, ..Conditions::default() },
        ProcessKind::Runtimes => Conditions { mutant, max_delay_micros: 300, cuts: 20 },
    }
}

/// Nothing that was answered is lost, and nothing is applied twice, by kills.
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

/// A fault is found by killing, and by what it breaks.
pub fn kills_find<B: Backend>(mutant: Option<StoreMutant>, breaks: &[&str]) {
    if !B::is_available() {
        return;
    }
    let options =
        kills::Options { seed: seed(), kills: 20, clients: 8, min_acknowledged: 20, mutant };
    let fault = kills::run::<B>(&options).expect_err("the fault is found");
    println!("{mutant:?} is found: {}", fault.lines().next().unwrap_or_default());
    let is_found = breaks.iter().any(|breaks| fault.contains(breaks));
    assert!(is_found, "{mutant:?} was found by something else: {fault}");
}

/// The bank holds: one moment in each snapshot, no write skew, no answer lost.
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
    // A run in which nothing goes wrong shows nothing.
    assert!(stats.kills > 0 && stats.open > 0, "no process was killed in the middle: {stats:?}");
    assert!(stats.jointly_overdrawn > 0, "no purses were drawn to the end: {stats:?}");
    assert!(stats.snapshots > 0, "nobody has looked: {stats:?}");
}

/// A fault is found in the bank, by what it breaks, within a minute, under every seed.
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

/// Within which time each seed must find a fault.
const MAX_SEARCH_TIME: Duration = Duration::from_secs(60);

/// Runs again and again until a fault is found, under so many seeds, or as many as the environment
/// says.
fn under_each_seed(
    test: &str,
    mutant: StoreMutant,
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

/// Every history is linearizable, account by account.
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
        "too few requests were under way when a process was killed: {stats:?}"
    );
}

/// A fault makes a history that is not linearizable, within a minute, under every seed.
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
