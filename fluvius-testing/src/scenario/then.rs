//! The result of a command, and the assertions on it.

use std::fmt::{Debug, Write};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Scenario;
use super::expected::{self, ExpectedEvent};
use crate::block_on::{self, Time};
use crate::diff::difference;
use crate::fixture::Fixture;
use fluvius_core::{Activity, Aggregate, Error, IntoAggregateId, Response};
use fluvius_store::{
    ActivityRecord, AggregateId, EventRecord, Json, LogEntry, LogPage, LogQuery, MessageRecord,
    StateRecord, Store, StoreError, json,
};

/// The result of a command: its answer, its stored rows, and the assertions on both.
///
/// If an assertion fails, it panics at the caller's line and shows the expected and the actual
/// value. Lists are compared as a whole, so an unexpected event fails like a missing one.
#[derive(Debug)]
pub struct Then {
    scenario: Scenario,
    answer: Result<Response, Error>,
    logs: Logs,
}

impl Then {
    pub(super) fn new(scenario: Scenario, answer: Result<Response, Error>, logs: Logs) -> Self {
        Self { scenario, answer, logs }
    }

    /// Returns the scenario, to add more preconditions and send the next command.
    pub fn and(self) -> Scenario {
        self.scenario
    }

    /// Returns the answer.
    pub fn answer(&self) -> &Result<Response, Error> {
        &self.answer
    }

    /// Returns the events that the command stored, in order of position, including those of invoked
    /// aggregates.
    pub fn events(&self) -> &[LogEntry<EventRecord>] {
        &self.logs.events
    }

    /// Asserts that the command was applied.
    ///
    /// # Panics
    /// If it was not applied.
    #[track_caller]
    pub fn then_applied(self) -> Self {
        if let Err(error) = &self.answer {
            panic!("the command was not applied: {}", one_line(error));
        }
        self
    }

    /// Asserts that an action rejected the command with this code and message. It may be the action
    /// of an invoked aggregate whose rejection the invoking action passes on.
    ///
    /// # Panics
    /// If the command ended otherwise.
    #[track_caller]
    pub fn then_rejected(self, code: &str, message: &str) -> Self {
        let expected = format!("rejected with `{code}`: {message}");
        let found = match &self.answer {
            Err(error) => one_line(error),
            Ok(response) => format!("applied: {response}"),
        };
        if expected != found {
            panic!("the command ended in another way:\n{}", difference(&expected, &found));
        }
        self
    }

    /// Asserts that the command failed with this [code](Error::code), such as `not-found`,
    /// `permission-denied` or `invalid-payload`.
    ///
    /// # Panics
    /// If the command ended otherwise.
    #[track_caller]
    pub fn then_error(self, code: &str) -> Self {
        match &self.answer {
            Err(error) if error.code() == code => self,
            Err(error) => panic!("expected `{code}`, the command was {}", one_line(error)),
            Ok(response) => panic!("expected `{code}`, the command was applied: {response}"),
        }
    }

    /// Asserts the data of the answer: the value that the action returned, or the state if the
    /// action returns `()` or `Self`.
    ///
    /// # Panics
    /// If the data differs or is not a `T`, or if the command was not applied.
    #[track_caller]
    pub fn then_response<T>(self, expected: &T) -> Self
    where
        T: DeserializeOwned + PartialEq + Debug,
    {
        let response = match &self.answer {
            Ok(response) => response,
            Err(error) => panic!("the command was not applied: {}", one_line(error)),
        };
        match response.data.decode::<T>() {
            Ok(found) if found == *expected => self,
            Ok(found) => panic!(
                "the answer is another (- expected, + found):\n{}",
                difference(&format!("{expected:#?}"), &format!("{found:#?}"))
            ),
            Err(error) => panic!("the answer is of another type: {error}: {}", response.data),
        }
    }

    /// Asserts that the command emitted exactly these events in this order, including those of
    /// invoked aggregates.
    ///
    /// # Panics
    /// If the events differ.
    #[track_caller]
    pub fn then_events(self, expected: impl IntoIterator<Item = ExpectedEvent>) -> Self {
        let expected: Vec<ExpectedEvent> = expected.into_iter().collect();
        let found = &self.logs.events;
        let are_those = expected.len() == found.len()
            && expected.iter().zip(found).all(|(expected, found)| expected.is(&found.record));
        if !are_those {
            let expected: Vec<String> = expected.iter().map(ExpectedEvent::text).collect();
            let found: Vec<String> =
                found.iter().map(|row| expected::row_text(&row.record)).collect();
            panic!("{}", self.differ("events", &expected, &found));
        }
        self
    }

    /// Asserts the state of an aggregate.
    ///
    /// # Panics
    /// If the state differs, or the aggregate does not exist or is closed.
    #[track_caller]
    pub fn then_state<A: Aggregate + PartialEq>(
        self,
        target: impl IntoAggregateId,
        expected: &A,
    ) -> Self {
        let aggregate_id = target.into_aggregate_id::<A>();
        let row = match self.stored(&aggregate_id) {
            Some(row) => row,
            None => panic!("{aggregate_id} does not exist{}", self.and_the_command()),
        };
        let state = A::DESCRIPTOR.decode(row.revision, &row.data);
        match state.map(|state| state.downcast_ref::<A>().cloned()) {
            Ok(found) if found.as_ref() == Some(expected) => self,
            Ok(found) => {
                let [expected, found] = [Some(expected), found.as_ref()]
                    .map(|state| json::encode(&state).map_or_else(|_| Value::Null, value));
                panic!(
                    "the state of {aggregate_id} is another (- expected, + found){}:\n{}",
                    self.and_the_command(),
                    difference(&format!("{expected:#}"), &format!("{found:#}"))
                );
            }
            Err(error) => {
                panic!("the state of {aggregate_id} does not decode: {error}: {}", row.data)
            }
        }
    }

