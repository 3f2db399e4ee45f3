//! The action context: its functions for an action, and the rows that its calls leave.

use fluvius_core::{ActivityKind, AggregateId};
use fluvius_testing::invoked_id;
use serde_json::{Value, json};
use uuid::Uuid;

use fluvius_tests::fixture::{self, Fixture, id};
use fluvius_tests::gate;
use fluvius_tests::probe::{Step, Unstorable, probe, probes};
use fluvius_tests::store_snapshot::Trail;

/// Runs steps on the first probe, and returns their outputs.
async fn run(fixture: &Fixture, steps: &[Step]) -> Value {
    fixture.apply(&probe(1), "run", json!({ "steps": steps })).await
}

fn reject() -> Step {
    Step::Reject("no".to_owned())
}

#[tokio::test]
async fn a_command_sees_what_it_has_written() {
    let fixture = probes(3).await;
    let outputs = run(
        &fixture,
        &[
            Step::Fetch(id(2)),
            Step::Invoke(id(2), vec![Step::Add(5)]),
            Step::Fetch(id(2)),
            Step::Try(id(2), vec![Step::Add(2), Step::Fetch(id(3))]),
            Step::Fetch(id(2)),
            Step::Find(id(9)),
            Step::Start(id(9), 4),
            Step::Fetch(id(9)),
            Step::Find(id(9)),
            Step::Close(id(3)),
            Step::Find(id(3)),
            Step::Fetch(id(3)),
            Step::Try(id(3), vec![]),
            Step::Start(id(3), 1),
            Step::Try(id(3), vec![]),
        ],
    )
    .await;
    assert_eq!(
        outputs,
        json!([
            "(0, 1)",
            "(5, 2)",
            "[\"(0, 1)\"]",
            "(7, 3)",
            "None",
            "4",
            "(4, 1)",
            "Some(1)",
            "0",
            "None",
            "not-found",
            "not-found",
            "already-exists",
            "not-found",
        ])
    );
    let after = fixture.snapshot().await;
    let versions: Vec<_> = [1, 2, 3, 9].map(|number| after.version(&probe(number))).to_vec();
    assert_eq!(versions, [2, 3, 2, 1]);
    // One unit of work: the sender's row first, then the invoked ones in order.
    let rows: Vec<_> = after.commands[3..]
        .iter()
        .map(|row| (row.record.key(), row.record.parent.is_some()))
        .collect();
    assert_eq!(
        rows,
        [("run", false), ("run", true), ("run", true), ("start-probe", true), ("end-probe", true)]
    );
    let parent = after.commands[3].record.id;
    for (row, number) in after.commands[4..].iter().zip(1..) {
        assert_eq!(row.record.parent, Some(parent));
        assert_eq!(row.record.id, invoked_id(parent, number));
    }
}

#[tokio::test]
async fn a_failed_invocation_leaves_nothing() {
    let fixture = probes(4).await;
    let inner = vec![
        Step::Add(5),
        Step::Message("said".to_owned(), "x".to_owned()),
        Step::Activity("done".to_owned()),
        Step::Invoke(id(3), vec![Step::Add(1), Step::Message("said".to_owned(), "y".to_owned())]),
        Step::Start(id(9), 1),
        reject(),
    ];
    let outputs = run(&fixture, &[Step::Try(id(2), inner), Step::Fetch(id(2)), Step::Add(1)]).await;
    assert_eq!(outputs, json!(["no", "(0, 1)"]));
    let after = fixture.snapshot().await;
    let versions = [1, 2, 3, 9].map(|number| after.version(&probe(number)));
    assert_eq!(versions, [2, 1, 1, 0]);
    assert_eq!((after.commands.len(), after.events.len()), (5, 5));
    assert_eq!((&after.messages[..], &after.activities[..]), (&[][..], &[][..]));
}

#[tokio::test]
async fn a_rejection_after_an_invocation_leaves_nothing() {
    let fixture = probes(2).await;
    let steps = [Step::Invoke(id(2), vec![Step::Add(1)]), Step::Activity("x".to_owned()), reject()];
    let payload = json!({ "steps": steps });
    let error = fixture.reject(&probe(1), "run", payload, Trail::Command("no")).await;
    assert_eq!(error.code(), "no");
}

