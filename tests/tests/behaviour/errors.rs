//! Each error code: its fields, its text, and that everything else is unchanged.

use std::error::Error as _;

use fluvius_core::{
    AggregateId, Authorization, DomainContext, ETag, Error, Policy, PolicyRequest, Precondition,
    SimpleRejection,
};
use serde_json::json;

use fluvius_tests::fixture::{self, Fixture, check_error, error_texts, id};
use fluvius_tests::probe::{PANIC_TEXT, Step, probe, probes};
use fluvius_tests::store_snapshot::{Trail, check_rejected};
use fluvius_tests::ticket::{TicketDomain, TicketError, incident, ticket};

fn steps(steps: &[Step]) -> serde_json::Value {
    json!({ "steps": steps })
}

#[tokio::test]
async fn unknown_command_names_the_nearest_keys() {
    let fixture = Fixture::new::<TicketDomain>().await;
    for (key, nearest) in [
        ("rename-tickets", &["rename-ticket"][..]),
        ("open_ticket", &["open-ticket"]),
        ("OPEN-TICKET", &[]),
        ("", &[]),
        ("touch-ticket", &[]),
        ("ünknown", &[]),
    ] {
        let error = fixture.reject(&ticket(1), key, json!({}), Trail::Nothing).await;
        let Error::UnknownCommand { key: found, nearest: named } = &error else {
            panic!("{error:?}")
        };
        assert_eq!(found, key);
        assert!(!named.contains(&"touch-ticket"), "internal actions are not named: {named:?}");
        assert!(named.len() <= 3, "{named:?}");
        match nearest.first() {
            Some(likest) => {
                assert_eq!(named.first(), Some(likest), "{key}");
                let text =
                    format!("no command is registered under `{key}`; did you mean `{likest}`");
                assert!(error.to_string().starts_with(&text), "{error}");
            }
            None if key == "touch-ticket" => {}
            None => {
                assert_eq!(named, &[""; 0], "{key}");
                check_error(
                    &error,
                    "unknown-command",
                    &format!("no command is registered under `{key}`"),
                );
            }
        }
    }
    let long = "x".repeat(1_000_000);
    let error = fixture.reject(&ticket(1), &long, json!({}), Trail::Nothing).await;
    assert!(matches!(error, Error::UnknownCommand { nearest, .. } if nearest.is_empty()));
}

#[tokio::test]
async fn no_aggregate_root_without_an_aggregate() {
    let fixture = Fixture::new::<TicketDomain>().await;
    let error = fixture.session.create_command("ask-title", json!({})).unwrap_err();
    assert!(matches!(&error, Error::NoAggregateRoot { command } if command == "ask-title"));
    let text = "`ask-title` has no aggregate root: call `set_aggroot` first";
    check_error(&error, "no-aggregate-root", text);
}

#[tokio::test]
async fn resource_not_allowed_lists_the_allowed_ones() {
    let fixture = Fixture::new::<TicketDomain>().await;
    fixture.apply(&ticket(1), "open-ticket", json!({ "title": "a" })).await;
    let error = fixture.reject(&ticket(1), "escalate-incident", json!({}), Trail::Nothing).await;
    match &error {
        Error::ResourceNotAllowed { command, resource, allowed } => assert_eq!(
            (command.as_str(), resource.as_str(), *allowed),
            ("escalate-incident", "ticket", &["incident"][..])
        ),
        other => panic!("{other:?}"),
    }
    let text = "`escalate-incident` is not allowed on `ticket`, only on `incident`";
    check_error(&error, "resource-not-allowed", text);

    for resource in ["nothing", "", "a\0b", "Ticket"] {
        let aggregate_id = AggregateId::new(resource, id(1));
        let error = fixture.reject(&aggregate_id, "ask-title", json!({}), Trail::Nothing).await;
        let shown = resource.replace('\0', "\\u{0}");
        let text = format!("`ask-title` is not allowed on `{shown}`, only on `ticket`, `incident`");
        check_error(&error, "resource-not-allowed", &text);
    }
}