    /// Asserts that an aggregate does not exist or is closed.
    ///
    /// # Panics
    /// If the aggregate exists.
    #[track_caller]
    pub fn then_not_found<A: Aggregate>(self, target: impl IntoAggregateId) -> Self {
        let aggregate_id = target.into_aggregate_id::<A>();
        if let Some(row) = self.stored(&aggregate_id) {
            panic!("{aggregate_id} exists, at version {}: {}", row.version, row.data);
        }
        self
    }

    /// Asserts that the command sent exactly these messages in this order, each as its key and
    /// data.
    ///
    /// # Panics
    /// If the messages differ.
    #[track_caller]
    pub fn then_messages<'a>(self, expected: impl IntoIterator<Item = (&'a str, Value)>) -> Self {
        let expected: Vec<String> =
            expected.into_iter().map(|(key, data)| format!("{key} {data}")).collect();
        let found = self.logs.messages.iter();
        let found: Vec<String> =
            found.map(|row| format!("{} {}", row.record.key, row.record.data.to_value())).collect();
        if expected != found {
            panic!("{}", self.differ("messages", &expected, &found));
        }
        self
    }

    /// Asserts that the command left exactly these activities in this order, including those of a
    /// denial.
    ///
    /// # Panics
    /// If the activities differ.
    #[track_caller]
    pub fn then_activities(self, expected: impl IntoIterator<Item = Activity>) -> Self {
        let expected: Vec<String> = expected.into_iter().map(|one| activity_text(&one)).collect();
        let found: Vec<String> = self
            .logs
            .activities
            .iter()
            .map(|row| activity_text(&as_written(&row.record)))
            .collect();
        if expected != found {
            panic!("{}", self.differ("activities", &expected, &found));
        }
        self
    }

    /// Returns the stored row of an aggregate that exists and is not closed.
    fn stored(&self, aggregate_id: &AggregateId) -> Option<StateRecord> {
        let row = block_on::run(Time::Real, || self.scenario.fixture.store.load(aggregate_id));
        row.ok().flatten().filter(|row| row.closed_at.is_none())
    }

    fn differ(&self, what: &str, expected: &[String], found: &[String]) -> String {
        format!(
            "the {what} are others (- expected, + found){}:\n{}",
            self.and_the_command(),
            difference(&expected.join("\n"), &found.join("\n"))
        )
    }

    fn and_the_command(&self) -> String {
        match &self.answer {
            Ok(_) => String::new(),
            Err(error) => format!("; the command was {}", one_line(error)),
        }
    }
}

/// Returns an error as one line.
pub(super) fn one_line(error: &Error) -> String {
    match error {
        Error::Rejected { code, message, .. } => format!("rejected with `{code}`: {message}"),
        error => format!("answered with `{}`: {error}", error.code()),
    }
}

fn value(json: Json) -> Value {
    json.to_value()
}

fn as_written(row: &ActivityRecord) -> Activity {
    Activity {
        message: row.message.clone(),
        kind: row.kind,
        label: row.label.clone(),
        code: row.code.clone(),
        data: row.data.as_ref().map(Json::to_value),
    }
}

fn activity_text(activity: &Activity) -> String {
    let Activity { message, kind, label, code, data } = activity;
    let mut text = format!("{message:?} {kind:?}");
    for (name, value) in [("label", label), ("code", code)] {
        if let Some(value) = value {
            let _ = write!(text, " {name} {value:?}");
        }
    }
    if let Some(data) = data {
        let _ = write!(text, " {data}");
    }
    text
}

/// The logs that a scenario compares.
#[derive(Debug)]
pub(super) struct Logs {
    events: Vec<LogEntry<EventRecord>>,
    messages: Vec<LogEntry<MessageRecord>>,
    activities: Vec<LogEntry<ActivityRecord>>,
}

impl Logs {
    pub(super) fn read(fixture: &Fixture) -> Self {
        fn rows<T>(page: Result<LogPage<T>, StoreError>) -> Vec<LogEntry<T>> {
            page.map(|page| page.rows).unwrap_or_default()
        }
        let query = LogQuery::all();
        block_on::run(Time::Real, || async {
            // The memory store does not fail.
            Self {
                events: rows(fixture.store.read_log::<EventRecord>(&query).await),
                messages: rows(fixture.store.read_log::<MessageRecord>(&query).await),
                activities: rows(fixture.store.read_log::<ActivityRecord>(&query).await),
            }
        })
    }

    pub(super) fn last_position(&self) -> u64 {
        fn last<T>(rows: &[LogEntry<T>]) -> u64 {
            rows.last().map_or(0, |row| row.position)
        }
        last(&self.events).max(last(&self.messages)).max(last(&self.activities))
    }

    pub(super) fn after(mut self, position: u64) -> Self {
        self.events.retain(|row| row.position > position);
        self.messages.retain(|row| row.position > position);
        self.activities.retain(|row| row.position > position);
        self
    }
}
