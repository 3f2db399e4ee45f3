//! Writes the rows of validated units.

use std::sync::Arc;

use fluvius_store::{
    ActivityRecord, AggregateId, CommandRecord, CommandStatus, ContextRecord, ETag, EventRecord,
    MessageRecord, UnitOfWork,
};
use rusqlite::{Connection, Statement, params};

use super::cache::CreationInfo;
use super::overlay::PendingRow;
use super::transaction::Transaction;
use crate::error::Fault;
use crate::read::rows::{serde_variant_name, to_json_text};
use crate::read::{query_optional, saturating_i64};

impl<'b> Transaction<'_, '_, 'b> {
    /// Writes the rows of a unit except its states, the first at this position.
    pub(super) fn write(&mut self, unit: &'b UnitOfWork, first: u64) -> Result<(), Fault> {
        if unit.row_count() == 0 {
            return Ok(());
        }
        let context = self.context(&unit.context)?;
        let mut positions = saturating_i64(first)..;
        let mut next = || positions.next().unwrap_or(i64::MAX);
        for command in &unit.commands {
            self.command(next(), command, context)?;
        }
        for event in &unit.events {
            self.event(next(), event)?;
        }
        for message in &unit.messages {
            self.message(next(), message)?;
        }
        for activity in &unit.activities {
            self.activity(next(), activity, context)?;
        }
        Ok(())
    }

    /// Writes each state once, as the last unit leaves it.
    pub(super) fn write_states(&mut self) -> Result<(), Fault> {
        for row in self.overlay.aggregates.values_mut() {
            let state = row.state;
            if !row.creation.as_ref().is_some_and(|creation| creation.is_of(state)) {
                update_aggregate(self.connection, row)?;
                self.database.reach("creation")?;
            }
            let derived = row.command.map(|command| ETag::new(state.version, command));
            let etag = (derived != Some(state.etag)).then(|| state.etag.to_string());
            let (version, updated_at) =
                (saturating_i64(state.version), state.updated_at.timestamp_micros());
            let (number, event, data) = (row.number, row.event, state.data.as_str());
            let is_narrow =
                etag.is_none() && state.updated_by.is_none() && state.closed_at.is_none();
            let statements = &mut *self.statements;
            let written = if is_narrow && !row.is_new {
                let values = params![number, version, event, state.revision, data, updated_at];
                statements.update_narrow_state.execute(values)?
            } else {
                let statement = match row.is_new {
                    true => &mut statements.insert_state,
                    false => &mut statements.update_state,
                };
                let closed_at = state.closed_at.map(|time| time.timestamp_micros());
                let updated_by = state.updated_by;
                let revision = state.revision;
                statement.execute(params![
                    number, version, event, etag, revision, data, updated_at, updated_by,
                    closed_at,
                ])?
            };
            if written != 1 {
                return Err(Fault::damaged("state", "the row of an aggregate is missing"));
            }
            self.database.reach("state")?;
        }
        self.write_values()
    }

    fn command(
        &mut self,
        position: i64,
        command: &CommandRecord,
        context: i64,
    ) -> Result<(), Fault> {
        let kind = self.command_type(command)?;
        if is_narrow(command) {
            self.statements.insert_narrow_command.execute(params![
                position,
                command.id,
                kind,
                command.aggregate_id.id,
                command.payload.as_str(),
                command.payload_hash.as_bytes(),
                context,
                command.received_at.timestamp_micros(),
            ])?;
            return self.database.reach("command");
        }
        self.statements.insert_command.execute(params![
            position,
            command.id,
            command.parent,
            kind,
            command.aggregate_id.id,
            command.payload.as_str(),
            command.payload_hash.as_bytes(),
            context,
            command.status == CommandStatus::Rejected,
            command.code,
            command.response.as_ref().map(|response| response.as_str()),
            command.received_at.timestamp_micros(),
        ])?;
        self.database.reach("command")
    }

