//! Rows of SQLite to records: one function and one list of columns for each table.
//!
//! The columns are macros, so that statements are built at compile time. The log is the first table
//! in the select of a log: SQLite evaluates a `CROSS JOIN` in the written order.

use std::borrow::Cow;
use std::sync::Arc;

use fluvius_store::chrono::{DateTime, Utc};
use fluvius_store::json::PayloadHash;
use fluvius_store::uuid::Uuid;
use fluvius_store::work::{WorkKey, WorkRow};
use fluvius_store::{
    ActivityRecord, Actor, AggregateId, CommandRecord, CommandStatus, ContextRecord, ETag,
    EventRecord, Json, LogEntry, MessageRecord, StateDelta, StateRecord,
};
use rusqlite::Row;
use rusqlite::types::FromSql;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Fault;

/// A row of a table, read by column number.
struct RowReader<'r, 's> {
    row: &'r Row<'s>,
    table: &'static str,
}

impl RowReader<'_, '_> {
    fn get<T: FromSql>(&self, column: usize) -> Result<T, Fault> {
        self.row.get(column).map_err(|error| match error {
            error @ rusqlite::Error::SqliteFailure(..) => Fault::Sqlite(error),
            error => Fault::damaged(self.table, error),
        })
    }

    fn number<N: TryFrom<i64>>(&self, column: usize) -> Result<N, Fault> {
        let number: i64 = self.get(column)?;
        N::try_from(number)
            .map_err(|_| Fault::damaged(self.table, format!("the number {number} does not fit")))
    }

    fn name(&self, column: usize) -> Result<Cow<'static, str>, Fault> {
        Ok(Cow::Owned(self.get(column)?))
    }

    fn optional_name(&self, column: usize) -> Result<Option<Cow<'static, str>>, Fault> {
        Ok(self.get::<Option<String>>(column)?.map(Cow::Owned))
    }

    fn time(&self, column: usize) -> Result<DateTime<Utc>, Fault> {
        self.time_of(self.get(column)?)
    }

    fn time_of(&self, micros: i64) -> Result<DateTime<Utc>, Fault> {
        DateTime::from_timestamp_micros(micros)
            .ok_or_else(|| Fault::damaged(self.table, format!("{micros} is not a time")))
    }

    fn optional_time(&self, column: usize) -> Result<Option<DateTime<Utc>>, Fault> {
        self.get::<Option<i64>>(column)?.map(|micros| self.time_of(micros)).transpose()
    }

    fn json(&self, column: usize) -> Result<Json, Fault> {
        self.json_of(self.get(column)?)
    }

    fn json_of(&self, text: String) -> Result<Json, Fault> {
        Json::parse(text).map_err(|error| Fault::damaged(self.table, error))
    }

    fn optional_json(&self, column: usize) -> Result<Option<Json>, Fault> {
        self.get::<Option<String>>(column)?.map(|text| self.json_of(text)).transpose()
    }

    /// Reads a column that `to_json_text` wrote.
    fn json_column<T: DeserializeOwned>(&self, column: usize) -> Result<T, Fault> {
        let text: String = self.get(column)?;
        serde_json::from_str(&text).map_err(|error| Fault::damaged(self.table, error))
    }

    /// Reads a column that `serde_variant_name` wrote.
    fn enum_column<T: DeserializeOwned>(&self, column: usize) -> Result<T, Fault> {
        let text: String = self.get(column)?;
        serde_json::from_value(serde_json::Value::String(text))
            .map_err(|error| Fault::damaged(self.table, error))
    }

    fn aggregate_id(&self, resource: usize, identifier: usize) -> Result<AggregateId, Fault> {
        Ok(AggregateId { resource: self.name(resource)?, id: self.get(identifier)? })
    }
}

/// Returns a value as JSON text.
pub(crate) fn to_json_text(json_column: &impl Serialize) -> Result<String, Fault> {
    serde_json::to_string(json_column).map_err(|error| Fault::damaged("context", error))
}

/// Returns the name that serde writes for a variant without fields.
pub(crate) fn serde_variant_name(value: &impl Serialize) -> Result<String, Fault> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(enum_column)) => Ok(enum_column),
        Ok(other) => Err(Fault::damaged("context", format!("{other} is not a string"))),
        Err(error) => Err(Fault::damaged("context", error)),
    }
}

