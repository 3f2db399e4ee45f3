//! Observers: the runtime events that they get, and their order.

use std::sync::{Arc, Mutex};

use fluvius_core::{
    Domain, DomainContext, MemoryStore, Observer, RuntimeEvent, Session, SimpleRejection,
    UnitOfWork,
};
use serde_json::{Value, json};

use fluvius_tests::faulty_store::{CommitStep, ScriptedStore};
use fluvius_tests::fixture::{self, check_error, id};
use fluvius_tests::probe::{ProbingDomain, Run, StartProbe, Step, probe};
use fluvius_tests::store_snapshot::{StoreSnapshot, Trail, check_rejected};

/// Records its events; panics or vetoes on demand.
#[derive(Clone, Default)]
struct RecordingObserver {
    notified: Arc<Mutex<Vec<String>>>,
    panics: bool,
    veto: Arc<Mutex<Option<SimpleRejection>>>,
}

impl RecordingObserver {
    fn keep(&self, what: String) {
        self.notified.lock().unwrap().push(what);
        assert!(!self.panics, "the observer panics");
    }

    fn notified(&self) -> Vec<String> {
        std::mem::take(&mut self.notified.lock().unwrap())
    }
}

fn short(aggregate_id: &fluvius_core::AggregateId) -> u128 {
    aggregate_id.id.as_u128()
}

impl Observer for RecordingObserver {
    fn on_event(&self, signal: &RuntimeEvent<'_>) {
        self.keep(match signal {
            RuntimeEvent::CommandReady { action, aggregate_id, .. } => {
                format!("ready {} {}", action.key, short(aggregate_id))
            }
            RuntimeEvent::EventRecorded { event, attempt } => {
                format!(
                    "recorded {} {} v{} #{attempt}",
                    event.key(),
                    short(&event.aggregate_id),
                    event.version
                )
            }
            RuntimeEvent::EventCommitted { event } => {
                format!(
                    "event {} {} @{}",
                    event.record.key(),
                    short(&event.record.aggregate_id),
                    event.position
                )
            }
            RuntimeEvent::Message { message } => {
                format!("message {} @{}", message.record.key, message.position)
            }
            RuntimeEvent::TransactionCommitted { unit, first } => {
                format!("transaction of {} @{first}", unit.row_count())
            }
            RuntimeEvent::Response { response } => {
                format!("response {} v{}", response.command, response.version)
            }
            RuntimeEvent::CommandCompleted { action, aggregate_id, .. } => {
                format!("completed {} {}", action.key, short(aggregate_id))
            }
            RuntimeEvent::CommandRejected { action, aggregate_id, error, .. } => {
                format!("rejected {} {} {}", action.key, short(aggregate_id), error.code())
            }
            other => format!("{other:?}"),
        });
    }

