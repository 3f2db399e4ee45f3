//! Domain runtimes over the store.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use serde_json::Value;
use uuid::Uuid;

use crate::SeededRng;
use crate::conformance::case_failure::{CaseFailure, CaseResult, ensure, same};
use crate::conformance::handle::{Handle, all};
use crate::conformance::harness::Harness;
use crate::conformance::sample_aggregate::{GiveCoins, OpenPurse, Purse, PurseDomain};
use fluvius_core::{Domain, DomainContext, DomainRuntime};
use fluvius_store::{AggregateId, CommandStatus, EventRecord, Store};

const PURSES: u64 = 4;
const COINS: u64 = 100;

pub(crate) async fn two_runtimes_lose_no_money(harness: &Harness) -> CaseResult {
    let stores = [harness.open().await, harness.open().await];
    let domains = [runtime(&stores[0]).await?, runtime(&stores[1]).await?];
    let purses = open_purses(harness, &domains[0]).await?;
    let clients = (0..6_u64).map(|seed| {
        let domain = if seed.is_multiple_of(2) { &domains[0] } else { &domains[1] };
        let session = domain.session(DomainContext::create("conformance"));
        let purses = purses.clone();
        async move {
            let mut rng = SeededRng::new(seed);
            let mut any = || Ok::<_, CaseFailure>(purses[usize::try_from(rng.below(PURSES))?]);
            for coins in 1..=20 {
                let (from, to) = (any()?, any()?);
                match session.send(from, GiveCoins { coins, to }).await {
                    Ok(_) => {}
                    // A transfer from a purse to itself, or of more than it has.
                    Err(error)
                        if matches!(error.framework_code(), "reentrant-invoke" | "rejected") => {}
                    Err(error) => return Err(CaseFailure::new(format!("a transfer: {error:?}"))),
                }
            }
            Ok(())
        }
    });
    // The clients run concurrently to create contention.
    try_join_all(clients).await?;
    for domain in &domains {
        domain.shutdown().await;
    }

    let mut folded: BTreeMap<AggregateId, (u64, Option<Value>)> = BTreeMap::new();
    for event in stores[0].read_log::<EventRecord>(&all()).await?.rows {
        let (version, state) = folded.remove(&event.record.aggregate_id).unwrap_or_default();
        same(
            &format!("the version of {}", event.record.aggregate_id),
            &(version + 1),
            &event.record.version,
        )?;
        folded.insert(
            event.record.aggregate_id.clone(),
            (event.record.version, Some(event.record.delta.apply(state)?)),
        );
    }
    let mut sum = 0;
    for (aggregate_id, (version, state)) in folded {
        let row = stores[1]
            .load(&aggregate_id)
            .await?
            .ok_or(CaseFailure::new("an aggregate has no row"))?;
        let stored = (row.version, Some(row.data.to_value()));
        same(&format!("{aggregate_id}, folded from the log"), &(version, state), &stored)?;
        sum += row.data.decode::<Purse>()?.coins;
    }
    same("the sum of all coins", &(PURSES * COINS), &sum)
}

pub(crate) async fn a_repeated_command_replays_its_answer(harness: &Harness) -> CaseResult {
    let (done, rejected) = (harness.id(), harness.id());
    let store = harness.open().await;
    let domain = runtime(&store).await?;
    let purses = open_purses(harness, &domain).await?;
    let session = domain.session(DomainContext::create("conformance"));
    let give = |coins| GiveCoins { coins, to: purses[1] };
    let first = session.send(purses[0], give(10)).with_id(done).await?;
    let rejection = session.send(purses[0], give(1_000)).with_id(rejected).await;
    session.send(purses[0], give(5)).await?;
    domain.shutdown().await;
    drop((session, domain, store));

    // A new runtime that shares only the store.
    let store = harness.open().await;
    let domain = runtime(&store).await?;
    let session = domain.session(DomainContext::create("conformance"));
    let mut again = session.send(purses[0], give(10)).with_id(done).await?;
    ensure!(again.replayed, "a replayed answer does not say so");
    again.replayed = false;
    same("the first answer", &format!("{first:?}"), &format!("{again:?}"))?;
    let again = session.send(purses[0], give(1_000)).with_id(rejected).await;
    let (rejection, again) = (rejection.map_err(|error| error.to_string()), again);
    let again = again.map_err(|error| error.to_string());
    ensure!(rejection.is_err(), "a purse gave more than it had");
    same("the first rejection", &format!("{rejection:?}"), &format!("{again:?}"))?;
    let other = session.send(purses[0], give(11)).with_id(done).await;
    let code = other.err().map_or("none", |error| error.framework_code());
    same("another command under the identifier", "command-id-reused", code)?;

    let purse = domain.statemgr().fetch::<Purse>(purses[0]).await?;
    same("the coins that are left", &(COINS - 15), &purse.coins)?;
    let row = store.command(rejected).await?.map(|(row, _)| row.record.status);
    same("the row of the rejection", &Some(CommandStatus::Rejected), &row)
}

pub(crate) async fn a_realm_sees_its_own_aggregates(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    let domain = runtime(&store).await?;
    let north = domain.session(DomainContext::create("conformance").with_realm("north"));
    let nowhere = domain.session(DomainContext::create("conformance"));
    let id = harness.id();
    north.send(id, OpenPurse { coins: 1 }).await?;
    let foreign = nowhere.send(id, GiveCoins { coins: 1, to: harness.id() }).await;
    let code = foreign.err().map_or("none", |error| error.framework_code());
    same("a command on a purse of another realm", "not-found", code)?;
    same("the purse, from its realm", &1, &north.statemgr().fetch::<Purse>(id).await?.coins)?;
    ensure!(nowhere.statemgr().find::<Purse>(id).await?.is_none(), "another realm sees the purse");
    same("the events, from the realm", &1, &north.log().events().await?.rows.len())?;
    same("the events, from no realm", &0, &nowhere.log().events().await?.rows.len())?;
    same("the commands, from no realm", &1, &nowhere.log().commands().await?.rows.len())?;
    same("all commands", &2, &domain.log().commands().await?.rows.len())
}

async fn runtime(store: &Handle) -> Result<DomainRuntime, CaseFailure> {
    // The other runtime may win any number of times, so attempts are not limited.
    let builder = PurseDomain::builder(store.clone());
    Ok(builder.max_attempts(std::num::NonZeroU32::MAX).build().await?)
}

async fn open_purses(harness: &Harness, domain: &DomainRuntime) -> Result<Vec<Uuid>, CaseFailure> {
    let session = domain.session(DomainContext::create("conformance"));
    let mut purses = Vec::new();
    for _ in 0..PURSES {
        let id = harness.id();
        session.send(id, OpenPurse { coins: COINS }).await?;
        purses.push(id);
    }
    Ok(purses)
}
