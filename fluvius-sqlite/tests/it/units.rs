//! Units of work for tests, and the whole content of a store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fluvius_core::chrono::{DateTime, Utc};
use fluvius_core::json::PayloadHash;
use fluvius_core::uuid::Uuid;
use fluvius_core::{
    ActivityKind, ActivityRecord, Actor, AggregateId, CommandRecord, CommandStatus, CommitOutcome,
    ContextRecord, ETag, EventRecord, ExpectedVersion, Json, LogEntry, LogQuery, MessageRecord,
    StateDelta, StateRecord, Store, Transport, UnitOfWork,
};

/// A fresh identifier; each is larger than the one before it.
pub(crate) fn id() -> Uuid {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = u128::from(NEXT.fetch_add(1, Ordering::Relaxed));
    // Other processes draw theirs from other ranges.
    Uuid::from_u128((number << 64) | u128::from(std::process::id()))
}

pub(crate) fn aggregate_id() -> AggregateId {
    AggregateId::new("purse", id())
}

pub(crate) fn context() -> Arc<ContextRecord> {
    Arc::new(ContextRecord {
        id: id(),
        domain: "purses".into(),
        revision: 1,
        transport: Transport::Cli,
        source: "a test".to_owned(),
        headers: BTreeMap::from([("user-agent".to_owned(), "a test".to_owned())]),
        // The same in all, so that an aggregate may be written under each of them.
        actor: Actor { user_id: Some(Uuid::from_u128(7)), profile_id: None, organization_id: None },
        roles: vec!["teller".to_owned()],
        realm: Some("north".to_owned()),
        correlation: None,
        causation: None,
    })
}

pub(crate) fn json(text: &str) -> Json {
    Json::parse(text).unwrap()
}

/// The hash of a payload, which is canonical.
fn hash(payload: &Json) -> PayloadHash {
    PayloadHash::from_bytes(blake3::hash(payload.as_str().as_bytes()).into())
}

/// A unit that brings an aggregate from this version to the next, with rows in all logs.
pub(crate) fn unit(
    context: &Arc<ContextRecord>,
    aggregate_id: &AggregateId,
    version: u64,
) -> UnitOfWork {
    with_data(context, aggregate_id, version, json(r#"{"coins":7}"#))
}

/// As [`unit`], to this state.
pub(crate) fn with_data(
    context: &Arc<ContextRecord>,
    aggregate_id: &AggregateId,
    version: u64,
    data: Json,
) -> UnitOfWork {
    let command = id();
    let time: DateTime<Utc> = DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap();
    let payload = json(r#"{"coins":7}"#);
    UnitOfWork {
        depends_on: Vec::new(),
        expected: vec![ExpectedVersion { aggregate_id: aggregate_id.clone(), version }],
        context: Arc::clone(context),
        states: vec![
            StateRecord {
                aggregate_id: aggregate_id.clone(),
                version: version + 1,
                etag: ETag::new(version + 1, command),
                revision: 1,
                data: data.clone(),
                created_at: time,
                created_by: context.actor.id(),
                updated_at: time,
                updated_by: context.actor.id(),
                closed_at: None,
                realm: context.realm.as_deref().map(Arc::from),
            }
            .into(),
        ],
        commands: vec![
            CommandRecord {
                id: command,
                parent: None,
                domain: "purses".into(),
                revision: 1,
                command: "give-coins".into(),
                aggregate_id: aggregate_id.clone(),
                payload: payload.clone(),
                payload_hash: hash(&payload),
                context_id: context.id,
                status: CommandStatus::Applied,
                code: None,
                response: None,
                received_at: time,
            }
            .into(),
        ],
        events: vec![
            EventRecord {
                id: id(),
                domain: "purses".into(),
                revision: 1,
                event: "coins-given".into(),
                aggregate_id: aggregate_id.clone(),
                version: version + 1,
                command_id: command,
                args: payload,
                data: None,
                delta: StateDelta::snapshot(&data),
                occurred_at: time,
            }
            .into(),
        ],
        messages: vec![
            MessageRecord {
                id: id(),
                key: "coins-were-given".into(),
                data: json("7"),
                command_id: command,
                aggregate_id: aggregate_id.clone(),
            }
            .into(),
        ],
        activities: vec![
            ActivityRecord {
                id: id(),
                aggregate_id: aggregate_id.clone(),
                context_id: context.id,
                command_id: command,
                message: "gave coins".into(),
                kind: ActivityKind::UserAction,
                label: None,
                code: None,
                data: None,
            }
            .into(),
        ],
    }
}

/// Commits a unit that nothing stands against.
pub(crate) async fn commit(store: &impl Store, unit: UnitOfWork) {
    let outcomes = store.commit(Arc::from([unit])).await;
    assert!(matches!(outcomes[..], [CommitOutcome::Committed { .. }]), "{outcomes:?}");
}

/// Everything that the logs hold.
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