    fn before_commit(&self, unit: &UnitOfWork) -> Result<(), SimpleRejection> {
        self.keep(format!("committing {}", unit.row_count()));
        self.veto.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}

async fn observed(recorder: RecordingObserver) -> (ScriptedStore, Session, RecordingObserver) {
    let store = ScriptedStore::default();
    let builder = ProbingDomain::builder(store.clone()).observer(recorder.clone());
    let domain = builder.build().await.unwrap();
    let session = domain.session(DomainContext::create("test"));
    for number in 1..=2 {
        session.send(id(number), StartProbe { value: 0 }).await.unwrap();
    }
    recorder.notified();
    (store, session, recorder)
}

fn run(steps: &[Step]) -> Value {
    json!({ "steps": steps })
}

#[tokio::test]
async fn an_applied_command_is_notified_stage_by_stage() {
    let (store, session, recorder) = observed(RecordingObserver::default()).await;
    let steps = vec![
        Step::Message("first".to_owned(), "x".to_owned()),
        Step::Invoke(id(2), vec![Step::Message("second".to_owned(), "y".to_owned())]),
        Step::Activity("did".to_owned()),
    ];
    session.send(id(1), Run { steps }).await.unwrap();
    assert_eq!(
        recorder.notified(),
        [
            "ready run 1",
            "recorded ran 2 v2 #1",
            "recorded ran 1 v2 #1",
            "committing 7",
            "event ran 1 @7",
            "event ran 2 @8",
            "message first @9",
            "message second @10",
            "transaction of 7 @5",
            "response run v2",
            "completed run 1"
        ]
    );
    let log = StoreSnapshot::of(&store).await;
    let events: Vec<_> =
        log.events[2..].iter().map(|row| (short(&row.record.aggregate_id), row.position)).collect();
    assert_eq!(events, [(1, 7), (2, 8)], "the events have the positions of the log");
    let messages: Vec<_> = log.messages.iter().map(|row| row.position).collect();
    assert_eq!(messages, [9, 10]);
    assert_eq!((log.commands[2].position, log.activities[0].position), (5, 11));
}

#[tokio::test]
async fn rejections_and_faults_are_notified() {
    let (_store, session, recorder) = observed(RecordingObserver::default()).await;
    session.send(id(1), Run { steps: vec![Step::Reject("no".to_owned())] }).await.unwrap_err();
    assert_eq!(
        recorder.notified(),
        ["ready run 1", "transaction of 1 @5", "rejected run 1 no"],
        "a rejection has no veto"
    );
    session.send(id(9), Run { steps: vec![] }).await.unwrap_err();
    assert_eq!(
        recorder.notified(),
        ["ready run 9", "transaction of 1 @6", "rejected run 9 not-found"]
    );
    session.send(id(1), Run { steps: vec![Step::Panic(String::new())] }).await.unwrap_err();
    assert_eq!(recorder.notified(), ["ready run 1", "rejected run 1 panicked"]);
    session.send(fluvius_tests::ticket::ticket(1), Run { steps: vec![] }).await.unwrap_err();
    assert_eq!(recorder.notified(), ["rejected run 1 resource-not-allowed"]);
    // A payload that does not decode is not a command yet.
    let command = fixture::command(&session, &probe(1), "run", json!({}));
    session.process_command(command).await.unwrap_err();
    assert_eq!(recorder.notified(), [""; 0]);
}

#[tokio::test]
async fn a_retried_event_is_notified_again() {
    let (store, session, recorder) = observed(RecordingObserver::default()).await;
    store.script([CommitStep::Conflict, CommitStep::Conflict]);
    session.send(id(1), Run { steps: vec![] }).await.unwrap();
    let notified = recorder.notified();
    let recorded: Vec<_> = notified.iter().filter(|line| line.starts_with("recorded")).collect();
    assert_eq!(recorded, ["recorded ran 1 v2 #1", "recorded ran 1 v2 #2", "recorded ran 1 v2 #3"]);
    assert_eq!(notified.iter().filter(|line| line.starts_with("event")).count(), 1);
    assert_eq!(notified.iter().filter(|line| line.starts_with("ready")).count(), 1);
}

#[tokio::test]
async fn a_veto_is_a_rejection_with_its_code() {
    let (store, session, recorder) = observed(RecordingObserver::default()).await;
    *recorder.veto.lock().unwrap() =
        Some(SimpleRejection::new("audit-closed", "the books are closed"));
    let command = fixture::command(&session, &probe(1), "run", run(&[Step::Add(1)]));
    let kept = Trail::Command("audit-closed");
    let error = check_rejected(&store, &session, command.clone(), kept).await;
    check_error(&error, "audit-closed", "the books are closed");
    assert_eq!(error.rejection::<SimpleRejection>().unwrap().to_string(), "the books are closed");
    let notified = recorder.notified();
    assert_eq!(notified.last().unwrap(), "rejected run 1 audit-closed");
    assert!(notified.iter().all(|line| !line.starts_with("event")), "{notified:?}");
    *recorder.veto.lock().unwrap() = None;
    let again = session.process_command(command).await.unwrap_err();
    assert_eq!(again.code(), "audit-closed", "the rejection is recorded");
    session.send(id(1), Run { steps: vec![] }).await.unwrap();
}

#[tokio::test]
async fn a_panic_in_an_observer_changes_nothing() {
    let panics = RecordingObserver { panics: true, ..RecordingObserver::default() };
    let plain = RecordingObserver::default();
    let store = ScriptedStore::default();
    let builder = ProbingDomain::builder(store.clone()).observer(panics).observer(plain.clone());
    let domain = builder.build().await.unwrap();
    let session = domain.session(DomainContext::create("test"));
    session.send(id(1), StartProbe { value: 0 }).await.unwrap();
    assert_eq!(
        plain.notified(),
        [
            "ready start-probe 1",
            "recorded probe-started 1 v1 #1",
            "committing 2",
            "event probe-started 1 @2",
            "transaction of 2 @1",
            "response start-probe v1",
            "completed start-probe 1"
        ]
    );
    assert_eq!(StoreSnapshot::of(&store).await.version(&probe(1)), 1);
}

#[tokio::test]
async fn the_first_veto_counts() {
    let veto = |code: &'static str| RecordingObserver {
        veto: Arc::new(Mutex::new(Some(SimpleRejection::new(code, code)))),
        ..RecordingObserver::default()
    };
    let builder = ProbingDomain::builder(fluvius_core::MemoryStore::new());
    let (first, second) = (veto("first"), veto("second"));
    let domain = builder.observer(first).observer(second.clone()).build().await.unwrap();
    let session = domain.session(DomainContext::create("test"));
    let error = session.send(id(1), StartProbe { value: 0 }).await.unwrap_err();
    assert_eq!(error.code(), "first");
    assert!(second.notified().iter().all(|line| !line.starts_with("committing")));
}

