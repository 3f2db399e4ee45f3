//! Decoding of rows: one function per table, with the columns that it reads.

use std::borrow::Cow;
use std::sync::Arc;

use fluvius_store::chrono::{DateTime, Utc};
use fluvius_store::json::PayloadHash;
use fluvius_store::{
    ActivityRecord, Actor, AggregateId, CommandRecord, CommandStatus, ContextRecord, EventRecord,
    Json, LogEntry, MessageRecord, StateDelta, StateRecord,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use crate::error::Fault;

/// The columns of a table in a row, by number from its first one.
struct Columns<'r> {
    row: &'r Row,
    first: usize,
    table: &'static str,
}

impl<'r> Columns<'r> {
    fn get<T: FromSql<'r>>(&self, column: usize) -> Result<T, Fault> {
        self.row.try_get(self.first + column).map_err(|error| Fault::damaged(self.table, error))
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
        self.get(column)
    }

    fn json_of(&self, text: &str) -> Result<Json, Fault> {
        Json::parse(text).map_err(|error| Fault::damaged(self.table, error))
    }

    fn json(&self, column: usize) -> Result<Json, Fault> {
        self.json_of(self.get(column)?)
    }

    fn optional_json(&self, column: usize) -> Result<Option<Json>, Fault> {
        self.get::<Option<&str>>(column)?.map(|text| self.json_of(text)).transpose()
    }

    /// Reads a value that [`to_json_text`] has written.
    fn json_column<T: DeserializeOwned>(&self, column: usize) -> Result<T, Fault> {
        serde_json::from_str(self.get(column)?).map_err(|error| Fault::damaged(self.table, error))
    }

    /// Reads a value that [`serde_variant_name`] has written.
    fn variant<T: DeserializeOwned>(&self, column: usize) -> Result<T, Fault> {
        serde_json::from_value(serde_json::Value::String(self.get(column)?))
            .map_err(|error| Fault::damaged(self.table, error))
    }

    fn aggregate_id(&self, resource: usize, identifier: usize) -> Result<AggregateId, Fault> {
        Ok(AggregateId { resource: self.name(resource)?, id: self.get(identifier)? })
    }
}

/// Returns a value as JSON text.
pub(crate) fn to_json_text(value: &impl Serialize) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|error| Fault::damaged("context_log", error))
}

/// Returns the name that serde writes for a variant of an enum.
pub(crate) fn serde_variant_name(value: &impl Serialize) -> Result<String, Fault> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => Ok(name),
        Ok(other) => Err(Fault::damaged("context_log", format!("{other} is no name of a variant"))),
        Err(error) => Err(Fault::damaged("context_log", error)),
    }
}

/// The columns of a command.
pub(crate) const COMMAND: &str = "l.position, l.id, l.parent, l.domain, l.revision, l.command, \
    l.resource, l.identifier, l.payload, l.payload_hash, l.context_id, l.status, l.code, \
    l.response, l.received_at";
/// The number of these columns.
pub(crate) const COMMAND_COUNT: usize = 15;

pub(crate) fn command(row: &Row) -> Result<LogEntry<CommandRecord>, Fault> {
    let columns = Columns { row, first: 0, table: "command_log" };
    let status: CommandStatus = columns.variant(11)?;
    let hash: [u8; 32] = columns
        .get::<&[u8]>(9)?
        .try_into()
        .map_err(|error| Fault::damaged(columns.table, error))?;
    let mut record = CommandRecord::new(
        columns.get(1)?,
        columns.name(3)?,
        columns.name(5)?,
        columns.aggregate_id(6, 7)?,
        columns.json(8)?,
        PayloadHash::from_bytes(hash),
        columns.get(10)?,
        columns.time(14)?,
    );
    record.parent = columns.get(2)?;
    record.revision = columns.number(4)?;
    record.status = status;
    record.code = columns.optional_name(12)?;
    record.response = columns.optional_json(13)?;
    Ok(LogEntry { position: columns.number(0)?, record })
}

/// The columns of an event.
pub(crate) const EVENT: &str = "l.position, l.id, l.domain, l.revision, l.event, l.resource, \
    l.identifier, l.version, l.command_id, l.args, l.data, l.delta, l.occurred_at";

