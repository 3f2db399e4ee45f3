//! Every fault is found by the claims that are meant for it, and every claim finds a fault.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use fluvius_testing::conformance::{CLAIMS, Harness, check};

use crate::mutant::Mutant::{self, *};
use crate::naive::{Naive, Place};

/// A fault, and the claims that find it.
type Finding = (Mutant, &'static [&'static str]);

const VERSIONS: &[Finding] = &[
    (
        VersionsUnchecked,
        &[
            "an_expected_version_is_the_stored_one",
            "many_committers_lose_no_update",
            "two_runtimes_lose_no_money",
        ],
    ),
    (
        ReadAggregatesUnchecked,
        &[
            "an_aggregate_that_is_only_read_is_checked",
            "of_two_units_that_read_what_the_other_writes_one_stands",
        ],
    ),
    (
        AbsentAggregatesUnchecked,
        &["an_absent_aggregate_has_version_zero", "of_two_creations_of_an_aggregate_one_stands"],
    ),
    (ClosedAggregatesAreAbsent, &["a_closed_aggregate_is_not_absent"]),
    (
        LastStaleAggregateTold,
        &["the_first_stale_aggregate_is_told", "a_unit_of_many_aggregates_is_stored"],
    ),
    (StaleRowNotTold, &["an_expected_version_is_the_stored_one"]),
    (OnlyOneVersionAUnit, &["a_unit_gives_an_aggregate_several_versions"]),
    (BatchNotCounted, &["a_unit_stands_on_those_before_it_in_the_batch"]),
    (StaleRowOfBeforeTheBatch, &["a_stale_aggregate_is_told_as_the_batch_has_left_it"]),
];

const FATES: &[Finding] = &[
    (
        DependenciesIgnored,
        &[
            "what_stands_on_a_refused_unit_falls_over_every_step",
            "a_unit_falls_though_its_versions_are_right",
        ],
    ),
    (FallsOneStep, &["what_stands_on_a_refused_unit_falls_over_every_step"]),
    (AllBehindARefusalFall, &["what_stands_on_a_refused_unit_falls_over_every_step"]),
    (RefusalFailsTheBatch, &["what_stands_on_a_refused_unit_falls_over_every_step"]),
    (LastDependencyTold, &["the_first_reason_is_the_fate"]),
    (StaleBeforeKnown, &["the_first_reason_is_the_fate"]),
    (KnownBeforeFell, &["the_first_reason_is_the_fate"]),
    (ShapeUnchecked, &["a_malformed_unit_fails_and_leaves_nothing"]),
    (ShapeFaultMayPass, &["a_malformed_unit_fails_and_leaves_nothing"]),
    (FatesMissing, &["what_stands_on_a_refused_unit_falls_over_every_step"]),
    (EmptyBatchHasAFate, &["an_empty_batch_has_no_fates"]),
];

const ATOMICITY: &[Finding] = &[
    (OnlyFirstAggregateWritten, &["a_unit_over_several_aggregates_is_stored_wholly"]),
    (RefusedLeavesCommand, &["a_refused_unit_leaves_nothing"]),
    (StaleLeavesStates, &["a_refused_unit_leaves_nothing"]),
    (
        RefusedLeavesContext,
        &["a_refused_unit_leaves_nothing", "a_context_of_a_refused_unit_rides_with_the_next"],
    ),
    (UnitsWithoutRowsUnchecked, &["a_unit_without_rows_only_checks"]),
    (UnitsWithoutRowsLeaveContext, &["a_unit_without_rows_only_checks"]),
    (DroppedLeavesHalf, &["a_dropped_commit_leaves_a_unit_or_nothing"]),
    (ManyAggregatesFail, &["a_unit_of_many_aggregates_is_stored"]),
    (ManyUnitsFail, &["a_batch_of_many_units_is_stored"]),
    (ClosedRowsDropped, &["a_closed_aggregate_keeps_its_row"]),
];

