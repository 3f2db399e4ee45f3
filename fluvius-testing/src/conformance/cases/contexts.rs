//! A context is stored once, with the first committed unit that carries it.

use std::sync::Arc;

use crate::conformance::case_failure::{CaseResult, ensure};
use crate::conformance::harness::Harness;
use crate::conformance::outcomes::{committed, stale};
use fluvius_store::Store;

pub(crate) async fn a_context_is_stored_once(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    let context = harness.context();
    let aggregate_id = harness.aggregate_id();
    let batch = [
        harness.draft(&context, &aggregate_id).writes(&aggregate_id, 0).done(),
        harness.draft(&context, &aggregate_id).after(0).writes(&aggregate_id, 1).done(),
    ];
    for outcome in harness.commit(&store, batch).await? {
        committed("a unit of a shared context", &outcome)?;
    }
    let next = harness.draft(&context, &aggregate_id).writes(&aggregate_id, 2).done();
    harness.commit_all(&store, [next]).await?;
    // A stored context never changes, even if another one is sent under its id.
    let other = Arc::new({
        let mut record = (*context).clone();
        record.source = "other".to_owned();
        record
    });
    let next = harness.draft(&other, &aggregate_id).writes(&aggregate_id, 3).done();
    harness.commit_all(&store, [next]).await?;
    let stored = store.context(context.id).await?;
    ensure!(stored.as_deref() == Some(&*context), "the context was changed: {stored:?}");
    ensure!(store.context(harness.id()).await?.is_none(), "a context is found that is not there");

    // A context is stored even if only an activity refers to it.
    let context = harness.context_of(Some("north"));
    let mut denied = harness.draft(&context, &aggregate_id).activity().done();
    denied.commands.clear();
    harness.commit_all(&store, [denied]).await?;
    let stored = store.context(context.id).await?;
    ensure!(stored.as_deref() == Some(&*context), "the context of an activity is not stored");
    harness.holds(&store).await
}

pub(crate) async fn the_context_of_a_failed_unit_is_stored_later(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    let context = harness.context();
    let aggregate_id = harness.aggregate_id();
    let failing = || harness.draft(&context, &aggregate_id).writes(&aggregate_id, 7).done();
    let outcome = harness.commit_one(&store, failing()).await?;
    stale("a rejected unit", &outcome, &aggregate_id, None)?;
    ensure!(store.context(context.id).await?.is_none(), "a rejected unit left its context");
    let batch = [
        failing(),
        harness.draft(&context, &aggregate_id).writes(&aggregate_id, 0).done(),
        failing(),
    ];
    let outcomes = harness.commit(&store, batch).await?;
    committed("a unit between rejected ones of its context", &outcomes[1])?;
    harness.holds(&store).await
}
