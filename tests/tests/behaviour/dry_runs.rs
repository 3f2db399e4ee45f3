//! Dry runs: the result of commands that are decided and not stored.

use std::time::Duration;

use banking_domain::{Account, OpenAccount, TransactionManagerDomain};
use fluvius_core::{
    Aggregate, Authorization, CommandBundle, CommitOutcome, Domain, DomainContext, DryRun,
    EventRecord, MemoryStore, Observer, Policy, PolicyRequest, RuntimeEvent, Session,
    SimpleRejection, StoreError, UnitOfWork,
};
use futures_util::FutureExt;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use fluvius_tests::faulty_store::{CommitStep, ScriptedStore};
use fluvius_tests::fixture::{self, Fixture, id};
use fluvius_tests::gate::{gate, reports};
use fluvius_tests::probe::{ProbingDomain, Run, StartProbe, Step, probe, probes};
use fluvius_tests::store_snapshot::StoreSnapshot;

fn run(session: &Session, number: u128, steps: &[Step]) -> CommandBundle {
    fixture::command(session, &probe(number), "run", json!({ "steps": steps }))
}

/// Returns the parts of the events that do not depend on the ids of their commands.
fn contents<'a>(events: impl IntoIterator<Item = &'a EventRecord>) -> Vec<Value> {
    let content = |event: &EventRecord| {
        json!([event.key(), event.aggregate_id, event.version, event.args, event.data, event.delta])
    };
    events.into_iter().map(content).collect()
}

/// Returns the values of the changed probes.
fn values(dry_run: &DryRun) -> Vec<Value> {
    dry_run.states.iter().map(|state| state.data.to_value()["value"].clone()).collect()
}

#[tokio::test]
async fn a_dry_run_shows_the_command_and_stores_nothing() {
    let fixture = probes(2).await;
    let message = Step::Message("told".to_owned(), "all".to_owned());
    let steps =
        [Step::Add(3), Step::Invoke(id(2), vec![message]), Step::Activity("seen".to_owned())];
    let command = run(&fixture.session, 1, &steps);
    let before = fixture.snapshot().await;
    let shown = fixture.session.dry_run([command.clone()]).await.unwrap();
    assert_eq!(before, fixture.snapshot().await);

    let counts = (shown.commands.len(), shown.messages.len(), shown.activities.len());
    assert_eq!((counts, values(&shown)), ((2, 1, 1), vec![json!(3), json!(0)]));
    let [response] = &shown.responses[..] else { panic!("{shown:?}") };
    assert_eq!((response.position, response.replayed), (0, false));
    assert_ne!(response.command_id, command.id);

    let real = fixture.session.process_command(command).await.unwrap();
    assert_eq!(
        (real.version, real.event, &real.data),
        (response.version, response.event, &response.data)
    );
    let stored = fixture.snapshot().await.events;
    let stored = stored[before.events.len()..].iter().map(|row| &row.record);
    assert_eq!(contents(&shown.events), contents(stored));
}

#[tokio::test]
async fn a_dry_transfer_shows_the_events_of_both_accounts() {
    let fixture = Fixture::new::<TransactionManagerDomain>().await;
    for number in [1, 2] {
        let open = OpenAccount {
            account_number: number.to_string(),
            owner_name: "John Doe".to_owned(),
            initial_deposit: Decimal::ONE_HUNDRED,
        };
        fixture.session.send(id(number), open).await.unwrap();
    }
    let payload = json!({ "amount": "30", "recipient": id(2) });
    let transfer = fixture.command(&Account::aggregate_id(id(1)), "transfer-money", payload);
    let shown = fixture.session.dry_run([transfer]).await.unwrap();
    let keys: Vec<_> =
        shown.events.iter().map(|event| (event.key(), event.aggregate_id.id)).collect();
    assert_eq!(keys, [("money-transferred", id(1)), ("transfer-received", id(2))]);
    let balance =
        |state: &fluvius_core::StateRecord| state.data.decode::<Account>().unwrap().balance;
    let balances: Vec<Decimal> = shown.states.iter().map(balance).collect();
    assert_eq!(balances, [Decimal::from(70), Decimal::from(130)]);
}

