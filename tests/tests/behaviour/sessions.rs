//! Sessions: the commands of one sender.

use fluvius_core::Versioned;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{StreamExt, future};
use serde_json::json;

use fluvius_tests::fixture::id;
use fluvius_tests::probe::{Run, StartProbe, Step, probe, probes};

fn add(by: i64) -> serde_json::Value {
    json!({ "steps": [Step::Add(by)] })
}

#[tokio::test]
async fn a_session_creates_commands_for_its_aggregate() {
    let mut fixture = probes(2).await;
    assert_eq!(fixture.session.aggroot(), None);
    fixture.session.set_aggroot("probe", id(1));
    assert_eq!(fixture.session.aggroot(), Some(&probe(1)));
    let first = fixture.session.create_command("run", add(1)).unwrap();
    fixture.session.set_aggroot("probe", id(2));
    let second = fixture.session.create_command("run", add(1)).unwrap();
    assert_eq!((&first.aggregate_id, &second.aggregate_id), (&probe(1), &probe(2)));
    assert_ne!(first.id, second.id);
    assert_eq!((first.command.as_str(), first.if_match.clone()), ("run", None));
    // A command targets the aggregate that was set at its creation.
    let response = fixture.session.process_command(first).await.unwrap();
    assert_eq!(response.aggregate_id, probe(1));
}

#[tokio::test]
async fn a_payload_may_be_a_value_or_text() {
    let fixture = probes(1).await;
    let session = fixture.session.aggregate(probe(1));
    let text = r#"{ "steps" : [ {"add": 1} ] }"#;
    for command in [
        session.create_command("run", add(1)).unwrap(),
        session.create_command("run", text).unwrap(),
        session.create_command("run", text.to_owned()).unwrap(),
        session.create_command("run", fluvius_core::Json::parse(text).unwrap()).unwrap(),
    ] {
        fixture.session.process_command(command).await.unwrap();
    }
    let row = fixture.domain.statemgr().fetch::<fluvius_tests::probe::Probe>(id(1)).await.unwrap();
    assert_eq!((row.value, Versioned::version(&row)), (4, 5));
    let payloads: Vec<_> = fixture.snapshot().await.commands[1..]
        .iter()
        .map(|row| row.record.payload.to_string())
        .collect();
    assert!(payloads.iter().all(|payload| *payload == r#"{"steps":[{"add":1}]}"#), "{payloads:?}");
}

#[tokio::test]
async fn a_bundle_survives_serialization() {
    let fixture = probes(1).await;
    let command = fixture.command(&probe(1), "run", add(1)).if_match(1).with_id(id(77));
    let text = serde_json::to_string(&command).unwrap();
    let read: fluvius_core::CommandBundle = serde_json::from_str(&text).unwrap();
    assert_eq!(read, command);
    let response = fixture.session.process_command(read).await.unwrap();
    assert_eq!((response.command_id, response.version), (id(77), 2));
    serde_json::from_str::<fluvius_core::CommandBundle>(&text.replace("\"id\"", "\"uuid\""))
        .unwrap_err();
}

#[tokio::test]
async fn views_of_a_session_are_independent() {
    let fixture = probes(8).await;
    let views = (1..=8).map(|number| {
        let view = fixture.session.aggregate(probe(number));
        async move {
            for _ in 0..4 {
                let command = view.create_command("run", add(1)).unwrap();
                view.process_command(command).await.unwrap();
                view.send(id(number), Run { steps: vec![Step::Add(1)] }).await.unwrap();
            }
            view.context_id()
        }
    });
    let contexts = future::join_all(views).await;
    assert!(contexts.iter().all(|context| *context == fixture.session.context_id()));
    let log = fixture.snapshot().await;
    assert!((1..=8).all(|number| log.version(&probe(number)) == 9));
    assert_eq!(log.contexts.len(), 1);
    assert_eq!(fixture.session.aggroot(), None, "a view has an aggregate of its own");
}

#[tokio::test]
async fn a_typed_command_may_be_given_an_id() {
    let fixture = probes(0).await;
    let prepared = fixture.session.send(id(1), StartProbe { value: 3 }).with_id(id(50));
    assert_eq!(prepared.await.unwrap().command_id, id(50));
    let again = fixture.session.send(id(1), StartProbe { value: 3 }).with_id(id(50));
    assert_eq!(again.await.unwrap().data.value, 3);
    assert_eq!(fixture.snapshot().await.commands.len(), 1);
}

#[tokio::test]
async fn a_stream_answers_in_order_despite_rejections() {
    let fixture = probes(2).await;
    let no = json!({ "steps": [Step::Reject("no".to_owned())] });
    let commands = [
        fixture.command(&probe(1), "run", add(1)),
        fixture.command(&probe(1), "run", no),
        fixture.command(&probe(2), "run", json!({ "steps": 7 })),
        fixture.command(&probe(9), "run", add(1)),
        fixture.command(&probe(2), "nothing", json!({})),
        fixture.command(&probe(1), "panic-at-once", json!({})),
        fixture.command(&probe(1), "run", add(1)),
        fixture.command(&probe(2), "run", add(1)),
    ];
    let ids: Vec<_> = [0, 6, 7].map(|index| commands[index].id).to_vec();
    let responses = fixture.session.command_processor().process(commands);
    let answers: Vec<_> = responses.collect().await;
    let codes: Vec<_> = answers
        .iter()
        .map(|answer| answer.as_ref().map_or_else(|error| error.code(), |_| "ok"))
        .collect();
    assert_eq!(
        codes,
        ["ok", "no", "invalid-payload", "not-found", "unknown-command", "panicked", "ok", "ok"]
    );
    let applied: Vec<_> = answers.iter().flatten().map(|response| response.command_id).collect();
    assert_eq!(applied, ids);
    let none = fixture.session.command_processor().process([]);
    assert_eq!(none.count().await, 0);
}

#[tokio::test]
async fn dropping_a_stream_takes_no_more_commands() {
    let fixture = probes(1).await;
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&taken);
    let session = fixture.session.aggregate(probe(1));
    let commands = std::iter::repeat_with(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        session.create_command("run", add(1)).unwrap()
    });
    let mut responses = fixture.session.command_processor().process(commands);
    for version in 2..=4 {
        assert_eq!(responses.next().await.unwrap().unwrap().version, version);
    }
    drop(responses);
    let taken_before = taken.load(Ordering::Relaxed);
    assert!(
        (3..=3 + 64).contains(&taken_before),
        "the stream takes some commands ahead: {taken_before}"
    );
    // The commands that the stream has taken end, and it takes no more.
    fixture.domain.shutdown().await;
    assert_eq!(taken.load(Ordering::Relaxed), taken_before);
    let version = usize::try_from(fixture.snapshot().await.version(&probe(1))).unwrap();
    assert!((4..=1 + taken_before).contains(&version), "{version} after {taken_before}");
}

#[tokio::test]
async fn a_stream_may_be_moved_to_a_task_of_its_own() {
    let fixture = probes(1).await;
    let commands: Vec<_> = (0..3).map(|_| fixture.command(&probe(1), "run", add(1))).collect();
    let responses = fixture.session.command_processor().process(commands);
    drop(fixture.session);
    let count = tokio::spawn(responses.map(Result::unwrap).count()).await.unwrap();
    assert_eq!(count, 3);
}
