//! Realms: an aggregate of another realm is `not-found`, and its id is in use.

use fluvius_core::{DomainContext, LogReader, Session};
use serde_json::json;

use fluvius_tests::fixture::{self, Fixture, id};
use fluvius_tests::probe::{Probe, Run, StartProbe, Step, probe, probes};
use fluvius_tests::store_snapshot::{Trail, check_rejected};

/// A probe without realm, one of the north and one of the south, and a session of each realm.
async fn realms() -> (Fixture, Session, Session) {
    let fixture = probes(1).await;
    let north = fixture.domain.session(DomainContext::create("n").with_realm("north"));
    let south = fixture.domain.session(DomainContext::create("s").with_realm("south"));
    north.send(id(2), StartProbe { value: 2 }).await.unwrap();
    south.send(id(3), StartProbe { value: 3 }).await.unwrap();
    (fixture, north, south)
}

async fn check_sees(session: &Session, number: u128, sees: bool) {
    let found = session.statemgr().find::<Probe>(id(number)).await.unwrap();
    assert_eq!(found.is_some(), sees, "{number} by find");
    let found = session.statemgr().find_record(&probe(number)).await.unwrap();
    assert_eq!(found.is_some(), sees, "{number} by find_root");
    let fetched = session.statemgr().fetch::<Probe>(id(number)).await;
    let row = session.statemgr().fetch_record(&probe(number)).await;
    for code in [fetched.map(drop), row.map(drop)]
        .map(|found| found.map_err(|error| error.framework_code()))
    {
        assert_eq!(code, if sees { Ok(()) } else { Err("not-found") }, "{number} by fetch");
    }
    let asked = session.send(id(number), fluvius_tests::probe::AskValue { steps: vec![] }).await;
    let code = asked.map(drop).map_err(|error| error.framework_code());
    assert_eq!(code, if sees { Ok(()) } else { Err("not-found") }, "{number} by command");
}

#[tokio::test]
async fn a_session_sees_only_its_realm() {
    let (fixture, north, south) = realms().await;
    for (session, own) in [(&fixture.session, 1), (&north, 2), (&south, 3)] {
        for number in 1..=3 {
            check_sees(session, number, number == own).await;
        }
    }
}

#[tokio::test]
async fn a_foreign_aggregate_is_not_found_by_actions() {
    let (_world, north, _south) = realms().await;
    let said = north
        .send(
            id(2),
            Run {
                steps: vec![
                    Step::Try(id(1), vec![]),
                    Step::Try(id(3), vec![]),
                    Step::Fetch(id(1)),
                    Step::Find(id(3)),
                    Step::Close(id(1)),
                    Step::Start(id(3), 0),
                    Step::Start(id(4), 0),
                    Step::Fetch(id(4)),
                ],
            },
        )
        .await;
    assert_eq!(
        said.unwrap().data,
        [
            "not-found",
            "not-found",
            "not-found",
            "None",
            "not-found",
            "already-exists",
            "0",
            "(0, 1)"
        ]
    );
    check_sees(&north, 4, true).await;
}

#[tokio::test]
async fn a_foreign_id_is_in_use() {
    let (fixture, north, south) = realms().await;
    for (session, number) in [(&fixture.session, 2), (&north, 1), (&south, 2), (&north, 2)] {
        let start = fixture::command(session, &probe(number), "start-probe", json!({}));
        let kept = Trail::Command("already-exists");
        let error = check_rejected(&fixture.store, session, start, kept).await;
        assert_eq!(error.code(), "already-exists");
    }
    // Closed ones too, for their own realm and for others.
    north.send(id(2), fluvius_tests::probe::EndProbe {}).await.unwrap();
    for session in [&north, &south, &fixture.session] {
        let start = fixture::command(session, &probe(2), "start-probe", json!({}));
        let kept = Trail::Command("already-exists");
        check_rejected(&fixture.store, session, start, kept).await;
    }
}

#[tokio::test]
async fn an_aggregate_keeps_the_realm_of_its_creator() {
    let (fixture, north, _south) = realms().await;
    north.send(id(2), Run { steps: vec![Step::Add(1)] }).await.unwrap();
    let row = fixture.domain.statemgr().fetch_record(&probe(2)).await.unwrap();
    assert_eq!((row.realm.as_deref(), row.version), (Some("north"), 2));
    let row = fixture.domain.statemgr().fetch_record(&probe(1)).await.unwrap();
    assert_eq!(row.realm, None);
}

/// Returns the numbers of commands, events, messages and activities that a reader sees.
async fn counts(log: LogReader) -> [usize; 4] {
    [
        log.commands().await.unwrap().rows.len(),
        log.events().await.unwrap().rows.len(),
        log.messages().await.unwrap().rows.len(),
        log.activities().await.unwrap().rows.len(),
    ]
}

#[tokio::test]
async fn session_logs_are_those_of_the_realm() {
    let (fixture, north, south) = realms().await;
    let steps = vec![
        Step::Message("note".to_owned(), "x".to_owned()),
        Step::Activity("did".to_owned()),
        Step::Start(id(7), 0),
    ];
    north.send(id(2), Run { steps }).await.unwrap();
    // A command on an aggregate of another realm is in the log of the sender's realm.
    south.send(id(2), Run { steps: vec![] }).await.unwrap_err();
    assert_eq!(counts(fixture.session.log()).await, [1, 1, 0, 0]);
    assert_eq!(counts(north.log()).await, [3, 3, 1, 1]);
    assert_eq!(counts(south.log()).await, [2, 1, 0, 0]);
    assert_eq!(counts(fixture.domain.log()).await, [6, 5, 1, 1]);
    assert_eq!(counts(south.log().for_aggregate(probe(2))).await, [1, 0, 0, 0]);
    assert_eq!(counts(north.log().for_aggregate(probe(2))).await, [2, 2, 1, 1]);

    let reads = |session: &Session, id| {
        let log = session.log();
        async move { log.context(id).await.unwrap().is_some() }
    };
    assert!(reads(&north, north.context_id()).await);
    assert!(!reads(&south, north.context_id()).await);
    assert!(!reads(&fixture.session, north.context_id()).await);
    assert!(!reads(&north, fixture.session.context_id()).await);
    assert!(fixture.domain.log().context(north.context_id()).await.unwrap().is_some());
}

#[tokio::test]
async fn the_program_itself_sees_all() {
    let (fixture, _north, _south) = realms().await;
    for number in 1..=3 {
        let value = fixture.domain.statemgr().fetch::<Probe>(id(number)).await.unwrap().value;
        assert_eq!(value, if number == 1 { 0 } else { i64::try_from(number).unwrap() });
    }
}
