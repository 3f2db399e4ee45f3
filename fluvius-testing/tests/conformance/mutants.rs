//! Every mutant is found by its cases, and every case finds a mutant.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use fluvius_testing::conformance::{CASES, Harness, check};

use crate::mutant::Mutant::{self, *};
use crate::naive::{Naive, Place};

/// A mutant, and the cases that find it.
type Finding = (Mutant, &'static [&'static str]);

const VERSIONS: &[Finding] = &[
    (
        VersionsUnchecked,
        &[
            "an_expected_version_is_the_stored_one",
            "concurrent_commits_lose_no_update",
            "two_runtimes_lose_no_money",
        ],
    ),
    (
        ReadAggregatesUnchecked,
        &["an_aggregate_that_is_only_read_is_checked", "write_skew_is_prevented"],
    ),
    (
        AbsentAggregatesUnchecked,
        &["an_absent_aggregate_has_version_zero", "one_of_two_creations_is_committed"],
    ),
    (ClosedAggregatesAreAbsent, &["a_closed_aggregate_is_not_absent"]),
    (
        LastStaleAggregateReported,
        &["the_first_version_conflict_is_reported", "a_unit_of_many_aggregates_is_stored"],
    ),
    (StaleRowNotReported, &["an_expected_version_is_the_stored_one"]),
    (OnlyOneVersionPerUnit, &["a_unit_may_write_several_versions"]),
    (EarlierUnitsIgnored, &["a_unit_sees_the_units_before_it_in_the_batch"]),
    (StaleRowFromBeforeTheBatch, &["a_version_conflict_reports_the_row_of_the_batch"]),
];

const OUTCOMES: &[Finding] = &[
    (
        DependenciesIgnored,
        &[
            "dependents_of_a_failed_unit_abort_transitively",
            "a_dependent_aborts_despite_matching_versions",
        ],
    ),
    (AbortsNotTransitive, &["dependents_of_a_failed_unit_abort_transitively"]),
    (AllLaterUnitsAbort, &["dependents_of_a_failed_unit_abort_transitively"]),
    (FailedUnitFailsTheBatch, &["dependents_of_a_failed_unit_abort_transitively"]),
    (LastDependencyReported, &["the_first_reason_is_the_outcome"]),
    (ConflictBeforeDuplicate, &["the_first_reason_is_the_outcome"]),
    (DuplicateBeforeAbort, &["the_first_reason_is_the_outcome"]),
    (MalformedUnchecked, &["a_malformed_unit_fails_and_leaves_nothing"]),
    (MalformedIsRetryable, &["a_malformed_unit_fails_and_leaves_nothing"]),
    (OutcomesMissing, &["dependents_of_a_failed_unit_abort_transitively"]),
    (EmptyBatchHasAnOutcome, &["an_empty_batch_has_no_outcomes"]),
];

const ATOMICITY: &[Finding] = &[
    (OnlyFirstAggregateWritten, &["a_unit_with_several_aggregates_is_stored"]),
    (FailedUnitLeavesCommand, &["a_failed_unit_leaves_nothing"]),
    (ConflictLeavesStates, &["a_failed_unit_leaves_nothing"]),
    (
        FailedUnitLeavesContext,
        &["a_failed_unit_leaves_nothing", "the_context_of_a_failed_unit_is_stored_later"],
    ),
    (UnitsWithoutRowsUnchecked, &["a_unit_without_rows_only_checks"]),
    (UnitsWithoutRowsLeaveContext, &["a_unit_without_rows_only_checks"]),
    (DroppedCommitLeavesHalf, &["a_dropped_commit_stores_all_or_nothing"]),
    (ManyAggregatesFail, &["a_unit_of_many_aggregates_is_stored"]),
    (ManyUnitsFail, &["a_batch_of_many_units_is_stored"]),
    (ClosedRowsDropped, &["a_closed_aggregate_keeps_its_row"]),
];

