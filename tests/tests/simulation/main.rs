//! A seeded simulation of the runtime over a failing store: the same seed gives the same run.
//!
//! `FLUVIUS_SEED=17` runs one seed, `FLUVIUS_SEEDS=100000` so many.
#![allow(missing_docs, reason = "the name of a test is its documentation")]
#![allow(clippy::unwrap_used, reason = "a panic ends the test")]
#![allow(unreachable_pub, reason = "no other crate uses the modules of a suite")]

mod client;
mod run;

use fluvius_core::__private::test_seams::Mutant;
use fluvius_tests::seeds;

use run::{Options, run};

/// How many seeds a run of the test suite takes.
const SEEDS: u64 = 2_000;

#[test]
fn the_promises_hold_under_every_seed() {
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
                "{fault}\nreplay: FLUVIUS_SEED={seed} cargo test -p fluvius-tests --test simulation\n{options:?}"
            ),
        }
    }
    println!("{seeds} seeds: {total:?}");
    // A simulation in which nothing goes wrong shows nothing.
    for (name, count) in total.counts() {
        assert!(count > seeds / 100, "{name} came up {count} times in {seeds} seeds");
    }
}

#[test]
fn a_seed_gives_the_same_run_again() {
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
fn a_refusal_that_is_answered_at_once_is_found() {
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
fn waiting_for_a_turn_while_holding_one_is_found() {
    assert!(is_found(Mutant::WaitWhileHolding));
}

#[test]
fn a_turn_across_processes_that_is_kept_is_found() {
    assert!(is_found(Mutant::KeepLeases));
}

#[test]
fn waiting_for_a_lease_while_keeping_a_later_one_is_found() {
    // Found among 700,000 seeds; a directed test of the scheduler has the interleaving.
    let options = Options { mutant: Some(Mutant::KeepLaterLeases) };
    let fault = run(77_279_067, &options).unwrap_err();
    assert!(fault.contains("a cycle"), "{fault}");
}