    fn event(&mut self, position: i64, event: &EventRecord) -> Result<(), Fault> {
        let kind = self.event_type(event)?;
        let number = self.aggregate_number(&event.aggregate_id)?;
        let command = self.overlay.commands.get(&event.command_id);
        let (payload, source) = match command {
            Some((unit, index, position)) => (&unit.commands[*index].payload, *position),
            None => return Err(Fault::damaged("event", "it comes from no command of its unit")),
        };
        let args = (event.args != *payload).then_some(event.args.as_str());
        let Some(row) = self.overlay.aggregates.get_mut(&event.aggregate_id) else {
            return Err(Fault::damaged("event", "its aggregate is not written"));
        };
        let previous = (row.event > 0).then_some(row.event);
        let (version, source) = (saturating_i64(event.version), saturating_i64(source));
        let delta = event.delta.to_json();
        let (delta, occurred_at) = (delta.as_str(), event.occurred_at.timestamp_micros());
        let data = event.data.as_ref().map(|data| data.as_str());
        if args.is_none() && data.is_none() {
            self.statements.insert_narrow_event.execute(params![
                position,
                event.id,
                kind,
                number,
                version,
                previous,
                source,
                delta,
                occurred_at,
            ])?;
        } else {
            self.statements.insert_event.execute(params![
                position,
                event.id,
                kind,
                number,
                version,
                previous,
                source,
                args,
                data,
                delta,
                occurred_at,
            ])?;
        }
        row.event = position;
        row.command = Some(event.command_id);
        self.database.reach("event")
    }

    /// Returns the number of an aggregate to write; inserts the row of a new one.
    fn aggregate_number(&mut self, aggregate_id: &AggregateId) -> Result<i64, Fault> {
        let row = self.overlay.aggregates.get(aggregate_id);
        let row = row.ok_or_else(|| Fault::damaged("event", "its aggregate is not written"))?;
        if let Some(number) = row.number {
            return Ok(number);
        }
        let creation = CreationInfo::of(row.state);
        let resource = self.name(&aggregate_id.resource)?;
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO aggregate (resource, identifier, created_at, created_by, realm) \
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        let CreationInfo { created_at, created_by, realm } = &creation;
        let number =
            statement.insert(params![resource, aggregate_id.id, created_at, created_by, realm])?;
        if let Some(row) = self.overlay.aggregates.get_mut(aggregate_id) {
            row.number = Some(number);
            row.creation = Some(creation);
        }
        self.database.reach("aggregate")?;
        Ok(number)
    }

    fn message(&mut self, position: i64, message: &MessageRecord) -> Result<(), Fault> {
        let key = self.name(&message.key)?;
        let resource = self.name(&message.aggregate_id.resource)?;
        let source = self.overlay.commands.get(&message.command_id).map(|(.., position)| *position);
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO message (position, id, key, data, command, resource, identifier) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        statement.execute(params![
            position,
            message.id,
            key,
            message.data.as_str(),
            source.map(saturating_i64),
            resource,
            message.aggregate_id.id,
        ])?;
        self.database.reach("message")
    }

    fn activity(
        &mut self,
        position: i64,
        activity: &ActivityRecord,
        context: i64,
    ) -> Result<(), Fault> {
        let resource = self.name(&activity.aggregate_id.resource)?;
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO activity (position, id, resource, identifier, context, command_id, \
            message, kind, label, code, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, \
            ?11)",
        )?;
        statement.execute(params![
            position,
            activity.id,
            resource,
            activity.aggregate_id.id,
            context,
            activity.command_id,
            activity.message,
            serde_variant_name(&activity.kind)?,
            activity.label,
            activity.code,
            activity.data.as_ref().map(|data| data.as_str()),
        ])?;
        self.database.reach("activity")
    }

    /// Returns the number of a context; inserts it if it is new.
    fn context(&mut self, context: &ContextRecord) -> Result<i64, Fault> {
        if let Some(number) = self.cache.contexts.get(&context.id) {
            return Ok(*number);
        }
        let drafted = self.overlay.contexts.get(&context.id);
        if let Some((_, Some(number))) = drafted {
            return Ok(*number);
        }
        let drafted = drafted.map(|(drafted, _)| Arc::clone(drafted));
        let select = "SELECT number FROM context WHERE id = ?1";
        let number =
            match query_optional(self.connection, select, (context.id,), |row| Ok(row.get(0)?))? {
                Some(number) => number,
                None => self.insert_context(drafted.as_deref().unwrap_or(context))?,
            };
        if let Some((_, drafted)) = self.overlay.contexts.get_mut(&context.id) {
            *drafted = Some(number);
        }
        Ok(number)
    }

    fn insert_context(&mut self, context: &ContextRecord) -> Result<i64, Fault> {
        let domain = self.name(&context.domain)?;
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO context (id, domain, revision, transport, source, headers, user_id, \
             profile_id, organization_id, roles, realm, correlation, causation) SELECT ?1, ?2, ?3, \
             ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13 WHERE NOT EXISTS (SELECT 1 FROM context \
             WHERE id = ?1)",
        )?;
        let number = statement.insert(params![
            context.id,
            domain,
            context.revision,
            serde_variant_name(&context.transport)?,
            context.source,
            to_json_text(&context.headers)?,
            context.actor.user_id,
            context.actor.profile_id,
            context.actor.organization_id,
            to_json_text(&context.roles)?,
            context.realm,
            context.correlation,
            context.causation,
        ])?;
        self.database.reach("context")?;
        Ok(number)
    }
}