#[tokio::test]
async fn context_errors_have_the_codes_of_the_cause() {
    let fixture = probes(2).await;
    let other = AggregateId::new("ticket", id(2));
    let outputs = run(
        &fixture,
        &[
            Step::Try(id(2), vec![reject()]),
            Step::Try(id(8), vec![]),
            Step::Start(id(2), 0),
            Step::Start(id(8), -1),
            Step::TryOn(other.clone(), vec![]),
            Step::FetchOn(other),
            Step::Fetch(id(8)),
            Step::Find(id(8)),
        ],
    )
    .await;
    assert_eq!(
        outputs,
        json!([
            "no",
            "not-found",
            "already-exists",
            "below-zero",
            "resource-not-allowed",
            "resource-not-allowed",
            "not-found",
            "None",
        ])
    );
}

#[tokio::test]
async fn a_propagated_rejection_keeps_its_code() {
    let fixture = probes(3).await;
    for (steps, code, message) in [
        (vec![Step::Invoke(id(2), vec![reject()])], "no", "rejected as no".to_owned()),
        (
            vec![Step::Invoke(id(2), vec![Step::Invoke(id(3), vec![reject()])])],
            "no",
            "rejected as no".to_owned(),
        ),
        (vec![Step::Invoke(id(8), vec![])], "not-found", format!("{} does not exist", probe(8))),
    ] {
        let payload = json!({ "steps": steps });
        let error = fixture.reject(&probe(1), "run", payload, Trail::Command(code)).await;
        fixture::check_error(&error, code, &message);
        assert_eq!(error.framework_code(), "rejected");
    }
}

#[tokio::test]
async fn a_fault_overrides_the_result_of_the_action() {
    let fixture = probes(3).await;
    let again = || Step::Report("after the fault".to_owned());
    let faulty = || Step::Try(id(2), vec![Step::SetUnstorable(Unstorable::Nan)]);
    for (steps, code) in [
        (vec![faulty()], "invalid-state"),
        (vec![faulty(), reject()], "invalid-state"),
        (vec![faulty(), Step::Panic(String::new())], "panicked"),
        (vec![Step::Try(id(1), vec![]), Step::Add(1)], "reentrant-invoke"),
        (vec![Step::Try(id(1), vec![]), reject()], "reentrant-invoke"),
        // The first fault counts, and later calls are not executed.
        (
            vec![
                Step::Try(id(1), vec![]),
                faulty(),
                Step::Fetch(id(3)),
                Step::Find(id(3)),
                Step::Start(id(9), 0),
                again(),
            ],
            "reentrant-invoke",
        ),
        // A fault of an invoked action ends the whole command.
        (
            vec![Step::Try(
                id(2),
                vec![Step::Try(id(3), vec![Step::SetUnstorable(Unstorable::Nul)])],
            )],
            "invalid-state",
        ),
        (vec![Step::Try(id(2), vec![Step::Try(id(1), vec![]), reject()])], "reentrant-invoke"),
        (vec![Step::SendUnstorable(Unstorable::Nan), reject()], "invalid-state"),
    ] {
        let payload = json!({ "steps": steps });
        let error = fixture.reject(&probe(1), "run", payload, Trail::Nothing).await;
        assert_eq!(error.code(), code, "{steps:?}");
    }
    assert_eq!(gate::reports("after the fault"), ["fault fault fault fault fault"]);
}

#[tokio::test]
async fn context_ids_are_those_of_the_running_action() {
    let fixture = probes(3).await;
    let who = || vec![Step::Aggregate, Step::CommandId];
    let mut steps = vec![Step::Invoke(id(2), vec![Step::Invoke(id(3), who()), Step::Aggregate])];
    steps.extend(who());
    let command = fixture.command(&probe(1), "run", json!({ "steps": steps }));
    let outputs = fixture.session.process_command(command.clone()).await.unwrap().data.to_value();
    let second = invoked_id(command.id, 1);
    let third = invoked_id(second, 1);
    let expected = [
        probe(3).to_string(),
        third.to_string(),
        probe(2).to_string(),
        probe(1).to_string(),
        command.id.to_string(),
    ];
    assert_eq!(outputs, json!(expected));
}

