//! Audit fields, etags, and contexts.

use fluvius_core::Versioned;
use std::collections::{BTreeMap, BTreeSet};

use fluvius_core::{Domain, DomainContext, ETag, MemoryStore, Transport};
use fluvius_testing::FixedClock;
use serde_json::json;

use fluvius_tests::fixture::{id, time};
use fluvius_tests::probe::{EndProbe, Probe, ProbingDomain, Run, StartProbe, Step, probe, probes};
use fluvius_tests::store_snapshot::{StoreSnapshot, Trail, check_rejected};

#[tokio::test]
async fn a_state_row_has_creator_updater_and_times() {
    let store = MemoryStore::new();
    let clock = FixedClock::at(time("2026-01-01T00:00:00Z"));
    let domain = ProbingDomain::builder(store.clone()).clock(clock.clone()).build().await.unwrap();
    let user = domain.session(DomainContext::create("a").with_user(id(70)));
    let profile = domain.session(DomainContext::create("b").with_user(id(70)).with_profile(id(71)));
    let anonymous = domain.session(DomainContext::create("c").with_organization(id(72)));
    let check = async |created_by,
                       updated_by,
                       created_at: &str,
                       updated_at: &str,
                       closed_at: Option<&str>| {
        let row = StoreSnapshot::of(&store).await.states[&probe(1)].clone();
        assert_eq!((row.created_by, row.updated_by), (created_by, updated_by));
        assert_eq!((row.created_at, row.updated_at), (time(created_at), time(updated_at)));
        assert_eq!(row.closed_at, closed_at.map(time));
    };
    let (first, second, third) =
        ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z");
    user.send(id(1), StartProbe { value: 0 }).await.unwrap();
    check(Some(id(70)), Some(id(70)), first, first, None).await;
    clock.set(time(second));
    profile.send(id(1), Run { steps: vec![] }).await.unwrap();
    check(Some(id(70)), Some(id(71)), first, second, None).await;
    clock.set(time(third));
    user.send(id(1), fluvius_tests::probe::AskState {}).await.unwrap();
    check(Some(id(70)), Some(id(71)), first, second, None).await;
    anonymous.send(id(1), EndProbe {}).await.unwrap();
    check(Some(id(70)), None, first, third, Some(third)).await;
}

#[tokio::test]
async fn an_invoked_update_is_attributed_to_the_sender() {
    let fixture = probes(2).await;
    let user = fixture.domain.session(DomainContext::create("a").with_user(id(70)));
    user.send(id(1), Run { steps: vec![Step::Invoke(id(2), vec![])] }).await.unwrap();
    let row = fixture.domain.statemgr().fetch_record(&probe(2)).await.unwrap();
    assert_eq!((row.created_by, row.updated_by), (None, Some(id(70))));
}

#[tokio::test]
async fn each_version_has_an_etag_of_its_own() {
    let fixture = probes(1).await;
    let mut etags = BTreeSet::new();
    for version in 1..=20 {
        let stored = fixture.session.statemgr().fetch::<Probe>(id(1)).await.unwrap();
        assert_eq!(Versioned::version(&stored), version);
        assert!(
            etags.insert(Versioned::etag(&stored).to_string()),
            "equal data have different etags"
        );
        assert_eq!(Versioned::record(&stored).etag, Versioned::etag(&stored));
        let response = fixture.session.send(id(1), Run { steps: vec![] }).await.unwrap();
        assert_eq!(response.etag, ETag::new(version + 1, response.command_id));
    }
}

#[tokio::test]
async fn if_match_requires_the_expected_version() {
    let fixture = probes(1).await;
    let seen = fixture.session.statemgr().fetch::<Probe>(id(1)).await.unwrap();
    let add = || Run { steps: vec![Step::Add(1)] };
    let by_etag = fixture.session.send(id(1), add()).if_match(Versioned::etag(&seen));
    assert_eq!(by_etag.await.unwrap().version, 2);
    for expected in
        [Versioned::etag(&seen).into(), fluvius_core::Precondition::from(Versioned::version(&seen))]
    {
        let command = fixture.command(&probe(1), "run", json!({ "steps": [] })).if_match(expected);
        let kept = Trail::Command("precondition-failed");
        check_rejected(&fixture.store, &fixture.session, command, kept).await;
    }
    assert_eq!(fixture.session.send(id(1), add()).if_match(2).await.unwrap().version, 3);
    // An absent aggregate is `not-found`; a creating command may not expect a version.
    let absent = fixture.session.send(id(9), add()).if_match(0).await.unwrap_err();
    assert_eq!(absent.code(), "not-found");
    let start = |expected: u64| {
        let start = fixture.session.send(id(9), StartProbe { value: 0 });
        start.if_match(expected).into_future()
    };
    assert_eq!(start(1).await.unwrap_err().code(), "precondition-failed");
    assert_eq!(start(0).await.unwrap().version, 1);
}

