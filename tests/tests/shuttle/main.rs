//! The shuttle suite: interleavings of the runtime under thousands of seeded schedules.
//!
//! `FLUVIUS_SEED=17` runs the schedules of one seed, `FLUVIUS_SCHEDULES=100000` that number of each
//! scenario.
#![allow(missing_docs, reason = "the name of a test is its documentation")]
#![allow(clippy::unwrap_used, reason = "a panic ends the test")]
#![allow(unreachable_pub, reason = "no other crate uses the modules of a suite")]

mod callers;
mod scheduled_bank;
mod scheduled_store;
mod schedules;
mod transfers;

use std::future::Future;

use fluvius_core::__private::test_seams::Mutant;
use fluvius_tests::seeds;

use schedules::{Stats, add, explore, explore_twice, seed_count};

/// Schedules of each scenario in a run of the test suite.
const SCHEDULES: u64 = 500;

/// Runs a scenario under its schedules. All of `answers` must occur: a run without these faults
/// proves nothing.
fn check<S, F>(test: &str, answers: &[&str], scenario: S)
where
    S: Fn(Option<Mutant>) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Stats, String>>,
{
    let one = seeds::seed();
    let schedules = seeds::number("FLUVIUS_SCHEDULES").unwrap_or(SCHEDULES);
    let seeds = one.map_or(0..seed_count(schedules), |seed| seed..seed + 1);
    let mut total = Stats::new();
    for seed in seeds {
        match explore(seed, None, scenario) {
            Ok(counts) => add(&mut total, counts),
            Err(fault) => panic!(
                "{fault}\nreplay: FLUVIUS_SEED={seed} cargo test -p fluvius-tests --test shuttle \
                -- --exact {test}"
            ),
        }
    }
    println!("{total:?}");
    let shows_all = one.is_none() && schedules >= SCHEDULES;
    for answer in answers.iter().filter(|_| shows_all) {
        assert!(total.contains_key(*answer), "`{answer}` never occurred: {total:?}");
    }
}

#[test]
fn opposite_transfers_do_not_deadlock() {
    const NAME: &str = "opposite_transfers_do_not_deadlock";
    check(NAME, &["applied", "insufficient-funds"], transfers::opposite);
}

#[test]
fn a_ring_of_transfers_does_not_deadlock() {
    const NAME: &str = "a_ring_of_transfers_does_not_deadlock";
    check(NAME, &["applied", "insufficient-funds"], transfers::ring);
}

#[test]
fn dependents_of_a_failed_unit_are_retried() {
    const NAME: &str = "dependents_of_a_failed_unit_are_retried";
    check(NAME, &["applied", "insufficient-funds", "store-error"], transfers::failing_units);
}

#[test]
fn a_lost_store_leaves_units_atomic() {
    const NAME: &str = "a_lost_store_leaves_units_atomic";
    let answers =
        ["applied", "insufficient-funds", "store-unavailable", "outcome-unknown", "timed-out"];
    check(NAME, &answers, transfers::lost_store);
}

#[test]
fn two_runtimes_over_one_store_are_consistent() {
    const NAME: &str = "two_runtimes_over_one_store_are_consistent";
    check(NAME, &["applied", "insufficient-funds"], transfers::two_runtimes);
}

#[test]
fn groups_are_atomic() {
    const NAME: &str = "groups_are_atomic";
    check(
        NAME,
        &["applied", "group-rejected", "insufficient-funds", "store-error"],
        transfers::groups,
    );
}

#[test]
fn a_stream_answers_in_order() {
    const NAME: &str = "a_stream_answers_in_order";
    let answers = ["applied", "insufficient-funds", "balance-not-zero", "store-error"];
    check(NAME, &answers, transfers::stream);
}

#[test]
fn a_stream_keeps_its_order_when_units_abort() {
    const NAME: &str = "a_stream_keeps_its_order_when_units_abort";
    check(NAME, &["applied"], transfers::paid_in_and_taken_out);
}

#[test]
fn a_stream_keeps_its_order_over_several_aggregates() {
    const NAME: &str = "a_stream_keeps_its_order_over_several_aggregates";
    check(NAME, &["applied"], transfers::moved_and_taken_out);
}

#[test]
fn a_dropped_future_leaves_nothing_or_all() {
    const NAME: &str = "a_dropped_future_leaves_nothing_or_all";
    check(NAME, &["applied", "given-up"], callers::dropped);
}

#[test]
fn concurrent_duplicates_are_one_command() {
    const NAME: &str = "concurrent_duplicates_are_one_command";
    check(NAME, &["applied", "command-id-reused"], callers::twice_at_once);
}

#[test]
fn fail_fast_is_overloaded_and_waiting_succeeds() {
    const NAME: &str = "fail_fast_is_overloaded_and_waiting_succeeds";
    check(NAME, &["applied", "overloaded"], callers::overload);
}

#[test]
fn an_answered_command_has_released_its_permit() {
    const NAME: &str = "an_answered_command_has_released_its_permit";
    check(NAME, &["applied", "insufficient-funds"], callers::one_by_one);
}

#[test]
fn shutdown_is_notified_of_the_last_command() {
    const NAME: &str = "shutdown_is_notified_of_the_last_command";
    check(NAME, &["applied", "shutting-down"], callers::last_command);
}

#[test]
fn shutdown_ends_accepted_commands() {
    const NAME: &str = "shutdown_ends_accepted_commands";
    check(NAME, &["applied", "shutting-down"], callers::shutdown);
}

#[test]
fn a_seed_reproduces_its_schedules() {
    assert_eq!(explore_twice(1, transfers::opposite).err(), None);
    assert_eq!(explore_twice(1, transfers::lost_store).err(), None);
    assert_eq!(explore_twice(1, callers::shutdown).err(), None);
    let stats = || explore(3, None, transfers::failing_units).unwrap();
    assert_eq!(stats(), stats());
}

/// Checks that the schedules of a scenario find a mutant, by one of these texts.
fn check_found<S, F>(mutant: Mutant, by: &[&str], scenario: S)
where
    S: Fn(Option<Mutant>) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Stats, String>>,
{
    let mut seeds = 0..seed_count(SCHEDULES);
    let found = seeds.find_map(|seed| Some((seed, explore(seed, Some(mutant), scenario).err()?)));
    let (seed, fault) = found.unwrap_or_else(|| panic!("{mutant:?} was not found"));
    println!("{mutant:?} was found under seed {seed}: {fault}");
    let is_meant = by.iter().any(|text| fault.contains(text));
    assert!(is_meant, "{mutant:?} was found by another invariant: {fault}");
}

const WRONG_REJECTION: &str = "was rejected with Some(\"insufficient-funds\") at balance";
const WRONG_SUM: &str = "deposits less withdrawals are";

#[test]
fn an_unchecked_rejection_is_found() {
    check_found(Mutant::AnswerRejectionAtOnce, &[WRONG_REJECTION], transfers::failing_units);
}

#[test]
fn forgotten_dependents_are_found() {
    check_found(Mutant::ForgetDependents, &[WRONG_SUM, WRONG_REJECTION], transfers::failing_units);
}

#[test]
fn a_cached_read_is_found() {
    check_found(Mutant::CachedRead, &[WRONG_REJECTION], transfers::two_runtimes);
}

#[test]
fn waiting_for_a_lock_while_holding_one_is_found() {
    check_found(Mutant::WaitWhileHolding, &["deadlock!"], transfers::opposite);
}