/// Returns true for a command without parent, code and response that was applied.
fn is_narrow(command: &CommandRecord) -> bool {
    command.status == CommandStatus::Applied
        && command.parent.is_none()
        && command.code.is_none()
        && command.response.is_none()
}

/// Updates the creation columns of an aggregate, if a unit of work changes them.
fn update_aggregate(connection: &Connection, row: &mut PendingRow<'_>) -> Result<(), Fault> {
    let creation = CreationInfo::of(row.state);
    let mut statement = connection.prepare_cached(
        "UPDATE aggregate SET created_at = ?2, created_by = ?3, realm = ?4 WHERE number = ?1",
    )?;
    statement.execute(params![
        row.number,
        creation.created_at,
        creation.created_by,
        creation.realm
    ])?;
    row.creation = Some(creation);
    Ok(())
}

/// The statements of every commit, prepared once for the life of the connection.
pub(super) struct Statements<'c> {
    pub(super) begin: Statement<'c>,
    pub(super) commit: Statement<'c>,
    pub(super) rollback: Statement<'c>,
    pub(super) data_version: Statement<'c>,
    pub(super) command_exists: Statement<'c>,
    pub(super) aggregate: Statement<'c>,
    pub(super) insert_command: Statement<'c>,
    pub(super) insert_event: Statement<'c>,
    pub(super) insert_state: Statement<'c>,
    pub(super) update_state: Statement<'c>,
    /// Narrow statements for most rows, whose other columns are NULL. Binding NULL costs the same
    /// as binding a value.
    pub(super) insert_narrow_command: Statement<'c>,
    pub(super) insert_narrow_event: Statement<'c>,
    pub(super) update_narrow_state: Statement<'c>,
}

impl<'c> Statements<'c> {
    pub(super) fn prepare(connection: &'c Connection) -> Result<Self, Fault> {
        Ok(Self {
            begin: connection.prepare("BEGIN IMMEDIATE")?,
            commit: connection.prepare("COMMIT")?,
            rollback: connection.prepare("ROLLBACK")?,
            data_version: connection.prepare("PRAGMA data_version")?,
            command_exists: connection.prepare("SELECT 1 FROM command WHERE id = ?1")?,
            aggregate: connection.prepare(
                "SELECT a.number, s.version, s.event, a.created_at, a.created_by, a.realm FROM \
                 aggregate AS a JOIN state AS s ON s.aggregate = a.number WHERE a.identifier = ?1 \
                 AND a.resource = ?2",
            )?,
            insert_command: connection.prepare(
                "INSERT INTO command (position, id, parent, type, identifier, payload, \
                 payload_hash, context, is_rejected, code, response, received_at) VALUES (?1, ?2, \
                 ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            )?,
            insert_event: connection.prepare(
                "INSERT INTO event (position, id, type, aggregate, version, previous, command, \
                args, data, delta, occurred_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, \
                ?11)",
            )?,
            insert_state: connection.prepare(
                "INSERT INTO state (aggregate, version, event, etag, revision, data, updated_at, \
                updated_by, closed_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?,
            update_state: connection.prepare(
                "UPDATE state SET version = ?2, event = ?3, etag = ?4, revision = ?5, data = ?6, \
                 updated_at = ?7, updated_by = ?8, closed_at = ?9 WHERE aggregate = ?1",
            )?,
            insert_narrow_command: connection.prepare(
                "INSERT INTO command (position, id, type, identifier, payload, payload_hash, \
                 context, is_rejected, received_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8)",
            )?,
            insert_narrow_event: connection.prepare(
                "INSERT INTO event (position, id, type, aggregate, version, previous, command, \
                delta, occurred_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?,
            update_narrow_state: connection.prepare(
                "UPDATE state SET version = ?2, event = ?3, etag = NULL, revision = ?4, \
                 data = ?5, updated_at = ?6, updated_by = NULL, closed_at = NULL WHERE aggregate \
                 = ?1",
            )?,
        })
    }
}