const IDENTIFIERS: &[Finding] = &[
    (IdentifiersUnchecked, &["a_used_command_id_is_a_duplicate"]),
    (IdentifiersUncheckedInBatch, &["a_command_id_is_used_within_a_batch"]),
    (IdentifiersOfRejectionsFree, &["the_command_id_of_a_rejection_is_used"]),
    (IdentifiersOfInvokedFree, &["the_id_of_an_invoked_command_is_used"]),
    (IdentifiersOfFailedUnitsTaken, &["the_command_id_of_a_failed_unit_is_free"]),
    (DuplicateReportsTheNewRow, &["a_used_command_id_is_a_duplicate"]),
    (RejectionsNotFound, &["a_repeated_command_replays_its_answer"]),
    (ContextsRemembered, &["the_context_of_a_failed_unit_is_stored_later"]),
    (ContextsReplaced, &["a_context_is_stored_once"]),
    (ContextsOfActivitiesDropped, &["a_context_is_stored_once"]),
];

const ORDER: &[Finding] = &[
    (EventsBeforeCommands, &["rows_of_a_unit_have_consecutive_positions"]),
    (PositionsPerLog, &["rows_of_a_unit_have_consecutive_positions"]),
    (PositionsWithGaps, &["rows_of_a_unit_have_consecutive_positions"]),
    (PositionsPerHandle, &["positions_rise_across_handles"]),
    (PositionsReserved, &["nothing_appears_behind_a_reader"]),
    (OldContentShown, &["commits_are_visible_to_every_handle"]),
    (HalfUnitsShown, &["a_reader_sees_no_partial_unit"]),
    (LastRowsShownLater, &["a_reader_sees_no_partial_unit"]),
    (LogShownLater, &["state_and_log_are_visible_together"]),
    (CheckedEarly, &["concurrent_commits_lose_no_update", "two_runtimes_lose_no_money"]),
    (ReadAggregatesCheckedEarly, &["write_skew_is_prevented"]),
    (AbsentAggregatesCheckedEarly, &["one_of_two_creations_is_committed"]),
    (IdentifiersCheckedEarly, &["one_of_two_uses_of_a_command_id_is_committed"]),
    (LocksInBatchOrder, &["batches_in_opposite_orders_do_not_deadlock"]),
];

const VALUES: &[Finding] = &[
    (TextsTrimmed, &["hostile_strings_round_trip"]),
    (QuotesDoubled, &["hostile_strings_round_trip"]),
    (TextsCut, &["long_texts_round_trip"]),
    (NamesInLowerCase, &["similar_names_are_different"]),
    (NamesCompared, &["similar_names_are_different"]),
    (EmptyIsAbsent, &["empty_values_are_not_absent", "hostile_strings_round_trip"]),
    (NullIsAbsent, &["empty_values_are_not_absent"]),
    (NumbersAsFloats, &["hostile_json_round_trips"]),
    (PayloadInOneForm, &["hostile_json_round_trips"]),
    (TimesInMilliseconds, &["times_round_trip_in_microseconds"]),
    (TimesUnsigned, &["times_round_trip_in_microseconds"]),
    (NilIsAbsent, &["identifiers_round_trip"]),
    (RolesSorted, &["every_column_round_trips"]),
    (RevisionsSigned, &["every_column_round_trips"]),
];

