//! Policies on reads and operations, and the rows that operations leave.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use banking_domain::TransactionManagerDomain;
use fluvius_core::{
    ActionDescriptor, Authorization, CommitOutcome, Domain, DomainContext, Error, Observer,
    Operation, Policy, PolicyRequest, ReadKind, ReadRequest, RuntimeEvent, Session, StoreError,
    uuid::Uuid,
};
use serde_json::json;

use fluvius_tests::faulty_store::{CommitStep, ScriptedStore};
use fluvius_tests::fixture::{check_error, id};
use fluvius_tests::probe::{Probe, ProbingDomain, Run, StartProbe, Step};
use fluvius_tests::store_snapshot::StoreSnapshot;
use fluvius_tests::trace::CapturedOutput;

/// Allows by role, and records its calls.
#[derive(Clone, Default)]
struct Desk {
    asked: Arc<Mutex<Vec<String>>>,
}

impl Desk {
    async fn decide(&self, request: String, context: &DomainContext, role: &str) -> Authorization {
        self.asked.lock().unwrap().push(request);
        match context.source() {
            "panics" => panic!("the policy panics"),
            "waits" => std::future::pending().await,
            _ => {}
        }
        match context.roles().iter().any(|own| own == role) {
            true => Authorization::Allow,
            false => Authorization::deny(format!("for a {role}")),
        }
    }
}

impl Policy for Desk {
    async fn authorize(&self, _: &PolicyRequest<'_>) -> Authorization {
        Authorization::Allow
    }

    async fn may_read(&self, request: &ReadRequest<'_>, context: &DomainContext) -> Authorization {
        self.decide(request.to_string(), context, "reader").await
    }

    async fn may_operate(&self, operation: Operation, context: &DomainContext) -> Authorization {
        self.decide(operation.to_string(), context, "operator").await
    }

    fn may_list(&self, action: &'static ActionDescriptor, context: &DomainContext) -> bool {
        assert_ne!(context.source(), "panics");
        action.key != "run"
    }
}

/// Has rules for commands only, as a policy that is older than the other rules.
struct CommandsOnly;

impl Policy for CommandsOnly {
    async fn authorize(&self, _: &PolicyRequest<'_>) -> Authorization {
        Authorization::Allow
    }
}

struct Fixture {
    store: ScriptedStore,
    policy: Desk,
    domain: fluvius_core::DomainRuntime,
}

impl Fixture {
    async fn new() -> Self {
        let (store, policy) = (ScriptedStore::default(), Desk::default());
        let builder = ProbingDomain::builder(store.clone()).policy(policy.clone());
        let builder = builder.timeout(Duration::from_secs(5));
        let domain = builder.build().await.unwrap();
        Self { store, policy, domain }
    }

    fn session(&self, source: &str, role: &str) -> Session {
        self.domain.session(DomainContext::create(source).with_role(role).with_realm("north"))
    }

    /// Returns code, message and data of each activity.
    async fn activities(&self) -> Vec<(String, String, serde_json::Value)> {
        let rows = StoreSnapshot::of(&self.store).await.activities;
        let row = |row: &fluvius_core::LogEntry<fluvius_core::ActivityRecord>| {
            let record = &row.record;
            let data = record.data.as_ref().unwrap().to_value();
            (record.code.as_deref().unwrap().to_owned(), record.message.to_string(), data)
        };
        rows.iter().map(row).collect()
    }
}

#[tokio::test]
async fn read_is_decided_by_kind_resource_and_id() {
    let fixture = Fixture::new().await;
    let (reader, other) = (fixture.session("desk", "reader"), fixture.session("desk", "teller"));
    let id = Uuid::from_u128(1);
    for (request, text) in [
        (
            ReadRequest::new(ReadKind::State).resource("probe").id(id),
            format!("state` on probe/{id}"),
        ),
        (ReadRequest::new(ReadKind::Query).resource("probe"), "query` on probe".to_owned()),
        (ReadRequest::new(ReadKind::Command).id(id), format!("command` on {id}")),
        (ReadRequest::new(ReadKind::Events), "events`".to_owned()),
    ] {
        reader.may_read(&request).await.unwrap();
        let error = other.may_read(&request).await.unwrap_err();
        let message = format!("read `{text} is not allowed: for a reader");
        check_error(&error, "permission-denied", &message);
        assert_eq!(
            std::mem::take(&mut *fixture.policy.asked.lock().unwrap()),
            [format!("read `{text}"), format!("read `{text}")]
        );
    }
    assert_eq!(fixture.store.units().len(), 0);
}

