//! The steps and checks that the cases of work rows share.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::conformance::case_failure::{CaseFailure, CaseResult, same};
use crate::conformance::handle::Handle;
use crate::conformance::harness::Harness;
use fluvius_store::work::{
    WorkKey, WorkOutcome, WorkPage, WorkQuery, WorkRow, WorkUnit, WorkWrite,
};
use fluvius_store::{ActivityRecord, AggregateId, Json, Store};

/// Opens a store, if it has work rows.
pub(super) async fn supporting(harness: &Harness) -> Option<Handle> {
    let store = harness.open().await;
    store.capabilities().subscriptions.then_some(store)
}

pub(super) async fn write(
    store: &Handle,
    units: impl Into<Arc<[WorkUnit]>>,
) -> Result<Vec<WorkOutcome>, CaseFailure> {
    let units = units.into();
    let outcomes = tokio::spawn({
        let (store, units) = (store.clone(), Arc::clone(&units));
        async move { store.write_work(units, time(0)).await }
    });
    let outcomes = outcomes.await?;
    if outcomes.len() == units.len() {
        return Ok(outcomes);
    }
    Err(CaseFailure::new(format!("{} units have {} outcomes", units.len(), outcomes.len())))
}

pub(super) async fn read(store: &Handle, query: WorkQuery) -> Result<WorkPage, CaseFailure> {
    Ok(store.work(&query).await?)
}

/// Checks the parts and the numbers of all checkpoints.
pub(super) async fn check_rows(store: &Handle, expected: &[(&str, u64)]) -> CaseResult {
    let page = read(store, WorkQuery::new(time(0), ["checkpoint"])).await?;
    let found: Vec<_> = page.rows.iter().map(|row| (&*row.key.part, &row.data)).collect();
    let found: Vec<_> =
        found.into_iter().map(|(part, data)| (part, data.to_value().as_u64())).collect();
    let expected: Vec<_> = expected.iter().map(|(part, number)| (*part, Some(*number))).collect();
    same("the work rows", &expected, &found)
}

pub(super) fn key(part: &str) -> WorkKey {
    WorkKey::new("checkpoint", "mailer", part)
}

pub(super) fn keys(page: &WorkPage) -> Vec<WorkKey> {
    page.rows.iter().map(|row| row.key.clone()).collect()
}

pub(super) fn put(key: WorkKey, expected: Option<u64>, data: &Json) -> WorkUnit {
    WorkUnit::new([WorkWrite::put(key, expected, data.clone())])
}

pub(super) fn with_activity(harness: &Harness, unit: WorkUnit) -> WorkUnit {
    let context = harness.context();
    let target = AggregateId::new("conformance", Uuid::nil());
    let activity =
        ActivityRecord::new(harness.id(), target, context.id, harness.id(), "reset a checkpoint");
    unit.with_activity(context, Arc::new(activity))
}

pub(super) fn records(rows: &[fluvius_store::LogEntry<ActivityRecord>]) -> Vec<ActivityRecord> {
    rows.iter().map(|row| row.record.clone()).collect()
}

/// Returns a time of the caller, in seconds.
pub(super) fn time(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_700_000_000 + seconds)
}

pub(super) fn number(number: u64) -> Json {
    json(&number.to_string())
}

pub(super) fn json(text: &str) -> Json {
    Json::from_value(&serde_json::from_str(text).unwrap_or_default())
        .unwrap_or_else(|_| Json::empty_object())
}

pub(super) fn one(mut outcomes: Vec<WorkOutcome>) -> Result<WorkOutcome, CaseFailure> {
    outcomes.pop().ok_or_else(|| CaseFailure::new("a unit has no outcome"))
}

/// Returns the token of a call's only unit, which is stored.
pub(super) fn stored(outcomes: Vec<WorkOutcome>) -> Result<u64, CaseFailure> {
    token_of(&one(outcomes)?)
}

pub(super) fn token_of(outcome: &WorkOutcome) -> Result<u64, CaseFailure> {
    match outcome {
        WorkOutcome::Stored { token } => Ok(*token),
        outcome => Err(CaseFailure::new(format!("expected a stored unit, found {outcome:?}"))),
    }
}

/// Returns the row that the last unit has found at a key.
pub(super) fn stale(
    outcomes: &[WorkOutcome],
    at: &WorkKey,
) -> Result<Option<WorkRow>, CaseFailure> {
    match outcomes.last() {
        Some(WorkOutcome::Stale { key, found }) if key == at => Ok(found.as_deref().cloned()),
        outcome => Err(CaseFailure::new(format!("expected {at:?} to be stale, found {outcome:?}"))),
    }
}
