//! Every error code can be provoked. A new code needs its case here.

use std::num::{NonZeroU16, NonZeroU32};
use std::time::Duration;

use fluvius_core::query::Field;
use fluvius_core::work::Capabilities;
use fluvius_core::{
    Authorization, CommandBundle, CommitOutcome, Domain, DomainContext, DomainRuntime, Error,
    MemoryStore, Policy, PolicyRequest, Session, Store, StoreError, delegate_store,
};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use serde_json::{Value, json};

use fluvius_tests::faulty_store::{CommitStep, ScriptedStore};
use fluvius_tests::fixture::{self, id};
use fluvius_tests::gate;
use fluvius_tests::probe::{Probe, ProbingDomain, StartProbe, Step, Unstorable, probe};
use fluvius_tests::store_snapshot::StoreSnapshot;

/// Denies commands on one probe.
struct NotTheFourth;

impl Policy for NotTheFourth {
    async fn authorize(&self, request: &PolicyRequest<'_>) -> Authorization {
        if *request.aggregate_id == probe(4) {
            Authorization::deny("not the fourth")
        } else {
            Authorization::Allow
        }
    }
}

/// A store with only the required methods of the contract.
struct WithoutWorkRows(MemoryStore);

impl Store for WithoutWorkRows {
    fn capabilities(&self) -> Capabilities {
        Capabilities::none()
    }

    delegate_store! { self => self.0; except capabilities }
}

/// Probes 1 to 3 over a store that fails by script, in a runtime with room for one command.
struct FailingFixture {
    store: ScriptedStore,
    domain: DomainRuntime,
    session: Session,
    provoked: Vec<&'static str>,
}

impl FailingFixture {
    async fn new() -> Self {
        let store = ScriptedStore::default();
        let builder = ProbingDomain::builder(store.clone())
            .policy(NotTheFourth)
            .cache_capacity(0)
            .max_in_flight(NonZeroU16::MIN)
            .max_attempts(NonZeroU32::MIN)
            .outcome_timeout(Duration::from_secs(3));
        let domain = builder.build().await.unwrap();
        let session = domain.session(DomainContext::create("test"));
        for number in 1..=3 {
            session.send(id(number), StartProbe { value: 0 }).await.unwrap();
        }
        Self { store, domain, session, provoked: vec![] }
    }

    fn run(&self, number: u128, steps: &[Step]) -> CommandBundle {
        self.command(number, "run", json!({ "steps": steps }))
    }

    fn command(&self, number: u128, key: &str, payload: Value) -> CommandBundle {
        fixture::command(&self.session, &probe(number), key, payload)
    }

    /// Sends a command that ends in this code, and checks that the aggregates are unchanged.
    async fn check_code(&mut self, code: &'static str, command: CommandBundle) {
        let before = StoreSnapshot::of(&self.store.inner).await.states;
        let error = self.session.process_command(command).await.unwrap_err();
        self.add(code, &error);
        assert_eq!(before, StoreSnapshot::of(&self.store.inner).await.states, "{code}");
    }

    #[track_caller]
    fn add(&mut self, code: &'static str, error: &Error) {
        assert_eq!(error.framework_code(), code, "{error:?}");
        assert!(Error::CODES.contains(&(code, error.kind())), "{error:?}");
        self.provoked.push(code);
    }
}

/// Provokes every code, and checks that no command counter stays at zero.
#[tokio::test(start_paused = true)]
async fn every_error_code_can_be_provoked() {
    let recorder = DebuggingRecorder::new();
    let mut fixture = {
        let _guard = metrics::set_default_local_recorder(&recorder);
        FailingFixture::new().await
    };
    of_the_command(&mut fixture).await;
    of_the_sender(&mut fixture).await;
    of_the_rule(&mut fixture).await;
    of_readers(&mut fixture).await;
    of_the_runtime(&mut fixture).await;
    of_the_store(&mut fixture).await;
    let mut provoked = fixture.provoked;
    provoked.sort_unstable();
    let mut all = codes();
    all.sort_unstable();
    assert_eq!(provoked, all);
    assert_eq!(idle_counters(&recorder), [""; 0]);
}

