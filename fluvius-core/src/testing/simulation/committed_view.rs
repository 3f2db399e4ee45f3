//! What is durable at a moment: the log up to there, and the states that it folds to.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::aggregate::Aggregate;
use crate::decode_error::DecodeError;
use crate::event::EventRecord;
use crate::json::Json;
use crate::log_entry::LogEntry;
use crate::root::{AggregateRoot, Target};
use crate::testing::fixture::Fixture;

/// What is durable at a moment: no unit of work is in it by half.
#[derive(Debug, Default)]
pub struct CommittedView {
    events: Vec<LogEntry<EventRecord>>,
    roots: BTreeMap<AggregateRoot, Folded>,
}

#[derive(Debug)]
pub(super) struct Folded {
    pub(super) version: u64,
    pub(super) state: Value,
    closed: bool,
}

/// A root as it is durable.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CommittedAggregate<A> {
    /// The root.
    pub root: AggregateRoot,
    /// Its version.
    pub version: u64,
    /// Its state.
    pub state: A,
    /// Whether it is closed; its state is the last one then.
    pub closed: bool,
}

impl CommittedView {
    /// A root that exists and is not closed.
    ///
    /// # Panics
    /// Where its state is no `A`.
    #[track_caller]
    pub fn find<A: Aggregate>(&self, target: impl Target) -> Option<CommittedAggregate<A>> {
        let root = target.root_of::<A>();
        let folded = self.roots.get(&root).filter(|folded| !folded.closed)?;
        Some(decoded(&root, folded))
    }

    /// Every root of an aggregate, closed ones too, sorted by resource and identifier.
    ///
    /// # Panics
    /// Where a state is no `A`.
    #[track_caller]
    pub fn all<A: Aggregate>(&self) -> Vec<CommittedAggregate<A>> {
        let mut all = Vec::new();
        for (root, folded) in &self.roots {
            if A::RESOURCES.contains(&root.resource.as_ref()) {
                all.push(decoded(root, folded));
            }
        }
        all
    }

    /// The log of events, by position.
    pub fn log(&self) -> &[LogEntry<EventRecord>] {
        &self.events
    }

    /// The events of an aggregate's roots, by position.
    ///
    /// # Panics
    /// Where one does not decode.
    #[track_caller]
    pub fn events<A: Aggregate>(&self) -> Vec<(AggregateRoot, A::Event)> {
        let mut events = Vec::new();
        for row in &self.events {
            if A::RESOURCES.contains(&row.root.resource.as_ref()) {
                let event: Result<A::Event, DecodeError> = A::Event::try_from(&row.record);
                match event {
                    Ok(event) => events.push((row.root.clone(), event)),
                    Err(error) => panic!("an event of {}: {error}", row.root),
                }
            }
        }
        events
    }

    /// The position of the last event; 0 where there is none.
    pub(super) fn last_position(&self) -> u64 {
        self.events.last().map_or(0, |event| event.position)
    }

    pub(super) fn roots(&self) -> &BTreeMap<AggregateRoot, Folded> {
        &self.roots
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
            let before = self.roots.remove(&event.root);
            let version = before.as_ref().map_or(0, |folded| folded.version) + 1;
            if event.version != version {
                return Err(format!(
                    "{} has version {} where {version} comes next",
                    event.root, event.version
                ));
            }
            let state = event.change.apply(before.map(|folded| folded.state));
            let state = state.map_err(|error| format!("{}: {error}", event.root))?;
            let closed = fixture.closes(&event);
            self.roots.insert(event.root.clone(), Folded { version, state, closed });
            self.events.push(event);
        }
        Ok(())
    }
}

#[track_caller]
fn decoded<A: Aggregate>(root: &AggregateRoot, folded: &Folded) -> CommittedAggregate<A> {
    let state = Json::from_value(&folded.state).and_then(|state| state.decode());
    match state {
        Ok(state) => CommittedAggregate {
            root: root.clone(),
            version: folded.version,
            state,
            closed: folded.closed,
        },
        Err(error) => panic!("the state of {root} does not decode: {error}"),
    }
}