pub(crate) fn event(row: &Row) -> Result<LogEntry<EventRecord>, Fault> {
    let columns = Columns { row, first: 0, table: "event_log" };
    let delta = StateDelta::from_json(&columns.json(11)?)
        .map_err(|error| Fault::damaged(columns.table, error))?;
    let mut record = EventRecord::new(
        columns.get(1)?,
        columns.name(2)?,
        columns.name(4)?,
        columns.aggregate_id(5, 6)?,
        columns.number(7)?,
        columns.get(8)?,
        delta,
        columns.time(12)?,
    );
    record.revision = columns.number(3)?;
    record.args = columns.json(9)?;
    record.data = columns.optional_json(10)?;
    Ok(LogEntry { position: columns.number(0)?, record })
}

/// The columns of a message.
pub(crate) const MESSAGE: &str =
    "l.position, l.id, l.key, l.data, l.command_id, l.resource, l.identifier";

pub(crate) fn message(row: &Row) -> Result<LogEntry<MessageRecord>, Fault> {
    let columns = Columns { row, first: 0, table: "message_log" };
    let record = MessageRecord::new(
        columns.get(1)?,
        columns.name(2)?,
        columns.json(3)?,
        columns.get(4)?,
        columns.aggregate_id(5, 6)?,
    );
    Ok(LogEntry { position: columns.number(0)?, record })
}

/// The columns of an activity.
pub(crate) const ACTIVITY: &str = "l.position, l.id, l.resource, l.identifier, l.context_id, \
    l.command_id, l.message, l.kind, l.label, l.code, l.data";

pub(crate) fn activity(row: &Row) -> Result<LogEntry<ActivityRecord>, Fault> {
    let columns = Columns { row, first: 0, table: "activity_log" };
    let mut record = ActivityRecord::new(
        columns.get(1)?,
        columns.aggregate_id(2, 3)?,
        columns.get(4)?,
        columns.get(5)?,
        columns.name(6)?,
    );
    record.kind = columns.variant(7)?;
    record.label = columns.optional_name(8)?;
    record.code = columns.optional_name(9)?;
    record.data = columns.optional_json(10)?;
    Ok(LogEntry { position: columns.number(0)?, record })
}

/// The columns of a context.
pub(crate) const CONTEXT: &str = "x.id, x.domain, x.revision, x.transport, x.source, x.headers, \
    x.user_id, x.profile_id, x.organization_id, x.roles, x.realm, x.correlation, x.causation";

/// Decodes a context whose columns begin with `first`.
pub(crate) fn context(row: &Row, first: usize) -> Result<ContextRecord, Fault> {
    let columns = Columns { row, first, table: "context_log" };
    let mut record =
        ContextRecord::new(columns.get(0)?, columns.name(1)?, columns.get::<String>(4)?);
    record.revision = columns.number(2)?;
    record.transport = columns.variant(3)?;
    record.headers = columns.json_column(5)?;
    record.actor = Actor {
        user_id: columns.get(6)?,
        profile_id: columns.get(7)?,
        organization_id: columns.get(8)?,
    };
    record.roles = columns.json_column(9)?;
    record.realm = columns.get(10)?;
    record.correlation = columns.get(11)?;
    record.causation = columns.get(12)?;
    Ok(record)
}

/// The columns of a state.
pub(crate) const STATE: &str = "s.resource, s.identifier, s.version, s.etag, s.revision, s.data, \
    s.created_at, s.created_by, s.updated_at, s.updated_by, s.closed_at, s.realm";

/// Decodes a state whose columns begin with `first`.
pub(crate) fn state(row: &Row, first: usize) -> Result<StateRecord, Fault> {
    let columns = Columns { row, first, table: "resource_state" };
    let etag =
        columns.get::<&str>(3)?.parse().map_err(|error| Fault::damaged(columns.table, error))?;
    let mut record = StateRecord::new(
        columns.aggregate_id(0, 1)?,
        columns.number(2)?,
        etag,
        columns.json(5)?,
        columns.time(8)?,
    );
    record.revision = columns.number(4)?;
    record.created_at = columns.time(6)?;
    record.created_by = columns.get(7)?;
    record.updated_by = columns.get(9)?;
    record.closed_at = columns.get(10)?;
    record.realm = columns.get::<Option<&str>>(11)?.map(Arc::from);
    Ok(record)
}

/// Returns true if an outer join has found a state.
pub(crate) fn has_state(row: &Row, first: usize) -> Result<bool, Fault> {
    let columns = Columns { row, first, table: "resource_state" };
    Ok(columns.get::<Option<i64>>(2)?.is_some())
}
