//! Preconditions other than one version or one etag.

use fluvius_core::{
    Authorization, Domain, DomainContext, ETag, Error, MemoryStore, Policy, PolicyRequest,
    PolicyState, Precondition, Session,
};
use serde_json::json;

use fluvius_tests::fixture::id;
use fluvius_tests::probe::{EndProbe, ProbingDomain, Run, StartProbe, Step, probe, probes};

async fn code(session: &Session, number: u128, expected: Precondition) -> &'static str {
    let start = session.send(id(number), StartProbe { value: 0 }).if_match(expected).await;
    start.map_or_else(|error| error.framework_code(), |_| "created")
}

#[tokio::test]
async fn a_creating_command_may_expect_absence() {
    let fixture = probes(1).await;
    let stored = fixture.session.statemgr().fetch_record(&probe(1)).await.unwrap();
    let start = fixture.session.send(id(1), StartProbe { value: 0 }).if_match(Precondition::Absent);
    match start.await.unwrap_err() {
        Error::PreconditionFailed { expected, version, etag, .. } => {
            assert_eq!(
                (expected, version, etag),
                (Precondition::Absent, stored.version, Some(stored.etag))
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(code(&fixture.session, 2, Precondition::Absent).await, "created");
}

#[tokio::test]
async fn closed_and_foreign_aggregates_tell_no_version() {
    let fixture = probes(1).await;
    let north = fixture.domain.session(DomainContext::create("n").with_realm("north"));
    assert_eq!(code(&north, 1, Precondition::Absent).await, "already-exists");
    fixture.session.send(id(1), EndProbe {}).await.unwrap();
    assert_eq!(code(&fixture.session, 1, Precondition::Absent).await, "already-exists");
}

#[tokio::test]
async fn a_command_may_expect_existence() {
    let fixture = probes(1).await;
    let run = |number| {
        fixture.session.send(id(number), Run { steps: vec![] }).if_match(Precondition::Exists)
    };
    assert_eq!(run(1).await.unwrap().version, 2);
    assert_eq!(run(2).await.unwrap_err().code(), "not-found");
    assert_eq!(code(&fixture.session, 2, Precondition::Exists).await, "precondition-failed");
    let absent = fixture.session.send(id(1), Run { steps: vec![] }).if_match(Precondition::Absent);
    assert_eq!(absent.await.unwrap_err().code(), "precondition-failed");
}

#[tokio::test]
async fn one_of_several_etags_suffices() {
    let fixture = probes(1).await;
    let etag = fixture.session.statemgr().fetch_record(&probe(1)).await.unwrap().etag;
    let other = ETag::new(1, id(77));
    let run = |etags| {
        let run = fixture.session.send(id(1), Run { steps: vec![] });
        run.if_match(Precondition::AnyOf(etags))
    };
    assert_eq!(run(vec![]).await.unwrap_err().code(), "precondition-failed");
    assert_eq!(run(vec![other]).await.unwrap_err().code(), "precondition-failed");
    assert_eq!(run(vec![other, etag]).await.unwrap().version, 2);
}

#[tokio::test]
async fn a_failed_expectation_is_replayed() {
    let fixture = probes(1).await;
    let other = ETag::new(1, id(77));
    for (number, expected) in
        [Precondition::Absent, Precondition::AnyOf(vec![other])].into_iter().enumerate()
    {
        let command = fixture.command(&probe(1), "run", json!({ "steps": [] }));
        let command = command.if_match(expected);
        let first = fixture.session.process_command(command.clone()).await.unwrap_err();
        fixture.session.send(id(1), Run { steps: vec![] }).await.unwrap();
        let again = fixture.session.process_command(command).await.unwrap_err();
        let first = format!("{first:?}").replace("replayed: false", "replayed: true");
        assert_eq!(first, format!("{again:?}"), "{number}");
    }
}

#[tokio::test]
async fn absence_in_a_group_is_that_before_it() {
    let fixture = probes(1).await;
    let start = |number| fixture.command(&probe(number), "start-probe", json!({}));
    let run = |number| fixture.command(&probe(number), "run", json!({ "steps": [] }));
    let absent = |command: fluvius_core::CommandBundle| command.if_match(Precondition::Absent);
    let group = [absent(start(2)), absent(run(2))];
    assert_eq!(fixture.session.process_atomic(group).await.unwrap()[1].version, 2);
    let group = [run(1), absent(start(1))];
    let error = fixture.session.process_atomic(group).await.unwrap_err();
    match error {
        Error::GroupRejected { source, .. } => assert_eq!(source.code(), "precondition-failed"),
        other => panic!("{other:?}"),
    }
}

/// Denies commands on probes with a value above ten.
struct SmallOnly;

impl Policy for SmallOnly {
    async fn authorize(&self, _: &PolicyRequest<'_>) -> Authorization {
        Authorization::Allow
    }

    async fn authorize_with_state(
        &self,
        _: &PolicyRequest<'_>,
        state: Option<&PolicyState<'_>>,
    ) -> Authorization {
        let value = state.and_then(|state| state.state::<fluvius_tests::probe::Probe>());
        match value.is_some_and(|probe| probe.value > 10) {
            true => Authorization::deny("too large"),
            false => Authorization::Allow,
        }
    }
}

/// The error has the version, so a sender who may not see the state must not get it.
#[tokio::test]
async fn the_policy_is_asked_about_an_aggregate_that_should_be_absent() {
    let domain =
        ProbingDomain::builder(MemoryStore::new()).policy(SmallOnly).build().await.unwrap();
    let session = domain.session(DomainContext::create("test"));
    session.send(id(1), StartProbe { value: 0 }).await.unwrap();
    assert_eq!(code(&session, 1, Precondition::Absent).await, "precondition-failed");
    session.send(id(1), Run { steps: vec![Step::Add(11)] }).await.unwrap();
    assert_eq!(code(&session, 1, Precondition::Absent).await, "permission-denied");
}