#[tokio::test]
async fn a_replay_is_notified_as_a_response() {
    let (_store, session, recorder) = observed(RecordingObserver::default()).await;
    let command = fixture::command(&session, &probe(1), "run", run(&[]));
    session.process_command(command.clone()).await.unwrap();
    recorder.notified();
    session.process_command(command).await.unwrap();
    let notified = recorder.notified();
    assert!(notified.iter().all(|line| !line.starts_with("event") && !line.starts_with("trans")));
    assert_eq!(&notified[notified.len() - 2..], ["response run v2", "completed run 1"]);
}

/// Vetoes a low value of a probe.
struct NotLow;

impl Observer for NotLow {
    fn before_commit(&self, unit: &UnitOfWork) -> Result<(), SimpleRejection> {
        let state = unit.states.first().map(|state| state.data.to_value());
        match state.and_then(|state| state["value"].as_i64()) {
            Some(value) if value < 10 => {
                Err(SimpleRejection::new("too-low", "the value is too low"))
            }
            _ => Ok(()),
        }
    }
}

#[tokio::test]
async fn a_veto_of_an_outdated_decision_is_retried() {
    let content = MemoryStore::new();
    let plain = ProbingDomain::runtime(content.clone()).await.unwrap();
    let vetoing = ProbingDomain::builder(content).observer(NotLow).build().await.unwrap();
    let [plain, vetoing] =
        [plain, vetoing].map(|domain| domain.session(DomainContext::create("test")));
    plain.send(id(1), StartProbe { value: 0 }).await.unwrap();
    // This runtime has the low value cached, and the other one raises it.
    let low = vetoing.send(id(1), Run { steps: vec![Step::Add(1)] }).await.unwrap_err();
    assert_eq!(low.framework_code(), "rejected");
    plain.send(id(1), Run { steps: vec![Step::Add(20)] }).await.unwrap();
    let passed = vetoing.send(id(1), Run { steps: vec![] }).await;
    assert_eq!(
        passed.map(|response| response.version).map_err(|error| error.framework_code()),
        Ok(3)
    );
}
