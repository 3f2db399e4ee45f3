//! Leases are exclusive and advisory. A store without leases passes both cases.

use std::time::Duration;

use crate::conformance::case_failure::{CaseFailure, CaseResult, ensure};
use crate::conformance::handle::Handle;
use crate::conformance::harness::Harness;
use fluvius_store::{AggregateId, CommitOutcome, Lease, Store};

/// Number of polls for an eventual condition, each followed by a pause.
const POLL_COUNT: u32 = 200;

const PAUSE: Duration = Duration::from_millis(25);

pub(crate) async fn a_lease_is_exclusive(harness: &Harness) -> CaseResult {
    let stores = [harness.open().await, harness.open().await];
    let (aggregate_id, other) = (harness.aggregate_id(), harness.aggregate_id());
    let Some(lease) = stores[0].acquire_lease(&aggregate_id).await else { return Ok(()) };
    let next = tokio::spawn({
        let (store, aggregate_id) = (stores[1].clone(), aggregate_id.clone());
        async move { store.acquire_lease(&aggregate_id).await }
    });
    let elsewhere = wait_for_lease(&stores[1], &other).await?;
    tokio::time::sleep(PAUSE * 4).await;
    let next = match next.is_finished() {
        // The call may have given up after about one second.
        true => match next.await? {
            Some(_) => return Err(CaseFailure::new("two handles hold the lease of one aggregate")),
            None => None,
        },
        false => Some(next),
    };
    drop((lease, elsewhere));
    if let Some(next) = next {
        drop(next.await?);
    }
    drop(wait_for_lease(&stores[1], &aggregate_id).await?);
    drop(wait_for_lease(&stores[0], &aggregate_id).await?);
    Ok(())
}

pub(crate) async fn a_commit_without_a_lease_reports_contention(harness: &Harness) -> CaseResult {
    let stores = [harness.open().await, harness.open().await];
    let (aggregate_id, other) = (harness.aggregate_id(), harness.aggregate_id());
    let context = harness.context();
    let Some(lease) = stores[0].acquire_lease(&aggregate_id).await else { return Ok(()) };
    let unit =
        harness.draft(&context, &aggregate_id).writes(&aggregate_id, 0).writes(&other, 0).done();
    let found = contended(harness.commit_one(&stores[1], unit).await?)?;
    ensure!(
        found == [aggregate_id.clone()],
        "the contended aggregates are {found:?}, not only {aggregate_id:?}"
    );
    drop(lease);
    for version in 1..POLL_COUNT.into() {
        let unit = harness.draft(&context, &aggregate_id).writes(&aggregate_id, version).done();
        if contended(harness.commit_one(&stores[1], unit).await?)?.is_empty() {
            return harness.holds(&stores[0]).await;
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(CaseFailure::new("a released lease is reported as contended"))
}

/// Acquires a lease that is free or about to be released.
async fn wait_for_lease(store: &Handle, aggregate_id: &AggregateId) -> Result<Lease, CaseFailure> {
    for _ in 0..POLL_COUNT {
        if let Some(lease) = store.acquire_lease(aggregate_id).await {
            return Ok(lease);
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(CaseFailure::new("a free lease is not granted"))
}

fn contended(outcome: CommitOutcome) -> Result<Vec<AggregateId>, CaseFailure> {
    match outcome {
        CommitOutcome::Committed { contended, .. } => Ok(contended),
        outcome => {
            Err(CaseFailure::new(format!("a unit without the lease of its aggregate: {outcome:?}")))
        }
    }
}