#[tokio::test]
async fn a_dry_group_is_decided_in_order() {
    let fixture = probes(1).await;
    let before = fixture.snapshot().await;
    let add = |by| run(&fixture.session, 1, &[Step::Add(by)]);
    let shown = fixture.session.dry_run([add(1), add(10)]).await.unwrap();
    let versions: Vec<u64> = shown.responses.iter().map(|response| response.version).collect();
    assert_eq!((versions, values(&shown), shown.events.len()), (vec![2, 3], vec![json!(11)], 2));
    let no = run(&fixture.session, 1, &[Step::Reject("no".to_owned())]);
    let error = fixture.session.dry_run([add(1), no]).await.unwrap_err();
    assert_eq!((error.code(), error.recorded()), ("group-rejected", None));
    assert_eq!(fixture.session.dry_run([]).await.unwrap(), DryRun::default());
    assert_eq!(before, fixture.snapshot().await);
}

#[tokio::test]
async fn a_rejected_dry_run_leaves_no_row() {
    let fixture = probes(1).await;
    let before = fixture.snapshot().await;
    let command = run(&fixture.session, 1, &[Step::Reject("no".to_owned())]);
    let error = fixture.session.dry_run([command.clone()]).await.unwrap_err();
    assert_eq!((error.code(), error.recorded()), ("no", None));
    let error = fixture.session.dry_run([run(&fixture.session, 9, &[])]).await.unwrap_err();
    assert_eq!(error.code(), "not-found");
    let panics = run(&fixture.session, 1, &[Step::Panic("now".to_owned())]);
    assert_eq!(fixture.session.dry_run([panics]).await.unwrap_err().code(), "panicked");
    assert_eq!(before, fixture.snapshot().await);
    // The command itself is recorded under its id, which the dry run has not used.
    let error = fixture.session.process_command(command).await.unwrap_err();
    assert!(error.recorded().is_some_and(|row| !row.replayed));
}

#[tokio::test]
async fn a_dry_run_ignores_the_id() {
    let fixture = probes(1).await;
    let name = "two dry runs under one id";
    let command = run(&fixture.session, 1, &[Step::Wait(name.to_owned()), Step::Add(1)]);
    let mut both = Box::pin(async {
        let dry_run = || fixture.session.dry_run([command.clone()]);
        tokio::join!(dry_run(), dry_run())
    });
    assert!(both.as_mut().now_or_never().is_none());
    gate(name).open(3);
    let (one, other) = both.await;
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!((values(&one), values(&other)), (vec![json!(1)], vec![json!(1)]));
    assert_ne!(one.responses[0].command_id, other.responses[0].command_id);
    // Once the command is applied, a dry run is no replay of it.
    fixture.session.process_command(command.clone()).await.unwrap();
    gate(name).open(1);
    let shown = fixture.session.dry_run([command]).await.unwrap();
    assert_eq!((shown.responses[0].version, values(&shown)), (3, vec![json!(2)]));
}

/// Denies the role `denied`.
struct DenyRole;

impl Policy for DenyRole {
    async fn authorize(&self, request: &PolicyRequest<'_>) -> Authorization {
        match request.context.roles().iter().any(|role| role == "denied") {
            true => Authorization::deny("the role is denied"),
            false => Authorization::Allow,
        }
    }
}

#[tokio::test]
async fn a_denied_dry_run_leaves_an_activity() {
    let store = MemoryStore::new();
    let domain = ProbingDomain::builder(store.clone()).policy(DenyRole).build().await.unwrap();
    let session = domain.session(DomainContext::create("test"));
    session.send(id(1), StartProbe { value: 0 }).await.unwrap();
    let denied = domain.session(DomainContext::create("test").with_role("denied"));
    let before = StoreSnapshot::of(&store).await;
    let error = denied.dry_run([run(&session, 1, &[])]).await.unwrap_err();
    assert_eq!(error.code(), "permission-denied");
    let after = StoreSnapshot::of(&store).await;
    assert_eq!((&after.commands, &after.events), (&before.commands, &before.events));
    let codes: Vec<_> = after.activities.iter().map(|row| row.record.code.as_deref()).collect();
    assert_eq!(codes, [Some("permission-denied")]);
}

/// Counts its calls, and vetoes every unit of work.
#[derive(Clone, Default)]
struct CountingObserver(std::sync::Arc<std::sync::atomic::AtomicUsize>);

impl CountingObserver {
    fn count(&self) -> usize {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
    }
}

impl Observer for CountingObserver {
    fn on_event(&self, _: &RuntimeEvent<'_>) {
        self.count();
    }

