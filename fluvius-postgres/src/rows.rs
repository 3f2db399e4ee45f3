//! Rows as PostgreSQL gives them, to records: one function a table, with the columns that it reads.

use std::borrow::Cow;
use std::sync::Arc;

use fluvius_core::chrono::{DateTime, Utc};
use fluvius_core::json::PayloadHash;
use fluvius_core::{
    ActivityRecord, Actor, AggregateId, CommandRecord, CommandStatus, ContextRecord, EventRecord,
    Json, LogEntry, MessageRecord, StateDelta, StateRecord,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use crate::error::Fault;

/// A table's row being read: columns by number, from the first that is its own.
struct Reading<'r> {
    row: &'r Row,
    first: usize,
    table: &'static str,
}

impl<'r> Reading<'r> {
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

    /// A value of several parts, as `to_json_text` wrote it.
    fn parts<T: DeserializeOwned>(&self, column: usize) -> Result<T, Fault> {
        serde_json::from_str(self.get(column)?).map_err(|error| Fault::damaged(self.table, error))
    }

    /// A value that serde writes as a text.
    fn word<T: DeserializeOwned>(&self, column: usize) -> Result<T, Fault> {
        serde_json::from_value(serde_json::Value::String(self.get(column)?))
            .map_err(|error| Fault::damaged(self.table, error))
    }

    fn aggregate_id(&self, resource: usize, identifier: usize) -> Result<AggregateId, Fault> {
        Ok(AggregateId { resource: self.name(resource)?, id: self.get(identifier)? })
    }
}

/// A value of several parts as a text: JSON.
pub(crate) fn to_json_text(parts: &impl Serialize) -> Result<String, Fault> {
    serde_json::to_string(parts).map_err(|error| Fault::damaged("context_log", error))
}

/// The word that serde writes for a value.
pub(crate) fn serde_variant_name(value: &impl Serialize) -> Result<String, Fault> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        Ok(other) => Err(Fault::damaged("context_log", format!("{other} is no word"))),
        Err(error) => Err(Fault::damaged("context_log", error)),
    }
}

/// The columns of a command.
pub(crate) const COMMAND: &str = "l.position, l.id, l.parent, l.domain, l.revision, l.command, l.resource, \
    l.identifier, l.payload, l.payload_hash, l.context_id, l.status, l.code, l.response, l.received_at";
/// How many there are.
pub(crate) const COMMAND_COUNT: usize = 15;

pub(crate) fn command(row: &Row) -> Result<LogEntry<CommandRecord>, Fault> {
    let of = Reading { row, first: 0, table: "command_log" };
    let status: CommandStatus = of.word(11)?;
    let hash: [u8; 32] =
        of.get::<&[u8]>(9)?.try_into().map_err(|error| Fault::damaged(of.table, error))?;
    let record = CommandRecord {
        id: of.get(1)?,
        parent: of.get(2)?,
        domain: of.name(3)?,
        revision: of.number(4)?,
        command: of.name(5)?,
        aggregate_id: of.aggregate_id(6, 7)?,
        payload: of.json(8)?,
        payload_hash: PayloadHash::from_bytes(hash),
        context_id: of.get(10)?,
        status,
        code: of.optional_name(12)?,
        response: of.optional_json(13)?,
        received_at: of.time(14)?,
    };
    Ok(LogEntry { position: of.number(0)?, record })
}

/// The columns of an event.
pub(crate) const EVENT: &str = "l.position, l.id, l.domain, l.revision, l.event, l.resource, l.identifier, \
    l.version, l.command_id, l.args, l.data, l.delta, l.occurred_at";

pub(crate) fn event(row: &Row) -> Result<LogEntry<EventRecord>, Fault> {
    let of = Reading { row, first: 0, table: "event_log" };
    let delta =
        StateDelta::from_json(&of.json(11)?).map_err(|error| Fault::damaged(of.table, error))?;
    let record = EventRecord {
        id: of.get(1)?,
        domain: of.name(2)?,
        revision: of.number(3)?,
        event: of.name(4)?,
        aggregate_id: of.aggregate_id(5, 6)?,
        version: of.number(7)?,
        command_id: of.get(8)?,
        args: of.json(9)?,
        data: of.optional_json(10)?,
        delta,
        occurred_at: of.time(12)?,
    };
    Ok(LogEntry { position: of.number(0)?, record })
}