const LOGS: &[Finding] = &[
    (AggregatesIgnored, &["a_log_is_read_by_aggregate"]),
    (RealmsIgnored, &["a_log_is_read_by_realm", "a_realm_sees_its_own_aggregates"]),
    (NoRealmIsAllRealms, &["a_log_is_read_by_realm", "a_realm_sees_its_own_aggregates"]),
    (RealmOfTheAggregate, &["a_log_is_read_by_realm"]),
    (AfterIncluded, &["a_log_is_read_in_pages"]),
    (LimitOverrun, &["a_log_is_read_in_pages"]),
    (BoundsSigned, &["extreme_log_bounds_are_handled"]),
    (LimitBeforeConditions, &["log_conditions_are_combined"]),
    (ScanLimitIgnored, &["a_page_reports_its_scanned_position"]),
    (
        TokenAlwaysNewest,
        &["a_page_reports_its_scanned_position", "nothing_appears_behind_a_reader"],
    ),
    (TokenOnlyOfReturnedRows, &["a_page_reports_its_scanned_position"]),
    (
        TokenAheadOfTheRows,
        &["a_page_reports_its_scanned_position", "nothing_appears_behind_a_reader"],
    ),
    (TokensUnchecked, &["an_unknown_position_is_invalid", "extreme_log_bounds_are_handled"]),
    (TokensAheadUnchecked, &["an_unknown_position_is_invalid", "extreme_log_bounds_are_handled"]),
    (InvalidTokenIsRetryable, &["an_unknown_position_is_invalid"]),
    (TokensOfOtherLogsRejected, &["an_unknown_position_is_invalid"]),
    (HistoryWithoutLast, &["a_history_has_the_requested_versions"]),
    (DomainsIgnored, &["a_log_is_read_by_domain", "all_log_conditions_are_combined"]),
    (DomainsOfContexts, &["a_log_is_read_by_domain", "all_log_conditions_are_combined"]),
    (KeysIgnored, &["a_log_is_read_by_key", "all_log_conditions_are_combined"]),
    (KeysFolded, &["a_log_is_read_by_key", "all_log_conditions_are_combined"]),
    (NoKeysAreAllKeys, &["a_log_is_read_by_key"]),
    (NoCodeIsAnyKey, &["a_log_is_read_by_key", "all_log_conditions_are_combined"]),
    (ActorsIgnored, &["a_log_is_read_by_actor", "all_log_conditions_are_combined"]),
    (ProfilesAreActors, &["a_log_is_read_by_actor", "all_log_conditions_are_combined"]),
    (BeforeIgnored, &["an_upper_bound_is_exclusive", "later_rows_are_above_descending_pages"]),
    (BeforeIncluded, &["an_upper_bound_is_exclusive", "a_log_is_read_backwards"]),
    (BeforeUnchecked, &["an_unknown_upper_bound_is_invalid"]),
    (DescendingIgnored, &["a_log_is_read_backwards", "all_log_conditions_are_combined"]),
    (DescendingPagesFromBelow, &["a_log_is_read_backwards"]),
    (DescendingTokenIsFirst, &["a_log_is_read_backwards", "later_rows_are_above_descending_pages"]),
    (EveryPageIsLast, &["a_page_reports_its_scanned_position", "a_log_is_read_backwards"]),
    (ClaimsUnchecked, &["a_resource_belongs_to_one_domain"]),
    (ClaimsAreRetryable, &["a_resource_belongs_to_one_domain"]),
    (ClaimsHalf, &["a_failed_registration_takes_no_resource"]),
    (ClaimsCheckedEarly, &["one_of_two_registrations_succeeds"]),
    (ForgetsWhenClosed, &["the_content_survives_reopening"]),
    (IdentifiersForgottenWhenClosed, &["a_reopened_store_continues"]),
    (PositionsForgottenWhenClosed, &["a_reopened_store_continues"]),
    (OnlyLoadsFailWhenClosed, &["a_closed_store_fails_all_calls"]),
];

const LEASES: &[Finding] = &[
    (LeasesShared, &["a_lease_is_exclusive"]),
    (LeasesNotReleased, &["a_lease_is_exclusive"]),
    (ContentionNotReported, &["a_commit_without_a_lease_reports_contention"]),
    (ContentionReportedForever, &["a_commit_without_a_lease_reports_contention"]),
    (LeasesRequired, &["a_commit_without_a_lease_reports_contention"]),
];

const WORK: &[Finding] = &[
    (WorkTokensUnchecked, &["a_work_row_needs_its_token"]),
    (WorkAbsenceUnchecked, &["a_work_row_needs_its_token", "a_kept_work_row_is_only_checked"]),
    (StaleWorkLeavesRows, &["a_stale_work_unit_leaves_nothing"]),
    (StaleWorkFailsTheCall, &["work_units_of_a_call_are_independent"]),
    (WorkTokensPerRow, &["a_token_is_never_given_twice"]),
    (KeptWorkGetsToken, &["a_kept_work_row_is_only_checked"]),
    (WorkKeysFolded, &["similar_work_keys_are_different"]),
    (WorkKeysOutOfOrder, &["work_rows_are_read_in_pages", "similar_work_keys_are_different"]),
    (WorkActivityDropped, &["an_activity_of_a_work_unit_is_logged"]),
    (WorkCheckedEarly, &["concurrent_work_units_lose_no_write"]),
    (WorkForgottenWhenClosed, &["work_rows_survive_reopening"]),
    (WorkTimesKept, &["a_work_row_is_read_back"]),
    (IncarnationPerHandle, &["work_rows_survive_reopening"]),
    (LiveProcessesEnded, &["an_announced_process_has_not_ended"]),
    (MalformedWorkStored, &["a_malformed_work_unit_fails"]),
];

