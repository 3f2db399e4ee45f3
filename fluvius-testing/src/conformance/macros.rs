//! The list of cases, and the tests generated from it.

/// Tests a store against the contract of [`Store`](fluvius_core::Store). Generates one `#[test]`
/// per case in the calling module.
///
/// There are two forms:
///
/// - `store_conformance!(fresh)`: `fresh` is a future of an empty store whose clones share one
///   content. Use this form if a store cannot be opened twice, such as one in memory.
/// - `store_conformance!(fresh: .., open: ..)`: `fresh` is a future of an empty place, such as a
///   folder or a database. `open` is a function from `Arc` of the place to a future of a store over
///   its content. It is called several times, also while earlier stores are open. The place is
///   dropped at the end of the case.
///
/// Both are evaluated once per case. A panic in them fails the case.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use fluvius_core::MemoryStore;
///
/// mod cloned {
///     use super::*;
///     fluvius_testing::store_conformance!(async { MemoryStore::new() });
/// }
///
/// mod opened {
///     use super::*;
///     fluvius_testing::store_conformance! {
///         fresh: async { MemoryStore::new() },
///         open: |place: Arc<MemoryStore>| async move { MemoryStore::clone(&place) },
///     }
/// }
/// # fn main() {}
/// ```
#[macro_export]
#[doc(hidden)]
macro_rules! store_conformance {
    (fresh: $fresh:expr, open: $open:expr $(,)?) => {
        $crate::__fluvius_store_cases! {
            [$crate::__fluvius_store_tests]
            { $crate::conformance::Harness::new($fresh.await, $open) }
        }
    };
    ($fresh:expr $(,)?) => {
        $crate::__fluvius_store_cases! {
            [$crate::__fluvius_store_tests]
            { $crate::conformance::Harness::of_clones($fresh.await) }
        }
    };
}

