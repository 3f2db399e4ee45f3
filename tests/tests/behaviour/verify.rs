//! `verify` finds no fault in the logs of a domain, and each kind of planted fault.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::TimeDelta;
use fluvius_core::json::PayloadHash;
use fluvius_core::verify::{FaultKind, Verification, verify};
use fluvius_core::{
    AggregateId, CommandRecord, CommandStatus, Domain, DomainContext, ETag, EventRecord, Json,
    LogEntry, LogQuery, MemoryStore, StateDelta, StateRecord, Store, StoreError,
};

use fluvius_tests::faulty_store::{AlteredRows, Keep, RowFault};
use fluvius_tests::fixture::id;
use fluvius_tests::probe::{EndProbe, ProbingDomain, Run, StartProbe, Step, probe};

/// The aggregate with the planted faults, with more versions than between two snapshots.
pub(super) const MANY: u128 = 3;
pub(super) const VERSIONS: u64 = 150;

/// Writes with several realms, invoked commands, rejections, messages, activities, a group, a
/// closed aggregate, and one of many versions.
pub(super) async fn written() -> MemoryStore {
    let store = MemoryStore::new();
    let domain = ProbingDomain::runtime(store.clone()).await.unwrap();
    let session = domain.session(DomainContext::create("verify").with_user(id(90)));
    let north = domain.session(DomainContext::create("north").with_realm("north"));
    for number in 1..=4 {
        session.send(id(number), StartProbe { value: 0 }).await.unwrap();
    }
    north.send(id(5), StartProbe { value: 5 }).await.unwrap();
    let listed = vec![
        Step::Add(1),
        Step::Message("note".to_owned(), "data".to_owned()),
        Step::Activity("done".to_owned()),
        Step::Invoke(id(2), vec![Step::Add(2), Step::Message("too".to_owned(), String::new())]),
        Step::Try(id(4), vec![Step::Reject("no".to_owned())]),
    ];
    session.send(id(1), Run { steps: listed }).await.unwrap();
    session.send(id(1), Run { steps: vec![Step::Reject("no".to_owned())] }).await.unwrap_err();
    session.send(id(1), StartProbe { value: 1 }).await.unwrap_err();
    session.send(id(4), EndProbe {}).await.unwrap();
    for step in 1..VERSIONS {
        let by = i64::try_from(step).unwrap();
        session.send(id(MANY), Run { steps: vec![Step::Add(by)] }).await.unwrap();
    }
    let on = |number| {
        let session = session.aggregate(probe(number));
        session.create_command("run", serde_json::json!({ "steps": [{ "add": 1 }] })).unwrap()
    };
    session.process_atomic([on(1), on(2), on(1)]).await.unwrap();
    domain.shutdown().await;
    store
}

