//! A unit of work is stored completely or not at all.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use crate::conformance::case_failure::{CaseFailure, CaseResult, ensure, same};
use crate::conformance::harness::Harness;
use crate::conformance::outcomes::{aborted, committed, known, stale};
use fluvius_store::{AggregateId, CommitOutcome, Store};

pub(crate) async fn a_unit_with_several_aggregates_is_stored(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    let context = harness.context();
    let aggregate_ids = [harness.aggregate_id(), harness.aggregate_id(), harness.aggregate_id()];
    let create = harness.draft(&context, &aggregate_ids[0]).writes(&aggregate_ids[0], 0).done();
    harness.commit_all(&store, [create]).await?;
    let unit = harness
        .draft(&context, &aggregate_ids[0])
        .writes(&aggregate_ids[0], 1)
        .message()
        .command(&aggregate_ids[1])
        .writes(&aggregate_ids[1], 0)
        .message()
        .activity()
        .command(&aggregate_ids[2])
        .writes(&aggregate_ids[2], 0)
        .done();
    harness.commit_all(&store, [unit]).await?;
    harness.holds(&store).await
}

pub(crate) async fn a_failed_unit_leaves_nothing(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    let context = harness.context();
    let aggregate_id = harness.aggregate_id();
    let first = harness.draft(&context, &aggregate_id).writes(&aggregate_id, 0).done();
    harness.commit_all(&store, [first.clone()]).await?;

    // Each unit writes one new aggregate before and one after the conflicting one, and has a new
    // context and rows of all kinds.
    let draft = || {
        let fresh = harness.aggregate_id();
        harness.draft(&harness.context(), &fresh).writes(&fresh, 0).message().activity()
    };
    let behind = AggregateId::new("z-behind", harness.id());
    let by_version = draft().writes(&behind, 0).writes(&aggregate_id, 7).done();
    let by_read = draft().reads(&aggregate_id, 0).done();
    let by_dependence = draft().after(0).done();
    let mut by_identifier = draft().done();
    let taken = first.commands[0].id;
    Arc::make_mut(&mut by_identifier.commands[0]).id = taken;
    Arc::make_mut(&mut by_identifier.events[0]).command_id = taken;
    Arc::make_mut(&mut by_identifier.messages[0]).command_id = taken;

    let before = harness.content(&store).await?;
    let outcome = harness.commit_one(&store, by_version.clone()).await?;
    stale("a unit with a wrong version", &outcome, &aggregate_id, Some(&first.states[0]))?;
    harness.holds(&store).await?;
    let outcome = harness.commit_one(&store, by_read.clone()).await?;
    stale("a unit that read a wrong version", &outcome, &aggregate_id, Some(&first.states[0]))?;
    harness.holds(&store).await?;
    let outcome = harness.commit_one(&store, by_identifier.clone()).await?;
    let position = before.commands.first().map_or(0, |row| row.position);
    known("a unit with a taken identifier", &outcome, &first, 0, position)?;
    harness.holds(&store).await?;

    let outcomes =
        harness.commit(&store, [by_version, by_dependence, by_read, by_identifier]).await?;
    stale("the first of a batch", &outcomes[0], &aggregate_id, Some(&first.states[0]))?;
    aborted("the second", &outcomes[1], 0)?;
    stale("the third", &outcomes[2], &aggregate_id, Some(&first.states[0]))?;
    known("the fourth", &outcomes[3], &first, 0, position)?;
    harness.holds(&store).await?;

    let after = harness.draft(&harness.context(), &aggregate_id).writes(&aggregate_id, 1).done();
    harness.commit_all(&store, [after]).await?;
    harness.holds(&store).await
}

pub(crate) async fn a_unit_without_rows_only_checks(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    let context = harness.context();
    let (aggregate_id, absent) = (harness.aggregate_id(), harness.aggregate_id());
    let first = harness.draft(&context, &aggregate_id).writes(&aggregate_id, 0).done();
    harness.commit_all(&store, [first.clone()]).await?;

    let fresh = || harness.context();
    let right = harness
        .draft(&fresh(), &aggregate_id)
        .reads(&aggregate_id, 1)
        .reads(&absent, 0)
        .only_checks();
    let wrong = harness.draft(&fresh(), &aggregate_id).reads(&aggregate_id, 2).only_checks();
    let nothing = harness.draft(&fresh(), &aggregate_id).only_checks();
    let dependent = harness.draft(&fresh(), &aggregate_id).after(1).only_checks();
    let outcomes = harness.commit(&store, [right, wrong, nothing, dependent]).await?;
    committed("a unit whose checks hold", &outcomes[0])?;
    stale("a unit whose checks do not hold", &outcomes[1], &aggregate_id, Some(&first.states[0]))?;
    committed("a unit without checks", &outcomes[2])?;
    aborted("a unit that depends on another", &outcomes[3], 1)?;
    harness.holds(&store).await?;

    // Checks against a unit of the same batch.
    let write = harness.draft(&context, &aggregate_id).writes(&aggregate_id, 1).done();
    let right =
        harness.draft(&fresh(), &aggregate_id).reads(&aggregate_id, 2).after(0).only_checks();
    let wrong = harness.draft(&fresh(), &aggregate_id).reads(&aggregate_id, 1).only_checks();
    let row = write.states[0].clone();
    let outcomes = harness.commit(&store, [write, right, wrong]).await?;
    committed("a unit that writes", &outcomes[0])?;
    committed("a check of what it wrote", &outcomes[1])?;
    stale("a check of what it wrote over", &outcomes[2], &aggregate_id, Some(&row))?;
    harness.holds(&store).await
}