/// Denies everything.
struct DenyAll;

impl Policy for DenyAll {
    async fn authorize(&self, _: &PolicyRequest<'_>) -> Authorization {
        Authorization::deny("not today")
    }
}

#[tokio::test]
async fn permission_denied_has_the_reason_of_the_policy() {
    let store = fluvius_core::MemoryStore::new();
    let domain = {
        use fluvius_core::Domain;
        TicketDomain::builder(store.clone()).policy(DenyAll).build().await.unwrap()
    };
    let session = domain.session(DomainContext::create("test"));
    let command = fixture::command(&session, &ticket(1), "open-ticket", json!({ "title": "a" }));
    let error = check_rejected(&store, &session, command, Trail::Activity).await;
    match &error {
        Error::PermissionDenied { command, aggregate_id, reason } => {
            assert_eq!(
                (*command, aggregate_id, reason.as_str()),
                ("open-ticket", &ticket(1), "not today")
            );
        }
        other => panic!("{other:?}"),
    }
    let text = format!("`open-ticket` on {} is not allowed: not today", ticket(1));
    check_error(&error, "permission-denied", &text);
}

#[tokio::test]
async fn an_absent_aggregate_is_not_found() {
    let fixture = Fixture::new::<TicketDomain>().await;
    for key in ["ask-title", "add-points", "see-ticket", "close-ticket"] {
        let payload = if key == "add-points" { json!({ "points": 1 }) } else { json!({}) };
        let error = fixture.reject(&ticket(1), key, payload, Trail::Command("not-found")).await;
        assert!(
            matches!(&error, Error::NotFound { aggregate_id, .. } if *aggregate_id == ticket(1))
        );
        check_error(&error, "not-found", &format!("{} does not exist", ticket(1)));
    }
}

#[tokio::test]
async fn a_second_creation_is_already_exists() {
    let fixture = Fixture::new::<TicketDomain>().await;
    fixture.apply(&ticket(1), "open-ticket", json!({ "title": "a" })).await;
    let open = json!({ "title": "b" });
    let error =
        fixture.reject(&ticket(1), "open-ticket", open, Trail::Command("already-exists")).await;
    assert!(
        matches!(&error, Error::AlreadyExists { aggregate_id, .. } if *aggregate_id == ticket(1))
    );
    check_error(&error, "already-exists", &format!("{} exists already", ticket(1)));
    // The same id under another resource is another aggregate.
    fixture.apply(&incident(1), "open-ticket", json!({ "title": "b" })).await;
}

#[tokio::test]
async fn rejected_has_the_authors_error() {
    let fixture = Fixture::new::<TicketDomain>().await;
    fixture.apply(&ticket(1), "open-ticket", json!({ "title": "a" })).await;
    let add = json!({ "points": 98 });
    let kept = Trail::Command("points-out-of-range");
    let error = fixture.reject(&ticket(1), "add-points", add, kept).await;
    match &error {
        Error::Rejected { aggregate_id, code, message, .. } => assert_eq!(
            (aggregate_id, code.as_str(), message.as_str()),
            (&ticket(1), "points-out-of-range", "101 points are too many")
        ),
        other => panic!("{other:?}"),
    }
    check_error(&error, "points-out-of-range", "101 points are too many");
    let cause = error.rejection::<TicketError>();
    assert!(matches!(cause, Some(TicketError::TooManyPoints { found: 101 })), "{cause:?}");
    assert_eq!(error.source().unwrap().to_string(), "101 points are too many");
    assert!(error.rejection::<SimpleRejection>().is_none());

    let row = fixture.snapshot().await.commands.pop().unwrap();
    assert_eq!(
        row.record.response.as_ref().unwrap().to_value(),
        json!({ "rejected": { "message": "101 points are too many" } })
    );
}