/// Columns and tables of a command.
macro_rules! select_command {
    () => {
        "SELECT c.position, c.id, c.parent, t.domain, t.revision, t.command, t.resource, \
c.identifier, c.payload, c.payload_hash, x.id, c.is_rejected, c.code, c.response, c.received_at \
FROM command AS c CROSS JOIN command_type AS t ON t.id = c.type CROSS JOIN context AS x ON \
x.number = c.context"
    };
}
pub(crate) use select_command;

pub(crate) fn command(row: &Row<'_>) -> Result<LogEntry<CommandRecord>, Fault> {
    let reader = RowReader { row, table: "command" };
    let status = if reader.get(11)? { CommandStatus::Rejected } else { CommandStatus::Applied };
    let mut record = CommandRecord::new(
        reader.get(1)?,
        reader.name(3)?,
        reader.name(5)?,
        reader.aggregate_id(6, 7)?,
        reader.json(8)?,
        PayloadHash::from_bytes(reader.get(9)?),
        reader.get(10)?,
        reader.time(14)?,
    );
    record.parent = reader.get(2)?;
    record.revision = reader.number(4)?;
    record.status = status;
    record.code = reader.optional_name(12)?;
    record.response = reader.optional_json(13)?;
    Ok(LogEntry { position: reader.number(0)?, record })
}

/// Columns and tables of an event.
macro_rules! select_event {
    () => {
        "SELECT e.position, e.id, t.domain, t.revision, t.event, r.text, a.identifier, e.version, \
c.id, coalesce(e.args, c.payload), e.data, e.delta, e.occurred_at, e.previous FROM event AS e \
CROSS JOIN command AS c ON c.position = e.command CROSS JOIN context AS x ON x.number = c.context \
CROSS JOIN event_type AS t ON t.id = e.type CROSS JOIN aggregate AS a ON a.number = e.aggregate \
CROSS JOIN name AS r ON r.id = a.resource"
    };
}
pub(crate) use select_event;

/// Column of the position of the aggregate's previous event.
pub(crate) const EVENT_PREVIOUS: usize = 13;

pub(crate) fn event(row: &Row<'_>) -> Result<LogEntry<EventRecord>, Fault> {
    let reader = RowReader { row, table: "event" };
    let delta = StateDelta::from_json(&reader.json(11)?)
        .map_err(|error| Fault::damaged(reader.table, error))?;
    let mut record = EventRecord::new(
        reader.get(1)?,
        reader.name(2)?,
        reader.name(4)?,
        reader.aggregate_id(5, 6)?,
        reader.number(7)?,
        reader.get(8)?,
        delta,
        reader.time(12)?,
    );
    record.revision = reader.number(3)?;
    record.args = reader.json(9)?;
    record.data = reader.optional_json(10)?;
    Ok(LogEntry { position: reader.number(0)?, record })
}

/// Columns and tables of a message.
macro_rules! select_message {
    () => {
        "SELECT m.position, m.id, k.text, m.data, c.id, r.text, m.identifier FROM message AS m \
CROSS JOIN command AS c ON c.position = m.command CROSS JOIN context AS x ON x.number = c.context \
CROSS JOIN name AS k ON k.id = m.key CROSS JOIN name AS r ON r.id = m.resource"
    };
}
pub(crate) use select_message;

pub(crate) fn message(row: &Row<'_>) -> Result<LogEntry<MessageRecord>, Fault> {
    let reader = RowReader { row, table: "message" };
    let record = MessageRecord::new(
        reader.get(1)?,
        reader.name(2)?,
        reader.json(3)?,
        reader.get(4)?,
        reader.aggregate_id(5, 6)?,
    );
    Ok(LogEntry { position: reader.number(0)?, record })
}

/// Columns and tables of an activity.
macro_rules! select_activity {
    () => {
        "SELECT a.position, a.id, r.text, a.identifier, x.id, a.command_id, a.message, a.kind, \
a.label, a.code, a.data FROM activity AS a CROSS JOIN context AS x ON x.number = a.context CROSS \
JOIN name AS r ON r.id = a.resource"
    };
}
pub(crate) use select_activity;

