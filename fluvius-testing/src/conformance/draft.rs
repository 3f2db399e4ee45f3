//! Units of work as claims need them: well formed, and with all columns filled.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::harness::Harness;
use fluvius_store::json::PayloadHash;
use fluvius_store::{
    ActivityKind, ActivityRecord, AggregateId, CommandRecord, CommandStatus, ContextRecord, ETag,
    EventRecord, ExpectedVersion, Json, MessageRecord, StateDelta, StateRecord, UnitOfWork,
};

/// The first moment of the suite's time.
const EPOCH: DateTime<Utc> = DateTime::UNIX_EPOCH;

/// A unit of work in the making.
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

    /// One more command, invoked by the first.
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

    /// The first command has this identifier.
    pub(super) fn with_id(mut self, id: Uuid) -> Self {
        Arc::make_mut(&mut self.unit.commands[0]).id = id;
        self
    }

    /// The first command was refused.
    pub(super) fn refused(mut self) -> Self {
        Arc::make_mut(&mut self.unit.commands[0]).status = CommandStatus::Rejected;
        Arc::make_mut(&mut self.unit.commands[0]).code = Some("insufficient-funds".into());
        self
    }

    /// The unit has only read this aggregate, at this version.
    pub(super) fn reads(mut self, aggregate_id: &AggregateId, version: u64) -> Self {
        self.expect(aggregate_id, version);
        self
    }

    /// The last command changes an aggregate that is at this version, or that the unit has brought
    /// there.
    pub(super) fn writes(self, aggregate_id: &AggregateId, version: u64) -> Self {
        let data = json(&format!(r#"{{"number":{}}}"#, self.harness.number()));
        self.sets(aggregate_id, version, data)
    }

    /// As [`writes`](Self::writes), to this state.
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

    /// As [`writes`](Self::writes), and closes the aggregate.
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

    /// The last command sends a message.
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

    /// The last command writes an activity.
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

    /// The unit was decided on the outcome of another one of its batch.
    pub(super) fn after(mut self, on: usize) -> Self {
        self.unit.depends_on.push(on);
        self
    }

    /// The unit.
    pub(super) fn done(mut self) -> UnitOfWork {
        self.unit.expected.sort();
        self.unit
    }

    /// Only what the unit expects, without rows.
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

    /// The next moment; each has other microseconds.
    fn time(&self) -> DateTime<Utc> {
        let number = i64::try_from(self.harness.number()).unwrap_or(i64::MAX);
        // About 2026.
        EPOCH + TimeDelta::microseconds(1_767_225_600_000_000_i64.saturating_add(number * 1_001))
    }
}

/// A JSON text of the suite.
///
/// # Panics
/// When it is none.
#[expect(clippy::expect_used, reason = "a text of the suite that is no JSON is its own fault")]
pub(super) fn json(text: &str) -> Json {
    Json::parse(text).expect("a text of the suite is JSON")
}

/// A hash of 32 equal bytes.
pub(super) fn hash_of(byte: u8) -> PayloadHash {
    PayloadHash::from_bytes([byte; 32])
}
