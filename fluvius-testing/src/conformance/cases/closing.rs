//! A closed store fails all calls with a retryable error, unless closing has no effect.

use crate::conformance::case_failure::{CaseFailure, CaseResult, ensure};
use crate::conformance::handle::{Handle, behind};
use crate::conformance::harness::Harness;
use chrono::DateTime;
use fluvius_store::work::WorkQuery;
use fluvius_store::{CommitOutcome, LogKind, StateQuery, Store, StoreError};

pub(crate) async fn a_closed_store_fails_all_calls(harness: &Harness) -> CaseResult {
    let aggregate_id = harness.aggregate_id();
    let context = harness.context();
    let store = harness.open().await;
    let unit = harness.draft(&context, &aggregate_id).writes(&aggregate_id, 0).done();
    harness.commit_all(&store, [unit.clone()]).await?;
    store.close().await?;
    store.close().await?;
    // A store may ignore `close`, and then works as before.
    let is_closed = store.load(&aggregate_id).await.is_err();
    let calls = reads(&store, &aggregate_id, &unit).await;
    for (call, error) in calls {
        match error {
            None => ensure!(!is_closed, "`{call}` is answered by a store that is closed"),
            Some(error) => {
                ensure!(is_closed, "`{call}` fails, and others do not: {error}");
                ensure!(error.is_retryable(), "`{call}` on a closed store fails for good: {error}");
            }
        }
    }
    let next = harness.draft(&context, &aggregate_id).writes(&aggregate_id, 1).done();
    match harness.commit_one(&store, next).await? {
        CommitOutcome::Committed { .. } if !is_closed => {}
        CommitOutcome::Failed(error) if is_closed && error.is_retryable() => {}
        outcome => {
            return Err(CaseFailure::new(format!(
                "after `close`, where reads {}, a unit was {outcome:?}",
                if is_closed { "fail" } else { "are answered" }
            )));
        }
    }
    // A store that can be opened again has the complete content.
    let again = harness.open().await;
    match again.load(&aggregate_id).await {
        Ok(_) => harness.holds(&again).await,
        Err(_) => Ok(()),
    }
}

/// Calls every other method. Returns the error of each call.
async fn reads(
    store: &Handle,
    aggregate_id: &fluvius_store::AggregateId,
    unit: &fluvius_store::UnitOfWork,
) -> Vec<(&'static str, Option<StoreError>)> {
    let log = behind(0, 1);
    let id = unit.commands.first().map_or(aggregate_id.id, |command| command.id);
    let work = WorkQuery::new(DateTime::UNIX_EPOCH, ["checkpoint"]);
    let has_work = store.capabilities().subscriptions;
    let mut calls = vec![
        ("case", store.register_domain("conformance", &["conformance"]).await.err()),
        ("snapshot", store.snapshot(std::slice::from_ref(aggregate_id)).await.err()),
        ("query", store.query(&StateQuery::every(1)).await.err()),
        ("command", store.command(id).await.err()),
        ("history", store.history(aggregate_id, 1, 1).await.err()),
        ("commands", store.log(LogKind::Commands, &log).await.err()),
        ("events", store.log(LogKind::Events, &log).await.err()),
        ("messages", store.log(LogKind::Messages, &log).await.err()),
        ("activities", store.log(LogKind::Activities, &log).await.err()),
        ("context", store.context(unit.context.id).await.err()),
    ];
    if has_work {
        calls.push(("work", store.work(&work).await.err()));
        calls.push(("incarnation", store.incarnation().await.err()));
    }
    calls
}