#[tokio::test]
async fn if_match_is_checked_at_the_commit_too() {
    let store = fluvius_tests::faulty_store::ScriptedStore::default();
    let domain = ProbingDomain::runtime(store.clone()).await.unwrap();
    let session = domain.session(DomainContext::create("test"));
    session.send(id(1), StartProbe { value: 0 }).await.unwrap();
    let other = ProbingDomain::runtime(store.inner.clone()).await.unwrap();
    let rival = other.session(DomainContext::create("rival"));
    store.script([fluvius_tests::faulty_store::CommitStep::RunFirst(Box::pin(async move {
        rival.send(id(1), Run { steps: vec![Step::Add(9)] }).await.unwrap();
    }))]);
    let mine = session.send(id(1), Run { steps: vec![Step::Add(1)] }).if_match(1);
    let error = mine.await.unwrap_err();
    assert_eq!(error.code(), "precondition-failed");
    let stored = session.statemgr().fetch::<Probe>(id(1)).await.unwrap();
    assert_eq!((stored.value, Versioned::version(&stored)), (9, 2));
}

#[tokio::test]
async fn a_session_writes_one_context_with_its_first_command() {
    let fixture = probes(0).await;
    assert!(fixture.domain.log().context(fixture.session.context_id()).await.unwrap().is_none());
    // A fault leaves no context, a rejection does.
    fixture
        .session
        .send(fluvius_tests::ticket::ticket(1), Run { steps: vec![] })
        .await
        .unwrap_err();
    assert!(fixture.domain.log().context(fixture.session.context_id()).await.unwrap().is_none());
    fixture.session.send(id(1), Run { steps: vec![] }).await.unwrap_err();
    let first = fixture.domain.log().context(fixture.session.context_id()).await.unwrap().unwrap();
    for number in 1..4 {
        fixture.session.clone().send(id(number), StartProbe { value: 0 }).await.unwrap();
    }
    let log = fixture.snapshot().await;
    assert_eq!(log.contexts, BTreeMap::from([(fixture.session.context_id(), first)]));
    let other = fixture.domain.session(DomainContext::create("test"));
    assert_ne!(other.context_id(), fixture.session.context_id());
}

#[tokio::test]
async fn a_context_row_has_sender_and_transport() {
    let fixture = probes(0).await;
    let context = DomainContext::create("front desk")
        .with_transport(Transport::Http)
        .with_header("User-Agent", "tests")
        .with_header("X-Request-ID", "r1")
        .with_header("AUTHORIZATION", "Bearer not-for-logs")
        .with_header("Cookie", "not-for-logs")
        .with_user(id(70))
        .with_profile(id(71))
        .with_organization(id(72))
        .with_realm("north")
        .with_role("teller")
        .with_role("clerk")
        .with_correlation(id(73))
        .with_causation(id(74));
    assert_eq!(context.header("cookie"), Some("not-for-logs"), "a policy sees all headers");
    let session = fixture.domain.session(context);
    session.send(id(1), StartProbe { value: 0 }).await.unwrap();
    let row = session.log().context(session.context_id()).await.unwrap().unwrap();
    assert_eq!(
        serde_json::to_value(&*row).unwrap(),
        json!({
            "id": session.context_id(),
            "domain": "probing",
            "revision": 0,
            "transport": "http",
            "source": "front desk",
            "headers": { "user-agent": "tests", "x-request-id": "r1" },
            "user_id": id(70),
            "profile_id": id(71),
            "organization_id": id(72),
            "roles": ["teller", "clerk"],
            "realm": "north",
            "correlation": id(73),
            "causation": id(74),
        })
    );
    let text = format!("{:?} {:?}", fixture.store, fixture.snapshot().await);
    assert!(!text.contains("not-for-logs"), "a header outside the list is not recorded");
}

#[tokio::test]
async fn the_list_of_recorded_headers_may_be_set() {
    let store = MemoryStore::new();
    let builder = ProbingDomain::builder(store.clone()).recorded_headers(["X-Tenant"]);
    let domain = builder.build().await.unwrap();
    let context =
        DomainContext::create("a").with_header("x-tenant", "t").with_header("User-Agent", "u");
    let session = domain.session(context);
    session.send(id(1), StartProbe { value: 0 }).await.unwrap();
    let row = session.log().context(session.context_id()).await.unwrap().unwrap();
    assert_eq!(row.headers, BTreeMap::from([("x-tenant".to_owned(), "t".to_owned())]));
}
