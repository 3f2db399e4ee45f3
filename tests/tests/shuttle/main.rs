//! Interleavings of the runtime under shuttle: thousands of schedules by a seed.
//!
//! `FLUVIUS_SEED=17` runs the schedules of one seed, `FLUVIUS_SCHEDULES=100000` so many of each
//! scenario.
#![allow(missing_docs, reason = "the name of a test is its documentation")]
#![allow(clippy::unwrap_used, reason = "a panic ends the test")]
#![allow(unreachable_pub, reason = "no other crate uses the modules of a suite")]

mod callers;
mod scheduled_bank;
mod schedules;
mod transfers;

use std::future::Future;

use fluvius_core::__private::test_seams::Mutant;
use fluvius_tests::seeds;

use schedules::{Stats, add, explore, explore_twice, seed_count};

/// How many schedules each scenario has in a run of the test suite.
const SCHEDULES: u64 = 500;

/// Runs a scenario under its schedules, in which these answers must all have come up: one in
/// which nothing goes wrong shows nothing.
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
                "{fault}\nreplay: FLUVIUS_SEED={seed} cargo test -p fluvius-tests --test shuttle -- --exact {test}"
            ),
        }
    }
    println!("{total:?}");
    let shows_all = one.is_none() && schedules >= SCHEDULES;
    for answer in answers.iter().filter(|_| shows_all) {
        assert!(total.contains_key(*answer), "`{answer}` never came up: {total:?}");
    }
}

#[test]
fn transfers_against_each_other_come_to_an_end() {
    const NAME: &str = "transfers_against_each_other_come_to_an_end";
    check(NAME, &["applied", "insufficient-funds"], transfers::opposite);
}

#[test]
fn a_ring_of_three_comes_to_an_end() {
    const NAME: &str = "a_ring_of_three_comes_to_an_end";
    check(NAME, &["applied", "insufficient-funds"], transfers::ring);
}

#[test]
fn what_stands_on_a_failed_unit_is_decided_again() {
    const NAME: &str = "what_stands_on_a_failed_unit_is_decided_again";
    check(NAME, &["applied", "insufficient-funds", "store-error"], transfers::failing_units);
}

#[test]
fn a_store_that_goes_away_leaves_nothing_by_half() {
    const NAME: &str = "a_store_that_goes_away_leaves_nothing_by_half";
    let answers =
        ["applied", "insufficient-funds", "store-unavailable", "outcome-unknown", "timed-out"];
    check(NAME, &answers, transfers::lost_store);
}

#[test]
fn two_runtimes_over_one_store_agree() {
    const NAME: &str = "two_runtimes_over_one_store_agree";
    check(NAME, &["applied", "insufficient-funds"], transfers::two_runtimes);
}

#[test]
fn groups_are_whole() {
    const NAME: &str = "groups_are_whole";
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
fn a_stream_keeps_its_order_when_units_fall() {
    const NAME: &str = "a_stream_keeps_its_order_when_units_fall";
    check(NAME, &["applied"], transfers::paid_in_and_taken_out);
}

#[test]
fn a_stream_keeps_its_order_over_several_aggregates() {
    const NAME: &str = "a_stream_keeps_its_order_over_several_aggregates";
    check(NAME, &["applied"], transfers::moved_and_taken_out);
}

#[test]
fn a_caller_that_goes_away_leaves_nothing_or_all() {
    const NAME: &str = "a_caller_that_goes_away_leaves_nothing_or_all";
    check(NAME, &["applied", "given-up"], callers::dropped);
}

#[test]
fn the_same_command_twice_at_once_is_one_command() {
    const NAME: &str = "the_same_command_twice_at_once_is_one_command";
    check(NAME, &["applied", "command-id-reused"], callers::twice_at_once);
}

#[test]
fn who_does_not_wait_is_told_and_who_waits_comes_in() {
    const NAME: &str = "who_does_not_wait_is_told_and_who_waits_comes_in";
    check(NAME, &["applied", "overloaded"], callers::overload);
}

#[test]
fn the_place_of_an_answered_command_is_free() {
    const NAME: &str = "the_place_of_an_answered_command_is_free";
    check(NAME, &["applied", "insufficient-funds"], callers::one_by_one);
}

#[test]
fn shutdown_is_told_of_the_last_command() {
    const NAME: &str = "shutdown_is_told_of_the_last_command";
    check(NAME, &["applied", "shutting-down"], callers::last_command);
}

#[test]
fn shutdown_ends_what_is_accepted() {
    const NAME: &str = "shutdown_ends_what_is_accepted";
    check(NAME, &["applied", "shutting-down"], callers::shutdown);
}

#[test]
fn a_seed_gives_the_same_schedules_again() {
    assert_eq!(explore_twice(1, transfers::opposite).err(), None);
    assert_eq!(explore_twice(1, transfers::lost_store).err(), None);
    assert_eq!(explore_twice(1, callers::shutdown).err(), None);
    let stats = || explore(3, None, transfers::failing_units).unwrap();
    assert_eq!(stats(), stats());
}

/// The ordinary schedules of a scenario must find a planted fault, and by one of these.
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
    assert!(is_meant, "{mutant:?} was found by something else: {fault}");
}

const WRONG_REFUSAL: &str = "was refused with Some(\"insufficient-funds\") at balance";
const WRONG_SUM: &str = "deposits less withdrawals are";

#[test]
fn a_refusal_that_is_answered_at_once_is_found() {
    check_found(Mutant::AnswerRejectionAtOnce, &[WRONG_REFUSAL], transfers::failing_units);
}

#[test]
fn forgotten_dependents_are_found() {
    check_found(Mutant::ForgetDependents, &[WRONG_SUM, WRONG_REFUSAL], transfers::failing_units);
}

#[test]
fn a_cached_read_is_found() {
    check_found(Mutant::CachedRead, &[WRONG_REFUSAL], transfers::two_runtimes);
}

#[test]
fn waiting_for_a_turn_while_holding_one_is_found() {
    check_found(Mutant::WaitWhileHolding, &["deadlock!"], transfers::opposite);
}
