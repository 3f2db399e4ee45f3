//! Concurrent commits from several handles and threads.

use futures_util::future::{join, join_all};

use crate::conformance::case_failure::{CaseFailure, CaseResult, ensure, same};
use crate::conformance::draft::json;
use crate::conformance::handle::Handle;
use crate::conformance::harness::Harness;
use fluvius_store::{AggregateId, CommitOutcome, Store, UnitOfWork};

/// Number of races per case.
const ROUND_COUNT: usize = 40;

pub(crate) async fn write_skew_is_prevented(harness: &Harness) -> CaseResult {
    let stores = [harness.open().await, harness.open().await];
    let context = harness.context();
    for round in 0..ROUND_COUNT {
        let (left, right) = (harness.aggregate_id(), harness.aggregate_id());
        // Existing aggregates in one round, absent ones in the next: an absent row cannot be
        // locked.
        let version = u64::from(round % 2 == 0);
        if version == 1 {
            let create = harness.draft(&context, &left).writes(&left, 0).writes(&right, 0).done();
            harness.commit_all(&stores[0], [create]).await?;
        }
        let one = harness.draft(&context, &left).writes(&left, version).reads(&right, version);
        let other = harness.draft(&context, &right).writes(&right, version).reads(&left, version);
        let outcomes = at_once(harness, &stores, [one.done(), other.done()]).await?;
        check_one_committed("units that read what the other writes", &outcomes)?;
    }
    harness.holds(&stores[0]).await?;
    harness.holds(&stores[1]).await
}

pub(crate) async fn one_of_two_creations_is_committed(harness: &Harness) -> CaseResult {
    let stores = [harness.open().await, harness.open().await];
    for _ in 0..ROUND_COUNT {
        let aggregate_id = harness.aggregate_id();
        let create =
            || harness.draft(&harness.context(), &aggregate_id).writes(&aggregate_id, 0).done();
        let outcomes = at_once(harness, &stores, [create(), create()]).await?;
        check_one_committed("creations of one aggregate", &outcomes)?;
    }
    harness.holds(&stores[0]).await?;
    harness.holds(&stores[1]).await
}

pub(crate) async fn one_of_two_uses_of_a_command_id_is_committed(harness: &Harness) -> CaseResult {
    let stores = [harness.open().await, harness.open().await];
    for _ in 0..ROUND_COUNT {
        let id = harness.id();
        let create = || {
            let aggregate_id = harness.aggregate_id();
            let draft = harness.draft(&harness.context(), &aggregate_id).with_id(id);
            draft.writes(&aggregate_id, 0).done()
        };
        let outcomes = at_once(harness, &stores, [create(), create()]).await?;
        let known = outcomes
            .iter()
            .filter(|outcome| matches!(outcome, CommitOutcome::DuplicateCommand { .. }))
            .count();
        let committed = outcomes
            .iter()
            .filter(|outcome| matches!(outcome, CommitOutcome::Committed { .. }))
            .count();
        ensure!((committed, known) == (1, 1), "of two units of one identifier: found {outcomes:?}");
    }
    harness.holds(&stores[0]).await?;
    harness.holds(&stores[1]).await
}

pub(crate) async fn concurrent_commits_lose_no_update(harness: &Harness) -> CaseResult {
    const COMMITTERS: usize = 8;
    const UPDATES_EACH: u64 = 15;
    let stores = [harness.open().await, harness.open().await];
    let aggregate_id = harness.aggregate_id();
    let committers = (0..COMMITTERS).map(|committer| {
        let (store, aggregate_id) = (&stores[committer % 2], &aggregate_id);
        async move {
            let mut left = UPDATES_EACH;
            let mut try_count = 0;
            while left > 0 {
                try_count += 1;
                ensure!(try_count < 10_000, "an update conflicted {try_count} times");
                let row = store.load(aggregate_id).await?;
                let version = row.as_ref().map_or(0, |row| row.version);
                let count = row.and_then(|row| row.data.to_value().as_u64()).unwrap_or(0);
                let draft = harness.draft(&harness.context(), aggregate_id);
                let unit = draft.sets(aggregate_id, version, json(&(count + 1).to_string())).done();
                match harness.commit_one(store, unit).await? {
                    CommitOutcome::Committed { .. } => left -= 1,
                    CommitOutcome::VersionConflict { aggregate_id: stale, stored } => {
                        same("the stale aggregate", aggregate_id, &stale)?;
                        let found = stored.map_or(0, |row| row.version);
                        ensure!(found > version, "stale at {version}, stored is {found}");
                    }
                    outcome => {
                        return Err(CaseFailure::new(format!("an update: found {outcome:?}")));
                    }
                }
            }
            Ok(())
        }
    });
    for updated_at in join_all(committers).await {
        updated_at?;
    }
    let row = stores[0].load(&aggregate_id).await?;
    let count = row.and_then(|row| row.data.to_value().as_u64());
    same("how many updates there were", &Some(COMMITTERS as u64 * UPDATES_EACH), &count)?;
    harness.holds(&stores[1]).await
}

pub(crate) async fn batches_in_opposite_orders_do_not_deadlock(harness: &Harness) -> CaseResult {
    let stores = [harness.open().await, harness.open().await];
    let context = harness.context();
    let aggregate_ids: Vec<AggregateId> = (0..10).map(|_| harness.aggregate_id()).collect();
    let create = aggregate_ids
        .iter()
        .map(|aggregate_id| harness.draft(&context, aggregate_id).writes(aggregate_id, 0).done());
    let create: Vec<UnitOfWork> = create.collect();
    harness.commit_all(&stores[0], create).await?;
    for _ in 0..ROUND_COUNT / 2 {
        let mut batches = [Vec::new(), Vec::new()];
        for aggregate_id in &aggregate_ids {
            let version = stores[0].load(aggregate_id).await?.map_or(0, |row| row.version);
            for batch in &mut batches {
                batch.push(
                    harness.draft(&context, aggregate_id).writes(aggregate_id, version).done(),
                );
            }
        }
        batches[1].reverse();
        let [one, other] = batches;
        let one = harness.commit(&stores[0], one);
        let (one, other) = join(one, harness.commit(&stores[1], other)).await;
        let other: Vec<CommitOutcome> = other?.into_iter().rev().collect();
        for pair in one?.into_iter().zip(other).map(|(one, other)| [one, other]) {
            check_one_committed("changes of one aggregate", &pair)?;
        }
    }
    harness.holds(&stores[0]).await?;
    harness.holds(&stores[1]).await
}

/// Commits each unit on its own handle, concurrently.
async fn at_once(
    harness: &Harness,
    stores: &[Handle; 2],
    [one, other]: [UnitOfWork; 2],
) -> Result<[CommitOutcome; 2], CaseFailure> {
    let one = harness.commit_one(&stores[0], one);
    let (one, other) = join(one, harness.commit_one(&stores[1], other)).await;
    Ok([one?, other?])
}

fn check_one_committed(what: &str, outcomes: &[CommitOutcome; 2]) -> CaseResult {
    let committed = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, CommitOutcome::Committed { .. }))
        .count();
    let stale = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, CommitOutcome::VersionConflict { .. }))
        .count();
    ensure!(
        (committed, stale) == (1, 1),
        "of two {what} one is committed and one is stale: {outcomes:?}"
    );
    Ok(())
}