#[tokio::test]
async fn policy_without_rules_denies_reads_and_operations() {
    let store = ScriptedStore::default();
    let domain = ProbingDomain::builder(store.clone()).policy(CommandsOnly).build().await.unwrap();
    let session = domain.session(DomainContext::create("desk"));
    session.send(id(1), StartProbe { value: 3 }).await.unwrap();
    for kind in [
        ReadKind::State,
        ReadKind::Query,
        ReadKind::History,
        ReadKind::Events,
        ReadKind::Command,
        ReadKind::Description,
    ] {
        let error = session.may_read(&ReadRequest::new(kind)).await.unwrap_err();
        let text =
            format!("read `{}` is not allowed: the policy has no rule for reads", kind.as_str());
        check_error(&error, "permission-denied", &text);
    }
    let error = session.may_operate(Operation::Export).await.unwrap_err();
    let text = "operation `export` is not allowed: the policy has no rule for operations";
    check_error(&error, "permission-denied", text);
    assert!(domain.registry().actions().iter().all(|action| session.may_list(action)));
    // The program's own readers never ask.
    assert_eq!(session.statemgr().fetch::<Probe>(id(1)).await.unwrap().value, 3);
    assert_eq!(session.log().events().await.unwrap().rows.len(), 1);
}

#[tokio::test]
async fn domain_without_a_policy_allows_and_records() {
    let store = ScriptedStore::default();
    let domain = TransactionManagerDomain::runtime(store.clone()).await.unwrap();
    let session = domain.session(DomainContext::create("desk"));
    session.may_read(&ReadRequest::new(ReadKind::Events)).await.unwrap();
    session.may_operate(Operation::Verify).await.unwrap();
    let log = StoreSnapshot::of(&store).await;
    let [activity] = log.activities.as_slice() else { panic!("{:?}", log.activities) };
    assert_eq!(activity.record.message, "operation `verify` is allowed");
    assert_eq!(activity.record.aggregate_id.resource, "transaction-manager");
    assert!(domain.registry().actions().iter().all(|action| session.may_list(action)));
}

#[tokio::test]
async fn each_operation_leaves_a_row() {
    let fixture = Fixture::new().await;
    let (operator, other) = (fixture.session("ops", "operator"), fixture.session("desk", "teller"));
    operator.may_operate(Operation::CommandLog).await.unwrap();
    let error = other.may_operate(Operation::Outbox).await.unwrap_err();
    let text = "operation `outbox` is not allowed: for a operator";
    check_error(&error, "permission-denied", text);
    operator.may_operate(Operation::CommandLog).await.unwrap();
    let allowed = || {
        let data = json!({ "operation": "command-log", "allowed": true });
        ("operation".to_owned(), "operation `command-log` is allowed".to_owned(), data)
    };
    let data = json!({ "operation": "outbox", "allowed": false });
    let denied = ("permission-denied".to_owned(), text.to_owned(), data);
    assert_eq!(fixture.activities().await, [allowed(), denied, allowed()]);

    let log = StoreSnapshot::of(&fixture.store).await;
    let senders: Vec<Uuid> = log.activities.iter().map(|row| row.record.context_id).collect();
    let contexts = [&operator, &other, &operator].map(Session::context_id);
    assert_eq!(senders, contexts);
    assert_eq!((log.commands.len(), log.events.len(), log.states.len()), (0, 0, 0));
    // The rows are of the realm of their sender.
    let south = fixture.domain.session(DomainContext::create("desk").with_realm("south"));
    assert_eq!(operator.log().activities().await.unwrap().rows.len(), 3);
    assert_eq!(south.log().activities().await.unwrap().rows.len(), 0);
}

#[tokio::test]
async fn row_of_an_operation_belongs_to_no_command() {
    let fixture = Fixture::new().await;
    let operator = fixture.session("ops", "operator");
    operator.send(id(1), StartProbe { value: 0 }).await.unwrap();
    let (first, second) = (Uuid::from_u128(71), Uuid::from_u128(72));
    let run = |command_id| {
        let run = Run { steps: vec![Step::Add(1)] };
        operator.send(id(1), run).with_id(command_id)
    };
    let answers = [run(first).await.unwrap(), {
        operator.may_operate(Operation::Metrics).await.unwrap();
        fixture.session("desk", "teller").may_operate(Operation::Metrics).await.unwrap_err();
        run(second).await.unwrap()
    }];
    for (command_id, answer) in [first, second].into_iter().zip(answers) {
        let replay = run(command_id).await.unwrap();
        assert!(replay.replayed);
        assert_eq!(replay.position, answer.position);
    }
}

#[tokio::test(start_paused = true)]
async fn failing_policy_fails_reads_and_operations() {
    let fixture = Fixture::new().await;
    let request = ReadRequest::new(ReadKind::Events);
    for (source, read, operated) in [
        ("panics", "the code of `may_read` panicked", "the code of `may_operate` panicked"),
        ("waits", "`may_read` did not end within 5s", "`may_operate` did not end within 5s"),
    ] {
        let session = fixture.session(source, "operator");
        let code = if source == "panics" { "panicked" } else { "timed-out" };
        check_error(&session.may_read(&request).await.unwrap_err(), code, read);
        let error = session.may_operate(Operation::Export).await.unwrap_err();
        check_error(&error, code, operated);
    }
    assert_eq!(fixture.store.units().len(), 0);
}