/// Returns the outcomes whose command counters are at zero.
fn idle_counters(recorder: &DebuggingRecorder) -> Vec<String> {
    let metrics = recorder.snapshotter().snapshot().into_vec().into_iter();
    let idle = metrics.filter_map(|(key, _, _, value)| {
        let key = key.key();
        let outcome = key.labels().find(|label| label.key() == "outcome")?;
        let is_idle = matches!(value, DebugValue::Counter(0));
        is_idle.then(|| outcome.value().to_owned())
    });
    idle.collect()
}

fn codes() -> Vec<&'static str> {
    Error::CODES.iter().map(|(code, _)| *code).collect()
}

/// `CODES` is a separate list, so it is compared with the source of `framework_code()`.
#[test]
fn the_list_of_codes_has_the_code_of_every_variant() {
    let source = include_str!("../../../fluvius-core/src/error/code.rs");
    let arms =
        source.lines().filter_map(|line| line.trim().strip_prefix("Self::")?.split_once("=> \""));
    let found: Vec<&str> = arms.filter_map(|(_, code)| code.strip_suffix("\",")).collect();
    assert_eq!(found, codes());
}

async fn of_the_command(fixture: &mut FailingFixture) {
    fixture.check_code("unknown-command", fixture.command(1, "rum", json!({}))).await;
    fixture.check_code("invalid-payload", fixture.command(1, "run", json!({ "steps": 1 }))).await;
    let without_aggregate =
        fixture.session.create_command("run", json!({ "steps": [] })).unwrap_err();
    fixture.add("no-aggregate-root", &without_aggregate);
    let elsewhere = fluvius_core::AggregateId::new("elsewhere", id(1));
    let elsewhere = fixture::command(&fixture.session, &elsewhere, "ask-state", json!({}));
    fixture.check_code("resource-not-allowed", elsewhere).await;
    fixture.check_code("permission-denied", fixture.command(4, "ask-state", json!({}))).await;
    fixture.check_code("not-found", fixture.run(9, &[])).await;
    fixture.check_code("already-exists", fixture.command(1, "start-probe", json!({}))).await;
    let expects = fixture.run(1, &[]).if_match(7);
    fixture.check_code("precondition-failed", expects).await;
    let invoked = fluvius_testing::invoked_id(id(1), 1);
    let as_invoked = fixture.command(1, "ask-state", json!({})).with_id(invoked);
    fixture.check_code("invalid-command-id", as_invoked).await;
    let blind = fixture.command(1, "run-expected", json!({ "steps": [] }));
    fixture.check_code("precondition-required", blind).await;
    let first = fixture.command(1, "ask-state", json!({}));
    fixture.session.process_command(first.clone()).await.unwrap();
    let other = fixture.command(2, "ask-state", json!({})).with_id(first.id);
    fixture.check_code("command-id-reused", other).await;
}

/// Sends a group above the size limit, and a command outside of tokio.
async fn of_the_sender(fixture: &mut FailingFixture) {
    let one = fixture.command(1, "ask-state", json!({}));
    let many = vec![one; fluvius_core::UnitOfWork::MAX_ROWS + 1];
    let too_large = fixture.session.process_atomic(many).await.unwrap_err();
    fixture.add("too-large", &too_large);
    let session = fixture.session.clone();
    let outside = std::thread::spawn(move || {
        let mut sent = std::pin::pin!(session.send(id(1), StartProbe { value: 0 }).into_future());
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        match sent.as_mut().poll(&mut cx) {
            std::task::Poll::Ready(answer) => answer.unwrap_err(),
            std::task::Poll::Pending => panic!("the command was accepted"),
        }
    });
    let no_runtime = outside.join().unwrap();
    fixture.add("no-runtime", &no_runtime);
}

