//! The errors of callers over a store that conflicts, fails, or is lost.

use std::error::Error as _;
use std::num::NonZeroU32;
use std::time::Duration;

use fluvius_core::{
    CommitOutcome, Domain, DomainContext, DomainRuntime, Error, Session, StoreError,
};
use serde_json::json;

use fluvius_tests::faulty_store::{CommitStep, ScriptedStore};
use fluvius_tests::fixture::{self, check_error, id};
use fluvius_tests::gate;
use fluvius_tests::probe::{ProbingDomain, StartProbe, Step, probe};
use fluvius_tests::store_snapshot::{StoreSnapshot, Trail, check_rejected};

/// A domain over a store that fails by script, with two probes.
async fn scripted() -> (ScriptedStore, DomainRuntime, Session) {
    let store = ScriptedStore::default();
    let builder = ProbingDomain::builder(store.clone());
    // Without a cache, every command reads its aggregate.
    let builder = builder.cache_capacity(0).outcome_timeout(Duration::from_secs(3));
    let domain = builder.max_attempts(NonZeroU32::new(4).unwrap()).build().await.unwrap();
    let session = domain.session(DomainContext::create("test"));
    for number in 1..=2 {
        session.send(id(number), StartProbe { value: 0 }).await.unwrap();
    }
    store.units();
    (store, domain, session)
}

fn add() -> serde_json::Value {
    json!({ "steps": [Step::Add(1)] })
}

#[tokio::test(start_paused = true)]
async fn conflict_after_max_attempts() {
    let (store, _domain, session) = scripted().await;
    store.script([
        CommitStep::Conflict,
        CommitStep::Conflict,
        CommitStep::Conflict,
        CommitStep::Conflict,
    ]);
    let command = fixture::command(&session, &probe(1), "run", add());
    let error = check_rejected(&store, &session, command.clone(), Trail::Nothing).await;
    assert!(
        matches!(&error, Error::Conflict { aggregate_id, attempts: 4 } if *aggregate_id == probe(1))
    );
    let text = format!("{} was changed by others in each of 4 attempts", probe(1));
    check_error(&error, "conflict", &text);
    assert_eq!(store.units().len(), 4);
    // The same command may be sent again.
    assert_eq!(session.process_command(command).await.unwrap().version, 2);
}

#[tokio::test(start_paused = true)]
async fn a_command_is_retried_after_a_conflict() {
    let (store, _domain, session) = scripted().await;
    store.script([CommitStep::Conflict, CommitStep::Conflict, CommitStep::Conflict]);
    let command = fixture::command(&session, &probe(1), "run", add());
    assert_eq!(session.process_command(command).await.unwrap().version, 2);
    assert_eq!(store.units().len(), 4);
}

#[tokio::test]
async fn store_errors_are_passed_to_the_caller() {
    let (store, _domain, session) = scripted().await;
    let cause = std::io::Error::other("a broken cable");
    for (fault, code, text) in [
        (
            StoreError::unavailable("connection lost").with_source(cause),
            "store-unavailable",
            "connection lost",
        ),
        (StoreError::permanent("the disk is broken"), "store-error", "the disk is broken"),
    ] {
        let cause = fault.source().map(ToString::to_string);
        // At the commit.
        store.script([CommitStep::Return(CommitOutcome::Failed(fault.clone()))]);
        let command = fixture::command(&session, &probe(1), "run", add());
        let error = check_rejected(&store, &session, command, Trail::Nothing).await;
        check_error(&error, code, text);
        // The text appears once: the source is the cause of the store's error.
        assert_eq!(error.source().map(ToString::to_string), cause);

        // At the commit of a rejection: no answer before its reads are checked.
        store.script([CommitStep::Return(CommitOutcome::Failed(fault.clone()))]);
        let command = fixture::command(&session, &probe(9), "run", add());
        let error = check_rejected(&store, &session, command, Trail::Nothing).await;
        check_error(&error, code, text);

        // At the load, for the sender and for a reader.
        let before = StoreSnapshot::of(&store).await;
        store.fail_reads(Some(fault.clone()));
        let command = fixture::command(&session, &probe(1), "run", add());
        let error = session.process_command(command).await.unwrap_err();
        check_error(&error, code, text);
        let error = session.statemgr().fetch_record(&probe(1)).await.unwrap_err();
        check_error(&error, code, text);
        let error = session.log().events().await.unwrap_err();
        check_error(&error, code, text);
        store.fail_reads(None);
        assert_eq!(before, StoreSnapshot::of(&store).await);
    }
}

