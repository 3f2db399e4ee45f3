//! The conformance suite on the memory store, on a naive store, and on mutants of the naive store.
//! Each mutant must fail its cases.
#![allow(missing_docs, reason = "the name of a test documents it")]
#![allow(clippy::unwrap_used, reason = "helpers of tests end the test")]

mod mangle;
mod mutant;
mod mutants;
mod naive;

use std::sync::Arc;
use std::time::Duration;

use fluvius_core::MemoryStore;
use fluvius_testing::conformance::{CASES, Harness, check};
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

/// Delays lead to other interleavings of readers and writers.
#[test]
fn a_slow_store_passes_the_concurrency_cases() {
    let names = [
        "a_dropped_commit_stores_all_or_nothing",
        "nothing_appears_behind_a_reader",
        "a_reader_sees_no_partial_unit",
        "state_and_log_are_visible_together",
        "write_skew_is_prevented",
        "concurrent_commits_lose_no_update",
        "two_runtimes_lose_no_money",
    ];
    for case in CASES.iter().filter(|case| names.contains(&case.name())) {
        let harness = async {
            let faults = Faults { max_delay: Duration::from_micros(500), ..Faults::default() };
            Harness::of_clones(FaultyStore::new(MemoryStore::new(), 17, faults))
        };
        check(*case, Duration::from_secs(60), harness).unwrap();
    }
}

/// Tools of domain authors list all linked types. The sample aggregate of the suite is not one of
/// them.
#[test]
fn the_sample_aggregate_is_not_registered() {
    let actions = fluvius_core::registry::linked::actions();
    let of_suite = actions.iter().filter(|action| action.key == "give-coins");
    assert_eq!(of_suite.count(), 0);
}
