//! Preconditions: states and logs, committed to the store as units of work.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::new_id;
use crate::block_on::{self, Time};
use crate::fixture::Fixture;
use crate::inspector;
use fluvius_core::__private::SharedState;
use fluvius_core::__private::kit::to_microseconds;
use fluvius_core::{Aggregate, AggregateDescriptor, Clock, DomainContext};
use fluvius_store::{
    AggregateId, CommandRecord, CommitOutcome, ContextRecord, ETag, EventRecord, ExpectedVersion,
    Json, LogEntry, StateDelta, StateRecord, Store, UnitOfWork, json,
};

/// The key of the command and of the event behind a given state.
const GIVEN: &str = "given";

/// Stores the state of an aggregate, as if one event had created it.
pub(super) fn state<A: Aggregate>(
    fixture: &Fixture,
    context: &DomainContext,
    aggregate_id: &AggregateId,
    aggregate: &'static AggregateDescriptor,
    state: &A,
) -> Result<(), String> {
    let of_domain = fixture.aggregate(&aggregate_id.resource).map(AggregateDescriptor::type_name);
    if of_domain != Some(aggregate.type_name()) {
        return Err(format!(
            "`{}` is no resource of `{}` in this domain",
            aggregate_id.resource,
            aggregate.type_name()
        ));
    }
    let data = json::encode(state).map_err(|error| error.to_string())?;
    let value: SharedState = Arc::new(state.clone());
    if let Some(fault) = inspector::state_fault(aggregate, &value, &data) {
        return Err(format!("it {fault}"));
    }
    let mut event = EventRecord::new(
        new_id(fixture),
        fixture.metadata().namespace,
        GIVEN,
        aggregate_id.clone(),
        1,
        new_id(fixture),
        StateDelta::snapshot(&data),
        to_microseconds(fixture.clock.now()),
    );
    event.revision = aggregate.revision;
    event.args = Json::from_trusted("{}");
    commit(fixture, context, vec![event])
}

/// Stores the aggregates of a log.
pub(super) fn log(
    fixture: &Fixture,
    context: &DomainContext,
    mut events: Vec<LogEntry<EventRecord>>,
) -> Result<(), String> {
    events.sort_by_key(|event| event.position);
    commit(fixture, context, events.into_iter().map(|event| event.record).collect())
}

/// Parses one event per line, as serde writes a `LogEntry<EventRecord>`.
pub(super) fn read_lines(lines: &str) -> Result<Vec<LogEntry<EventRecord>>, String> {
    let lines = lines.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(index, line)| match serde_json::from_str::<Line>(line) {
            Ok(line) => Ok(line.into_event()),
            Err(error) => Err(format!("line {} is not an event: {error}", index + 1)),
        })
        .collect()
}

/// The serialized form of an event, with the fields of the aggregate id inlined.
#[derive(Deserialize)]
struct Line {
    position: u64,
    id: Uuid,
    domain: String,
    revision: u32,
    event: String,
    resource: String,
    identifier: Uuid,
    version: u64,
    command_id: Uuid,
    args: Json,
    data: Option<Json>,
    delta: StateDelta,
    occurred_at: DateTime<Utc>,
}

impl Line {
    fn into_event(self) -> LogEntry<EventRecord> {
        let mut record = EventRecord::new(
            self.id,
            self.domain,
            self.event,
            AggregateId::new(self.resource, self.identifier),
            self.version,
            self.command_id,
            self.delta,
            self.occurred_at,
        );
        record.revision = self.revision;
        record.args = self.args;
        record.data = self.data;
        LogEntry { position: self.position, record }
    }
}

