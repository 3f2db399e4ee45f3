//! The durable state of a store at one moment: the event log up to then, and the states folded from
//! it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::fixture::Fixture;
use fluvius_core::{Aggregate, DecodeError, IntoAggregateId};
use fluvius_store::{AggregateId, EventRecord, Json, LogEntry};

/// A consistent view of the durable data: a unit of work is contained completely or not at all.
#[derive(Debug, Default)]
pub struct CommittedView {
    events: Vec<LogEntry<EventRecord>>,
    aggregate_ids: BTreeMap<AggregateId, Folded>,
}

#[derive(Debug)]
pub(super) struct Folded {
    pub(super) version: u64,
    pub(super) state: Value,
    closed: bool,
}

/// The durable state of an aggregate.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CommittedAggregate<A> {
    /// Id of the aggregate.
    pub aggregate_id: AggregateId,
    /// Version of the aggregate.
    pub version: u64,
    /// State of the aggregate. If the aggregate is closed, its last one.
    pub state: A,
    /// `true` if the aggregate is closed.
    pub closed: bool,
}

impl CommittedView {
    /// Returns an aggregate that exists and is not closed.
    ///
    /// # Panics
    /// If its state does not decode as `A`.
    #[track_caller]
    pub fn find<A: Aggregate>(
        &self,
        target: impl IntoAggregateId,
    ) -> Option<CommittedAggregate<A>> {
        let aggregate_id = target.into_aggregate_id::<A>();
        let folded = self.aggregate_ids.get(&aggregate_id).filter(|folded| !folded.closed)?;
        Some(decoded(&aggregate_id, folded))
    }

    /// Returns all aggregates of a type, including closed ones, sorted by resource and id.
    ///
    /// # Panics
    /// If a state does not decode as `A`.
    #[track_caller]
    pub fn all<A: Aggregate>(&self) -> Vec<CommittedAggregate<A>> {
        let mut all = Vec::new();
        for (aggregate_id, folded) in &self.aggregate_ids {
            if A::RESOURCES.contains(&aggregate_id.resource.as_ref()) {
                all.push(decoded(aggregate_id, folded));
            }
        }
        all
    }

    /// Returns the event log, in order of position.
    pub fn log(&self) -> &[LogEntry<EventRecord>] {
        &self.events
    }

    /// Returns the events of all aggregates of a type, in order of position.
    ///
    /// # Panics
    /// If an event does not decode.
    #[track_caller]
    pub fn events<A: Aggregate>(&self) -> Vec<(AggregateId, A::Event)> {
        let mut events = Vec::new();
        for row in &self.events {
            if A::RESOURCES.contains(&row.record.aggregate_id.resource.as_ref()) {
                let event: Result<A::Event, DecodeError> = A::Event::try_from(&row.record);
                match event {
                    Ok(event) => events.push((row.record.aggregate_id.clone(), event)),
                    Err(error) => panic!("an event of {}: {error}", row.record.aggregate_id),
                }
            }
        }
        events
    }

    /// Returns the position of the last event, or 0 if there is none.
    pub(super) fn last_position(&self) -> u64 {
        self.events.last().map_or(0, |event| event.position)
    }

    pub(super) fn aggregate_ids(&self) -> &BTreeMap<AggregateId, Folded> {
        &self.aggregate_ids
    }

    /// Appends new events of the log.
    ///
    /// # Errors
    /// If an event has the wrong version or its delta does not apply.
    pub(super) fn add(
        &mut self,
        fixture: &Fixture,
        events: Vec<LogEntry<EventRecord>>,
    ) -> Result<(), String> {
        for event in events {
            let before = self.aggregate_ids.remove(&event.record.aggregate_id);
            let version = before.as_ref().map_or(0, |folded| folded.version) + 1;
            if event.record.version != version {
                return Err(format!(
                    "{} has version {} where {version} comes next",
                    event.record.aggregate_id, event.record.version
                ));
            }
            let state = event.record.delta.apply(before.map(|folded| folded.state));
            let state = state.map_err(|error| format!("{}: {error}", event.record.aggregate_id))?;
            let closed = fixture.closes(&event.record);
            self.aggregate_ids
                .insert(event.record.aggregate_id.clone(), Folded { version, state, closed });
            self.events.push(event);
        }
        Ok(())
    }
}

#[track_caller]
fn decoded<A: Aggregate>(aggregate_id: &AggregateId, folded: &Folded) -> CommittedAggregate<A> {
    let state = Json::from_value(&folded.state).and_then(|state| state.decode());
    match state {
        Ok(state) => CommittedAggregate {
            aggregate_id: aggregate_id.clone(),
            version: folded.version,
            state,
            closed: folded.closed,
        },
        Err(error) => panic!("the state of {aggregate_id} does not decode: {error}"),
    }
}
