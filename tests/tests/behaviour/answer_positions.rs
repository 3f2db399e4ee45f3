//! Positions of answers and rejections: the last row of the unit of work, also in a replay.

use std::collections::BTreeSet;

use fluvius_core::{
    AggregateId, Authorization, CommandBundle, Domain, DomainContext, DomainRuntime, Error,
    MemoryStore, Policy, PolicyRequest, PolicyState, Recorded, Response, Session, Store,
};
use fluvius_sqlite::SqliteStore;
use serde_json::{Value, json};

use fluvius_tests::fixture::{self, id};
use fluvius_tests::probe::{ProbingDomain, Run, StartProbe, Step, probe, probes};
use fluvius_tests::store_snapshot::StoreSnapshot;

fn steps(steps: &[Step]) -> Value {
    json!({ "steps": steps })
}

fn message(text: &str) -> Step {
    Step::Message("told".to_owned(), text.to_owned())
}

fn activity() -> Step {
    Step::Activity("looked".to_owned())
}

fn rejected() -> Step {
    Step::Reject("no".to_owned())
}

async fn newest_position(store: &impl Store) -> u64 {
    let rows = StoreSnapshot::of(store).await;
    let positions = (rows.commands.iter().map(|row| row.position))
        .chain(rows.events.iter().map(|row| row.position))
        .chain(rows.messages.iter().map(|row| row.position))
        .chain(rows.activities.iter().map(|row| row.position));
    positions.max().unwrap_or(0)
}

/// The commands of one request: a group, or a single one.
type Request = Vec<CommandBundle>;

async fn send(session: &Session, mut request: Request) -> Result<Vec<Response>, Error> {
    match request.len() {
        1 => Ok(vec![session.process_command(request.remove(0)).await?]),
        _ => session.process_atomic(request).await,
    }
}

/// Returns the positions of an answer, each with `replayed`.
fn recorded(answer: &Result<Vec<Response>, Error>) -> BTreeSet<(u64, bool)> {
    match answer {
        Ok(responses) => {
            responses.iter().map(|response| (response.position, response.replayed)).collect()
        }
        Err(error) => {
            let Recorded { position, replayed, .. } = error.recorded().unwrap();
            BTreeSet::from([(position, replayed)])
        }
    }
}

/// Requests of each kind, on the probes 1 and 2, and 9, which does not exist.
fn requests(session: &Session) -> Vec<Request> {
    let on = |number: u128, key: &str, payload: Value| {
        fixture::command(session, &probe(number), key, payload)
    };
    let run = |number: u128, list: &[Step]| on(number, "run", steps(list));
    let ask = |list: &[Step]| on(1, "ask-value", steps(list));
    let invoke = |inner: Vec<Step>| Step::Invoke(id(2), inner);
    let many: Vec<Step> = (0..700).map(|_| message("once more")).collect();
    vec![
        vec![run(1, &[])],
        vec![run(1, &[invoke(vec![])])],
        vec![run(1, &[message("one"), message("two")])],
        vec![run(1, &[activity()])],
        vec![run(1, &[invoke(vec![message("three"), activity()]), message("four"), activity()])],
        vec![run(1, &many)],
        vec![run(1, &vec![invoke(vec![]); 40])],
        vec![ask(&[])],
        vec![ask(&[])],
        vec![ask(&[message("five"), activity()])],
        vec![ask(&[invoke(vec![])])],
        vec![on(1, "ask-state", json!({}))],
        vec![run(1, &[]), run(2, &[message("six")]), ask(&[])],
        vec![ask(&[invoke(vec![activity()])]), ask(&[]), ask(&[invoke(vec![])])],
        vec![ask(&[]), ask(&[]), ask(&[])],
        vec![run(1, &[message("not sent"), rejected()])],
        vec![run(9, &[])],
        vec![on(1, "start-probe", json!({}))],
        vec![ask(&[]).if_match(77)],
        vec![run(1, &[]), run(2, &[rejected()]), ask(&[])],
        vec![run(1, &[]), run(9, &[])],
        vec![on(2, "end-probe", json!({}))],
    ]
}

async fn domain_with_probes(store: impl Store) -> (DomainRuntime, Session) {
    let domain = ProbingDomain::runtime(store).await.unwrap();
    let session = domain.session(DomainContext::create("test"));
    for number in [1, 2] {
        session.send(id(number), StartProbe { value: 0 }).await.unwrap();
    }
    (domain, session)
}

/// Sends each request twice, and returns the requests with their answers.
async fn check_positions(
    store: &impl Store,
    session: &Session,
) -> Vec<(Request, Result<Vec<Response>, Error>)> {
    let mut answers = Vec::new();
    for request in requests(session) {
        let first = send(session, request.clone()).await;
        let newest = newest_position(store).await;
        assert_eq!(recorded(&first), BTreeSet::from([(newest, false)]), "{request:?}");
        check_replay(session, &request, &first).await;
        assert_eq!(newest_position(store).await, newest, "a replay adds nothing");
        answers.push((request, first));
    }
    answers
}