    fn before_commit(&self, _: &UnitOfWork) -> Result<(), SimpleRejection> {
        self.count();
        Err(SimpleRejection::new("vetoed", "no unit is stored"))
    }
}

#[tokio::test]
async fn an_observer_is_not_notified_of_a_dry_run() {
    let store = MemoryStore::new();
    let observer = CountingObserver::default();
    let builder = ProbingDomain::builder(store.clone()).observer(observer.clone());
    let domain = builder.build().await.unwrap();
    let session = domain.session(DomainContext::create("test"));
    let start = fixture::command(&session, &probe(1), "start-probe", json!({ "value": 4 }));
    let shown = session.dry_run([start.clone()]).await.unwrap();
    assert_eq!(values(&shown), [json!(4)]);
    session.dry_run([run(&session, 1, &[])]).await.unwrap_err();
    assert_eq!(observer.count(), 0);
    assert_eq!(session.process_command(start).await.unwrap_err().code(), "vetoed");
}

async fn scripted() -> (ScriptedStore, Session) {
    let store = ScriptedStore::default();
    let builder = ProbingDomain::builder(store.clone()).outcome_timeout(Duration::from_millis(50));
    let session = builder.build().await.unwrap().session(DomainContext::create("test"));
    session.send(id(1), StartProbe { value: 0 }).await.unwrap();
    (store, session)
}

#[tokio::test]
async fn a_dry_run_waits_until_its_basis_is_durable() {
    let (store, session) = scripted().await;
    let held = gate("the commit before a dry run");
    let until = std::sync::Arc::clone(&held);
    store.script([CommitStep::RunFirst(async move { until.pass().await }.boxed())]);
    let mut real = Box::pin(session.send(id(1), Run { steps: vec![Step::Add(5)] }).into_future());
    assert!(real.as_mut().now_or_never().is_none());
    let mut dry = Box::pin(session.dry_run([run(&session, 1, &[Step::Add(1)])]));
    for _ in 0..20 {
        assert!(futures_util::poll!(&mut dry).is_pending());
        tokio::task::yield_now().await;
    }
    held.open(1);
    assert_eq!(values(&dry.await.unwrap()), [json!(6)]);
    real.await.unwrap();
}

#[tokio::test]
async fn a_dry_run_on_a_failed_commit_is_decided_again() {
    let (store, session) = scripted().await;
    store.yield_in_calls();
    let failed = CommitOutcome::Failed(StoreError::unavailable("the disk is full"));
    store.script([CommitStep::Return(failed)]);
    let mut real = Box::pin(session.send(id(1), Run { steps: vec![Step::Add(5)] }).into_future());
    assert!(futures_util::poll!(&mut real).is_pending());
    let name = "attempts of a dry run";
    let steps = [Step::Add(1), Step::Report(name.to_owned())];
    let mut dry = Box::pin(session.dry_run([run(&session, 1, &steps)]));
    assert!(futures_util::poll!(&mut dry).is_pending());
    let shown = dry.await.unwrap();
    assert_eq!((values(&shown), shown.responses[0].version), (vec![json!(1)], 2));
    assert_eq!(reports(name).len(), 2, "it was decided on the failed commit, and again");
    assert_eq!(real.await.unwrap_err().code(), "store-unavailable");
}

#[tokio::test]
async fn a_dry_run_sees_the_commits_of_other_processes() {
    let fixture = probes(1).await;
    let other = ProbingDomain::runtime(fixture.store.clone()).await.unwrap();
    let other = other.session(DomainContext::create("other"));
    other.send(id(1), Run { steps: vec![Step::Add(5)] }).await.unwrap();
    let shown = fixture.session.dry_run([run(&fixture.session, 1, &[Step::Add(1)])]).await.unwrap();
    assert_eq!((values(&shown), shown.responses[0].version), (vec![json!(6)], 3));
}

#[tokio::test]
async fn a_dry_run_on_a_lost_store_is_not_in_doubt() {
    let (store, session) = scripted().await;
    store.script([CommitStep::LoseStore { has_committed: false }]);
    let error = session.dry_run([run(&session, 1, &[])]).await.unwrap_err();
    assert_eq!(error.code(), "store-unavailable");
    // If the store answers in time, the dry run is decided again.
    store.fail_reads(None);
    store.script([CommitStep::Return(CommitOutcome::InDoubt)]);
    let shown = session.dry_run([run(&session, 1, &[Step::Add(2)])]).await.unwrap();
    assert_eq!(values(&shown), [json!(2)]);
}
