//! Units of work for tests, and the whole content of a store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fluvius_core::chrono::{DateTime, Utc};
use fluvius_core::json::PayloadHash;
use fluvius_core::uuid::Uuid;
use fluvius_core::{
    ActivityRecord, Actor, AggregateId, CommandRecord, CommitOutcome, ContextRecord, ETag,
    EventRecord, ExpectedVersion, Json, LogEntry, LogQuery, MessageRecord, StateDelta, StateRecord,
    Store, Transport, UnitOfWork,
};

/// Returns a new identifier, which is larger than the one before.
pub(crate) fn id() -> Uuid {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = u128::from(NEXT.fetch_add(1, Ordering::Relaxed));
    // The process id keeps the identifiers of processes apart.
    Uuid::from_u128((number << 64) | u128::from(std::process::id()))
}

pub(crate) fn aggregate_id() -> AggregateId {
    AggregateId::new("purse", id())
}

pub(crate) fn context() -> Arc<ContextRecord> {
    let mut record = ContextRecord::new(id(), "purses", "a test".to_owned());
    record.transport = Transport::Cli;
    record.headers = BTreeMap::from([("user-agent".to_owned(), "a test".to_owned())]);
    // The same realm in all contexts, so that each of them may write each aggregate.
    record.actor =
        Actor { user_id: Some(Uuid::from_u128(7)), profile_id: None, organization_id: None };
    record.roles = vec!["teller".to_owned()];
    record.realm = Some("north".to_owned());
    Arc::new(record)
}

pub(crate) fn json(text: &str) -> Json {
    Json::parse(text).unwrap()
}

/// Returns the hash of a payload, whose text is canonical.
fn hash(payload: &Json) -> PayloadHash {
    PayloadHash::from_bytes(blake3::hash(payload.as_str().as_bytes()).into())
}

/// Returns a unit that advances an aggregate from this version, with rows in all logs.
pub(crate) fn unit(
    context: &Arc<ContextRecord>,
    aggregate_id: &AggregateId,
    version: u64,
) -> UnitOfWork {
    with_data(context, aggregate_id, version, json(r#"{"coins":7}"#))
}

/// As [`unit`], with this state.
pub(crate) fn with_data(
    context: &Arc<ContextRecord>,
    aggregate_id: &AggregateId,
    version: u64,
    data: Json,
) -> UnitOfWork {
    let command = id();
    let time: DateTime<Utc> = DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap();
    let payload = json(r#"{"coins":7}"#);
    let mut unit = UnitOfWork::new(Arc::clone(context));
    unit.expected = vec![ExpectedVersion { aggregate_id: aggregate_id.clone(), version }].into();
    unit.states = vec![
        {
            let mut record = StateRecord::new(
                aggregate_id.clone(),
                version + 1,
                ETag::new(version + 1, command),
                data.clone(),
                time,
            );
            record.created_by = context.actor.id();
            record.updated_by = context.actor.id();
            record.realm = context.realm.as_deref().map(Arc::from);
            record
        }
        .into(),
    ]
    .into();
    unit.commands = vec![
        CommandRecord::new(
            command,
            "purses",
            "give-coins",
            aggregate_id.clone(),
            payload.clone(),
            hash(&payload),
            context.id,
            time,
        )
        .into(),
    ]
    .into();
    unit.events = vec![
        {
            let mut record = EventRecord::new(
                id(),
                "purses",
                "coins-given",
                aggregate_id.clone(),
                version + 1,
                command,
                StateDelta::snapshot(&data),
                time,
            );
            record.args = payload;
            record
        }
        .into(),
    ]
    .into();
    unit.messages = vec![
        MessageRecord::new(id(), "coins-were-given", json("7"), command, aggregate_id.clone())
            .into(),
    ];
    unit.activities = vec![
        ActivityRecord::new(id(), aggregate_id.clone(), context.id, command, "gave coins").into(),
    ];
    unit
}

/// Commits a unit and checks that it is stored.
pub(crate) async fn commit(store: &impl Store, unit: UnitOfWork) {
    let outcomes = store.commit(Arc::from([unit])).await;
    assert!(matches!(outcomes[..], [CommitOutcome::Committed { .. }]), "{outcomes:?}");
}

/// The content of all logs.
#[derive(Debug, PartialEq)]
pub(crate) struct Logs {
    pub(crate) commands: Vec<LogEntry<CommandRecord>>,
    pub(crate) events: Vec<LogEntry<EventRecord>>,
    pub(crate) messages: Vec<LogEntry<MessageRecord>>,
    pub(crate) activities: Vec<LogEntry<ActivityRecord>>,
}

pub(crate) fn all() -> LogQuery {
    LogQuery::all()
}

pub(crate) async fn logs(store: &impl Store) -> Logs {
    Logs {
        commands: store.read_log::<CommandRecord>(&all()).await.unwrap().rows,
        events: store.read_log::<EventRecord>(&all()).await.unwrap().rows,
        messages: store.read_log::<MessageRecord>(&all()).await.unwrap().rows,
        activities: store.read_log::<ActivityRecord>(&all()).await.unwrap().rows,
    }
}