#[tokio::test]
async fn a_rejection_with_unstorable_text_is_recorded() {
    let fixture = probes(1).await;
    let domain = crate::domains::nul_rejecting(fixture.store.clone()).await;
    let session = domain.session(DomainContext::create("test"));
    let aggregate_id = AggregateId::new("nul-rejecter", id(1));
    let command = fixture::command(&session, &aggregate_id, "reject-with-nul", json!({}));
    let error = session.process_command(command.clone()).await.unwrap_err();
    assert!(matches!(error, Error::Rejected { .. }), "{error:?}");
    let text = fixture.snapshot().await.text();
    assert!(!text.contains('\0') && !text.contains("\\0") && !text.contains("\\u0000"), "{text}");
    let again = session.process_command(command).await.unwrap_err();
    assert_eq!(again.code(), error.code());
    assert_eq!(again.to_string(), error.to_string());
}

#[tokio::test]
async fn precondition_failed_has_the_current_version() {
    let fixture = probes(1).await;
    let stored = fixture.session.statemgr().fetch_record(&probe(1)).await.unwrap();
    let other = ETag::new(1, id(77));
    for expected in [Precondition::from(other), Precondition::from(2), Precondition::from(0)] {
        let command = fixture.command(&probe(1), "ask-value", json!({}));
        let command = command.if_match(expected.clone());
        let kept = Trail::Command("precondition-failed");
        let error = check_rejected(&fixture.store, &fixture.session, command, kept).await;
        match &error {
            Error::PreconditionFailed { aggregate_id, expected: shown, version, etag, .. } => {
                assert_eq!(
                    (aggregate_id, shown, *version, *etag),
                    (&probe(1), &expected, 1, Some(stored.etag))
                )
            }
            other => panic!("{other:?}"),
        }
        let text = format!("{} is at version 1, the command expected {expected}", probe(1));
        check_error(&error, "precondition-failed", &text);
    }
    for expected in [Precondition::from(stored.etag), Precondition::from(1)] {
        let command = fixture.command(&probe(1), "ask-value", json!({})).if_match(expected);
        fixture.session.process_command(command).await.unwrap();
    }
}

#[tokio::test]
async fn precondition_required_leaves_no_row() {
    let fixture = Fixture::new::<TicketDomain>().await;
    fixture.apply(&ticket(1), "open-ticket", json!({ "title": "a" })).await;
    let error = fixture.reject(&ticket(1), "reset-ticket", json!({}), Trail::Nothing).await;
    let text = format!(
        "`reset-ticket` on {} requires a precondition: add the expected version or etag with \
        `if_match`",
        ticket(1)
    );
    check_error(&error, "precondition-required", &text);
}

#[tokio::test]
async fn ids_of_invoked_commands_are_invalid() {
    let fixture = probes(1).await;
    let taken = fluvius_testing::invoked_id(id(1), 1);
    let text = format!(
        "invalid command id {taken}: ids of the form `xxxxxxxx-xxxx-8ca1-a1ed-xxxxxxxxxxxx` are \
         reserved for invoked commands; use another one"
    );
    let command = fixture.command(&probe(1), "ask-value", json!({})).with_id(taken);
    let error =
        check_rejected(&fixture.store, &fixture.session, command.clone(), Trail::Nothing).await;
    check_error(&error, "invalid-command-id", &text);
    let typed = fixture.session.send(id(1), fluvius_tests::probe::AskState {}).with_id(taken);
    check_error(&typed.await.unwrap_err(), "invalid-command-id", &text);
    let group = [fixture.command(&probe(1), "ask-value", json!({})), command];
    let error = fixture.session.process_atomic(group).await.unwrap_err();
    check_error(&error, "invalid-command-id", &text);
    assert_eq!(fixture.snapshot().await.commands.len(), 1);
}

