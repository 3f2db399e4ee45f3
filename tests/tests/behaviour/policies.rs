//! Policies: authorization before the load, and again with the state.

use fluvius_core::Versioned;
use std::sync::{Arc, Mutex};

use banking_domain::{Account, DepositMoney, OpenAccount, TransactionManagerDomain};
use fluvius_core::{
    Authorization, Command, CommitOutcome, Domain, DomainContext, Error, MemoryStore, Policy,
    PolicyRequest, PolicyState, Session, StoreError,
};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use fluvius_tests::faulty_store::{CommitStep, ScriptedStore};
use fluvius_tests::fixture::{self, check_error, id};
use fluvius_tests::gate;
use fluvius_tests::probe::{Probe, ProbingDomain, Run, StartProbe, Step, probe};
use fluvius_tests::store_snapshot::{StoreSnapshot, Trail, check_rejected};
use fluvius_tests::trace::CapturedOutput;

/// Allows everything to tellers, and small values to others. Records its calls.
#[derive(Clone, Default)]
struct Teller {
    asked: Arc<Mutex<Vec<String>>>,
}

impl Teller {
    fn keep(&self, what: String) {
        self.asked.lock().unwrap().push(what);
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

impl Policy for Teller {
    async fn authorize(&self, request: &PolicyRequest<'_>) -> Authorization {
        self.keep(format!("before {} {}", request.action.key, request.aggregate_id.id.as_u128()));
        tokio::task::yield_now().await;
        match request.context.source() {
            "denied" => Authorization::deny("everything is forbidden"),
            "panics" => panic!("the policy panics"),
            _ => Authorization::Allow,
        }
    }

    async fn authorize_with_state(
        &self,
        request: &PolicyRequest<'_>,
        state: Option<&PolicyState<'_>>,
    ) -> Authorization {
        let value = state.map(|state| state.state::<Probe>().unwrap().value);
        let version = state.map(|state| state.record().version);
        self.keep(format!("with {} {value:?} {version:?}", request.action.key));
        assert_ne!(request.context.source(), "panics later");
        if let Some(run) = request.command::<Run>() {
            self.keep(format!("{} steps", run.steps.len()));
        }
        let is_teller = request.context.roles().iter().any(|role| role == "teller");
        match value {
            Some(value) if value > 10 && !is_teller => Authorization::deny("for tellers"),
            _ => Authorization::Allow,
        }
    }
}

struct Bank {
    store: ScriptedStore,
    policy: Teller,
    domain: fluvius_core::DomainRuntime,
    teller: Session,
}

async fn bank() -> Bank {
    let (store, policy) = (ScriptedStore::default(), Teller::default());
    let builder = ProbingDomain::builder(store.clone()).policy(policy.clone());
    let domain = builder.build().await.unwrap();
    let teller = domain.session(DomainContext::create("desk").with_role("teller"));
    for (number, value) in [(1, 0), (2, 20)] {
        teller.send(id(number), StartProbe { value }).await.unwrap();
    }
    policy.asked();
    store.units();
    Bank { store, policy, domain, teller }
}

fn run(steps: &[Step]) -> Value {
    json!({ "steps": steps })
}

#[tokio::test]
async fn a_denial_before_the_load_records_an_activity() {
    let bank = bank().await;
    let denied = bank.domain.session(DomainContext::create("denied"));
    let command = fixture::command(&denied, &probe(9), "run", run(&[]));
    let error = check_rejected(&bank.store, &denied, command.clone(), Trail::Activity).await;
    let text = format!("`run` on {} is not allowed: everything is forbidden", probe(9));
    check_error(&error, "permission-denied", &text);
    assert_eq!(bank.policy.asked(), ["before run 9"], "the state is not loaded");
    let log = StoreSnapshot::of(&bank.store).await;
    let [activity] = log.activities.as_slice() else { panic!() };
    assert_eq!(
        (activity.record.message.as_ref(), activity.record.command_id),
        (text.as_str(), command.id)
    );
    assert_eq!(activity.record.context_id, denied.context_id());
    assert_eq!(activity.record.data.as_ref().unwrap().to_value(), json!({ "command": "run" }));
}

#[tokio::test]
async fn a_denial_that_cannot_be_recorded_is_logged() {
    let bank = bank().await;
    let denied = bank.domain.session(DomainContext::create("denied"));
    let no_room = || CommitStep::Return(CommitOutcome::Failed(StoreError::permanent("no room")));
    for (step, is_logged) in
        [(Some(no_room()), true), (Some(CommitStep::ReturnNothing), true), (None, false)]
    {
        bank.store.script(step);
        let (trace, _guard) = CapturedOutput::of_this_thread();
        let command = fixture::command(&denied, &probe(9), "run", run(&[]));
        let error = denied.process_command(command).await.unwrap_err();
        assert_eq!(error.code(), "permission-denied");
        let text = trace.text();
        let line = text.lines().find(|line| line.contains("could not be recorded"));
        assert_eq!(line.is_some_and(|line| line.contains("ERROR")), is_logged, "{text}");
    }
    assert_eq!(StoreSnapshot::of(&bank.store).await.activities.len(), 1);
}

#[tokio::test]
async fn a_denial_with_the_state_records_an_activity() {
    let bank = bank().await;
    let guest = bank.domain.session(DomainContext::create("guest"));
    let command =
        fixture::command(&guest, &probe(2), "run", run(&[Step::Report("denied".to_owned())]));
    let error = check_rejected(&bank.store, &guest, command.clone(), Trail::Activity).await;
    let text = format!("`run` on {} is not allowed: for tellers", probe(2));
    check_error(&error, "permission-denied", &text);
    match &error {
        Error::PermissionDenied { command, aggregate_id, reason } => {
            assert_eq!(
                (*command, aggregate_id, reason.as_str()),
                ("run", &probe(2), "for tellers")
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(bank.policy.asked(), ["before run 2", "with run Some(20) Some(1)", "1 steps"]);
    assert_eq!(gate::reports("denied"), [""; 0], "the action has not run");
    // The answer is not recorded: the same command may be sent again.
    bank.teller.process_command(command).await.unwrap();
    // The denial was decided on the version that the policy saw.
    let unit = bank.store.units().remove(0);
    assert_eq!((unit.expected[0].version, unit.activities.len()), (1, 1));
}

#[tokio::test]
async fn an_allowed_command_is_authorized_twice() {
    let bank = bank().await;
    bank.teller.send(id(1), Run { steps: vec![Step::Add(1)] }).await.unwrap();
    bank.teller.send(id(9), StartProbe { value: 0 }).await.unwrap();
    assert_eq!(
        bank.policy.asked(),
        [
            "before run 1",
            "with run Some(0) Some(1)",
            "1 steps",
            "before start-probe 9",
            "with start-probe None None"
        ]
    );
    assert_eq!(StoreSnapshot::of(&bank.store).await.activities, []);
}

#[tokio::test(start_paused = true)]
async fn authorization_sees_the_state_of_each_attempt() {
    let bank = bank().await;
    let other = ProbingDomain::runtime(bank.store.inner.clone()).await.unwrap();
    let rival = other.session(DomainContext::create("rival"));
    bank.store.script([CommitStep::RunFirst(Box::pin(async move {
        rival.send(id(1), Run { steps: vec![Step::Add(50)] }).await.unwrap();
    }))]);
    let guest = bank.domain.session(DomainContext::create("guest"));
    let error = guest.send(id(1), Run { steps: vec![Step::Add(1)] }).await.unwrap_err();
    assert_eq!(error.code(), "permission-denied");
    assert_eq!(
        bank.policy.asked(),
        [
            "before run 1",
            "with run Some(0) Some(1)",
            "1 steps",
            "with run Some(50) Some(2)",
            "1 steps"
        ]
    );
}

#[tokio::test]
async fn invoked_commands_are_not_authorized() {
    let bank = bank().await;
    let guest = bank.domain.session(DomainContext::create("guest"));
    let steps = vec![Step::Invoke(id(2), vec![Step::Add(1)]), Step::Start(id(9), 0)];
    guest.send(id(1), Run { steps }).await.unwrap();
    assert_eq!(bank.policy.asked(), ["before run 1", "with run Some(0) Some(1)", "2 steps"]);
}

#[tokio::test]
async fn invalid_commands_are_not_authorized() {
    let bank = bank().await;
    for (aggregate_id, key, code) in [
        (probe(1), "nothing", "unknown-command"),
        (fluvius_tests::ticket::ticket(1), "run", "resource-not-allowed"),
        (probe(1), "run", "invalid-payload"),
    ] {
        let command = fixture::command(&bank.teller, &aggregate_id, key, json!({ "stops": 1 }));
        let command = if code == "resource-not-allowed" {
            fixture::command(&bank.teller, &aggregate_id, key, run(&[]))
        } else {
            command
        };
        let error = check_rejected(&bank.store, &bank.teller, command, Trail::Nothing).await;
        assert_eq!(error.code(), code);
    }
    assert_eq!(bank.policy.asked(), [""; 0]);
}

#[tokio::test]
async fn a_panic_in_the_policy_fails_the_command() {
    let bank = bank().await;
    for source in ["panics", "panics later"] {
        let session = bank.domain.session(DomainContext::create(source));
        let command = fixture::command(&session, &probe(1), "run", run(&[Step::Add(1)]));
        let error = check_rejected(&bank.store, &session, command, Trail::Nothing).await;
        check_error(&error, "panicked", "the code of `run` panicked");
    }
}

#[tokio::test]
async fn a_group_is_denied_as_a_whole() {
    let bank = bank().await;
    let guest = bank.domain.session(DomainContext::create("guest"));
    let group = [1, 2].map(|number| fixture::command(&guest, &probe(number), "run", run(&[])));
    let before = StoreSnapshot::of(&bank.store).await;
    let error = guest.process_atomic(group.clone()).await.unwrap_err();
    assert_eq!(error.code(), "permission-denied");
    let after = StoreSnapshot::of(&bank.store).await;
    assert_eq!((&before.states, &before.commands), (&after.states, &after.commands));
    let [activity] = after.activities.as_slice() else { panic!("{:?}", after.activities) };
    assert_eq!(
        (activity.record.command_id, &activity.record.aggregate_id),
        (group[1].id, &probe(2))
    );
    assert_eq!(Run::ACTION.key, "run");
}

/// Denies commands on accounts above a value.
struct Enough;

impl Policy for Enough {
    async fn authorize(&self, _: &PolicyRequest<'_>) -> Authorization {
        Authorization::Allow
    }

    async fn authorize_with_state(
        &self,
        _: &PolicyRequest<'_>,
        state: Option<&PolicyState<'_>>,
    ) -> Authorization {
        match state.and_then(|state| state.state::<Account>()) {
            Some(account) if account.balance > Decimal::TEN => Authorization::deny("it has enough"),
            _ => Authorization::Allow,
        }
    }
}

#[tokio::test]
async fn inline_actions_are_authorized_with_the_state() {
    let builder = TransactionManagerDomain::builder(MemoryStore::new()).policy(Enough);
    let domain = builder.build().await.unwrap();
    let session = domain.session(DomainContext::create("desk"));
    let open = OpenAccount {
        account_number: "1".to_owned(),
        owner_name: "Ada".to_owned(),
        initial_deposit: Decimal::TEN,
    };
    session.send(id(1), open).await.unwrap();
    // The version is cached from here on.
    session.send(id(1), DepositMoney { amount: Decimal::ONE }).await.unwrap();
    let denied = session.send(id(1), DepositMoney { amount: Decimal::ONE }).await.unwrap_err();
    assert_eq!(denied.code(), "permission-denied");
    assert_eq!(Versioned::version(&session.statemgr().fetch::<Account>(id(1)).await.unwrap()), 2);
}