const IDENTIFIERS: &[Finding] = &[
    (IdentifiersUnchecked, &["a_taken_identifier_is_known"]),
    (IdentifiersUncheckedInBatch, &["an_identifier_is_taken_inside_a_batch"]),
    (IdentifiersOfRefusalsFree, &["an_identifier_of_a_refusal_is_taken"]),
    (IdentifiersOfInvokedFree, &["an_identifier_of_an_invoked_command_is_taken"]),
    (IdentifiersOfRefusedUnitsTaken, &["an_identifier_of_a_refused_unit_is_free"]),
    (KnownTellsTheNewRow, &["a_taken_identifier_is_known"]),
    (RefusalsNotFound, &["a_command_sent_again_has_its_first_answer"]),
    (ContextsRemembered, &["a_context_of_a_refused_unit_rides_with_the_next"]),
    (ContextsReplaced, &["a_context_is_stored_once"]),
    (ContextsOfActivitiesDropped, &["a_context_is_stored_once"]),
];

const ORDER: &[Finding] = &[
    (EventsBeforeCommands, &["rows_of_a_unit_follow_one_by_one"]),
    (PositionsPerLog, &["rows_of_a_unit_follow_one_by_one"]),
    (PositionsWithGaps, &["rows_of_a_unit_follow_one_by_one"]),
    (PositionsPerHandle, &["positions_rise_over_handles"]),
    (PositionsReserved, &["nothing_appears_behind_a_reader"]),
    (OldContentShown, &["what_is_committed_is_seen_by_every_handle"]),
    (HalfUnitsShown, &["a_reader_never_sees_half_a_unit"]),
    (LastRowsShownLater, &["a_reader_never_sees_half_a_unit"]),
    (LogShownLater, &["state_and_log_are_seen_together"]),
    (CheckedEarly, &["many_committers_lose_no_update", "two_runtimes_lose_no_money"]),
    (ReadAggregatesCheckedEarly, &["of_two_units_that_read_what_the_other_writes_one_stands"]),
    (AbsentAggregatesCheckedEarly, &["of_two_creations_of_an_aggregate_one_stands"]),
    (IdentifiersCheckedEarly, &["of_two_uses_of_an_identifier_one_stands"]),
    (LocksInBatchOrder, &["batches_in_opposite_orders_end"]),
];

const VALUES: &[Finding] = &[
    (TextsTrimmed, &["hostile_strings_come_back"]),
    (QuotesDoubled, &["hostile_strings_come_back"]),
    (TextsCut, &["a_long_text_comes_back"]),
    (NamesInLowerCase, &["names_that_look_alike_are_different"]),
    (NamesCompared, &["names_that_look_alike_are_different"]),
    (EmptyIsAbsent, &["what_is_empty_is_not_absent", "hostile_strings_come_back"]),
    (NullIsAbsent, &["what_is_empty_is_not_absent"]),
    (NumbersAsFloats, &["hostile_json_comes_back"]),
    (PayloadInOneForm, &["hostile_json_comes_back"]),
    (TimesInMilliseconds, &["times_come_back_with_microseconds"]),
    (TimesUnsigned, &["times_come_back_with_microseconds"]),
    (NilIsAbsent, &["identifiers_come_back"]),
    (RolesSorted, &["every_column_comes_back"]),
    (RevisionsSigned, &["every_column_comes_back"]),
];

const LOGS: &[Finding] = &[
    (AggregatesIgnored, &["a_log_is_read_by_aggregate"]),
    (RealmsIgnored, &["a_log_is_read_by_realm", "a_realm_sees_its_own"]),
    (NoRealmIsAllRealms, &["a_log_is_read_by_realm", "a_realm_sees_its_own"]),
    (RealmOfTheAggregate, &["a_log_is_read_by_realm"]),
    (AfterIncluded, &["a_log_is_read_in_pages"]),
    (LimitOverrun, &["a_log_is_read_in_pages"]),
    (BoundsSigned, &["bounds_may_be_anything"]),
    (LimitBeforeConditions, &["conditions_hold_together"]),
    (ScanLimitIgnored, &["a_page_tells_how_far_it_has_looked"]),
    (
        PlaceAlwaysTheNewest,
        &["a_page_tells_how_far_it_has_looked", "nothing_appears_behind_a_reader"],
    ),
    (PlaceOnlyOfRowsGiven, &["a_page_tells_how_far_it_has_looked"]),
    (
        PlaceAheadOfTheRows,
        &["a_page_tells_how_far_it_has_looked", "nothing_appears_behind_a_reader"],
    ),
    (PlacesUnchecked, &["a_place_that_is_not_there_is_refused", "bounds_may_be_anything"]),
    (PlacesAheadUnchecked, &["a_place_that_is_not_there_is_refused", "bounds_may_be_anything"]),
    (PlaceFaultMayPass, &["a_place_that_is_not_there_is_refused"]),
    (PlacesOfOtherLogsRefused, &["a_place_that_is_not_there_is_refused"]),
    (HistoryWithoutLast, &["a_history_has_the_versions_asked_for"]),
    (ClaimsUnchecked, &["a_resource_belongs_to_one_domain"]),
    (ClaimsMayPass, &["a_resource_belongs_to_one_domain"]),
    (ClaimsHalf, &["a_refused_claim_takes_nothing"]),
    (ClaimsCheckedEarly, &["of_two_claims_at_once_one_stands"]),
    (ForgetsWhenClosed, &["everything_is_there_after_reopening"]),
    (IdentifiersForgottenWhenClosed, &["a_reopened_store_goes_on"]),
    (PositionsForgottenWhenClosed, &["a_reopened_store_goes_on"]),
    (ClosedForLoadsAlone, &["a_closed_store_takes_no_calls"]),
];