#[tokio::test]
async fn group_rejected_has_the_reason() {
    let fixture = probes(2).await;
    let good = fixture.command(&probe(1), "run", steps(&[Step::Add(1)]));
    let bad = fixture.command(&probe(2), "run", steps(&[Step::Reject("no".to_owned())]));
    let before = fixture.snapshot().await;
    let error = fixture.session.process_atomic([good.clone(), bad.clone()]).await.unwrap_err();
    match &error {
        Error::GroupRejected { rejected, source } => {
            assert_eq!((*rejected, source.code()), (bad.id, "no"));
            assert_eq!(source.framework_code(), "rejected");
        }
        other => panic!("{other:?}"),
    }
    let text = format!("command {} of the group was rejected: rejected as no", bad.id);
    check_error(&error, "group-rejected", &text);
    let mut after = fixture.snapshot().await;
    let rows = after.commands.split_off(before.commands.len());
    let rows: Vec<_> =
        rows.iter().map(|row| (row.record.id, row.record.code.as_deref().unwrap())).collect();
    assert_eq!(rows, [(good.id, "group-rejected"), (bad.id, "no")]);
    assert_eq!(before, after);
}

/// Checks that a command ends in a fault and leaves nothing.
async fn check_fault(
    fixture: &Fixture,
    key: &str,
    these: &[Step],
    code: &str,
    text: &str,
) -> Error {
    let error = fixture.reject(&probe(1), key, steps(these), Trail::Nothing).await;
    check_error(&error, code, text);
    error
}

#[tokio::test]
async fn panics_in_the_authors_code_are_reported() {
    let fixture = probes(3).await;
    let panic = || Step::Panic("here".to_owned());
    for these in [
        vec![panic()],
        vec![Step::Add(1), Step::Find(id(2)), panic()],
        vec![Step::Invoke(id(2), vec![Step::Add(5), panic()])],
        vec![Step::Try(id(2), vec![Step::Invoke(id(3), vec![panic()])])],
        vec![Step::SetUnstorable(fluvius_tests::probe::Unstorable::SerializePanic)],
        vec![Step::Try(
            id(2),
            vec![Step::SetUnstorable(fluvius_tests::probe::Unstorable::SerializePanic)],
        )],
        vec![Step::SendUnstorable(fluvius_tests::probe::Unstorable::SerializePanic)],
    ] {
        let error =
            check_fault(&fixture, "run", &these, "panicked", "the code of `run` panicked").await;
        assert!(matches!(error, Error::Panicked { command: "run" }));
        assert!(!error_texts(&error).contains(PANIC_TEXT), "{error:?}");
    }
    let error = fixture.reject(&probe(1), "panic-at-once", json!({}), Trail::Nothing).await;
    check_error(&error, "panicked", "the code of `panic-at-once` panicked");
    let error = fixture
        .reject(
            &probe(1),
            "return-unstorable",
            json!({ "value": "SerializePanic" }),
            Trail::Nothing,
        )
        .await;
    check_error(&error, "panicked", "the code of `return-unstorable` panicked");
    // The aggregate is not blocked.
    fixture.apply(&probe(1), "run", steps(&[Step::Add(1)])).await;
}

fn nested(depth: u128) -> Vec<Step> {
    (2..=depth + 1)
        .rev()
        .fold(vec![Step::Add(1)], |inner, number| vec![Step::Invoke(id(number), inner)])
}

#[tokio::test]
async fn invoke_depth_is_limited_to_sixteen() {
    let fixture = probes(18).await;
    let text = "actions invoke each other more than 16 deep";
    let error = check_fault(&fixture, "run", &nested(17), "invoke-depth-exceeded", text).await;
    assert!(matches!(error, Error::InvokeDepthExceeded { max_depth: 16 }));
    fixture.apply(&probe(1), "run", steps(&nested(16))).await;
    let after = fixture.snapshot().await;
    assert_eq!((after.version(&probe(17)), after.version(&probe(18))), (2, 1));
}