#[tokio::test]
async fn the_logs_of_a_domain_are_sound() {
    let store = written().await;
    let found = verify(&store).await.unwrap();
    assert!(found.is_sound(), "{found}");
    let count = |rows: usize| u64::try_from(rows).unwrap();
    let all = LogQuery::all();
    let expected = Verification {
        aggregates: 5,
        commands: count(store.read_log::<CommandRecord>(&all).await.unwrap().rows.len()),
        events: count(store.read_log::<EventRecord>(&all).await.unwrap().rows.len()),
        messages: 2,
        activities: 1,
        ..Verification::default()
    };
    assert_eq!(found, expected);
    assert!(found.commands > 160 && found.events > 158, "{found}");
    let empty = verify(&MemoryStore::new()).await.unwrap();
    assert_eq!(empty, Verification::default());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verify_is_sound_during_writes() {
    let store = MemoryStore::new();
    let domain = ProbingDomain::runtime(store.clone()).await.unwrap();
    let session = domain.session(DomainContext::create("verify"));
    for number in 1..=3 {
        session.send(id(number), StartProbe { value: 0 }).await.unwrap();
    }
    let is_over = Arc::new(AtomicUsize::new(0));
    let writing = tokio::spawn({
        let (session, is_over) = (session.clone(), Arc::clone(&is_over));
        async move {
            for step in 0..600 {
                let to = id(1 + step % 3);
                let invoked = Step::Invoke(id(1 + (step + 1) % 3), vec![Step::Add(1)]);
                session.send(to, Run { steps: vec![Step::Add(-1), invoked] }).await.unwrap();
            }
            is_over.store(1, Ordering::SeqCst);
        }
    });
    let mut times = 0;
    while is_over.load(Ordering::SeqCst) == 0 {
        let found = verify(&store).await.unwrap();
        assert!(found.is_sound(), "{found}");
        times += 1;
    }
    writing.await.unwrap();
    assert!(times > 2, "verified {times} times during the writes");
    // Many pages of each log, and every row of them.
    let found = verify(&store).await.unwrap();
    assert_eq!((found.commands, found.events), (3 + 1_200, 3 + 1_200), "{found}");
}

pub(super) fn is_many(aggregate_id: &AggregateId) -> bool {
    aggregate_id.id == id(MANY)
}

/// Returns event 70 of the aggregate of many versions.
fn event_70(
    event: &mut LogEntry<EventRecord>,
    fault: impl FnOnce(&mut LogEntry<EventRecord>),
) -> Keep {
    if is_many(&event.record.aggregate_id) && event.record.version == 70 {
        fault(event);
    }
    true
}

fn many(state: &mut StateRecord, fault: impl FnOnce(&mut StateRecord)) -> Keep {
    if is_many(&state.aggregate_id) {
        fault(state);
    }
    true
}

/// Returns the first command on the aggregate of many versions.
fn start(command: &mut LogEntry<CommandRecord>, fault: impl FnOnce(&mut CommandRecord)) -> Keep {
    if is_many(&command.record.aggregate_id) && command.record.key() == "start-probe" {
        fault(&mut command.record);
    }
    true
}

pub(super) const ROW_FAULTS: &[(FaultKind, RowFault)] = &[
    (
        FaultKind::VersionMissing,
        RowFault::Event(|event| {
            !(is_many(&event.record.aggregate_id) && event.record.version == 70)
        }),
    ),
    (
        FaultKind::VersionMissing,
        RowFault::Event(|event| {
            !(is_many(&event.record.aggregate_id) && event.record.version == 150)
        }),
    ),
    (
        FaultKind::VersionMissing,
        RowFault::Event(|event| {
            !(is_many(&event.record.aggregate_id) && event.record.version < 100)
        }),
    ),
    (FaultKind::VersionMissing, RowFault::State(|state| many(state, |state| state.version += 1))),
    (
        FaultKind::HistoryUnordered,
        RowFault::Event(|event| event_70(event, |event| event.position = 1)),
    ),
    (
        FaultKind::HistoryUnordered,
        RowFault::Event(|event| event_70(event, |event| event.record.version = 69)),
    ),
    (
        FaultKind::TimeDecreases,
        RowFault::Event(|event| {
            event_70(event, |event| event.record.occurred_at -= TimeDelta::days(1))
        }),
    ),
    (
        FaultKind::TimeDecreases,
        RowFault::Event(|event| {
            event_70(event, |event| event.record.occurred_at += TimeDelta::days(1))
        }),
    ),
    (
        FaultKind::DeltaInvalid,
        RowFault::Event(|event| event_70(event, |event| event.record.delta = patch("/nowhere"))),
    ),
    (
        FaultKind::DeltaInvalid,
        RowFault::Event(|event| {
            if is_many(&event.record.aggregate_id) && event.record.version == 1 {
                event.record.delta = patch("/value");
            }
            true
        }),
    ),
    (
        FaultKind::SnapshotOverdue,
        RowFault::Event(|event| {
            if is_many(&event.record.aggregate_id) && event.record.version > 65 {
                // Each patch applies, and needs the state before it.
                event.record.delta = set(event.record.delta.apply(None).unwrap()["value"].clone());
            }
            true
        }),
    ),
    (
        FaultKind::StateDiffers,
        RowFault::State(|state| {
            many(state, |state| state.data = Json::parse(r#"{"value":0}"#).unwrap())
        }),
    ),
    (
        FaultKind::StateDiffers,
        RowFault::Event(|event| {
            if is_many(&event.record.aggregate_id) && event.record.version == VERSIONS {
                event.record.delta = set(serde_json::json!(0));
            }
            true
        }),
    ),
    (
        FaultKind::RowDiffers,
        RowFault::State(|state| many(state, |state| state.etag = ETag::new(150, id(9)))),
    ),
    (FaultKind::RowDiffers, RowFault::State(|state| many(state, |state| state.revision += 1))),
    (
        FaultKind::RowDiffers,
        RowFault::State(|state| many(state, |state| state.created_at -= TimeDelta::days(1))),
    ),
    (FaultKind::RowDiffers, RowFault::State(|state| many(state, |state| state.created_by = None))),
    (
        FaultKind::RowDiffers,
        RowFault::State(|state| many(state, |state| state.updated_at += TimeDelta::days(1))),
    ),
    (
        FaultKind::RowDiffers,
        RowFault::State(|state| many(state, |state| state.updated_by = Some(id(9)))),
    ),
    (
        FaultKind::RowDiffers,
        RowFault::State(|state| many(state, |state| state.closed_at = Some(state.created_at))),
    ),
    (
        FaultKind::RowDiffers,
        RowFault::State(|state| many(state, |state| state.realm = Some("north".into()))),
    ),
    (
        FaultKind::LogUnordered,
        RowFault::LoggedEvent(|event| event_70(event, |event| event.position = 1)),
    ),
    (
        FaultKind::PositionDuplicate,
        RowFault::LoggedCommand(|command| {
            if is_many(&command.record.aggregate_id) {
                // Like the one of its event.
                command.position += 1;
            }
            true
        }),
    ),
    (
        FaultKind::CommandLost,
        RowFault::LoggedCommand(|command| {
            start(command, |command| command.received_at += TimeDelta::days(1))
        }),
    ),
    (
        FaultKind::CommandLost,
        RowFault::LoggedCommand(|command| start(command, |command| command.id = id(9))),
    ),
    (
        FaultKind::CommandMissing,
        RowFault::Event(|event| event_70(event, |event| event.record.command_id = id(9))),
    ),
    (
        FaultKind::CommandMissing,
        RowFault::Message(|message| {
            message.record.command_id = id(9);
            true
        }),
    ),
    (
        FaultKind::CommandMissing,
        RowFault::Command(|command| start(command, |command| command.parent = Some(id(9)))),
    ),
    (
        FaultKind::CommandMismatch,
        RowFault::Command(|command| start(command, |command| command.parent = Some(command.id))),
    ),
    (
        FaultKind::CommandMismatch,
        RowFault::Command(|command| {
            start(command, |command| command.status = CommandStatus::Rejected)
        }),
    ),
    (
        FaultKind::CommandMismatch,
        RowFault::Command(|command| start(command, |command| command.aggregate_id = probe(1))),
    ),
    (
        FaultKind::CommandMismatch,
        RowFault::Command(|command| {
            if is_many(&command.record.aggregate_id) {
                command.position += 1;
            }
            true
        }),
    ),
    (
        FaultKind::CommandMismatch,
        RowFault::Message(|message| {
            message.record.aggregate_id = probe(MANY);
            true
        }),
    ),
    (FaultKind::ContextMissing, RowFault::Contexts),
    (
        FaultKind::ContextMissing,
        RowFault::Command(|command| start(command, |command| command.context_id = id(9))),
    ),
    (
        FaultKind::ContextMissing,
        RowFault::Activity(|activity| {
            activity.record.context_id = id(9);
            true
        }),
    ),
    (
        FaultKind::PayloadDiffers,
        RowFault::Command(|command| {
            start(command, |command| command.payload_hash = PayloadHash::from_bytes([7; 32]))
        }),
    ),
    (
        FaultKind::PayloadDiffers,
        RowFault::Command(|command| {
            start(command, |command| command.payload = Json::parse(r#"{"value":1}"#).unwrap())
        }),
    ),
    (
        FaultKind::CodeMismatch,
        RowFault::Command(|command| start(command, |command| command.code = Some("no".into()))),
    ),
    (
        FaultKind::CodeMismatch,
        RowFault::Command(|command| {
            if command.record.status == CommandStatus::Rejected {
                command.record.code = None;
            }
            true
        }),
    ),
    (
        FaultKind::EventLost,
        RowFault::LoggedEvent(|event| event_70(event, |event| event.record.id = id(9))),
    ),
    (
        FaultKind::EventLost,
        RowFault::LoggedEvent(|event| {
            event_70(event, |event| event.record.aggregate_id = probe(1))
        }),
    ),
    (FaultKind::EventSurplus, RowFault::State(|state| many(state, |state| state.version -= 1))),
    (FaultKind::EventSurplus, RowFault::State(|state| !is_many(&state.aggregate_id))),
];

fn patch(path: &str) -> StateDelta {
    let text = format!(r#"[{{"op":"replace","path":"{path}","value":1}}]"#);
    StateDelta::from_json(&Json::parse(text).unwrap()).unwrap()
}

fn set(value: serde_json::Value) -> StateDelta {
    let text = format!(r#"[{{"op":"replace","path":"/value","value":{value}}}]"#);
    StateDelta::from_json(&Json::parse(text).unwrap()).unwrap()
}

#[tokio::test]
async fn each_kind_of_fault_is_found() {
    let store = written().await;
    let mut not_found = Vec::new();
    for (number, (kind, fault)) in ROW_FAULTS.iter().enumerate() {
        let found = verify(&AlteredRows { inner: store.clone(), fault: *fault }).await.unwrap();
        if !found.faults.iter().any(|fault| fault.kind == *kind) {
            not_found.push(format!("{number}: {} in: {found}", kind.code()));
        }
        let listed = usize::try_from(found.fault_count).unwrap().min(100);
        assert_eq!(found.faults.len(), listed, "{found}");
    }
    assert!(not_found.is_empty(), "{}", not_found.join("\n"));
    for kind in FaultKind::ALL {
        let is_planted = ROW_FAULTS.iter().any(|(mutant, _)| mutant == kind);
        assert!(is_planted, "no fault of the kind {} is planted", kind.code());
    }
}

/// A fault is reported at its position, with its consequences only.
#[tokio::test]
async fn a_fault_is_reported_once() {
    let store = written().await;
    for (number, kinds) in [
        (0, &["version-missing"][..]),
        (11, &["state-differs"]),
        (13, &["row-differs"]),
        (8, &["delta-invalid"]),
    ] {
        let altered = AlteredRows { inner: store.clone(), fault: ROW_FAULTS[number].1 };
        let found = verify(&altered).await.unwrap();
        let listed: Vec<&str> = found.faults.iter().map(|fault| fault.kind.code()).collect();
        assert_eq!(listed, kinds, "{number}: {found}");
        assert!(found.faults.iter().all(|fault| fault.aggregate_id == probe(MANY)), "{found}");
    }
    // Patches after a hole do not apply, up to the next snapshot.
    let hole = RowFault::Event(|event| {
        if is_many(&event.record.aggregate_id)
            && event.record.version > 65
            && event.record.version != 129
        {
            event.record.delta = set(event.record.delta.apply(None).unwrap()["value"].clone());
        }
        !(is_many(&event.record.aggregate_id) && event.record.version == 70)
    });
    let found = verify(&AlteredRows { inner: store.clone(), fault: hole }).await.unwrap();
    let listed: Vec<FaultKind> = found.faults.iter().map(|fault| fault.kind).collect();
    assert_eq!(listed, [FaultKind::VersionMissing], "{found}");
    let found = verify(&AlteredRows { inner: store, fault: ROW_FAULTS[13].1 }).await.unwrap();
    assert!(
        found.to_string().ends_with(&format!(
            "1 faults\nrow-differs: {}: the column `etag` is not what the log says",
            probe(MANY)
        )),
        "{found}"
    );
}

#[tokio::test]
async fn a_store_that_fails_is_an_error() {
    let store = fluvius_tests::faulty_store::ScriptedStore::default();
    store.fail_reads(Some(StoreError::unavailable("gone")));
    assert!(verify(&store).await.unwrap_err().is_retryable());
}