#[tokio::test]
async fn a_store_error_in_an_action_is_a_fault() {
    let (store, _domain, session) = scripted().await;
    // The action waits until its own aggregate is loaded, and fetches another when reads fail.
    for step in [Step::Fetch(id(2)), Step::Find(id(2)), Step::Try(id(2), vec![])] {
        let steps = [Step::Wait("reads fail".to_owned()), step, Step::Reject("shrug".to_owned())];
        let payload = json!({ "steps": steps });
        let command = fixture::command(&session, &probe(1), "run", payload);
        let sent = tokio::spawn({
            let session = session.clone();
            async move { session.process_command(command).await }
        });
        gate::gate("reads fail").arrival().await;
        store.fail_reads(Some(StoreError::permanent("the disk is broken")));
        gate::gate("reads fail").open(1);
        let error = sent.await.unwrap().unwrap_err();
        store.fail_reads(None);
        assert_eq!(error.code(), "store-error");
    }
    assert_eq!(StoreSnapshot::of(&store).await.commands.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn in_doubt_is_resolved_when_the_store_returns() {
    for has_committed in [true, false] {
        let (store, _domain, session) = scripted().await;
        store.script([CommitStep::LoseStore { has_committed }]);
        let command = fixture::command(&session, &probe(1), "run", add());
        let sent = tokio::spawn({
            let (session, command) = (session.clone(), command.clone());
            async move { session.process_command(command).await }
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!sent.is_finished());
        store.fail_reads(None);
        let response = sent.await.unwrap().unwrap();
        assert_eq!((response.command_id, response.version), (command.id, 2));
        let after = StoreSnapshot::of(&store).await;
        assert_eq!((after.version(&probe(1)), after.events.len()), (2, 3), "applied once");
    }
}

#[tokio::test(start_paused = true)]
async fn outcome_unknown_is_resolved_by_the_same_id() {
    for has_committed in [true, false] {
        let (store, _domain, session) = scripted().await;
        store.script([CommitStep::LoseStore { has_committed }]);
        let command = fixture::command(&session, &probe(1), "run", add());
        let error = session.process_command(command.clone()).await.unwrap_err();
        assert!(matches!(error, Error::OutcomeUnknown { id } if id == command.id));
        let text = format!(
            "whether command {} was applied is not known: send it again under the same id",
            command.id
        );
        check_error(&error, "outcome-unknown", &text);
        store.fail_reads(None);
        let response = session.process_command(command.clone()).await.unwrap();
        assert_eq!((response.command_id, response.version), (command.id, 2));
        let after = StoreSnapshot::of(&store).await;
        assert_eq!((after.version(&probe(1)), after.events.len()), (2, 3), "applied once");
    }
}

#[tokio::test]
async fn in_doubt_after_a_store_panic_is_resolved() {
    for has_committed in [true, false] {
        let (store, _domain, session) = scripted().await;
        store.script([CommitStep::Panic { has_committed }]);
        let command = fixture::command(&session, &probe(1), "run", add());
        let response = session.process_command(command).await.unwrap();
        assert_eq!(response.version, 2);
        let after = StoreSnapshot::of(&store).await;
        assert_eq!((after.version(&probe(1)), after.events.len()), (2, 3), "applied once");
    }
}

#[tokio::test]
async fn a_missing_commit_outcome_is_a_store_error() {
    let (store, _domain, session) = scripted().await;
    let command = fixture::command(&session, &probe(1), "run", add());
    store.script([CommitStep::ReturnNothing]);
    let error = check_rejected(&store, &session, command, Trail::Nothing).await;
    check_error(&error, "store-error", "the store gave no outcome for a unit of work");
}

#[tokio::test]
async fn command_id_reused_names_the_id() {
    let (_store, _domain, session) = scripted().await;
    let first = fixture::command(&session, &probe(1), "run", add());
    session.process_command(first.clone()).await.unwrap();
    let other = fixture::command(&session, &probe(2), "run", add()).with_id(first.id);
    let error = session.process_command(other).await.unwrap_err();
    assert!(matches!(error, Error::CommandIdReused { id } if id == first.id));
    let text = format!(
        "the command id {} was used before, for another aggregate, command, actor, realm or \
        payload",
        first.id
    );
    check_error(&error, "command-id-reused", &text);
}
