//! Every aggregate that a unit reads or writes must be at its expected version.

use crate::conformance::case_failure::{CaseResult, ensure};
use crate::conformance::harness::Harness;
use crate::conformance::outcomes::{committed, stale};
use fluvius_store::{AggregateId, Store};

pub(crate) async fn an_expected_version_is_the_stored_one(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    let context = harness.context();
    let aggregate_id = harness.aggregate_id();
    for version in 0..3 {
        let unit = harness.draft(&context, &aggregate_id).writes(&aggregate_id, version).done();
        harness.commit_all(&store, [unit]).await?;
    }
    let row = store.load(&aggregate_id).await?;
    for version in [0, 1, 2, 4, 1_000_000, i64::MAX.unsigned_abs() - 1] {
        let unit = harness.draft(&context, &aggregate_id).writes(&aggregate_id, version).done();
        let outcome = harness.commit_one(&store, unit).await?;
        stale(&format!("version {version} in place of 3"), &outcome, &aggregate_id, row.as_ref())?;
    }
    let unit = harness.draft(&context, &aggregate_id).writes(&aggregate_id, 3).done();
    committed("the stored version", &harness.commit_one(&store, unit).await?)?;
    harness.holds(&store).await
}

pub(crate) async fn an_aggregate_that_is_only_read_is_checked(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    let context = harness.context();
    let (read, written) = (harness.aggregate_id(), harness.aggregate_id());
    let units = [
        harness.draft(&context, &read).writes(&read, 0).done(),
        harness.draft(&context, &read).writes(&read, 1).done(),
    ];
    harness.commit_all(&store, units).await?;
    let row = store.load(&read).await?;
    for version in [0, 1, 3] {
        let draft = harness.draft(&context, &written).writes(&written, 0);
        let outcome = harness.commit_one(&store, draft.reads(&read, version).done()).await?;
        stale(&format!("read at {version}, stored at 2"), &outcome, &read, row.as_ref())?;
    }
    // The reads of a rejection are checked too.
    let rejection = harness.draft(&context, &written).rejected();
    let outcome = harness.commit_one(&store, rejection.reads(&read, 1).done()).await?;
    stale("a rejection that has read an old version", &outcome, &read, row.as_ref())?;
    let rejection = harness.draft(&context, &written).rejected().reads(&read, 2).done();
    let unit = harness.draft(&context, &written).writes(&written, 0).reads(&read, 2).done();
    harness.commit_all(&store, [rejection, unit]).await?;
    harness.holds(&store).await
}

pub(crate) async fn an_absent_aggregate_has_version_zero(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    let context = harness.context();
    let (present, absent, written) =
        (harness.aggregate_id(), harness.aggregate_id(), harness.aggregate_id());
    let create = harness.draft(&context, &present).writes(&present, 0).done();
    harness.commit_all(&store, [create.clone()]).await?;

    let row = Some(create.states[0].as_ref());
    let again = harness.draft(&context, &present).writes(&present, 0).done();
    let outcome = harness.commit_one(&store, again).await?;
    stale("a second creation", &outcome, &present, row)?;
    let read = harness.draft(&context, &written).writes(&written, 0).reads(&present, 0).done();
    let outcome = harness.commit_one(&store, read).await?;
    stale("an aggregate that was read as absent", &outcome, &present, row)?;
    let change = harness.draft(&context, &absent).writes(&absent, 1).done();
    let outcome = harness.commit_one(&store, change).await?;
    stale("a change of an absent aggregate", &outcome, &absent, None)?;
    let read = harness.draft(&context, &written).writes(&written, 0).reads(&absent, 1).done();
    let outcome = harness.commit_one(&store, read).await?;
    stale("an absent aggregate that was read as present", &outcome, &absent, None)?;
    harness.holds(&store).await?;

    // The same id under another resource is another aggregate.
    let other = AggregateId::new("other", present.id);
    let create = harness.draft(&context, &other).writes(&other, 0).reads(&absent, 0).done();
    harness.commit_all(&store, [create]).await?;
    harness.holds(&store).await
}

pub(crate) async fn a_closed_aggregate_is_not_absent(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    let context = harness.context();
    let aggregate_id = harness.aggregate_id();
    let units = [
        harness.draft(&context, &aggregate_id).writes(&aggregate_id, 0).done(),
        harness.draft(&context, &aggregate_id).closes(&aggregate_id, 1).done(),
    ];
    let row = units[1].states[0].clone();
    harness.commit_all(&store, units).await?;
    let again = harness.draft(&context, &aggregate_id).writes(&aggregate_id, 0).done();
    let outcome = harness.commit_one(&store, again).await?;
    stale("a closed aggregate that is created_at again", &outcome, &aggregate_id, Some(&row))?;
    // A read of the closed aggregate expects the version of its row.
    let rejection =
        harness.draft(&context, &aggregate_id).rejected().reads(&aggregate_id, 2).done();
    harness.commit_all(&store, [rejection]).await?;
    harness.holds(&store).await
}

pub(crate) async fn the_first_version_conflict_is_reported(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    let context = harness.context();
    let mut aggregate_ids = [
        harness.aggregate_id(),
        harness.aggregate_id(),
        harness.aggregate_id(),
        harness.aggregate_id(),
    ];
    aggregate_ids.sort();
    let draft = harness.draft(&context, &aggregate_ids[0]);
    let create = aggregate_ids
        .iter()
        .fold(draft, |draft, aggregate_id| draft.writes(aggregate_id, 0))
        .done();
    harness.commit_all(&store, [create.clone()]).await?;
    let draft = harness
        .draft(&context, &aggregate_ids[3])
        .writes(&aggregate_ids[3], 5)
        .reads(&aggregate_ids[2], 5);
    let unit = draft.reads(&aggregate_ids[1], 5).writes(&aggregate_ids[0], 1).done();
    let outcome = harness.commit_one(&store, unit).await?;
    let row = create.states.iter().find(|state| state.aggregate_id == aggregate_ids[1]);
    let row = row.map(AsRef::as_ref);
    stale("a unit with three stale aggregates", &outcome, &aggregate_ids[1], row)?;
    harness.holds(&store).await
}

pub(crate) async fn a_unit_may_write_several_versions(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    let context = harness.context();
    let (aggregate_id, other) = (harness.aggregate_id(), harness.aggregate_id());
    let create = harness
        .draft(&context, &aggregate_id)
        .writes(&aggregate_id, 0)
        .writes(&aggregate_id, 1)
        .done();
    let draft = harness.draft(&context, &aggregate_id).writes(&aggregate_id, 2).command(&other);
    let draft = draft
        .writes(&other, 0)
        .command(&aggregate_id)
        .writes(&aggregate_id, 3)
        .writes(&aggregate_id, 4);
    harness.commit_all(&store, [create, draft.done()]).await?;
    let versions = store.history(&aggregate_id, 1, u64::MAX).await?;
    let versions: Vec<u64> = versions.iter().map(|event| event.record.version).collect();
    ensure!(versions == [1, 2, 3, 4, 5], "the history has the versions {versions:?}");
    let row = store.load(&aggregate_id).await?;
    ensure!(row.is_some_and(|row| row.version == 5), "the row has not the last version");
    harness.holds(&store).await
}