const QUERIES: &[Finding] = &[
    (QueriesUnchecked, &["an_invalid_query_fails"]),
    (LargestFiltersRejected, &["the_largest_filters_succeed"]),
    (InvalidQueryIsRetryable, &["an_invalid_query_fails"]),
    (NumbersAsTexts, &["numbers_are_compared_by_value"]),
    (NumbersAsDoubles, &["numbers_are_compared_by_value"]),
    (TextsAreNoNumbers, &["numbers_are_compared_by_value"]),
    (NumbersReadLeniently, &["numbers_are_compared_by_value"]),
    (NumbersAreFlags, &["booleans_are_compared"]),
    (TimesAsTexts, &["times_are_compared_by_instant"]),
    (TimesInSeconds, &["times_are_compared_by_instant"]),
    (TimesWithNanoseconds, &["times_are_compared_by_instant"]),
    (TimesReadLeniently, &["times_are_compared_by_instant"]),
    (TextsFolded, &["texts_are_compared_by_code_point", "substrings_and_prefixes_are_found"]),
    (TextsArePatterns, &["substrings_and_prefixes_are_found"]),
    (StartsAnywhere, &["substrings_and_prefixes_are_found"]),
    (OperandQuotesDoubled, &["texts_are_compared_by_code_point"]),
    (EverythingIsText, &["texts_are_compared_by_code_point", "substrings_and_prefixes_are_found"]),
    (IdentifiersAsTexts, &["identifiers_are_compared_by_bytes"]),
    (AnyIdentifierIsRead, &["identifiers_are_compared_by_bytes"]),
    (CreatorIsUpdater, &["columns_are_compared"]),
    (DeletedIsNull, &["columns_are_compared"]),
    (CreatedIsUpdated, &["columns_are_compared"]),
    (MembersHideColumns, &["columns_are_compared"]),
    (
        UnknownIsFalse,
        &[
            "numbers_are_compared_by_value",
            "substrings_and_prefixes_are_found",
            "filter_conditions_are_combined",
        ],
    ),
    (UnknownWins, &["filter_conditions_are_combined"]),
    (NotOfUnknownIsTrue, &["numbers_are_compared_by_value", "columns_are_compared"]),
    (NullDiffers, &["numbers_are_compared_by_value", "times_are_compared_by_instant"]),
    (OnlyJsonNullIsNull, &["numbers_are_compared_by_value"]),
    (EmptyListMatchesAll, &["filter_conditions_are_combined"]),
    (DotsSplitNames, &["fields_are_found_by_name", "a_path_leads_through_objects_only"]),
    (NamesTrimmed, &["fields_are_found_by_name"]),
    (NamesFolded, &["fields_are_found_by_name"]),
    (PathsTruncated, &["fields_are_found_by_name", "a_path_leads_through_objects_only"]),
    (PathsThroughArrays, &["a_path_leads_through_objects_only"]),
    (PathsThroughTexts, &["a_path_leads_through_objects_only"]),
    (QueryRealmsIgnored, &["only_requested_aggregates_are_found"]),
    (QueryResourcesFolded, &["only_requested_aggregates_are_found"]),
    (ClosedShown, &["only_requested_aggregates_are_found"]),
    (ClosedNeverShown, &["only_requested_aggregates_are_found"]),
    (DirectionsIgnored, &["numbers_are_compared_by_value"]),
    (NullsLast, &["numbers_are_compared_by_value"]),
    (OnlyFirstSortKey, &["columns_are_compared"]),
    (TiesReversed, &["numbers_are_compared_by_value"]),
    (ResourcesUnordered, &["pages_span_resources"]),
    (QueryAfterIncluded, &["pages_add_up_to_the_whole", "pages_span_resources"]),
    (AfterByIdentifierOnly, &["pages_add_up_to_the_whole"]),
    (NothingAfterNull, &["pages_add_up_to_the_whole"]),
    (PagesByCounting, &["pages_are_stable_under_concurrent_writes"]),
    (QueryLimitSigned, &["any_limit_is_accepted"]),
    (QueryLimitOverrun, &["pages_add_up_to_the_whole", "any_limit_is_accepted"]),
    (QueryLimitBeforeFilter, &["pages_add_up_to_the_whole", "any_limit_is_accepted"]),
    (QueryInSteps, &["a_page_is_consistent"]),
    (SnapshotInSteps, &["a_snapshot_is_consistent"]),
    (SnapshotInOtherOrder, &["a_snapshot_has_the_requested_rows"]),
    (SnapshotWithoutAbsent, &["a_snapshot_has_the_requested_rows"]),
    (SnapshotWithoutDuplicates, &["a_snapshot_has_the_requested_rows"]),
    (SnapshotWithoutClosed, &["a_snapshot_has_the_requested_rows"]),
    (IndexHidesNulls, &["an_index_changes_no_answer"]),
    (IndexForgetsWrites, &["an_index_covers_the_writes_of_every_handle"]),
    (SnapshotTruncated, &["a_snapshot_has_the_requested_rows"]),
    (ScansUnlimited, &["a_scan_continues_after_the_last_scanned_row"]),
    (
        ScanRowsUnlimited,
        &["scans_add_up_to_the_whole", "a_scan_continues_after_the_last_scanned_row"],
    ),
    (
        ScanEndsAtLastMatch,
        &["scans_add_up_to_the_whole", "a_scan_continues_after_the_last_scanned_row"],
    ),
    (
        EmptyScanIsLast,
        &["scans_add_up_to_the_whole", "a_scan_continues_after_the_last_scanned_row"],
    ),
    (ScanReadsAllRealms, &["a_scan_reads_one_realm"]),
    (ScanSkipsOneRow, &["scans_add_up_to_the_whole"]),
    (ScansByCounting, &["scans_are_stable_under_concurrent_writes"]),
    (NoRealmIsAllRealms, &["only_requested_aggregates_are_found"]),
];

