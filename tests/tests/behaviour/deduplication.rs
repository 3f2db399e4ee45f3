//! Deduplication: a known command id returns the first answer again, or `command-id-reused`.

use fluvius_core::{CommandBundle, Domain, DomainContext, Error, MemoryStore, Response};
use serde_json::{Value, json};

use fluvius_tests::fixture::{self, Fixture, id};
use fluvius_tests::probe::{ProbingDomain, Step, probe, probes};
use fluvius_tests::store_snapshot::{StoreSnapshot, Trail, check_rejected};
use fluvius_tests::ticket::{TicketDomain, ticket};

fn steps(steps: &[Step]) -> Value {
    json!({ "steps": steps })
}

/// Sends a command, changes the aggregate, and sends the command again. Checks that the replay is
/// the first answer and adds nothing.
async fn check_again(fixture: &Fixture, command: CommandBundle) -> Result<Response, Error> {
    let first = fixture.session.process_command(command.clone()).await;
    for _ in 0..2 {
        // The outcome of these does not matter.
        let later = steps(&[Step::Add(1000)]);
        let _ = fixture.session.process_command(fixture.command(&probe(1), "run", later)).await;
        let before = fixture.snapshot().await;
        let again = fixture.session.process_command(command.clone()).await;
        match (&first, &again) {
            (Ok(first), Ok(again)) => assert_eq!(first, again),
            (Err(first), Err(again)) => {
                assert_eq!((first.code(), first.to_string()), (again.code(), again.to_string()));
                assert_eq!(first.code(), again.code());
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(before, fixture.snapshot().await, "a replay adds nothing");
    }
    first
}

#[tokio::test]
async fn a_state_response_is_replayed_from_the_history() {
    let fixture = probes(0).await;
    let start = fixture.command(&probe(1), "start-probe", json!({ "value": 5 }));
    let answer = check_again(&fixture, start).await.unwrap();
    assert_eq!((answer.data.to_value(), answer.version), (json!({ "value": 5 }), 1));
    let end = fixture.command(&probe(1), "end-probe", json!({}));
    let answer = check_again(&fixture, end).await.unwrap();
    assert_eq!((answer.data.to_value(), answer.version), (json!({ "value": 2005 }), 4));
}

#[tokio::test]
async fn an_old_response_is_replayed_unchanged() {
    let fixture = probes(1).await;
    let mut firsts = Vec::new();
    for number in 0..150 {
        let key = if number % 3 == 0 { "ask-state" } else { "run" };
        let payload = if key == "run" { steps(&[Step::Add(1)]) } else { json!({}) };
        let command = fixture.command(&probe(1), key, payload);
        firsts.push((command.clone(), fixture.session.process_command(command).await.unwrap()));
    }
    for (command, first) in firsts {
        assert_eq!(fixture.session.process_command(command).await.unwrap(), first);
    }
}

#[tokio::test]
async fn a_response_with_data_is_replayed() {
    let fixture = probes(2).await;
    let run = fixture.command(&probe(1), "run", steps(&[Step::Add(1), Step::NewId, Step::Now]));
    let answer = check_again(&fixture, run).await.unwrap();
    assert_eq!(answer.version, 2);
    let invoking = steps(&[Step::Invoke(id(1), vec![Step::Aggregate])]);
    let run = fixture.command(&probe(2), "run", invoking);
    let answer = check_again(&fixture, run).await.unwrap();
    assert_eq!(answer.data.to_value(), json!([probe(1).to_string()]));
}

#[tokio::test]
async fn a_read_only_response_is_replayed() {
    let fixture = probes(1).await;
    for (key, data) in [("ask-value", json!(0)), ("ask-state", json!({ "value": 2000 }))] {
        let answer =
            check_again(&fixture, fixture.command(&probe(1), key, json!({}))).await.unwrap();
        assert_eq!((answer.data.to_value(), answer.event), (data, None));
    }
}

#[tokio::test]
async fn a_rejection_is_replayed() {
    let fixture = probes(1).await;
    let no = Step::Reject("no".to_owned());
    for (number, key, payload, if_match, code) in [
        (1, "run", steps(&[no]), None, "no"),
        (1, "run", steps(&[Step::Invoke(id(9), vec![])]), None, "not-found"),
        (9, "run", steps(&[]), None, "not-found"),
        (1, "start-probe", json!({}), None, "already-exists"),
        (1, "ask-value", json!({}), Some(77), "precondition-failed"),
    ] {
        let mut command = fixture.command(&probe(number), key, payload);
        if let Some(version) = if_match {
            command = command.if_match(version);
        }
        let error = check_again(&fixture, command).await.unwrap_err();
        assert_eq!(error.code(), code);
    }
    // Even if the command could be applied now.
    let early = fixture.command(&probe(5), "run", steps(&[]));
    fixture.session.process_command(early.clone()).await.unwrap_err();
    fixture.apply(&probe(5), "start-probe", json!({})).await;
    let again = fixture.session.process_command(early).await.unwrap_err();
    assert_eq!(again.code(), "not-found");
}

#[tokio::test]
async fn a_failed_precondition_is_replayed() {
    let fixture = probes(1).await;
    let command = fixture.command(&probe(1), "ask-value", json!({})).if_match(77);
    let details = |error: Error| match error {
        Error::PreconditionFailed { aggregate_id, expected, version, etag, .. } => {
            (aggregate_id, expected, version, etag)
        }
        other => panic!("{other:?}"),
    };
    let first = details(fixture.session.process_command(command.clone()).await.unwrap_err());
    fixture.apply(&probe(1), "run", steps(&[])).await;
    let again = details(fixture.session.process_command(command).await.unwrap_err());
    assert_eq!(first, again);
    assert_eq!(first.2, 1);
}

#[tokio::test]
async fn a_fault_leaves_the_id_free() {
    let fixture = probes(1).await;
    let panics = fixture.command(&probe(1), "panic-at-once", json!({}));
    check_rejected(&fixture.store, &fixture.session, panics.clone(), Trail::Nothing).await;
    let other = fixture.command(&probe(1), "run", steps(&[Step::Add(1)])).with_id(panics.id);
    assert_eq!(fixture.session.process_command(other).await.unwrap().version, 2);
    // The id is in use now, and the panicking command gets `command-id-reused`.
    let error = check_rejected(&fixture.store, &fixture.session, panics, Trail::Nothing).await;
    assert_eq!(error.code(), "command-id-reused");
}

#[tokio::test]
async fn another_command_with_the_id_is_command_id_reused() {
    let fixture = probes(2).await;
    let user = |number| DomainContext::create("test").with_user(id(number));
    let of_user = fixture.domain.session(user(7));
    let run = |by| steps(&[Step::Add(by)]);
    for is_rejected in [false, true] {
        let payload = if is_rejected { steps(&[Step::Reject("no".to_owned())]) } else { run(1) };
        let first = fixture::command(&of_user, &probe(1), "run", payload.clone());
        assert_eq!(of_user.process_command(first.clone()).await.is_err(), is_rejected);
        let under = |session, aggregate_id, key, payload| {
            (session, fixture::command(session, &aggregate_id, key, payload).with_id(first.id))
        };
        let realm = fixture.domain.session(user(7).with_realm("north"));
        let profile = fixture.domain.session(user(7).with_profile(id(1)));
        let organization = fixture.domain.session(user(7).with_organization(id(1)));
        let another = fixture.domain.session(user(8));
        let ours = || payload.clone();
        for (session, command) in [
            under(&of_user, probe(2), "run", ours()),
            under(&of_user, probe(1), "run-quickly", ours()),
            under(&of_user, probe(1), "ask-value", json!({})),
            under(&of_user, probe(1), "run", run(2)),
            under(&of_user, probe(1), "panic-at-once", json!({})),
            under(&of_user, probe(9), "run", ours()),
            under(&another, probe(1), "run", ours()),
            under(&profile, probe(1), "run", ours()),
            under(&organization, probe(1), "run", ours()),
            under(&realm, probe(1), "run", ours()),
            under(&fixture.session, probe(1), "run", ours()),
        ] {
            let error =
                check_rejected(&fixture.store, session, command.clone(), Trail::Nothing).await;
            assert!(
                matches!(error, Error::CommandIdReused { id } if id == first.id),
                "{command:?}: {error:?}"
            );
        }
        // Another session of the same user is the same sender.
        let same = fixture.domain.session(user(7).with_role("teller").with_header("a", "b"));
        assert_eq!(same.process_command(first).await.is_err(), is_rejected);
    }
}

#[tokio::test]
async fn the_id_of_an_invoked_command_is_in_use() {
    let fixture = probes(2).await;
    fixture.apply(&probe(1), "run", steps(&[Step::Invoke(id(2), vec![])])).await;
    let child = fixture.snapshot().await.commands.pop().unwrap();
    assert!(child.record.parent.is_some());
    let command = fixture.command(&probe(2), "run", steps(&[])).with_id(child.record.id);
    let error = check_rejected(&fixture.store, &fixture.session, command, Trail::Nothing).await;
    assert_eq!(error.code(), "invalid-command-id");
}

#[tokio::test]
async fn payloads_are_compared_by_content() {
    let fixture = Fixture::new::<TicketDomain>().await;
    let session = fixture.session.aggregate(ticket(1));
    let make = |payload: &str| session.create_command("open-ticket", payload).unwrap();
    let first = make(r#"{"title":"a","points":1,"tags":["x","y"]}"#);
    let answer = session.process_command(first.clone()).await.unwrap();
    for same in [
        r#"{ "tags": ["x", "y"], "points": 1, "title": "a" }"#,
        r#"{"points":1,"title":"\u0061","tags":["x","y"]}"#,
    ] {
        let again = session.process_command(make(same).with_id(first.id)).await.unwrap();
        assert_eq!((again.version, again.etag), (answer.version, answer.etag), "{same}");
        assert_eq!(again.data.to_value(), answer.data.to_value(), "{same}");
    }
    for other in [
        r#"{"title":"a","points":1,"tags":["y","x"]}"#,
        r#"{"title":"a","points":2,"tags":["x","y"]}"#,
        r#"{"title":"a","points":1}"#,
    ] {
        let error = session.process_command(make(other).with_id(first.id)).await.unwrap_err();
        assert_eq!(error.code(), "command-id-reused", "{other}");
    }
    // A typed command is compared by its recorded payload.
    let open = fluvius_tests::ticket::OpenTicket {
        title: "a".to_owned(),
        points: 1,
        tags: vec!["x".to_owned(), "y".to_owned()],
    };
    let typed = fixture.session.send(ticket(1), open).with_id(first.id).await.unwrap();
    assert_eq!((typed.version, typed.etag), (answer.version, answer.etag));
}

#[tokio::test]
async fn replays_survive_a_restart() {
    let store = MemoryStore::new();
    let mut answers = Vec::new();
    let mut command = None;
    for _ in 0..2 {
        let domain = ProbingDomain::runtime(store.clone()).await.unwrap();
        let session = domain.session(DomainContext::create("test"));
        let start = command
            .get_or_insert_with(|| fixture::command(&session, &probe(1), "start-probe", json!({})));
        answers.push(session.process_command(start.clone()).await.unwrap());
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(StoreSnapshot::of(&store).await.commands.len(), 1);
}

#[tokio::test]
async fn unrecorded_rejections_are_checked_and_not_replayed() {
    let store = fluvius_tests::faulty_store::ScriptedStore::default();
    let builder = ProbingDomain::builder(store.clone()).record_rejections(false);
    let domain = builder.build().await.unwrap();
    let session = domain.session(DomainContext::create("test"));
    let run = fixture::command(&session, &probe(1), "run", steps(&[Step::Add(1)]));
    let error = check_rejected(&store, &session, run.clone(), Trail::Nothing).await;
    assert_eq!(error.code(), "not-found");
    let [unit] = &store.units()[..] else { panic!() };
    assert_eq!((unit.expected.len(), unit.expected[0].version), (1, 0));
    assert_eq!(unit.row_count(), 0);

    // The aggregate is created before the rejection is admitted, so the command is decided again.
    let other = ProbingDomain::runtime(store.inner.clone()).await.unwrap();
    let rival = other.session(DomainContext::create("rival"));
    store.script([fluvius_tests::faulty_store::CommitStep::RunFirst(Box::pin(async move {
        rival.send(id(1), fluvius_tests::probe::StartProbe { value: 0 }).await.unwrap();
    }))]);
    let answer = session.process_command(run.clone()).await.unwrap();
    assert_eq!(answer.version, 2);
    // An applied command is recorded, and replayed even if it would be rejected now.
    session.send(id(1), fluvius_tests::probe::EndProbe {}).await.unwrap();
    assert_eq!(session.process_command(run.clone()).await.unwrap(), answer);
    let other = fixture::command(&session, &probe(1), "run", steps(&[])).with_id(run.id);
    let error = check_rejected(&store, &session, other, Trail::Nothing).await;
    assert_eq!(error.code(), "command-id-reused");
}