pub(crate) async fn an_empty_batch_has_no_outcomes(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    harness.commit(&store, []).await?;
    harness.holds(&store).await
}

pub(crate) async fn a_closed_aggregate_keeps_its_row(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    let context = harness.context();
    let aggregate_id = harness.aggregate_id();
    let create = harness.draft(&context, &aggregate_id).writes(&aggregate_id, 0).done();
    let close = harness.draft(&context, &aggregate_id).closes(&aggregate_id, 1).done();
    harness.commit_all(&store, [create, close]).await?;
    let row = store.load(&aggregate_id).await?;
    ensure!(
        row.is_some_and(|row| row.closed_at.is_some() && row.version == 2),
        "the row of a closed aggregate is not loaded"
    );
    harness.holds(&store).await
}

pub(crate) async fn a_unit_of_many_aggregates_is_stored(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    let context = harness.context();
    let aggregate_ids: Vec<AggregateId> = (0..1_000).map(|_| harness.aggregate_id()).collect();
    let draft = harness.draft(&context, &aggregate_ids[0]);
    let unit = aggregate_ids
        .iter()
        .fold(draft, |draft, aggregate_id| draft.writes(aggregate_id, 0))
        .done();
    harness.commit_all(&store, [unit]).await?;
    let draft = harness.draft(&context, &aggregate_ids[0]);
    let unit = aggregate_ids
        .iter()
        .fold(draft, |draft, aggregate_id| draft.writes(aggregate_id, 1))
        .done();
    let mut wrong = unit.clone();
    Arc::make_mut(&mut wrong.commands[0]).id = harness.id();
    let source = wrong.commands[0].id;
    wrong.events.iter_mut().for_each(|event| Arc::make_mut(event).command_id = source);
    let first = unit.expected[0].aggregate_id.clone();
    let row = unit.states.iter().find(|state| state.aggregate_id == first).cloned();
    let outcomes = harness.commit(&store, [unit, wrong]).await?;
    committed("a unit that writes a thousand aggregates", &outcomes[0])?;
    stale("a unit that expects old versions of them", &outcomes[1], &first, row.as_deref())?;
    harness.holds(&store).await
}

pub(crate) async fn a_batch_of_many_units_is_stored(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    let context = harness.context();
    let aggregate_id = harness.aggregate_id();
    let mut batch = Vec::new();
    for version in 0..500 {
        let draft = harness.draft(&context, &aggregate_id).writes(&aggregate_id, version).message();
        batch.push(if version > 0 { draft.after(batch.len() - 2).done() } else { draft.done() });
        let other = harness.aggregate_id();
        batch.push(harness.draft(&harness.context(), &other).writes(&other, 0).activity().done());
    }
    for (index, outcome) in harness.commit(&store, batch).await?.iter().enumerate() {
        committed(&format!("unit {index} of a batch of a thousand"), outcome)?;
    }
    harness.holds(&store).await
}

pub(crate) async fn a_dropped_commit_stores_all_or_nothing(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    let context = harness.context();
    for poll_count in 0..12 {
        let aggregate_ids = [harness.aggregate_id(), harness.aggregate_id()];
        let draft =
            harness.draft(&context, &aggregate_ids[0]).writes(&aggregate_ids[0], 0).message();
        let unit = draft.command(&aggregate_ids[1]).writes(&aggregate_ids[1], 0).activity().done();
        harness.watch(std::slice::from_ref(&unit));
        drop_after(poll_count, store.commit(Arc::from([unit.clone()]))).await;

        // To find the outcome, commit the same unit again under its id.
        match harness.commit_one(&store, unit.clone()).await? {
            CommitOutcome::Committed { .. } => {}
            CommitOutcome::DuplicateCommand { command, .. } => {
                same("the row of a dropped unit", unit.commands[0].as_ref(), &command.record)?;
                harness.remember(&unit, command.position);
            }
            outcome => {
                return Err(CaseFailure::new(format!(
                    "a unit whose commit was dropped after {poll_count} polls: found {outcome:?}"
                )));
            }
        }
        harness.holds(&store).await?;
    }
    Ok(())
}

/// Polls a future up to `poll_count` times, with pauses for the store, and drops it.
async fn drop_after(poll_count: usize, commit: impl Future) {
    let mut commit = pin!(commit);
    for _ in 0..poll_count {
        let is_ready = poll_fn(|cx| Poll::Ready(commit.as_mut().poll(cx).is_ready())).await;
        if is_ready {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The pause between two polls.
const PAUSE: Duration = Duration::from_micros(100);
