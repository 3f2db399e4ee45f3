//! Options of an action that also apply when another action invokes it: its timeout, and its
//! precondition.

use std::time::Duration;

use fluvius_core::{DomainContext, Error};
use fluvius_testing::invoked_id;
use serde_json::json;
use uuid::Uuid;

use fluvius_tests::fixture::{self, id};
use fluvius_tests::probe::{Run, Step, probe, probes};
use fluvius_tests::store_snapshot::Trail;

fn wait() -> Vec<Step> {
    vec![Step::Add(1), Step::Wait("never opened by invoked".to_owned())]
}

#[tokio::test(start_paused = true)]
async fn the_timeout_of_an_invoked_action_ends_the_command() {
    let fixture = probes(3).await;
    let begun = tokio::time::Instant::now();
    let steps = [Step::TryQuickly(id(2), wait()), Step::Fetch(id(3))];
    let error = fixture.reject(&probe(1), "run", json!({ "steps": steps }), Trail::Nothing).await;
    let expected = Duration::from_millis(20);
    match error {
        Error::TimedOut { command, after } => {
            assert_eq!((command, after), ("run-quickly", expected));
        }
        other => panic!("{other:?}"),
    }
    assert!((expected..expected * 2).contains(&begun.elapsed()), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_timeout_of_the_caller_bounds_the_invoked_action() {
    let fixture = probes(2).await;
    let steps = [Step::Try(id(2), wait())];
    let error =
        fixture.reject(&probe(1), "run-quickly", json!({ "steps": steps }), Trail::Nothing).await;
    assert!(matches!(error, Error::TimedOut { command: "run-quickly", .. }), "{error:?}");
}

#[tokio::test]
async fn an_invoked_action_in_time_is_applied() {
    let fixture = probes(2).await;
    let steps = vec![Step::TryQuickly(id(2), vec![Step::Add(1), Step::Now])];
    let said = fixture.session.send(id(1), Run { steps }).await.unwrap();
    assert!(said.data[0].starts_with("[\""), "{:?}", said.data);
    assert_eq!(fixture.snapshot().await.version(&probe(2)), 2);
}

#[tokio::test]
async fn a_required_precondition_applies_to_invoke() {
    let fixture = probes(2).await;
    let steps = [Step::TryBlindly(id(2), vec![Step::Add(1)]), Step::Add(1)];
    let error = fixture.reject(&probe(1), "run", json!({ "steps": steps }), Trail::Nothing).await;
    match error {
        Error::PreconditionRequired { command, aggregate_id } => {
            assert_eq!((command, aggregate_id), ("run-expected", probe(2)));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_precondition_of_invoke_sees_the_callers_writes() {
    let fixture = probes(2).await;
    let steps = vec![
        Step::TryAt(id(2), 2, vec![]),
        Step::TryAt(id(2), 1, vec![Step::Add(1)]),
        Step::TryAt(id(2), 1, vec![]),
        // The command's own write is visible.
        Step::TryAt(id(2), 2, vec![Step::Add(1)]),
        Step::TryAt(id(9), 0, vec![]),
        Step::Fetch(id(2)),
    ];
    let said = fixture.session.send(id(1), Run { steps }).await.unwrap().data;
    let failed = "precondition-failed";
    assert_eq!(said, [failed, "[]", failed, "[]", "not-found", "(2, 3)"]);
    let error = {
        let steps = [Step::TryAt(id(2), 7, vec![]), Step::Reject("seen".to_owned())];
        fixture.reject(&probe(1), "run", json!({ "steps": steps }), Trail::Command("seen")).await
    };
    assert_eq!(error.code(), "seen");
}

#[tokio::test]
async fn a_foreseen_id_blocks_no_invoked_command() {
    let fixture = probes(3).await;
    let stranger = fixture.domain.session(DomainContext::create("stranger").with_realm("other"));
    let sender_id = Uuid::new_v5(&Uuid::NAMESPACE_URL, b"order-4711");
    for foreseen in [invoked_id(sender_id, 1), Uuid::new_v5(&sender_id, b"1")] {
        let start = fluvius_tests::probe::StartProbe { value: 0 };
        let aggregate_id = Uuid::new_v4();
        let taken = stranger.send(aggregate_id, start).with_id(foreseen).await;
        let expected =
            if foreseen.get_version_num() == 8 { Err("invalid-command-id") } else { Ok(()) };
        assert_eq!(taken.map(drop).map_err(|error| error.framework_code()), expected);
    }
    let steps = vec![Step::Invoke(id(2), vec![Step::Add(1)])];
    let command = fixture.session.send(id(1), Run { steps: steps.clone() }).with_id(sender_id);
    assert_eq!(command.await.unwrap().version, 2);

    let group = Uuid::new_v4();
    let run = json!({ "steps": steps });
    let pair = [
        fixture.command(&probe(1), "run", run).with_id(group),
        fixture::command(&fixture.session, &probe(3), "run", json!({ "steps": [] }))
            .with_id(Uuid::new_v5(&group, b"1")),
    ];
    assert_eq!(fixture.session.process_atomic(pair).await.unwrap().len(), 2);
}
