//! The simulation suite: the runtime over a failing store, reproducible from a seed.
//!
//! `FLUVIUS_SEED=17` runs one seed, `FLUVIUS_SEEDS=100000` that number.
#![allow(missing_docs, reason = "the name of a test is its documentation")]
#![allow(clippy::unwrap_used, reason = "a panic ends the test")]
#![allow(unreachable_pub, reason = "no other crate uses the modules of a suite")]

mod client;
mod run;

use fluvius_core::__private::test_seams::Mutant;
use fluvius_tests::seeds;

use run::{Options, run};

/// Seeds in a run of the test suite.
const SEEDS: u64 = 2_000;

#[test]
fn the_invariants_hold_under_every_seed() {
    let options = Options::default();
    if let Some(seed) = seeds::seed() {
        println!("seed {seed}: {options:?}: {:?}", run(seed, &options));
        return run(seed, &options).map(drop).unwrap();
    }
    let seeds = seeds::number("FLUVIUS_SEEDS").unwrap_or(SEEDS);
    let mut total = run::Summary::default();
    for seed in 0..seeds {
        match run(seed, &options) {
            Ok(summary) => total.add(&summary),
            Err(fault) => panic!(
                "{fault}\nreplay: FLUVIUS_SEED={seed} cargo test -p fluvius-tests --test \
                simulation\n{options:?}"
            ),
        }
    }
    println!("{seeds} seeds: {total:?}");
    // A simulation without faults proves nothing.
    for (name, count) in total.counts() {
        assert!(count > seeds / 100, "{name} came up {count} times in {seeds} seeds");
    }
}

#[test]
fn a_seed_reproduces_its_run() {
    let options = Options::default();
    for seed in [3, 1_000_003] {
        assert_eq!(run(seed, &options).unwrap(), run(seed, &options).unwrap());
    }
}

fn is_found(mutant: Mutant) -> bool {
    let options = Options { mutant: Some(mutant) };
    (0..SEEDS).any(|seed| run(seed, &options).is_err())
}

#[test]
fn an_unchecked_rejection_is_found() {
    assert!(is_found(Mutant::AnswerRejectionAtOnce));
}

#[test]
fn forgotten_dependents_are_found() {
    assert!(is_found(Mutant::ForgetDependents));
}

#[test]
fn a_cached_read_is_found() {
    assert!(is_found(Mutant::CachedRead));
}

#[test]
fn waiting_for_a_lock_while_holding_one_is_found() {
    assert!(is_found(Mutant::WaitWhileHolding));
}

#[test]
fn a_lease_that_is_never_released_is_found() {
    assert!(is_found(Mutant::KeepLeases));
}
