//! A command id is used once.

use std::sync::Arc;

use crate::conformance::case_failure::{CaseResult, ensure};
use crate::conformance::harness::Harness;
use crate::conformance::outcomes::{aborted, committed, known, stale};
use fluvius_store::Store;

pub(crate) async fn a_used_command_id_is_a_duplicate(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    let (aggregate_id, other) = (harness.aggregate_id(), harness.aggregate_id());
    let before = harness.draft(&harness.context(), &aggregate_id).writes(&aggregate_id, 0).done();
    harness.commit_all(&store, [before]).await?;
    let first = harness
        .draft(&harness.context_of(Some("north")), &aggregate_id)
        .writes(&aggregate_id, 1)
        .done();
    let outcome = harness.commit_one(&store, first.clone()).await?;
    let position = committed("the first", &outcome)?;
    let taken = first.commands[0].id;

    // From another context, for another aggregate, as a rejection, and the same unit again.
    let again = [
        harness
            .draft(&harness.context(), &aggregate_id)
            .with_id(taken)
            .writes(&aggregate_id, 2)
            .done(),
        harness.draft(&harness.context(), &other).with_id(taken).writes(&other, 0).done(),
        harness.draft(&harness.context(), &aggregate_id).with_id(taken).rejected().done(),
        first.clone(),
    ];
    for unit in again {
        let outcome = harness.commit_one(&store, unit).await?;
        known("the identifier again", &outcome, &first, 0, position)?;
    }
    let found = store.command(taken).await?;
    ensure!(found.is_some_and(|(row, _)| row.position == position), "the row is not found");
    ensure!(store.command(harness.id()).await?.is_none(), "a row is found that is not there");
    harness.holds(&store).await
}

pub(crate) async fn a_command_id_is_used_within_a_batch(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    let context = harness.context();
    let [aggregate_id, other, third] = [(); 3].map(|()| harness.aggregate_id());
    let first = harness.draft(&context, &aggregate_id).writes(&aggregate_id, 0).done();
    let taken = first.commands[0].id;
    let batch = [
        first.clone(),
        harness.draft(&harness.context(), &other).with_id(taken).writes(&other, 0).done(),
        harness.draft(&context, &other).after(1).writes(&other, 1).done(),
        harness.draft(&context, &third).writes(&third, 0).done(),
    ];
    let outcomes = harness.commit(&store, batch).await?;
    let position = committed("the first", &outcomes[0])?;
    known("the identifier again", &outcomes[1], &first, 0, position)?;
    aborted("its dependent", &outcomes[2], 1)?;
    committed("a unit beside it", &outcomes[3])?;
    harness.holds(&store).await
}

pub(crate) async fn the_command_id_of_a_rejection_is_used(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    let context = harness.context();
    let aggregate_id = harness.aggregate_id();
    let rejection =
        harness.draft(&context, &aggregate_id).rejected().reads(&aggregate_id, 0).done();
    let outcome = harness.commit_one(&store, rejection.clone()).await?;
    let position = committed("the rejection", &outcome)?;
    let draft = harness.draft(&context, &aggregate_id).with_id(rejection.commands[0].id);
    let outcome = harness.commit_one(&store, draft.writes(&aggregate_id, 0).done()).await?;
    known("its identifier again", &outcome, &rejection, 0, position)?;
    harness.holds(&store).await
}

pub(crate) async fn the_id_of_an_invoked_command_is_used(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    let context = harness.context();
    let (aggregate_id, other) = (harness.aggregate_id(), harness.aggregate_id());
    let draft = harness.draft(&context, &aggregate_id).writes(&aggregate_id, 0);
    let first = draft.command(&other).writes(&other, 0).done();
    let outcome = harness.commit_one(&store, first.clone()).await?;
    let position = committed("the first", &outcome)? + 1;
    let taken = first.commands[1].id;
    let again =
        harness.draft(&context, &aggregate_id).with_id(taken).writes(&aggregate_id, 1).done();
    let outcome = harness.commit_one(&store, again).await?;
    known("the identifier again, as a first command", &outcome, &first, 1, position)?;
    let mut again = harness.draft(&context, &aggregate_id).command(&other).done();
    Arc::make_mut(&mut again.commands[1]).id = taken;
    let outcome = harness.commit_one(&store, again).await?;
    known("the identifier again, as an invoked command", &outcome, &first, 1, position)?;
    harness.holds(&store).await
}

pub(crate) async fn the_command_id_of_a_failed_unit_is_free(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    let context = harness.context();
    let aggregate_id = harness.aggregate_id();
    let rejected = harness.draft(&context, &aggregate_id).writes(&aggregate_id, 1).done();
    let id = rejected.commands[0].id;
    let dependent = harness.draft(&context, &aggregate_id).after(0).writes(&aggregate_id, 0).done();
    let dependent_id = dependent.commands[0].id;
    // In the same batch, and in the next one.
    let again = harness.draft(&context, &aggregate_id).with_id(id).writes(&aggregate_id, 0).done();
    let outcomes = harness.commit(&store, [rejected, dependent, again]).await?;
    stale("the rejected unit", &outcomes[0], &aggregate_id, None)?;
    aborted("its dependent", &outcomes[1], 0)?;
    committed("its identifier again, in the same batch", &outcomes[2])?;
    let again = harness
        .draft(&context, &aggregate_id)
        .with_id(dependent_id)
        .writes(&aggregate_id, 1)
        .done();
    let outcome = harness.commit_one(&store, again).await?;
    committed("the identifier of a unit that aborted, in the next batch", &outcome)?;
    harness.holds(&store).await
}
