//! Attempts: the inputs of each attempt, and the versions that it expects.

use fluvius_core::Versioned;
use fluvius_core::{
    AggregateId, Domain, DomainContext, DomainRuntime, ExpectedVersion, Session, SmallList,
};
use fluvius_testing::{FixedClock, SequentialIds};

use fluvius_tests::faulty_store::{CommitStep, ScriptedStore};
use fluvius_tests::fixture::{id, time};
use fluvius_tests::gate;
use fluvius_tests::probe::{Probe, ProbingDomain, Run, StartProbe, Step, probe};
use fluvius_tests::store_snapshot::StoreSnapshot;

fn reject() -> Step {
    Step::Reject("no".to_owned())
}

/// A domain over a store that fails by script, with three probes.
async fn scripted() -> (ScriptedStore, DomainRuntime, Session, FixedClock) {
    let store = ScriptedStore::default();
    let clock = FixedClock::at(time("2026-03-01T12:00:00.123456Z"));
    let builder = ProbingDomain::builder(store.clone());
    let domain =
        builder.clock(clock.clone()).id_generator(SequentialIds::from(1000)).build().await.unwrap();
    let session = domain.session(DomainContext::create("test"));
    for number in 1..=3 {
        session.send(id(number), StartProbe { value: 0 }).await.unwrap();
    }
    store.units();
    (store, domain, session, clock)
}

fn expected(versions: &[(AggregateId, u64)]) -> SmallList<ExpectedVersion> {
    let expected = versions.iter().cloned();
    expected.map(|(aggregate_id, version)| ExpectedVersion { aggregate_id, version }).collect()
}

#[tokio::test(start_paused = true)]
async fn time_and_ids_are_the_same_in_every_attempt() {
    let (store, _domain, session, clock) = scripted().await;
    let name = "same in every attempt";
    clock.set(time("2026-03-01T12:00:01Z"));
    let forward = clock.clone();
    store.script([
        CommitStep::Conflict,
        CommitStep::RunFirst(Box::pin(async move {
            forward.set(time("2026-03-02T00:00:00Z"));
        })),
    ]);
    let steps = vec![
        Step::NewId,
        Step::Invoke(id(2), vec![Step::NewId]),
        Step::Now,
        Step::NewId,
        Step::CommandId,
        Step::Message("note".to_owned(), "x".to_owned()),
        Step::Activity("did".to_owned()),
        Step::Report(name.to_owned()),
    ];
    store.units();
    session.send(id(1), Run { steps }).await.unwrap();
    let listed = gate::reports(name);
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0], listed[1]);
    assert!(listed[0].contains("2026-03-01T12:00:01+00:00"), "{}", listed[0]);
    let units = store.units();
    assert_eq!(units.len(), 2);
    assert_eq!(units[0], units[1], "the units are equal, ids included");
}

#[tokio::test]
async fn versions_read_are_expected_and_absence_as_zero() {
    let (store, domain, session, _clock) = scripted().await;
    session.send(id(3), fluvius_tests::probe::EndProbe {}).await.unwrap();
    let foreign = domain.session(DomainContext::create("test").with_realm("elsewhere"));
    foreign.send(id(4), StartProbe { value: 0 }).await.unwrap();
    foreign.send(id(4), Run { steps: vec![] }).await.unwrap();
    store.units();
    let steps = vec![
        Step::Find(id(9)),
        Step::Find(id(3)),
        Step::Find(id(4)),
        Step::Fetch(id(2)),
        Step::Start(id(8), 1),
    ];
    let said = session.send(id(1), Run { steps }).await.unwrap().data;
    assert_eq!(said, ["None", "None", "None", "(0, 1)", "1"]);
    let [unit] = &store.units()[..] else { panic!() };
    assert_eq!(
        unit.expected,
        expected(&[
            (probe(1), 1),
            (probe(2), 1),
            (probe(3), 2),
            (probe(4), 2),
            (probe(8), 0),
            (probe(9), 0)
        ])
    );
    let written: Vec<_> =
        unit.states.iter().map(|row| (row.aggregate_id.clone(), row.version)).collect();
    assert_eq!(written, [(probe(1), 2), (probe(8), 1)]);
    assert!(unit.depends_on.is_empty());

    // A rejection and a read-only action expect the versions that they read as well.
    session.send(id(1), Run { steps: vec![Step::Find(id(9)), reject()] }).await.unwrap_err();
    session.send(id(7), Run { steps: vec![] }).await.unwrap_err();
    session
        .send(id(2), fluvius_tests::probe::AskValue { steps: vec![Step::Fetch(id(1))] })
        .await
        .unwrap();
    let expectations: Vec<_> = store.units().into_iter().map(|unit| unit.expected).collect();
    assert_eq!(
        expectations,
        [
            expected(&[(probe(1), 2), (probe(9), 0)]),
            expected(&[(probe(7), 0)]),
            expected(&[(probe(1), 2), (probe(2), 1)]),
        ]
    );
}