const TURNS: &[Finding] = &[
    (TurnsHadByAll, &["a_turn_is_had_by_one_at_a_time"]),
    (TurnsNotGivenBack, &["a_turn_is_had_by_one_at_a_time"]),
    (TurnsNotTold, &["who_has_no_turn_commits_and_is_told"]),
    (TurnsToldForGood, &["who_has_no_turn_commits_and_is_told"]),
    (TurnsBind, &["who_has_no_turn_commits_and_is_told"]),
];

const QUERIES: &[Finding] = &[
    (QueriesUnchecked, &["a_query_that_is_not_valid_is_refused"]),
    (LargestFiltersRefused, &["the_largest_filters_are_answered"]),
    (QueryFaultMayPass, &["a_query_that_is_not_valid_is_refused"]),
    (NumbersAsTexts, &["numbers_are_compared_by_value"]),
    (NumbersAsDoubles, &["numbers_are_compared_by_value"]),
    (TextsAreNoNumbers, &["numbers_are_compared_by_value"]),
    (NumbersReadKindly, &["numbers_are_compared_by_value"]),
    (NumbersAreFlags, &["truth_values_are_compared"]),
    (TimesAsTexts, &["times_are_compared_by_instant"]),
    (TimesInSeconds, &["times_are_compared_by_instant"]),
    (TimesWithNanoseconds, &["times_are_compared_by_instant"]),
    (TimesReadKindly, &["times_are_compared_by_instant"]),
    (TextsFolded, &["texts_are_compared_letter_by_letter", "texts_are_looked_into"]),
    (TextsArePatterns, &["texts_are_looked_into"]),
    (StartsAnywhere, &["texts_are_looked_into"]),
    (OperandQuotesDoubled, &["texts_are_compared_letter_by_letter"]),
    (EverythingIsText, &["texts_are_compared_letter_by_letter", "texts_are_looked_into"]),
    (IdentifiersAsTexts, &["identifiers_are_compared_by_bytes"]),
    (AnyIdentifierIsRead, &["identifiers_are_compared_by_bytes"]),
    (CreatorIsUpdater, &["columns_are_compared"]),
    (DeletedIsNull, &["columns_are_compared"]),
    (CreatedIsUpdated, &["columns_are_compared"]),
    (MembersHideColumns, &["columns_are_compared"]),
    (
        UnknownIsFalse,
        &["numbers_are_compared_by_value", "texts_are_looked_into", "conditions_are_put_together"],
    ),
    (UnknownWins, &["conditions_are_put_together"]),
    (NotOfUnknownIsTrue, &["numbers_are_compared_by_value", "columns_are_compared"]),
    (NullDiffers, &["numbers_are_compared_by_value", "times_are_compared_by_instant"]),
    (OnlyJsonNullIsNull, &["numbers_are_compared_by_value"]),
    (NothingIsEverything, &["conditions_are_put_together"]),
    (DotsSplitNames, &["fields_are_found_by_name", "a_path_leads_through_objects_alone"]),
    (NamesTrimmed, &["fields_are_found_by_name"]),
    (NamesFolded, &["fields_are_found_by_name"]),
    (PathsOneLong, &["fields_are_found_by_name", "a_path_leads_through_objects_alone"]),
    (PathsThroughArrays, &["a_path_leads_through_objects_alone"]),
    (PathsThroughTexts, &["a_path_leads_through_objects_alone"]),
    (QueryRealmsIgnored, &["only_aggregates_that_are_asked_for_are_found"]),
    (QueryResourcesFolded, &["only_aggregates_that_are_asked_for_are_found"]),
    (ClosedShown, &["only_aggregates_that_are_asked_for_are_found"]),
    (ClosedNeverShown, &["only_aggregates_that_are_asked_for_are_found"]),
    (DirectionsIgnored, &["numbers_are_compared_by_value"]),
    (NullsLast, &["numbers_are_compared_by_value"]),
    (FirstKeyAlone, &["columns_are_compared"]),
    (TiesTheOtherWay, &["numbers_are_compared_by_value"]),
    (ResourcesUnordered, &["pages_go_over_resources"]),
    (QueryAfterIncluded, &["pages_make_the_whole", "pages_go_over_resources"]),
    (AfterByIdentifierAlone, &["pages_make_the_whole"]),
    (AfterNullNothing, &["pages_make_the_whole"]),
    (PagesByCounting, &["pages_hold_while_others_write"]),
    (QueryLimitSigned, &["a_limit_may_be_anything"]),
    (QueryLimitOverrun, &["pages_make_the_whole", "a_limit_may_be_anything"]),
    (QueryLimitBeforeFilter, &["pages_make_the_whole", "a_limit_may_be_anything"]),
    (QueryInSteps, &["a_page_is_of_one_moment"]),
    (SnapshotInSteps, &["a_snapshot_is_of_one_moment"]),
    (SnapshotInOtherOrder, &["a_snapshot_has_the_rows_asked_for"]),
    (SnapshotWithoutAbsent, &["a_snapshot_has_the_rows_asked_for"]),
    (SnapshotWithoutTwins, &["a_snapshot_has_the_rows_asked_for"]),
    (SnapshotWithoutClosed, &["a_snapshot_has_the_rows_asked_for"]),
    (IndexHidesNulls, &["an_index_changes_no_answer"]),
    (IndexForgetsWrites, &["an_index_follows_every_handle"]),
    (SnapshotOfFew, &["a_snapshot_has_the_rows_asked_for"]),
    (NoRealmIsAllRealms, &["only_aggregates_that_are_asked_for_are_found"]),
];

