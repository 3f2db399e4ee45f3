//! The content of a store that is closed and opened again.

use crate::conformance::case_failure::{CaseResult, ensure};
use crate::conformance::handle::Handle;
use crate::conformance::harness::Harness;
use crate::conformance::outcomes::{committed, known, stale};
use fluvius_store::{AggregateId, Store};

pub(crate) async fn the_content_survives_reopening(harness: &Harness) -> CaseResult {
    let aggregate_id = harness.aggregate_id();
    let mut store = harness.open().await;
    for version in 0..3 {
        fill(harness, &store, &aggregate_id, version).await?;
        harness.holds(&store).await?;
        drop(store);
        store = harness.open().await;
        harness.holds(&store).await?;
    }
    // A second handle stays usable after the first one is dropped.
    let beside = harness.open().await;
    drop(store);
    fill(harness, &beside, &aggregate_id, 3).await?;
    harness.holds(&beside).await
}

pub(crate) async fn a_reopened_store_continues(harness: &Harness) -> CaseResult {
    let aggregate_id = harness.aggregate_id();
    let context = harness.context();
    let store = harness.open().await;
    store.register_domain("bank", &["account"]).await?;
    let first = harness.draft(&context, &aggregate_id).writes(&aggregate_id, 0).activity().done();
    let outcome = harness.commit_one(&store, first.clone()).await?;
    let position = committed("the first", &outcome)?;
    drop(store);

    let store = harness.open().await;
    let owned = store.register_domain("shop", &["account"]).await;
    ensure!(owned.is_err(), "after reopening another domain may case what is taken");
    store.register_domain("bank", &["account"]).await?;
    let again = harness.draft(&context, &aggregate_id).with_id(first.commands[0].id);
    let outcome = harness.commit_one(&store, again.writes(&aggregate_id, 1).done()).await?;
    known("an identifier from before", &outcome, &first, 0, position)?;
    let twin = harness.draft(&context, &aggregate_id).writes(&aggregate_id, 0).done();
    let outcome = harness.commit_one(&store, twin).await?;
    stale(
        "a creation of an aggregate from before",
        &outcome,
        &aggregate_id,
        Some(&first.states[0]),
    )?;
    let next = harness.draft(&context, &aggregate_id).writes(&aggregate_id, 1).done();
    let outcome = harness.commit_one(&store, next).await?;
    let next = committed("a change of an aggregate from before", &outcome)?;
    ensure!(next > position + 2, "position {next} was given before, up to {}", position + 2);
    harness.holds(&store).await
}

async fn fill(
    harness: &Harness,
    store: &Handle,
    aggregate_id: &AggregateId,
    version: u64,
) -> CaseResult {
    let other = harness.aggregate_id();
    let draft =
        harness.draft(&harness.context(), aggregate_id).writes(aggregate_id, version).message();
    let unit = draft.command(&other).closes(&other, 0).activity().done();
    let rejection =
        harness.draft(&harness.context_of(Some("north")), aggregate_id).rejected().done();
    harness.commit_all(store, [unit, rejection]).await
}