#[tokio::test]
async fn reads_of_a_failed_invocation_are_expected() {
    let (store, _domain, session, _clock) = scripted().await;
    let other_process = ProbingDomain::runtime(store.inner.clone()).await.unwrap();
    let rival = other_process.session(DomainContext::create("rival"));
    let name = "reacted twice";
    let deep = vec![Step::Fetch(id(3)), reject()];
    let steps = vec![
        Step::Try(id(2), deep),
        Step::Try(id(9), vec![]),
        Step::Add(1),
        Step::Report(name.to_owned()),
    ];
    // During the first attempt, another command changes the aggregate that it reacted to.
    store.script([CommitStep::RunFirst(Box::pin(async move {
        rival.send(id(9), StartProbe { value: 0 }).await.unwrap();
    }))]);
    let response = session.send(id(1), Run { steps }).await.unwrap();
    assert_eq!(response.version, 2);
    assert_eq!(
        gate::reports(name),
        ["no not-found", "no []"],
        "the second attempt sees the new state"
    );
    let units = store.units();
    let all: Vec<_> = units.iter().map(|unit| unit.expected.clone()).collect();
    let read = |nine| expected(&[(probe(1), 1), (probe(2), 1), (probe(3), 1), (probe(9), nine)]);
    assert_eq!(all, [read(0), read(1)]);
}

#[tokio::test]
async fn a_rejection_is_retried_after_a_version_conflict() {
    let (store, _domain, session, _clock) = scripted().await;
    let other_process = ProbingDomain::runtime(store.inner.clone()).await.unwrap();
    let rival = other_process.session(DomainContext::create("rival"));
    store.script([CommitStep::RunFirst(Box::pin(async move {
        rival.send(id(9), StartProbe { value: 0 }).await.unwrap();
    }))]);
    // Not found at first; it exists before the rejection is admitted.
    let response = session.send(id(9), Run { steps: vec![Step::Add(1)] }).await.unwrap();
    assert_eq!(response.version, 2);
    let after = StoreSnapshot::of(&store).await;
    assert!(after.commands.iter().all(|row| row.record.code.is_none()), "{:?}", after.commands);
}

#[tokio::test]
async fn time_never_decreases_within_an_aggregate() {
    let (store, domain, session, clock) = scripted().await;
    let times = ["2026-03-01T12:00:05Z", "2026-03-01T11:00:00Z", "2026-03-01T12:00:04.9Z"];
    for now in times {
        clock.set(time(now));
        let said = session.send(id(1), Run { steps: vec![Step::Now] }).await.unwrap().data;
        assert_eq!(said, [time(now).to_rfc3339()], "an action sees the clock's time unrounded");
    }
    let log = StoreSnapshot::of(&store).await;
    let of_aggregate = log.events.iter().filter(|event| event.record.aggregate_id == probe(1));
    let occurred_at: Vec<_> =
        of_aggregate.map(|event| event.record.occurred_at.to_rfc3339()).collect();
    assert_eq!(
        occurred_at,
        [
            "2026-03-01T12:00:00.123456+00:00",
            "2026-03-01T12:00:05+00:00",
            "2026-03-01T12:00:05+00:00",
            "2026-03-01T12:00:05+00:00",
        ]
    );
    let received_at: Vec<_> = log.commands[3..].iter().map(|row| row.record.received_at).collect();
    assert_eq!(received_at, times.map(time), "`received` is the clock's time");
    let row = domain.statemgr().fetch::<Probe>(id(1)).await.unwrap();
    assert_eq!(Versioned::record(&row).updated_at, time("2026-03-01T12:00:05Z"));
    assert_eq!(Versioned::record(&row).created_at, time("2026-03-01T12:00:00.123456Z"));
}

#[tokio::test]
async fn times_are_truncated_to_microseconds() {
    let (_store, domain, session, clock) = scripted().await;
    clock.set(time("2026-03-01T13:00:00.123456789Z"));
    session.send(id(1), Run { steps: vec![] }).await.unwrap();
    let row = domain.statemgr().fetch_record(&probe(1)).await.unwrap();
    assert_eq!(row.updated_at, time("2026-03-01T13:00:00.123456Z"));
}
