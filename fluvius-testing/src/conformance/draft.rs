//! Builder for well-formed units of work with all columns filled.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::harness::Harness;
use fluvius_store::json::PayloadHash;
use fluvius_store::{
    ActivityKind, ActivityRecord, AggregateId, CommandRecord, CommandStatus, ContextRecord, ETag,
    EventRecord, ExpectedVersion, Json, MessageRecord, StateDelta, StateRecord, UnitOfWork,
};

/// The epoch of the suite's times.
const EPOCH: DateTime<Utc> = DateTime::UNIX_EPOCH;

/// A unit of work under construction.
pub(super) struct Draft<'a> {
    harness: &'a Harness,
    unit: UnitOfWork,
}

impl<'a> Draft<'a> {
    pub(super) fn new(
        harness: &'a Harness,
        context: &Arc<ContextRecord>,
        aggregate_id: &AggregateId,
    ) -> Self {
        let draft = Self { harness, unit: UnitOfWork::new(Arc::clone(context)) };
        draft.command(aggregate_id)
    }

    /// Adds a command that the first one invokes.
    pub(super) fn command(mut self, aggregate_id: &AggregateId) -> Self {
        let number = self.harness.number();
        let payload = json(&format!(r#"{{"amount":"{number}.00"}}"#));
        let payload_hash = fluvius_store::__private::hash(&payload);
        self.unit.commands.push(Arc::new({
            let mut record = CommandRecord::new(
                self.harness.id(),
                "conformance",
                "set-data",
                aggregate_id.clone(),
                payload,
                payload_hash,
                self.unit.context.id,
                self.time(),
            );
            record.parent = self.unit.commands.first().map(|command| command.id);
            record.response = number.is_multiple_of(2).then(|| json(&number.to_string()));
            record
        }));
        self
    }

    /// Sets the id of the first command.
    pub(super) fn with_id(mut self, id: Uuid) -> Self {
        Arc::make_mut(&mut self.unit.commands[0]).id = id;
        self
    }

    /// Marks the first command as rejected.
    pub(super) fn rejected(mut self) -> Self {
        Arc::make_mut(&mut self.unit.commands[0]).status = CommandStatus::Rejected;
        Arc::make_mut(&mut self.unit.commands[0]).code = Some("insufficient-funds".into());
        self
    }

    /// Adds a read of an aggregate at this version.
    pub(super) fn reads(mut self, aggregate_id: &AggregateId, version: u64) -> Self {
        self.expect(aggregate_id, version);
        self
    }

    /// Adds a write by the last command. The aggregate is at this version, in the store or by an
    /// earlier write of the unit.
    pub(super) fn writes(self, aggregate_id: &AggregateId, version: u64) -> Self {
        let data = json(&format!(r#"{{"number":{}}}"#, self.harness.number()));
        self.sets(aggregate_id, version, data)
    }

    /// Like [`writes`](Self::writes), with this state.
    pub(super) fn sets(mut self, aggregate_id: &AggregateId, version: u64, data: Json) -> Self {
        let version = version + 1;
        let command = self.unit.commands.last().map_or(Uuid::nil(), |command| command.id);
        let time = self.time();
        let actor = self.unit.context.actor.id();
        let mut row = StateRecord::new(
            aggregate_id.clone(),
            version,
            ETag::new(version, command),
            data.clone(),
            time,
        );
        row.created_by = actor;
        row.updated_by = actor;
        row.realm = self.unit.context.realm.as_deref().map(Arc::from);
        match self.unit.states.iter_mut().find(|state| state.aggregate_id == *aggregate_id) {
            Some(state) => *state = Arc::new(row),
            None => {
                self.unit.states.push(Arc::new(row));
                self.expect(aggregate_id, version - 1);
            }
        }
        self.unit.events.push(Arc::new({
            let mut record = EventRecord::new(
                self.harness.id(),
                "conformance",
                "data-set",
                aggregate_id.clone(),
                version,
                command,
                StateDelta::snapshot(&data),
                time,
            );
            record.args = data.clone();
            record.data = version.is_multiple_of(2).then(|| json(&format!("[{version}]")));
            record
        }));
        self
    }

    /// Like [`writes`](Self::writes), and closes the aggregate.
    pub(super) fn closes(self, aggregate_id: &AggregateId, version: u64) -> Self {
        let mut draft = self.writes(aggregate_id, version);
        if let Some(state) =
            draft.unit.states.iter_mut().find(|state| state.aggregate_id == *aggregate_id)
        {
            let state = Arc::make_mut(state);
            state.closed_at = Some(state.updated_at);
        }
        draft
    }

    /// Adds a message of the last command.
    pub(super) fn message(mut self) -> Self {
        let command = self.unit.commands.last();
        let command_id = command.map_or(Uuid::nil(), |command| command.id);
        let aggregate_id = command
            .map_or_else(|| self.harness.aggregate_id(), |command| command.aggregate_id.clone());
        self.unit.messages.push(Arc::new(MessageRecord::new(
            self.harness.id(),
            "data-was-set",
            json(&self.harness.number().to_string()),
            command_id,
            aggregate_id,
        )));
        self
    }

    /// Adds an activity of the last command.
    pub(super) fn activity(mut self) -> Self {
        let command = self.unit.commands.last();
        let command_id = command.map_or(Uuid::nil(), |command| command.id);
        let aggregate_id = command
            .map_or_else(|| self.harness.aggregate_id(), |command| command.aggregate_id.clone());
        self.unit.activities.push(Arc::new({
            let mut record = ActivityRecord::new(
                self.harness.id(),
                aggregate_id,
                self.unit.context.id,
                command_id,
                format!("activity {}", self.harness.number()),
            );
            record.kind = ActivityKind::AppRequest;
            record.label = Some("label".into());
            record.data = Some(json("{}"));
            record
        }));
        self
    }

    /// Adds a dependency on unit `on` of the batch.
    pub(super) fn after(mut self, on: usize) -> Self {
        self.unit.depends_on.push(on);
        self
    }

    /// Returns the unit.
    pub(super) fn done(mut self) -> UnitOfWork {
        self.unit.expected.sort();
        self.unit
    }

    /// Returns a unit with the expected versions and dependencies only, without rows.
    pub(super) fn only_checks(self) -> UnitOfWork {
        let unit = self.done();
        let mut checks = UnitOfWork::new(unit.context);
        checks.expected = unit.expected;
        checks.depends_on = unit.depends_on;
        checks
    }

    fn expect(&mut self, aggregate_id: &AggregateId, version: u64) {
        self.unit.expected.push(ExpectedVersion { aggregate_id: aggregate_id.clone(), version });
    }

    /// Returns the next time. All times differ, also in their microseconds.
    fn time(&self) -> DateTime<Utc> {
        let number = i64::try_from(self.harness.number()).unwrap_or(i64::MAX);
        // 2026-01-01.
        EPOCH + TimeDelta::microseconds(1_767_225_600_000_000_i64.saturating_add(number * 1_001))
    }
}

/// Parses a JSON text of the suite.
///
/// # Panics
/// If it is not valid JSON.
#[expect(clippy::expect_used, reason = "a text of the suite that is no JSON is its own fault")]
pub(super) fn json(text: &str) -> Json {
    Json::parse(text).expect("a text of the suite is JSON")
}

/// Returns a hash of 32 equal bytes.
pub(super) fn hash_of(byte: u8) -> PayloadHash {
    PayloadHash::from_bytes([byte; 32])
}