async fn check_replay(session: &Session, request: &Request, first: &Result<Vec<Response>, Error>) {
    let again = send(session, request.clone()).await;
    let expected = recorded(first).into_iter().map(|(position, _)| (position, true)).collect();
    assert_eq!(recorded(&again), expected, "{request:?}");
    match (first, again) {
        (Ok(first), Ok(again)) => {
            assert_eq!(*first, again);
            let text = |responses| serde_json::to_string(responses).unwrap();
            assert_eq!(text(first), text(&again));
        }
        (Err(first), Err(again)) => assert_eq!(first.to_string(), again.to_string()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_replay_has_the_position_of_the_first_answer() {
    let store = MemoryStore::new();
    let (domain, session) = domain_with_probes(store.clone()).await;
    let answers = check_positions(&store, &session).await;
    domain.shutdown().await;
    let (_domain, session) = domain_again(store).await;
    for (request, first) in &answers {
        check_replay(&session, request, first).await;
    }
}

async fn domain_again(store: impl Store) -> (DomainRuntime, Session) {
    let domain = ProbingDomain::runtime(store).await.unwrap();
    let session = domain.session(DomainContext::create("test"));
    (domain, session)
}

#[tokio::test]
async fn a_replay_after_a_reopening_has_the_first_position() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("probes.db");
    let store = SqliteStore::open(&file).await.unwrap();
    let (domain, session) = domain_with_probes(store.clone()).await;
    let answers = check_positions(&store, &session).await;
    domain.shutdown().await;
    drop((session, domain, store));
    let (_domain, session) = domain_again(SqliteStore::open(&file).await.unwrap()).await;
    for (request, first) in &answers {
        check_replay(&session, request, first).await;
    }
}

#[tokio::test]
async fn an_unrecorded_rejection_has_no_position() {
    let builder = ProbingDomain::builder(MemoryStore::new()).record_rejections(false);
    let domain = builder.build().await.unwrap();
    let session = domain.session(DomainContext::create("test"));
    let error = session.send(id(9), Run { steps: vec![] }).await.unwrap_err();
    assert_eq!((error.code(), error.recorded()), ("not-found", None));
    let error = session.statemgr().fetch_record(&probe(9)).await.unwrap_err();
    assert_eq!((error.code(), error.recorded()), ("not-found", None));
}

#[tokio::test]
async fn a_member_of_a_group_with_an_event_has_the_groups_position() {
    let fixture = probes(2).await;
    let run = |number, list: &[Step]| fixture.command(&probe(number), "run", steps(list));
    let group = vec![run(1, &[message("one")]), run(2, &[activity()])];
    let first = fixture.session.process_atomic(group.clone()).await.unwrap();
    fixture.session.process_command(run(1, &[])).await.unwrap();
    for (command, first) in group.into_iter().zip(first) {
        let again = fixture.session.process_command(command).await.unwrap();
        assert_eq!((&again, again.replayed, first.replayed), (&first, true, false));
    }
}

/// Denies the commands of the source `denied`.
struct DenySource;

impl Policy for DenySource {
    async fn authorize(&self, request: &PolicyRequest<'_>) -> Authorization {
        match request.context.source() {
            "denied" => Authorization::deny("the source is denied"),
            _ => Authorization::Allow,
        }
    }

    async fn authorize_with_state(
        &self,
        _: &PolicyRequest<'_>,
        _: Option<&PolicyState<'_>>,
    ) -> Authorization {
        Authorization::Allow
    }
}

#[tokio::test]
async fn a_denied_duplicate_does_not_change_the_position() {
    let store = MemoryStore::new();
    let domain = ProbingDomain::builder(store.clone()).policy(DenySource).build().await.unwrap();
    let session = domain.session(DomainContext::create("test"));
    let denied = domain.session(DomainContext::create("denied"));
    session.send(id(1), StartProbe { value: 0 }).await.unwrap();
    for list in [&[][..], &[activity()], &[rejected()]] {
        let request = vec![fixture::command(&session, &probe(1), "run", steps(list))];
        let first = send(&session, request.clone()).await;
        let error = send(&denied, request.clone()).await.unwrap_err();
        assert_eq!((error.code(), error.recorded()), ("permission-denied", None));
        let newest = newest_position(&store).await;
        assert_eq!(recorded(&first), BTreeSet::from([(newest - 1, false)]));
        check_replay(&session, &request, &first).await;
    }
}

#[tokio::test]
async fn an_answer_has_the_time_of_its_event() {
    let fixture = probes(1).await;
    let on = |key, payload| fixture.command(&probe(1), key, payload);
    let run = fixture.session.process_command(on("run", steps(&[]))).await.unwrap();
    let asked = fixture.session.process_command(on("ask-value", json!({}))).await.unwrap();
    let rows = fixture.snapshot().await;
    assert_eq!(Some(run.occurred_at), rows.events.last().map(|row| row.record.occurred_at));
    assert_eq!(Some(asked.occurred_at), rows.commands.last().map(|row| row.record.received_at));
}

#[tokio::test]
async fn an_answer_serializes_without_its_origin() {
    let fixture = probes(0).await;
    let session = fixture.session.aggregate(AggregateId::clone(&probe(1)));
    let start = session.create_command("start-probe", json!({})).unwrap();
    let first = session.process_command(start).await.unwrap();
    let Value::Object(members) = serde_json::to_value(&first).unwrap() else { panic!("{first:?}") };
    assert_eq!(members["position"], json!(2));
    assert!(members.contains_key("occurred_at") && !members.contains_key("replayed"));
}
