//! The one list of claims, and the tests that are made of it.

/// Tests whether a store keeps the contract of [`Store`](fluvius_core::Store): one `#[test]` a claim, in
/// the module where it is called.
///
/// Two forms:
///
/// - `store_conformance!(fresh)`: `fresh` is a future of an empty store whose clones share one
///   content. A store that cannot be opened twice, such as one in memory, takes this form.
/// - `store_conformance!(fresh: .., open: ..)`: `fresh` is a future of a place that holds
///   nothing yet, such as a folder or an empty database; `open` is a function from `Arc` of the
///   place to a future of a store over what the place holds. It is called several times, also
///   while stores that it has given are open, and the place is dropped when the claim is through.
///
/// Both are evaluated once a claim. A panic in them fails it.
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
        $crate::__fluvius_store_claims! {
            [$crate::__fluvius_store_tests]
            { $crate::conformance::Harness::new($fresh.await, $open) }
        }
    };
    ($fresh:expr $(,)?) => {
        $crate::__fluvius_store_claims! {
            [$crate::__fluvius_store_tests]
            { $crate::conformance::Harness::of_clones($fresh.await) }
        }
    };
}

/// Calls a macro with the list of all claims, behind what it is to be given besides.
#[doc(hidden)]
#[macro_export]
macro_rules! __fluvius_store_claims {
    ([$($called:tt)*] $($given:tt)*) => {
        $($called)*! {
            $($given)*
            [
                atomicity::a_unit_over_several_aggregates_is_stored_wholly
                atomicity::a_refused_unit_leaves_nothing
                atomicity::a_unit_without_rows_only_checks
                atomicity::an_empty_batch_has_no_fates
                atomicity::a_closed_aggregate_keeps_its_row
                atomicity::a_unit_of_many_aggregates_is_stored
                atomicity::a_batch_of_many_units_is_stored
                atomicity::a_dropped_commit_leaves_a_unit_or_nothing
                malformed::a_malformed_unit_fails_and_leaves_nothing
                versions::an_expected_version_is_the_stored_one
                versions::an_aggregate_that_is_only_read_is_checked
                versions::an_absent_aggregate_has_version_zero
                versions::a_closed_aggregate_is_not_absent
                versions::the_first_stale_aggregate_is_told
                versions::a_unit_gives_an_aggregate_several_versions
                dependencies::a_unit_stands_on_those_before_it_in_the_batch
                dependencies::a_stale_aggregate_is_told_as_the_batch_has_left_it
                dependencies::what_stands_on_a_refused_unit_falls_over_every_step
                dependencies::a_unit_falls_though_its_versions_are_right
                dependencies::the_first_reason_is_the_fate
                command_ids::a_taken_identifier_is_known
                command_ids::an_identifier_is_taken_inside_a_batch
                command_ids::an_identifier_of_a_refusal_is_taken
                command_ids::an_identifier_of_an_invoked_command_is_taken
                command_ids::an_identifier_of_a_refused_unit_is_free
                contexts::a_context_is_stored_once
                contexts::a_context_of_a_refused_unit_rides_with_the_next
                order::rows_of_a_unit_follow_one_by_one
                order::positions_rise_over_handles
                order::what_is_committed_is_seen_by_every_handle
                order::nothing_appears_behind_a_reader
                order::a_reader_never_sees_half_a_unit
                order::state_and_log_are_seen_together
                concurrency::of_two_units_that_read_what_the_other_writes_one_stands
                concurrency::of_two_creations_of_an_aggregate_one_stands
                concurrency::of_two_uses_of_an_identifier_one_stands
                concurrency::many_committers_lose_no_update
                concurrency::batches_in_opposite_orders_end
                values::hostile_strings_come_back
                values::hostile_json_comes_back
                values::names_that_look_alike_are_different
                values::times_come_back_with_microseconds
                values::identifiers_come_back
                values::what_is_empty_is_not_absent
                values::a_long_text_comes_back
                values::every_column_comes_back
                logs::a_log_is_read_in_pages
                logs::a_log_is_read_by_aggregate
                logs::a_log_is_read_by_realm
                logs::conditions_hold_together
                logs::bounds_may_be_anything
                logs::a_page_tells_how_far_it_has_looked
                logs::a_place_that_is_not_there_is_refused
                logs::a_history_has_the_versions_asked_for
                comparisons::numbers_are_compared_by_value
                comparisons::times_are_compared_by_instant
                comparisons::texts_are_compared_letter_by_letter
                comparisons::identifiers_are_compared_by_bytes
                comparisons::truth_values_are_compared
                comparisons::columns_are_compared
                filters::fields_are_found_by_name
                filters::a_path_leads_through_objects_alone
                filters::texts_are_looked_into
                filters::conditions_are_put_together
                filters::only_aggregates_that_are_asked_for_are_found
                filters::a_query_that_is_not_valid_is_refused
                bounds::the_largest_filters_are_answered
                pages::pages_make_the_whole
                pages::pages_go_over_resources
                pages::a_limit_may_be_anything
                pages::pages_hold_while_others_write
                pages::a_page_is_of_one_moment
                pages::a_snapshot_is_of_one_moment
                pages::a_snapshot_has_the_rows_asked_for
                indexes::an_index_changes_no_answer
                indexes::an_index_follows_every_handle
                resources::a_resource_belongs_to_one_domain
                resources::a_refused_claim_takes_nothing
                resources::of_two_claims_at_once_one_stands
                leases::a_turn_is_had_by_one_at_a_time
                leases::who_has_no_turn_commits_and_is_told
                reopening::everything_is_there_after_reopening
                reopening::a_reopened_store_goes_on
                closing::a_closed_store_takes_no_calls
                runtime::two_runtimes_lose_no_money
                runtime::a_command_sent_again_has_its_first_answer
                runtime::a_realm_sees_its_own
            ]
        }
    };
}

/// The tests.
#[doc(hidden)]
#[macro_export]
macro_rules! __fluvius_store_tests {
    ($harness:block [ $($part:ident::$claim:ident)* ]) => {
        $(
            #[test]
            fn $claim() {
                $crate::conformance::run(
                    ::core::stringify!($claim),
                    async { $harness },
                );
            }
        )*
    };
}

/// The list as data.
#[doc(hidden)]
#[macro_export]
macro_rules! __fluvius_store_claim_list {
    ([ $($part:ident::$claim:ident)* ]) => {
        &[$(Claim {
            name: ::core::stringify!($claim),
            check: |harness| ::std::boxed::Box::pin(cases::$part::$claim(harness)),
        }),*]
    };
}