/// Calls a macro with the given tokens and the list of all cases.
#[doc(hidden)]
#[macro_export]
macro_rules! __fluvius_store_cases {
    ([$($called:tt)*] $($given:tt)*) => {
        $($called)*! {
            $($given)*
            [
                atomicity::a_unit_with_several_aggregates_is_stored
                atomicity::a_failed_unit_leaves_nothing
                atomicity::a_unit_without_rows_only_checks
                atomicity::an_empty_batch_has_no_outcomes
                atomicity::a_closed_aggregate_keeps_its_row
                atomicity::a_unit_of_many_aggregates_is_stored
                atomicity::a_batch_of_many_units_is_stored
                atomicity::a_dropped_commit_stores_all_or_nothing
                malformed::a_malformed_unit_fails_and_leaves_nothing
                versions::an_expected_version_is_the_stored_one
                versions::an_aggregate_that_is_only_read_is_checked
                versions::an_absent_aggregate_has_version_zero
                versions::a_closed_aggregate_is_not_absent
                versions::the_first_version_conflict_is_reported
                versions::a_unit_may_write_several_versions
                dependencies::a_unit_sees_the_units_before_it_in_the_batch
                dependencies::a_version_conflict_reports_the_row_of_the_batch
                dependencies::dependents_of_a_failed_unit_abort_transitively
                dependencies::a_dependent_aborts_despite_matching_versions
                dependencies::the_first_reason_is_the_outcome
                command_ids::a_used_command_id_is_a_duplicate
                command_ids::a_command_id_is_used_within_a_batch
                command_ids::the_command_id_of_a_rejection_is_used
                command_ids::the_id_of_an_invoked_command_is_used
                command_ids::the_command_id_of_a_failed_unit_is_free
                contexts::a_context_is_stored_once
                contexts::the_context_of_a_failed_unit_is_stored_later
                order::rows_of_a_unit_have_consecutive_positions
                order::positions_rise_across_handles
                order::commits_are_visible_to_every_handle
                order::nothing_appears_behind_a_reader
                order::a_reader_sees_no_partial_unit
                order::state_and_log_are_visible_together
                concurrency::write_skew_is_prevented
                concurrency::one_of_two_creations_is_committed
                concurrency::one_of_two_uses_of_a_command_id_is_committed
                concurrency::concurrent_commits_lose_no_update
                concurrency::batches_in_opposite_orders_do_not_deadlock
                values::hostile_strings_round_trip
                values::hostile_json_round_trips
                values::similar_names_are_different
                values::times_round_trip_in_microseconds
                values::identifiers_round_trip
                values::empty_values_are_not_absent
                values::long_texts_round_trip
                values::every_column_round_trips
                logs::a_log_is_read_in_pages
                logs::a_log_is_read_by_aggregate
                logs::a_log_is_read_by_realm
                logs::log_conditions_are_combined
                logs::extreme_log_bounds_are_handled
                logs::a_page_reports_its_scanned_position
                logs::an_unknown_position_is_invalid
                logs::a_history_has_the_requested_versions
                log_queries::a_log_is_read_by_domain
                log_queries::a_log_is_read_by_key
                log_queries::a_log_is_read_by_actor
                log_queries::an_upper_bound_is_exclusive
                log_queries::an_unknown_upper_bound_is_invalid
                log_queries::a_log_is_read_backwards
                log_queries::later_rows_are_above_descending_pages
                log_queries::all_log_conditions_are_combined
                comparisons::numbers_are_compared_by_value
                comparisons::times_are_compared_by_instant
                comparisons::texts_are_compared_by_code_point
                comparisons::identifiers_are_compared_by_bytes
                comparisons::booleans_are_compared
                comparisons::columns_are_compared
                filters::fields_are_found_by_name
                filters::a_path_leads_through_objects_only
                filters::substrings_and_prefixes_are_found
                filters::filter_conditions_are_combined
                filters::only_requested_aggregates_are_found
                filters::an_invalid_query_fails
                bounds::the_largest_filters_succeed
                pages::pages_add_up_to_the_whole
                pages::pages_span_resources
                pages::any_limit_is_accepted
                pages::pages_are_stable_under_concurrent_writes
                pages::a_page_is_consistent
                pages::a_snapshot_is_consistent
                pages::a_snapshot_has_the_requested_rows
                scans::scans_add_up_to_the_whole
                scans::a_scan_continues_after_the_last_scanned_row
                scans::a_scan_reads_one_realm
                scans::scans_are_stable_under_concurrent_writes
                indexes::an_index_changes_no_answer
                indexes::an_index_covers_the_writes_of_every_handle
                resources::a_resource_belongs_to_one_domain
                resources::a_failed_registration_takes_no_resource
                resources::one_of_two_registrations_succeeds
                leases::a_lease_is_exclusive
                leases::a_commit_without_a_lease_reports_contention
                work::a_work_row_is_read_back
                work::a_work_row_needs_its_token
                work::a_stale_work_unit_leaves_nothing
                work::work_units_of_a_call_are_independent
                work::a_token_is_never_given_twice
                work::a_kept_work_row_is_only_checked
                work::similar_work_keys_are_different
                work::work_rows_are_read_in_pages
                work::an_activity_of_a_work_unit_is_logged
                work::concurrent_work_units_lose_no_write
                work::work_rows_survive_reopening
                work::an_announced_process_has_not_ended
                work::a_malformed_work_unit_fails
                reopening::the_content_survives_reopening
                reopening::a_reopened_store_continues
                closing::a_closed_store_fails_all_calls
                runtime::two_runtimes_lose_no_money
                runtime::a_repeated_command_replays_its_answer
                runtime::a_realm_sees_its_own_aggregates
            ]
        }
    };
}

/// Generates the tests.
#[doc(hidden)]
#[macro_export]
macro_rules! __fluvius_store_tests {
    ($harness:block [ $($part:ident::$case:ident)* ]) => {
        $(
            #[test]
            fn $case() {
                $crate::conformance::run(
                    ::core::stringify!($case),
                    async { $harness },
                );
            }
        )*
    };
}

/// Returns the list as data.
#[doc(hidden)]
#[macro_export]
macro_rules! __fluvius_store_case_list {
    ([ $($part:ident::$case:ident)* ]) => {
        &[$(Case {
            name: ::core::stringify!($case),
            check: |harness| ::std::boxed::Box::pin(cases::$part::$case(harness)),
        }),*]
    };
}