/// The columns of a message.
pub(crate) const MESSAGE: &str =
    "l.position, l.id, l.key, l.data, l.command_id, l.resource, l.identifier";

pub(crate) fn message(row: &Row) -> Result<LogEntry<MessageRecord>, Fault> {
    let of = Reading { row, first: 0, table: "message_log" };
    let record = MessageRecord {
        id: of.get(1)?,
        key: of.name(2)?,
        data: of.json(3)?,
        command_id: of.get(4)?,
        aggregate_id: of.aggregate_id(5, 6)?,
    };
    Ok(LogEntry { position: of.number(0)?, record })
}

/// The columns of an activity.
pub(crate) const ACTIVITY: &str = "l.position, l.id, l.resource, l.identifier, l.context_id, l.command_id, l.message, \
    l.kind, l.label, l.code, l.data";

pub(crate) fn activity(row: &Row) -> Result<LogEntry<ActivityRecord>, Fault> {
    let of = Reading { row, first: 0, table: "activity_log" };
    let record = ActivityRecord {
        id: of.get(1)?,
        aggregate_id: of.aggregate_id(2, 3)?,
        context_id: of.get(4)?,
        command_id: of.get(5)?,
        message: of.name(6)?,
        kind: of.word(7)?,
        label: of.optional_name(8)?,
        code: of.optional_name(9)?,
        data: of.optional_json(10)?,
    };
    Ok(LogEntry { position: of.number(0)?, record })
}

/// The columns of a context.
pub(crate) const CONTEXT: &str = "x.id, x.domain, x.revision, x.transport, x.source, x.headers, x.user_id, \
    x.profile_id, x.organization_id, x.roles, x.realm, x.correlation, x.causation";

/// A context whose columns begin with this one.
pub(crate) fn context(row: &Row, first: usize) -> Result<ContextRecord, Fault> {
    let of = Reading { row, first, table: "context_log" };
    Ok(ContextRecord {
        id: of.get(0)?,
        domain: of.name(1)?,
        revision: of.number(2)?,
        transport: of.word(3)?,
        source: of.get(4)?,
        headers: of.parts(5)?,
        actor: Actor { user_id: of.get(6)?, profile_id: of.get(7)?, organization_id: of.get(8)? },
        roles: of.parts(9)?,
        realm: of.get(10)?,
        correlation: of.get(11)?,
        causation: of.get(12)?,
    })
}

/// The columns of a state.
pub(crate) const STATE: &str = "s.resource, s.identifier, s.version, s.etag, s.revision, s.data, s.created_at, \
    s.created_by, s.updated_at, s.updated_by, s.closed_at, s.realm";

/// A state whose columns begin with this one.
pub(crate) fn state(row: &Row, first: usize) -> Result<StateRecord, Fault> {
    let of = Reading { row, first, table: "resource_state" };
    let etag = of.get::<&str>(3)?.parse().map_err(|error| Fault::damaged(of.table, error))?;
    Ok(StateRecord {
        aggregate_id: of.aggregate_id(0, 1)?,
        version: of.number(2)?,
        etag,
        revision: of.number(4)?,
        data: of.json(5)?,
        created_at: of.time(6)?,
        created_by: of.get(7)?,
        updated_at: of.time(8)?,
        updated_by: of.get(9)?,
        closed_at: of.get(10)?,
        realm: of.get::<Option<&str>>(11)?.map(Arc::from),
    })
}

/// Whether there is a state at all, where it was joined.
pub(crate) fn has_state(row: &Row, first: usize) -> Result<bool, Fault> {
    let of = Reading { row, first, table: "resource_state" };
    Ok(of.get::<Option<i64>>(2)?.is_some())
}