pub(crate) fn activity(row: &Row<'_>) -> Result<LogEntry<ActivityRecord>, Fault> {
    let reader = RowReader { row, table: "activity" };
    let mut record = ActivityRecord::new(
        reader.get(1)?,
        reader.aggregate_id(2, 3)?,
        reader.get(4)?,
        reader.get(5)?,
        reader.name(6)?,
    );
    record.kind = reader.enum_column(7)?;
    record.label = reader.optional_name(8)?;
    record.code = reader.optional_name(9)?;
    record.data = reader.optional_json(10)?;
    Ok(LogEntry { position: reader.number(0)?, record })
}

/// Columns and tables of a context.
macro_rules! select_context {
    () => {
        "SELECT x.id, d.text, x.revision, x.transport, x.source, x.headers, x.user_id, \
x.profile_id, x.organization_id, x.roles, x.realm, x.correlation, x.causation FROM context AS x \
JOIN name AS d ON d.id = x.domain"
    };
}
pub(crate) use select_context;

pub(crate) fn context(row: &Row<'_>) -> Result<ContextRecord, Fault> {
    let reader = RowReader { row, table: "context" };
    let mut record = ContextRecord::new(reader.get(0)?, reader.name(1)?, reader.get::<String>(4)?);
    record.revision = reader.number(2)?;
    record.transport = reader.enum_column(3)?;
    record.headers = reader.json_column(5)?;
    record.actor = Actor {
        user_id: reader.get(6)?,
        profile_id: reader.get(7)?,
        organization_id: reader.get(8)?,
    };
    record.roles = reader.json_column(9)?;
    record.realm = reader.get(10)?;
    record.correlation = reader.get(11)?;
    record.causation = reader.get(12)?;
    Ok(record)
}

/// Columns and tables of a state.
macro_rules! select_state {
    () => {
        $crate::read::rows::select_state!("")
    };
    ($more:literal) => {
        $crate::read::rows::select_state!(
            $more,
            " FROM aggregate AS a JOIN name AS r ON r.id = a.resource JOIN state AS s ON \
            s.aggregate = a.number JOIN event AS e ON e.position = s.event JOIN command AS c ON \
            c.position = e.command"
        )
    };
    ($more:literal, $from:literal) => {
        concat!(
            "SELECT s.version, s.etag, c.id, s.revision, s.data, a.created_at, a.created_by, \
s.updated_at, s.updated_by, s.closed_at, a.realm",
            $more,
            $from
        )
    };
}
pub(crate) use select_state;

/// Returns the aggregate of a state's row, selected after the row's own columns.
pub(crate) fn aggregate_of_state(row: &Row<'_>) -> Result<AggregateId, Fault> {
    RowReader { row, table: "aggregate" }.aggregate_id(11, 12)
}

pub(crate) fn work(row: &Row<'_>) -> Result<WorkRow, Fault> {
    let reader = RowReader { row, table: "work" };
    let text = |column| reader.get::<String>(column);
    let key = WorkKey::new(text(0)?, text(1)?, text(2)?);
    Ok(WorkRow::new(key, reader.number(3)?, reader.json(4)?, reader.time(5)?))
}

pub(crate) fn state(row: &Row<'_>, aggregate_id: &AggregateId) -> Result<StateRecord, Fault> {
    let reader = RowReader { row, table: "state" };
    let version = reader.number(0)?;
    let etag = match reader.get::<Option<String>>(1)? {
        None => ETag::new(version, reader.get::<Uuid>(2)?),
        Some(text) => text.parse().map_err(|error| Fault::damaged(reader.table, error))?,
    };
    Ok({
        let mut record =
            StateRecord::new(aggregate_id.clone(), version, etag, reader.json(4)?, reader.time(7)?);
        record.revision = reader.number(3)?;
        record.created_at = reader.time(5)?;
        record.created_by = reader.get(6)?;
        record.updated_by = reader.get(8)?;
        record.closed_at = reader.optional_time(9)?;
        record.realm = reader.get::<Option<String>>(10)?.map(Arc::from);
        record
    })
}