#[tokio::test]
async fn reentrant_invoke_and_fetch_fail() {
    let fixture = probes(3).await;
    let back = |step: Step| vec![Step::Invoke(id(2), vec![Step::Invoke(id(3), vec![step])])];
    for these in [
        vec![Step::Invoke(id(1), vec![])],
        vec![Step::Try(id(1), vec![])],
        vec![Step::Fetch(id(1))],
        vec![Step::Find(id(1))],
        vec![Step::Start(id(1), 0)],
        back(Step::Invoke(id(1), vec![])),
        back(Step::Fetch(id(1))),
        back(Step::Find(id(1))),
    ] {
        let text = format!("{} is being decided in this command already", probe(1));
        let error = check_fault(&fixture, "run", &these, "reentrant-invoke", &text).await;
        assert!(
            matches!(&error, Error::ReentrantInvoke { aggregate_id } if *aggregate_id == probe(1))
        );
    }
    let these = back(Step::Fetch(id(2)));
    let text = format!("{} is being decided in this command already", probe(2));
    check_fault(&fixture, "run", &these, "reentrant-invoke", &text).await;
    // In sequence it is allowed.
    let twice = [Step::Invoke(id(2), vec![]), Step::Invoke(id(2), vec![]), Step::Fetch(id(2))];
    let said = fixture.apply(&probe(1), "run", steps(&twice)).await;
    assert_eq!(said, json!(["(0, 3)"]));
}

#[tokio::test(start_paused = true)]
async fn both_timeouts_end_a_command() {
    let fixture = probes(2).await;
    let wait = || Step::Wait("never opened by timed_out".to_owned());
    for (key, millis, these) in [
        ("run", 30_000, vec![Step::Add(1), wait()]),
        ("run", 30_000, vec![Step::Invoke(id(2), vec![Step::Add(1), wait()])]),
        ("run-quickly", 20, vec![Step::Invoke(id(2), vec![wait()])]),
    ] {
        let started = tokio::time::Instant::now();
        let after = std::time::Duration::from_millis(millis);
        let text = format!("`{key}` did not end within {after:?}");
        let error = check_fault(&fixture, key, &these, "timed-out", &text).await;
        match error {
            Error::TimedOut { command, after: shown } => assert_eq!((command, shown), (key, after)),
            other => panic!("{other:?}"),
        }
        let took = started.elapsed();
        assert!((after..after * 2).contains(&took), "{took:?}");
    }
    fixture.apply(&probe(1), "run", steps(&[Step::Add(1)])).await;
}

#[tokio::test(start_paused = true)]
async fn a_timeout_releases_the_lock() {
    let fixture = probes(1).await;
    let wait = Step::Wait("never opened".to_owned());
    let slow = fixture.command(&probe(1), "run-quickly", steps(&[wait]));
    let next = fixture.command(&probe(1), "run", steps(&[Step::Add(1)]));
    let (slow, next) =
        tokio::join!(fixture.session.process_command(slow), fixture.session.process_command(next));
    assert_eq!(slow.unwrap_err().code(), "timed-out");
    assert_eq!(next.unwrap().version, 2);
}

#[tokio::test]
async fn codes_are_kebab_case_and_texts_are_fragments() {
    let fixture = probes(1).await;
    let error = fixture.reject(&probe(1), "nothing", json!({}), Trail::Nothing).await;
    for error in [
        error,
        Error::Overloaded,
        Error::ShuttingDown,
        Error::CommandIdReused { id: id(1) },
        Error::OutcomeUnknown { id: id(1) },
    ] {
        let (code, text) = (error.code(), error.to_string());
        assert!(code.bytes().all(|byte| byte == b'-' || byte.is_ascii_lowercase()), "{code}");
        assert!(!text.ends_with('.') && !text.starts_with(|c: char| c.is_uppercase()), "{text}");
    }
}