async fn of_the_rule(fixture: &mut FailingFixture) {
    fixture.check_code("rejected", fixture.run(1, &[Step::Reject("no".to_owned())])).await;
    let group = [fixture.run(1, &[Step::Add(1)]), fixture.run(2, &[Step::Reject("no".to_owned())])];
    let rejected = fixture.session.process_atomic(group).await.unwrap_err();
    fixture.add("group-rejected", &rejected);
    fixture.check_code("reentrant-invoke", fixture.run(1, &[Step::Fetch(id(1))])).await;
    // A chain of this many probes, since none may be invoked twice.
    for number in 10..=27 {
        fixture.session.send(id(number), StartProbe { value: 0 }).await.unwrap();
    }
    let chain = (11..=27).rev().fold(vec![], |inner, at| vec![Step::Invoke(id(at), inner)]);
    fixture.check_code("invoke-depth-exceeded", fixture.run(10, &chain)).await;
    let wait = json!({ "steps": [Step::Wait("never opened by every_code".to_owned())] });
    fixture.check_code("timed-out", fixture.command(1, "run-quickly", wait)).await;
    fixture.check_code("panicked", fixture.command(1, "panic-at-once", json!({}))).await;
    fixture
        .check_code("invalid-state", fixture.run(1, &[Step::SetUnstorable(Unstorable::Nul)]))
        .await;
}

async fn of_readers(fixture: &mut FailingFixture) {
    let statemgr = fixture.session.statemgr();
    let no_number =
        statemgr.find_all::<Probe>(Field::number("value").eq("many")).await.unwrap_err();
    fixture.add("invalid-query", &no_number);
    let several = statemgr.find_one::<Probe>(Field::number("value").ge(0)).await.unwrap_err();
    fixture.add("multiple-results", &several);
    let ahead = fixture.domain.log().after(u64::MAX).events().await.unwrap_err();
    fixture.add("invalid-position", &ahead);
    let operator = DomainContext::create("operator");
    let absent = fixture.domain.subscriptions().remove(&operator, "mailer").await.unwrap_err();
    fixture.add("invalid-subscription", &absent);
    let domain = ProbingDomain::runtime(WithoutWorkRows(MemoryStore::new())).await.unwrap();
    let unsupported = domain.subscriptions().list().await.unwrap_err();
    fixture.add("store-unsupported", &unsupported);
}

async fn of_the_runtime(fixture: &mut FailingFixture) {
    fixture.store.script([CommitStep::Conflict]);
    fixture.check_code("conflict", fixture.run(1, &[Step::Add(1)])).await;

    let gate = "every code";
    let held = fixture.run(1, &[Step::Wait(gate.to_owned())]);
    let session = fixture.session.clone();
    let held = tokio::spawn(async move { session.process_command(held).await });
    gate::gate(gate).arrival().await;
    let impatient = fixture.session.fail_fast();
    let full = impatient.process_command(fixture.run(2, &[])).await.unwrap_err();
    fixture.add("overloaded", &full);
    gate::gate(gate).open(1);
    held.await.unwrap().unwrap();
}

async fn of_the_store(fixture: &mut FailingFixture) {
    for (code, fault) in [
        ("store-unavailable", StoreError::unavailable("the line is down")),
        ("store-error", StoreError::permanent("the disk is broken")),
    ] {
        fixture.store.script([CommitStep::Return(CommitOutcome::Failed(fault))]);
        fixture.check_code(code, fixture.run(1, &[Step::Add(1)])).await;
    }
    fixture.store.script([CommitStep::LoseStore { has_committed: true }]);
    let unknown =
        fixture.session.process_command(fixture.run(1, &[Step::Add(1)])).await.unwrap_err();
    fixture.add("outcome-unknown", &unknown);
    fixture.store.fail_reads(None);
    let late = fixture.run(1, &[]);
    fixture.domain.shutdown().await;
    let late = fixture.session.process_command(late).await.unwrap_err();
    fixture.add("shutting-down", &late);
}