/// Ample time for a case on a store in memory.
const MAX_TIME: Duration = Duration::from_secs(30);

/// Time after which a store counts as hanging.
const HANGS_AFTER: Duration = Duration::from_secs(3);

fn check_found(findings: &[Finding]) {
    let mut faults = Vec::new();
    for (mutant, names) in findings {
        for name in *names {
            let case = CASES.iter().find(|case| case.name() == *name);
            let case = *case.unwrap_or_else(|| panic!("there is no case `{name}`"));
            let mutant = *mutant;
            let time_max = if mutant == LocksInBatchOrder { HANGS_AFTER } else { MAX_TIME };
            let found = check(case, time_max, async move {
                Harness::new(Place::default(), move |place: Arc<Place>| async move {
                    Naive::open(&place, Some(mutant))
                })
            });
            match found {
                Ok(()) => faults.push(format!("{mutant:?} is not found by `{name}`")),
                // A slow store must not count as one that hangs.
                Err(broken) => {
                    let hangs = broken.to_string().contains("has not ended");
                    if hangs != (mutant == LocksInBatchOrder) {
                        faults.push(format!("{mutant:?} is found by `{name}` as: {broken}"));
                    }
                    println!("{mutant:?}, {name}: {broken}\n");
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn faults_of_versions_are_found() {
    check_found(VERSIONS);
}

#[test]
fn faults_of_outcomes_are_found() {
    check_found(OUTCOMES);
}

#[test]
fn faults_of_atomicity_are_found() {
    check_found(ATOMICITY);
}

#[test]
fn faults_of_identifiers_and_contexts_are_found() {
    check_found(IDENTIFIERS);
}

#[test]
fn faults_of_order_are_found() {
    check_found(ORDER);
}

#[test]
fn faults_of_values_are_found() {
    check_found(VALUES);
}

#[test]
fn faults_of_logs_and_resources_are_found() {
    check_found(LOGS);
}

#[test]
fn faults_of_queries_and_snapshots_are_found() {
    check_found(QUERIES);
}

#[test]
fn faults_of_leases_are_found() {
    check_found(LEASES);
}

#[test]
fn faults_of_work_rows_are_found() {
    check_found(WORK);
}

#[test]
fn every_case_finds_a_mutant() {
    let all =
        [VERSIONS, OUTCOMES, ATOMICITY, IDENTIFIERS, ORDER, VALUES, LOGS, LEASES, WORK, QUERIES];
    let names = all.iter().flat_map(|findings| findings.iter().flat_map(|(_, names)| *names));
    let named: BTreeSet<&str> = names.copied().collect();
    let idle = CASES.iter().map(|case| case.name()).filter(|name| !named.contains(name));
    let idle: Vec<&str> = idle.collect();
    assert!(idle.is_empty(), "these cases find nothing: {idle:?}");
}