#[tokio::test]
async fn listing_hides_and_a_panic_hides_too() {
    let fixture = Fixture::new().await;
    let shown = |source| {
        let session = fixture.session(source, "teller");
        let actions = fixture.domain.registry().actions().into_iter();
        actions.filter(|action| session.may_list(action)).count()
    };
    let all = fixture.domain.registry().actions().len();
    assert_eq!((shown("desk"), shown("panics")), (all - 1, 0));
    // A hidden action is authorized like any other.
    let session = fixture.session("desk", "teller");
    session.send(id(1), StartProbe { value: 0 }).await.unwrap();
    session.send(id(1), Run { steps: vec![] }).await.unwrap();
}

#[tokio::test]
async fn operation_that_cannot_be_recorded_is_not_allowed() {
    let fixture = Fixture::new().await;
    let (operator, other) = (fixture.session("ops", "operator"), fixture.session("desk", "teller"));
    let no_room = || CommitStep::Return(CommitOutcome::Failed(StoreError::permanent("no room")));
    fixture.store.script([no_room()]);
    let error = operator.may_operate(Operation::Export).await.unwrap_err();
    check_error(&error, "store-error", "no room");
    fixture.store.script([no_room()]);
    let (trace, _guard) = CapturedOutput::of_this_thread();
    let error = other.may_operate(Operation::Export).await.unwrap_err();
    assert_eq!(error.code(), "permission-denied");
    assert!(trace.text().contains("could not be recorded"), "{}", trace.text());
    assert_eq!(fixture.activities().await, []);
}

#[tokio::test(start_paused = true)]
async fn operation_in_doubt_is_recorded_again() {
    let fixture = Fixture::new().await;
    let operator = fixture.session("ops", "operator");
    fixture.store.script([CommitStep::Panic { has_committed: false }]);
    operator.may_operate(Operation::Export).await.unwrap();
    assert_eq!(fixture.activities().await.len(), 1);
    fixture.store.script([CommitStep::LoseStore { has_committed: false }]);
    let error = operator.may_operate(Operation::Export).await.unwrap_err();
    assert_eq!((error.code(), error.is_retryable()), ("store-unavailable", true));
}

#[tokio::test]
async fn operations_end_with_the_domain() {
    let fixture = Fixture::new().await;
    let operator = fixture.session("ops", "operator");
    fixture.domain.shutdown().await;
    let error = operator.may_operate(Operation::Export).await.unwrap_err();
    assert_eq!(error.code(), "shutting-down");
    let nul = fixture.session("a\0b", "operator");
    let error = nul.may_operate(Operation::Export).await.unwrap_err();
    assert!(matches!(error, Error::InvalidPayload { .. }), "{error:?}");
}

/// Counts what observers hear of a command.
#[derive(Clone, Default)]
struct Counted(Arc<Mutex<(u32, u32)>>);

impl Observer for Counted {
    fn on_event(&self, signal: &RuntimeEvent<'_>) {
        let mut counts = self.0.lock().unwrap();
        match signal {
            RuntimeEvent::TransactionCommitted { .. } => counts.0 += 1,
            _ => counts.1 += 1,
        }
    }
}

#[tokio::test]
async fn observers_hear_of_the_row_of_an_operation_only() {
    let (store, counted) = (ScriptedStore::default(), Counted::default());
    let builder = ProbingDomain::builder(store).policy(Desk::default()).observer(counted.clone());
    let domain = builder.build().await.unwrap();
    let operator = domain.session(DomainContext::create("ops").with_role("operator"));
    operator.may_operate(Operation::Export).await.unwrap();
    domain.session(DomainContext::create("desk")).may_operate(Operation::Export).await.unwrap_err();
    assert_eq!(*counted.0.lock().unwrap(), (2, 0));
}

#[tokio::test]
async fn logs_with_operations_are_sound() {
    let folder = tempfile::tempdir().unwrap();
    let store = fluvius_sqlite::SqliteStore::open(folder.path().join("probes.db")).await.unwrap();
    let builder = ProbingDomain::builder(store.clone()).policy(Desk::default());
    let domain = builder.build().await.unwrap();
    let operator = domain.session(DomainContext::create("ops").with_role("operator"));
    operator.may_operate(Operation::Export).await.unwrap();
    operator.send(id(1), StartProbe { value: 0 }).await.unwrap();
    domain.session(DomainContext::create("desk")).may_operate(Operation::Verify).await.unwrap_err();
    let rows = domain.log().activities().await.unwrap().rows;
    let codes: Vec<_> = rows.iter().map(|row| row.record.code.as_deref().unwrap()).collect();
    assert_eq!(codes, ["operation", "permission-denied"]);
    let found = fluvius_core::verify::verify(&store).await.unwrap();
    assert!(found.is_sound(), "{found}");
    assert_eq!((found.activities, found.commands), (2, 1));
}
