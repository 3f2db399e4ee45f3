//! What each checker runs in a test, and what is told of it.

use std::time::{Duration, Instant};

use fluvius_testing::SeededRng;

use crate::altered::Mutant;
use crate::hosts::Kind;
use crate::places::Place;
use crate::work::Conditions;
use crate::{bank, kills, linear};

/// A number from the environment.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

fn seed() -> u64 {
    number("FLUVIUS_SEED").unwrap_or(1)
}

/// How to run a test again that has failed.
fn replay(test: &str, seed: u64) -> String {
    format!(
        "replay: FLUVIUS_SEED={seed} cargo test -p fluvius-tests --test fault_tolerance {test} -- --nocapture"
    )
}

/// How the store of a process of the bank and of the histories is.
fn conditions(kind: Kind, mutant: Option<Mutant>) -> Conditions {
    // Killing a process cuts enough. Of runtimes in one process the store has no time of its own
    // in which they can meet.
    match kind {
        Kind::Processes => Conditions { mutant, ..Conditions::default() },
        Kind::Runtimes => Conditions { mutant, delay_micros_max: 300, cuts: 20 },
    }
}

/// Nothing that was answered is lost, and nothing is applied twice, by kills.
pub fn kills<P: Place>(test: &str, kills: u64) {
    if !P::is_there() {
        return;
    }
    let kills = number("FLUVIUS_KILLS").unwrap_or(kills);
    let options =
        kills::Options { seed: seed(), kills, clients: 16, acknowledged_min: 100, mutant: None };
    println!("{test}: {options:?}");
    match kills::run::<P>(&options) {
        Ok(tally) => println!("{test}: seed {}: {tally:?}", options.seed),
        Err(fault) => panic!("{test}: {fault}\n{}", replay(test, options.seed)),
    }
}

/// A fault is found by killing, and by what it breaks.
pub fn kills_find<P: Place>(mutant: Option<Mutant>, breaks: &[&str]) {
    if !P::is_there() {
        return;
    }
    let options =
        kills::Options { seed: seed(), kills: 20, clients: 8, acknowledged_min: 20, mutant };
    let fault = kills::run::<P>(&options).expect_err("the fault is found");
    println!("{mutant:?} is found: {}", fault.lines().next().unwrap_or_default());
    let is_found = breaks.iter().any(|breaks| fault.contains(breaks));
    assert!(is_found, "{mutant:?} was found by something else: {fault}");
}

/// The bank holds: one moment in each snapshot, no write skew, no answer lost.
pub fn bank<P: Place>(test: &str, kind: Kind) {
    if !P::is_there() {
        return;
    }
    let time = Duration::from_secs(number("FLUVIUS_SECONDS").unwrap_or(3));
    let options = bank::Options { seed: seed(), kind, time, conditions: conditions(kind, None) };
    println!("{test}: {options:?}");
    let tally = match bank::run::<P>(&options) {
        Ok(tally) => tally,
        Err(fault) => panic!("{test}: {fault}\n{}", replay(test, options.seed)),
    };
    println!("{test}: seed {}: {tally:?}", options.seed);
    // A run in which nothing goes wrong shows nothing.
    assert!(tally.kills > 0 && tally.open > 0, "no process was killed in the middle: {tally:?}");
    assert!(tally.not_covered > 0, "no purses were drawn to the end: {tally:?}");
    assert!(tally.snapshots > 0, "nobody has looked: {tally:?}");
}

/// A fault is found in the bank, by what it breaks, within a minute, under every seed.
pub fn bank_finds<P: Place>(test: &str, kind: Kind, mutant: Mutant, breaks: &str) {
    if !P::is_there() {
        return;
    }
    under_each_seed(test, mutant, 1, |seed| {
        let options = bank::Options {
            seed,
            kind,
            time: Duration::from_millis(1_500),
            conditions: conditions(kind, Some(mutant)),
        };
        let fault = bank::run::<P>(&options).err()?;
        assert!(fault.contains(breaks), "{mutant:?} was found by something else: {fault}");
        Some(fault)
    });
}

/// Within which time each seed must find a fault.
const FOUND_WITHIN: Duration = Duration::from_secs(60);

/// Runs again and again until a fault is found, under so many seeds, or as many as the environment
/// says.
fn under_each_seed(test: &str, mutant: Mutant, seeds: u64, run: impl Fn(u64) -> Option<String>) {
    let seeds = number("FLUVIUS_MUTANT_SEEDS").unwrap_or(seeds);
    for seed in seed()..seed() + seeds {
        let mut rng = SeededRng::new(seed);
        let begun = Instant::now();
        let mut runs = 1;
        let fault = loop {
            if let Some(fault) = run(rng.next_u64()) {
                break fault;
            }
            runs += 1;
            assert!(begun.elapsed() < FOUND_WITHIN, "{test}: seed {seed}: {mutant:?} is not found");
        };
        let fault: String = fault.lines().next().unwrap_or_default().chars().take(120).collect();
        let time = begun.elapsed();
        println!("{test}: seed {seed}: {mutant:?} is found in run {runs}, {time:.1?}: {fault}");
    }
}

/// Every history is linearizable, account by account.
pub fn histories<P: Place>(test: &str, kind: Kind, histories: u64) {
    if !P::is_there() {
        return;
    }
    let seed = seed();
    let histories = number("FLUVIUS_HISTORIES").unwrap_or(histories);
    let mut tally = linear::Tally::default();
    println!("{test}: seeds {seed} to {}: {:?}", seed + histories, conditions(kind, None));
    for seed in seed..seed + histories {
        if let Err(fault) = linear::run::<P>(kind, seed, conditions(kind, None), &mut tally) {
            panic!("{test}: {fault}\n{}", replay(test, seed));
        }
    }
    println!("{test}: {tally:?}");
    assert!(
        10 * tally.under_fault >= tally.requests,
        "too few requests were under way when a process was killed: {tally:?}"
    );
}

/// A fault makes a history that is not linearizable, within a minute, under every seed.
pub fn histories_find<P: Place>(test: &str, kind: Kind, mutant: Mutant, seeds: u64) {
    if !P::is_there() {
        return;
    }
    under_each_seed(test, mutant, seeds, |seed| {
        let conditions = conditions(kind, Some(mutant));
        linear::run::<P>(kind, seed, conditions, &mut linear::Tally::default()).err()
    });
}
