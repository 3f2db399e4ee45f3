//! Commit dependencies between the units of a batch.

use std::sync::Arc;

use crate::conformance::case_failure::{CaseResult, same};
use crate::conformance::harness::Harness;
use crate::conformance::outcomes::{aborted, committed, failed, known, stale};

pub(crate) async fn a_unit_sees_the_units_before_it_in_the_batch(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    let context = harness.context();
    let (aggregate_id, other) = (harness.aggregate_id(), harness.aggregate_id());
    // The expected version of each unit exists only because of the unit before.
    let batch = [
        harness.draft(&context, &aggregate_id).writes(&aggregate_id, 0).done(),
        harness.draft(&context, &aggregate_id).after(0).writes(&aggregate_id, 1).done(),
        harness.draft(&context, &other).after(1).writes(&other, 0).reads(&aggregate_id, 2).done(),
        harness
            .draft(&context, &aggregate_id)
            .after(1)
            .after(2)
            .writes(&aggregate_id, 2)
            .writes(&other, 1)
            .done(),
        harness.draft(&context, &aggregate_id).after(3).closes(&aggregate_id, 3).done(),
        harness.draft(&context, &aggregate_id).after(4).rejected().reads(&aggregate_id, 4).done(),
    ];
    for (index, outcome) in harness.commit(&store, batch).await?.iter().enumerate() {
        committed(&format!("unit {index}"), outcome)?;
    }
    harness.holds(&store).await
}

pub(crate) async fn a_version_conflict_reports_the_row_of_the_batch(
    harness: &Harness,
) -> CaseResult {
    let store = harness.open().await;
    let context = harness.context();
    let (aggregate_id, other) = (harness.aggregate_id(), harness.aggregate_id());
    let create = harness.draft(&context, &aggregate_id).writes(&aggregate_id, 0).done();
    let change = harness.draft(&context, &aggregate_id).after(0).writes(&aggregate_id, 1).done();
    let twin = harness.draft(&context, &aggregate_id).writes(&aggregate_id, 0).done();
    let late = harness.draft(&context, &other).writes(&other, 0).reads(&aggregate_id, 1).done();
    let row = change.states[0].clone();
    let outcomes = harness.commit(&store, [create, change, twin, late]).await?;
    committed("the creation", &outcomes[0])?;
    committed("the change", &outcomes[1])?;
    stale("a second creation in the same batch", &outcomes[2], &aggregate_id, Some(&row))?;
    stale("a version that the batch has passed", &outcomes[3], &aggregate_id, Some(&row))?;
    harness.holds(&store).await
}

pub(crate) async fn dependents_of_a_failed_unit_abort_transitively(
    harness: &Harness,
) -> CaseResult {
    let store = harness.open().await;
    let context = harness.context();
    let [stale_aggregate, chain, branch, free] = [(); 4].map(|()| harness.aggregate_id());
    let create = harness.draft(&context, &stale_aggregate).writes(&stale_aggregate, 0).done();
    harness.commit_all(&store, [create.clone()]).await?;
    let batch = [
        harness.draft(&context, &free).writes(&free, 0).done(),
        harness.draft(&context, &chain).writes(&chain, 0).reads(&stale_aggregate, 5).done(),
        harness.draft(&context, &chain).after(1).writes(&chain, 1).done(),
        harness.draft(&context, &free).after(0).writes(&free, 1).done(),
        harness.draft(&context, &branch).after(2).writes(&branch, 0).reads(&chain, 2).done(),
        harness.draft(&context, &branch).after(4).writes(&branch, 1).done(),
        harness.draft(&context, &free).after(3).after(5).rejected().reads(&branch, 2).done(),
        harness.draft(&context, &free).after(0).after(3).writes(&free, 2).done(),
    ];
    let outcomes = harness.commit(&store, batch).await?;
    committed("a unit before the rejected one", &outcomes[0])?;
    stale("the rejected one", &outcomes[1], &stale_aggregate, Some(&create.states[0]))?;
    aborted("its dependent", &outcomes[2], 1)?;
    committed("a unit beside it", &outcomes[3])?;
    aborted("the second step", &outcomes[4], 2)?;
    aborted("the third step", &outcomes[5], 4)?;
    aborted("a dependent of a committed and an aborted unit", &outcomes[6], 5)?;
    committed("the last unit, beside all that aborted", &outcomes[7])?;
    harness.holds(&store).await
}

pub(crate) async fn a_dependent_aborts_despite_matching_versions(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    let context = harness.context();
    let [stale_aggregate, read, written] = [(); 3].map(|()| harness.aggregate_id());
    // The unit has no aggregate in common with its dependency.
    let batch = [
        harness.draft(&context, &stale_aggregate).writes(&stale_aggregate, 3).done(),
        harness.draft(&context, &written).after(0).writes(&written, 0).reads(&read, 0).done(),
        harness.draft(&context, &read).after(1).rejected().reads(&read, 0).done(),
    ];
    let outcomes = harness.commit(&store, batch).await?;
    stale("the first", &outcomes[0], &stale_aggregate, None)?;
    aborted("a unit whose own versions are right", &outcomes[1], 0)?;
    aborted("a rejection that depends on it", &outcomes[2], 1)?;
    harness.holds(&store).await
}

pub(crate) async fn the_first_reason_is_the_outcome(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    let context = harness.context();
    let (aggregate_id, other) = (harness.aggregate_id(), harness.aggregate_id());
    let first = harness.draft(&context, &aggregate_id).writes(&aggregate_id, 0).done();
    let outcome = harness.commit_one(&store, first.clone()).await?;
    let position = committed("the first", &outcome)?;
    let taken = first.commands[0].id;

    let stale_only = harness.draft(&context, &aggregate_id).writes(&aggregate_id, 0).done();
    let known_and_stale =
        harness.draft(&context, &aggregate_id).with_id(taken).writes(&aggregate_id, 0).done();
    let draft = harness.draft(&context, &aggregate_id).after(0).after(1);
    let fallen_known_and_stale = draft.with_id(taken).writes(&aggregate_id, 0).done();
    let draft =
        harness.draft(&context, &aggregate_id).after(0).with_id(taken).writes(&aggregate_id, 0);
    let mut all_and_malformed = draft.reads(&other, 0).done();
    all_and_malformed.events.clear();
    let batch = [stale_only, known_and_stale, fallen_known_and_stale, all_and_malformed];
    let outcomes = harness.commit(&store, batch).await?;
    stale("a unit that is stale", &outcomes[0], &aggregate_id, Some(&first.states[0]))?;
    known("a unit that is known and stale", &outcomes[1], &first, 0, position)?;
    aborted("a unit that depends on two aborted ones", &outcomes[2], 0)?;
    failed("a malformed unit with every other fault as well", &outcomes[3])?;

    // If two ids are taken, that of the first command is reported.
    let second = harness.draft(&context, &other).writes(&other, 0).done();
    let outcome = harness.commit_one(&store, second.clone()).await?;
    let position = committed("the second", &outcome)?;
    let mut both = harness.draft(&context, &aggregate_id).rejected().command(&other).done();
    Arc::make_mut(&mut both.commands[0]).id = second.commands[0].id;
    Arc::make_mut(&mut both.commands[1]).id = taken;
    let outcome = harness.commit_one(&store, both).await?;
    known("a unit with two taken identifiers", &outcome, &second, 0, position)?;
    same("the outcomes", &4, &outcomes.len())?;
    harness.holds(&store).await
}