#[tokio::test]
async fn a_dropped_invocation_leaves_nothing() {
    let fixture = probes(4).await;
    let half = vec![
        Step::Add(1),
        Step::Invoke(id(3), vec![Step::Add(1)]),
        Step::Message("half".to_owned(), "x".to_owned()),
        Step::Wait("never opened by drop".to_owned()),
    ];
    gate::gate("drop now").open(1);
    let outputs = run(
        &fixture,
        &[
            Step::Drop(id(2), half, "drop now".to_owned()),
            Step::Aggregate,
            Step::Fetch(id(2)),
            Step::Fetch(id(3)),
            Step::Invoke(id(2), vec![Step::Add(7)]),
            Step::Message("whole".to_owned(), "y".to_owned()),
        ],
    )
    .await;
    assert_eq!(outputs, json!(["dropped", probe(1).to_string(), "(0, 1)", "(0, 1)"]));
    let after = fixture.snapshot().await;
    let versions = [1, 2, 3].map(|number| after.version(&probe(number)));
    assert_eq!(versions, [2, 2, 1]);
    let [message] = after.messages.as_slice() else { panic!("{:?}", after.messages) };
    assert_eq!((message.record.key.as_ref(), &message.record.aggregate_id), ("whole", &probe(1)));
}

#[tokio::test]
async fn messages_and_activities_are_recorded_in_their_order() {
    let fixture = probes(2).await;
    let message = |key: &str, data: &str| Step::Message(key.to_owned(), data.to_owned());
    let inner = vec![message("inner", "b"), Step::Activity("inner".to_owned())];
    let steps = vec![
        message("outer", "a"),
        Step::Activity("first".to_owned()),
        Step::Invoke(id(2), inner),
        message("outer", "c"),
        Step::Activity("last".to_owned()),
    ];
    let command = fixture.command(&probe(1), "run", json!({ "steps": steps }));
    fixture.session.process_command(command.clone()).await.unwrap();
    let log = fixture.snapshot().await;
    let child = invoked_id(command.id, 1);
    let messages: Vec<_> = log
        .messages
        .iter()
        .map(|row| {
            (
                row.record.key.as_ref(),
                row.record.data.as_str(),
                row.record.command_id,
                row.record.aggregate_id.clone(),
            )
        })
        .collect();
    assert_eq!(
        messages,
        [
            ("outer", "\"a\"", command.id, probe(1)),
            ("inner", "\"b\"", child, probe(2)),
            ("outer", "\"c\"", command.id, probe(1)),
        ]
    );
    let activities: Vec<_> = log
        .activities
        .iter()
        .map(|row| {
            (
                row.record.message.as_ref(),
                row.record.command_id,
                row.record.aggregate_id.clone(),
                row.record.context_id,
            )
        })
        .collect();
    let context_id = fixture.session.context_id();
    assert_eq!(
        activities,
        [
            ("first", command.id, probe(1), context_id),
            ("inner", child, probe(2), context_id),
            ("last", command.id, probe(1), context_id),
        ]
    );
    assert!(log.activities.iter().all(|row| row.record.kind == ActivityKind::UserAction));
    let mut ids: Vec<Uuid> = log.messages.iter().map(|row| row.record.id).collect();
    ids.extend(log.activities.iter().map(|row| row.record.id));
    ids.extend(log.events.iter().map(|row| row.record.id));
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "ids are unique");
    // Positions of commands, events, messages and activities have no gap.
    let first = log.commands[2].position;
    let mut positions: Vec<u64> = log.commands[2..].iter().map(|row| row.position).collect();
    positions.extend(log.events[2..].iter().map(|row| row.position));
    positions.extend(log.messages.iter().map(|row| row.position));
    positions.extend(log.activities.iter().map(|row| row.position));
    let wanted: Vec<u64> = (first..first + positions.len() as u64).collect();
    assert_eq!(positions, wanted);
}
