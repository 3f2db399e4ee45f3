//! The conformance suite on the memory store and on a naive one, and on stores that are broken on
//! purpose: each must be found by the claims that say so.
#![allow(missing_docs, reason = "a test is told by its name")]
#![allow(clippy::unwrap_used, reason = "helpers of tests end the test")]

mod mangle;
mod mutant;
mod mutants;
mod naive;

use std::sync::Arc;
use std::time::Duration;

use fluvius_core::MemoryStore;
use fluvius_testing::conformance::{CLAIMS, Harness, check};
use fluvius_testing::{Faults, FaultyStore, store_conformance};

use naive::{Naive, Place};

mod memory {
    use super::*;
    store_conformance!(async { MemoryStore::new() });
}

mod naive_reopened {
    use super::*;
    store_conformance! {
        fresh: async { Place::default() },
        open: |place: Arc<Place>| async move { Naive::open(&place, None) },
    }
}

/// With answers that take their time, readers and writers fall between each other in other ways.
#[test]
fn a_slow_store_keeps_the_claims_of_what_is_at_the_same_time() {
    let names = [
        "a_dropped_commit_leaves_a_unit_or_nothing",
        "nothing_appears_behind_a_reader",
        "a_reader_never_sees_half_a_unit",
        "state_and_log_are_seen_together",
        "of_two_units_that_read_what_the_other_writes_one_stands",
        "many_committers_lose_no_update",
        "two_runtimes_lose_no_money",
    ];
    for claim in CLAIMS.iter().filter(|claim| names.contains(&claim.name())) {
        let harness = async {
            let faults = Faults { max_delay: Duration::from_micros(500), ..Faults::default() };
            Harness::of_clones(FaultyStore::new(MemoryStore::new(), 17, faults))
        };
        check(*claim, Duration::from_secs(60), harness).unwrap();
    }
}

/// An author's tools list what is linked: the suite's own aggregate is none of the author's.
#[test]
fn the_suite_is_not_in_the_list_of_everything_linked() {
    let actions = fluvius_core::registry::linked::actions();
    let of_suite = actions.iter().filter(|action| action.key == "give-coins");
    assert_eq!(of_suite.count(), 0);
}