/// Long for a claim on a store in memory.
const MAX_TIME: Duration = Duration::from_secs(30);

/// Long enough to see that a store hangs.
const HANGS_AFTER: Duration = Duration::from_secs(3);

fn check_found(findings: &[Finding]) {
    let mut faults = Vec::new();
    for (mutant, names) in findings {
        for name in *names {
            let claim = CLAIMS.iter().find(|claim| claim.name() == *name);
            let claim = *claim.unwrap_or_else(|| panic!("there is no claim `{name}`"));
            let mutant = *mutant;
            let time_max = if mutant == LocksInBatchOrder { HANGS_AFTER } else { MAX_TIME };
            let found = check(claim, time_max, async move {
                Harness::new(Place::default(), move |place: Arc<Place>| async move {
                    Naive::open(&place, Some(mutant))
                })
            });
            match found {
                Ok(()) => faults.push(format!("{mutant:?} is not found by `{name}`")),
                // A store that is slow would be found for a fault that it has not.
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
fn faults_of_fates_are_found() {
    check_found(FATES);
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
fn faults_of_turns_are_found() {
    check_found(TURNS);
}

#[test]
fn every_claim_finds_a_fault() {
    let all = [VERSIONS, FATES, ATOMICITY, IDENTIFIERS, ORDER, VALUES, LOGS, TURNS, QUERIES];
    let names = all.iter().flat_map(|findings| findings.iter().flat_map(|(_, names)| *names));
    let named: BTreeSet<&str> = names.copied().collect();
    let idle = CLAIMS.iter().map(|claim| claim.name()).filter(|name| !named.contains(name));
    let idle: Vec<&str> = idle.collect();
    assert!(idle.is_empty(), "these claims find nothing: {idle:?}");
}
