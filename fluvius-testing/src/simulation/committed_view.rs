//! What is durable at a moment: the log up to there, and the states that it folds to.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::fixture::Fixture;
use fluvius_core::{Aggregate, DecodeError, IntoAggregateId};
use fluvius_store::{AggregateId, EventRecord, Json, LogEntry};

/// What is durable at a moment: no unit of work is in it by half.
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

/// An aggregate as it is durable.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CommittedAggregate<A> {
    /// The aggregate.
    pub aggregate_id: AggregateId,
    /// Its version.
    pub version: u64,
    /// Its state.
    pub state: A,
    /// Whether it is closed; its state is the last one then.
    pub closed: bool,
}

impl CommittedView {
    /// An aggregate that exists and is not closed.
    ///
    /// # Panics
    /// Where its state is no `A`.
    #[track_caller]
    pub fn find<A: Aggregate>(
        &self,
        target: impl IntoAggregateId,
    ) -> Option<CommittedAggregate<A>> {
        let aggregate_id = target.into_aggregate_id::<A>();
        let folded = self.aggregate_ids.get(&aggregate_id).filter(|folded| !folded.closed)?;
        Some(decoded(&aggregate_id, folded))
    }

    /// Every aggregate of an aggregate, closed ones too, sorted by resource and identifier.
    ///
    /// # Panics
    /// Where a state is no `A`.
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

    /// The log of events, by position.
    pub fn log(&self) -> &[LogEntry<EventRecord>] {
        &self.events
    }

    /// The events of an aggregate's aggregates, by position.
    ///
    /// # Panics
    /// Where one does not decode.
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

    /// The position of the last event; 0 where there is none.
    pub(super) fn last_position(&self) -> u64 {
        self.events.last().map_or(0, |event| event.position)
    }

    pub(super) fn aggregate_ids(&self) -> &BTreeMap<AggregateId, Folded> {
        &self.aggregate_ids
    }

    /// Adds what the log has had since.
    ///
    /// # Errors
    /// What is wrong with an event.
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
