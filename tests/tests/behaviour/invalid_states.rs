//! `invalid-state`: a stored state that does not decode, and one that no store can keep.

use std::sync::Arc;

use fluvius_core::{Error, ExpectedVersion, Json, MemoryStore, StateDelta, Store, UnitOfWork};
use serde_json::json;

use fluvius_tests::fixture::{check_error, id};
use fluvius_tests::probe::{Probe, Step, Unstorable, probe, probes};
use fluvius_tests::store_snapshot::{StoreSnapshot, Trail};

/// Overwrites the stored state of an aggregate.
async fn overwrite_state(
    store: &MemoryStore,
    aggregate_id: &fluvius_core::AggregateId,
    data: &str,
) {
    let log = StoreSnapshot::of(store).await;
    let mut row = log.states[aggregate_id].clone();
    let event =
        log.events.iter().rfind(|event| event.record.aggregate_id == *aggregate_id).unwrap();
    let command = log.commands.iter().find(|row| row.record.id == event.record.command_id).unwrap();
    let context = Arc::clone(&log.contexts[&command.record.context_id]);
    let data = Json::parse(data).unwrap();
    let command_id = uuid::Uuid::new_v4();
    let mut unit = UnitOfWork::new(context);
    unit.expected =
        vec![ExpectedVersion { aggregate_id: aggregate_id.clone(), version: row.version }].into();
    let mut command = command.record.clone();
    command.id = command_id;
    unit.commands = vec![command.into()].into();
    row.version += 1;
    let mut event = event.record.clone();
    event.version = row.version;
    event.command_id = command_id;
    event.delta = StateDelta::snapshot(&data);
    unit.events = vec![event.into()].into();
    row.data = data;
    unit.states = vec![row.into()].into();
    let outcomes = store.commit(Arc::from([unit])).await;
    assert!(
        matches!(outcomes[..], [fluvius_core::CommitOutcome::Committed { .. }]),
        "{outcomes:?}"
    );
}

#[track_caller]
fn check_invalid(error: &Error, number: u128, revision: u32, path: &str, message: &str) {
    match error {
        Error::InvalidState { aggregate_id, revision: of, path: at, message: why } => {
            assert_eq!((aggregate_id, *of, at.as_str()), (&probe(number), revision, path), "{why}");
            assert!(why.contains(message), "{why}");
            let text = format!(
                "the state of {aggregate_id} (revision {revision}) is not valid at `{path}`: {why}"
            );
            check_error(error, "invalid-state", &text);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_stored_state_that_does_not_decode_is_invalid() {
    let fixture = probes(2).await;
    overwrite_state(&fixture.store, &probe(1), r#"{"value":"many"}"#).await;
    let message = "expected i64";
    for (key, payload) in
        [("run", json!({ "steps": [] })), ("ask-value", json!({})), ("end-probe", json!({}))]
    {
        let error = fixture.reject(&probe(1), key, payload, Trail::Nothing).await;
        check_invalid(&error, 1, 1, "value", message);
    }
    // A fetch of it by another action is a fault too, whatever that action returns.
    for step in [Step::Fetch(id(1)), Step::Find(id(1)), Step::Try(id(1), vec![])] {
        let payload = json!({ "steps": [step, Step::Add(1)] });
        let error = fixture.reject(&probe(2), "run", payload, Trail::Nothing).await;
        check_invalid(&error, 1, 1, "value", message);
    }
    let error = fixture.session.statemgr().fetch::<Probe>(id(1)).await.unwrap_err();
    check_invalid(&error, 1, 1, "value", message);
    // The row itself is readable.
    let row = fixture.session.statemgr().fetch_record(&probe(1)).await.unwrap();
    assert_eq!((row.version, row.data.as_str()), (2, r#"{"value":"many"}"#));
}

#[tokio::test]
async fn an_id_with_an_invalid_state_is_in_use() {
    let fixture = probes(1).await;
    overwrite_state(&fixture.store, &probe(1), "[]").await;
    let error =
        fixture.reject(&probe(1), "start-probe", json!({}), Trail::Command("already-exists")).await;
    assert_eq!(error.code(), "already-exists");
}

#[tokio::test]
async fn an_unstorable_state_is_invalid() {
    let fixture = probes(2).await;
    for (value, message) in [
        (Unstorable::Nan, ""),
        (Unstorable::Infinite, ""),
        (Unstorable::Nul, "U+0000 cannot be stored"),
        (Unstorable::MapKey, ""),
        (Unstorable::U128, ""),
        (Unstorable::SerializeError, "will not be written"),
    ] {
        let payload = json!({ "steps": [Step::Add(1), Step::SetUnstorable(value)] });
        let error = fixture.reject(&probe(1), "run", payload, Trail::Nothing).await;
        check_invalid(&error, 1, 1, "unstorable", message);
        let payload = json!({ "value": value });
        let error = fixture.reject(&probe(9), "start-unstorable", payload, Trail::Nothing).await;
        check_invalid(&error, 9, 1, "unstorable", message);
        // The state of an invoked action is checked too, even if its caller continues.
        let payload =
            json!({ "steps": [Step::Try(id(2), vec![Step::SetUnstorable(value)]), Step::Add(1)] });
        let error = fixture.reject(&probe(1), "run", payload, Trail::Nothing).await;
        check_invalid(&error, 2, 1, "unstorable", message);
    }
}

#[tokio::test]
async fn unstorable_data_and_messages_are_invalid() {
    let fixture = probes(1).await;
    for value in [
        Unstorable::Nan,
        Unstorable::Infinite,
        Unstorable::Nul,
        Unstorable::MapKey,
        Unstorable::U128,
        Unstorable::SerializeError,
    ] {
        let payload = json!({ "value": value });
        let error = fixture.reject(&probe(1), "return-unstorable", payload, Trail::Nothing).await;
        check_invalid(&error, 1, 1, ".", "");
        let payload = json!({ "steps": [Step::SendUnstorable(value)] });
        let error = fixture.reject(&probe(1), "run", payload, Trail::Nothing).await;
        check_invalid(&error, 1, 1, "message", "");
    }
    for key in ["", "Not Kebab", "a--b", "-a"] {
        let payload = json!({ "steps": [Step::Message(key.to_owned(), "x".to_owned())] });
        let error = fixture.reject(&probe(1), "run", payload, Trail::Nothing).await;
        let problem = format!("the key `{key}` is not kebab case, such as `order-shipped`");
        check_invalid(&error, 1, 1, "message", &problem);
    }
}