/// Commits events, their commands, and the states folded from them.
fn commit(
    fixture: &Fixture,
    context: &DomainContext,
    events: Vec<EventRecord>,
) -> Result<(), String> {
    let context = context_record(fixture, context);
    let mut unit = UnitOfWork::new(Arc::new(context));
    unit.states = fold(fixture, &unit.context, &events)?.into_iter().map(Arc::new).collect();
    let aggregate_ids = unit.states.iter().map(|state| state.aggregate_id.clone());
    unit.expected =
        aggregate_ids.map(|aggregate_id| ExpectedVersion { aggregate_id, version: 0 }).collect();
    unit.commands =
        events.iter().map(|event| command(fixture, &unit.context, event).into()).collect();
    unit.events = events.into_iter().map(Arc::new).collect();
    let batch: Arc<[UnitOfWork]> = Arc::from([unit]);
    let outcomes = block_on::run(Time::Real, || fixture.store.commit(batch));
    match outcomes.first() {
        Some(CommitOutcome::Committed { .. }) => Ok(()),
        Some(CommitOutcome::VersionConflict { aggregate_id, .. }) => {
            Err(format!("{aggregate_id} has a state already"))
        }
        Some(CommitOutcome::DuplicateCommand { command, .. }) => {
            Err(format!("the command {} is in the log already", command.record.id))
        }
        outcome => Err(format!("it was not stored: {outcome:?}")),
    }
}

/// Folds events to states, sorted by aggregate id.
fn fold(
    fixture: &Fixture,
    context: &ContextRecord,
    events: &[EventRecord],
) -> Result<Vec<StateRecord>, String> {
    let mut folded: BTreeMap<&AggregateId, (StateRecord, Value)> = BTreeMap::new();
    for event in events {
        let aggregate_id = &event.aggregate_id;
        if fixture.aggregate(&aggregate_id.resource).is_none() {
            return Err(format!("`{}` is no resource of this domain", aggregate_id.resource));
        }
        let before = folded.remove(aggregate_id);
        let version = before.as_ref().map_or(0, |(row, _)| row.version) + 1;
        if event.version != version {
            return Err(format!(
                "the events of {aggregate_id} have version {} where {version} comes next",
                event.version
            ));
        }
        let (first, before) = before.unzip();
        let wrong = |error: &dyn std::fmt::Display| {
            format!("version {version} of {aggregate_id}, `{}`: {error}", event.key())
        };
        let value = event.delta.apply(before).map_err(|error| wrong(&error))?;
        let data = Json::from_value(&value).map_err(|error| wrong(&error))?;
        let mut row = StateRecord::new(
            aggregate_id.clone(),
            version,
            ETag::new(version, event.command_id),
            data,
            event.occurred_at,
        );
        row.revision = event.revision;
        row.created_at = first.as_ref().map_or(event.occurred_at, |row| row.created_at);
        row.created_by = context.actor.id();
        row.updated_by = context.actor.id();
        row.closed_at = fixture.closes(event).then_some(event.occurred_at);
        row.realm = context.realm.as_deref().map(Arc::from);
        folded.insert(aggregate_id, (row, value));
    }
    let rows: Vec<StateRecord> = folded.into_values().map(|(row, _)| row).collect();
    for row in &rows {
        let aggregate = fixture.aggregate(&row.aggregate_id.resource);
        let decoded = aggregate.map(|one| one.decode(row.revision, &row.data));
        if let Some(Err(error)) = decoded {
            return Err(format!("the state of {} does not decode: {error}", row.aggregate_id));
        }
    }
    Ok(rows)
}

fn context_record(fixture: &Fixture, context: &DomainContext) -> ContextRecord {
    context.record(new_id(fixture), fixture.metadata(), BTreeMap::new())
}

/// Returns the command of an event, as far as the event determines it.
fn command(fixture: &Fixture, context: &ContextRecord, event: &EventRecord) -> CommandRecord {
    let aggregate = fixture.aggregate(&event.aggregate_id.resource);
    let key = aggregate.into_iter().flat_map(|one| one.actions).find_map(|action| {
        let descriptor = action.event?;
        (descriptor.key == event.event).then_some(Cow::Borrowed(action.key))
    });
    let payload = fluvius_store::__private::canonical(&event.args, &[]);
    let payload_hash = fluvius_store::__private::hash(&payload);
    let mut record = CommandRecord::new(
        event.command_id,
        event.domain.clone(),
        key.unwrap_or_else(|| event.event.clone()),
        event.aggregate_id.clone(),
        payload,
        payload_hash,
        context.id,
        event.occurred_at,
    );
    record.revision = fixture.metadata().revision;
    record.response = event.data.clone();
    record
}
