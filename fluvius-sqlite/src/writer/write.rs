//! Writing the rows of units that nothing stands against.

use std::sync::Arc;

use fluvius_core::{
    ActivityRecord, AggregateId, CommandRecord, CommandStatus, ContextRecord, ETag, EventRecord,
    MessageRecord, UnitOfWork,
};
use rusqlite::{Connection, params};

use super::cache::Birth;
use super::draft::Touched;
use super::session::Open;
use crate::error::Fault;
use crate::read::{clamped, one};
use crate::rows::{text_of, word_of};

impl<'b> Open<'_, '_, 'b> {
    /// Writes the rows of a unit but for its states, the first at this position.
    pub(super) fn write(&mut self, unit: &'b UnitOfWork, first: u64) -> Result<(), Fault> {
        if unit.row_count() == 0 {
            return Ok(());
        }
        let context = self.context(&unit.context)?;
        let mut positions = clamped(first)..;
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

    /// Writes the states, each once, as the last unit leaves it.
    pub(super) fn write_states(&mut self) -> Result<(), Fault> {
        for touched in self.draft.aggregate_ids.values_mut() {
            let state = touched.state;
            if !touched.birth.as_ref().is_some_and(|birth| birth.is_of(state)) {
                update_aggregate(self.connection, touched)?;
                self.place.reach("birth")?;
            }
            let derived = touched.command.map(|command| ETag::new(state.version, command));
            let etag = (derived != Some(state.etag)).then(|| state.etag.to_string());
            let (version, updated_at) =
                (clamped(state.version), state.updated_at.timestamp_micros());
            let (number, event, data) = (touched.number, touched.event, state.data.as_str());
            let is_usual =
                etag.is_none() && state.updated_by.is_none() && state.closed_at.is_none();
            let statements = &mut *self.statements;
            let written = if is_usual && !touched.is_new {
                let values = params![number, version, event, state.revision, data, updated_at];
                statements.update_usual_state.execute(values)?
            } else {
                let statement = match touched.is_new {
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
            self.place.reach("state")?;
        }
        self.write_values()
    }

    fn command(
        &mut self,
        position: i64,
        command: &CommandRecord,
        context: i64,
    ) -> Result<(), Fault> {
        let kind = self.command_kind(command)?;
        if is_usual(command) {
            self.statements.insert_usual_command.execute(params![
                position,
                command.id,
                kind,
                command.aggregate_id.id,
                command.payload.as_str(),
                command.payload_hash.as_bytes(),
                context,
                command.received_at.timestamp_micros(),
            ])?;
            return self.place.reach("command");
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
        self.place.reach("command")
    }

    fn event(&mut self, position: i64, event: &EventRecord) -> Result<(), Fault> {
        let kind = self.event_kind(event)?;
        let number = self.aggregate_number(&event.aggregate_id)?;
        let command = self.draft.commands.get(&event.command_id);
        let (payload, source) = match command {
            Some((unit, index, position)) => (&unit.commands[*index].payload, *position),
            None => return Err(Fault::damaged("event", "it comes from no command of its unit")),
        };
        let args = (event.args != *payload).then_some(event.args.as_str());
        let Some(touched) = self.draft.aggregate_ids.get_mut(&event.aggregate_id) else {
            return Err(Fault::damaged("event", "its aggregate is not written"));
        };
        let previous = (touched.event > 0).then_some(touched.event);
        let (version, source) = (clamped(event.version), clamped(source));
        let delta = event.delta.to_json();
        let (delta, occurred_at) = (delta.as_str(), event.occurred_at.timestamp_micros());
        let data = event.data.as_ref().map(|data| data.as_str());
        if args.is_none() && data.is_none() {
            self.statements.insert_usual_event.execute(params![
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
        touched.event = position;
        touched.command = Some(event.command_id);
        self.place.reach("event")
    }

    /// The number of an aggregate that is written; a new one is given its row.
    fn aggregate_number(&mut self, aggregate_id: &AggregateId) -> Result<i64, Fault> {
        let touched = self.draft.aggregate_ids.get(aggregate_id);
        let touched =
            touched.ok_or_else(|| Fault::damaged("event", "its aggregate is not written"))?;
        if let Some(number) = touched.number {
            return Ok(number);
        }
        let birth = Birth::of(touched.state);
        let resource = self.name(&aggregate_id.resource)?;
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO aggregate (resource, identifier, created_at, created_by, realm) \
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        let Birth { created_at, created_by, realm } = &birth;
        let number =
            statement.insert(params![resource, aggregate_id.id, created_at, created_by, realm])?;
        if let Some(touched) = self.draft.aggregate_ids.get_mut(aggregate_id) {
            touched.number = Some(number);
            touched.birth = Some(birth);
        }
        self.place.reach("root")?;
        Ok(number)
    }

    fn message(&mut self, position: i64, message: &MessageRecord) -> Result<(), Fault> {
        let key = self.name(&message.key)?;
        let resource = self.name(&message.aggregate_id.resource)?;
        let source = self.draft.commands.get(&message.command_id).map(|(.., position)| *position);
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO message (position, id, key, data, command, resource, identifier) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        statement.execute(params![
            position,
            message.id,
            key,
            message.data.as_str(),
            source.map(clamped),
            resource,
            message.aggregate_id.id,
        ])?;
        self.place.reach("message")
    }

    fn activity(
        &mut self,
        position: i64,
        activity: &ActivityRecord,
        context: i64,
    ) -> Result<(), Fault> {
        let resource = self.name(&activity.aggregate_id.resource)?;
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO activity (position, id, resource, identifier, context, command_id, message, \
             kind, label, code, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?;
        statement.execute(params![
            position,
            activity.id,
            resource,
            activity.aggregate_id.id,
            context,
            activity.command_id,
            activity.message,
            word_of(&activity.kind)?,
            activity.label,
            activity.code,
            activity.data.as_ref().map(|data| data.as_str()),
        ])?;
        self.place.reach("activity")
    }

    /// The number of a context, which is stored where it is not there.
    fn context(&mut self, context: &ContextRecord) -> Result<i64, Fault> {
        if let Some(number) = self.cache.contexts.get(&context.id) {
            return Ok(*number);
        }
        let drafted = self.draft.contexts.get(&context.id);
        if let Some((_, Some(number))) = drafted {
            return Ok(*number);
        }
        let drafted = drafted.map(|(drafted, _)| Arc::clone(drafted));
        let select = "SELECT number FROM context WHERE id = ?1";
        let number = match one(self.connection, select, (context.id,), |row| Ok(row.get(0)?))? {
            Some(number) => number,
            None => self.insert_context(drafted.as_deref().unwrap_or(context))?,
        };
        if let Some((_, drafted)) = self.draft.contexts.get_mut(&context.id) {
            *drafted = Some(number);
        }
        Ok(number)
    }

    fn insert_context(&mut self, context: &ContextRecord) -> Result<i64, Fault> {
        let domain = self.name(&context.domain)?;
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO context (id, domain, revision, transport, source, headers, user_id, \
             profile_id, organization_id, roles, realm, correlation, causation) \
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13 \
             WHERE NOT EXISTS (SELECT 1 FROM context WHERE id = ?1)",
        )?;
        let number = statement.insert(params![
            context.id,
            domain,
            context.revision,
            word_of(&context.transport)?,
            context.source,
            text_of(&context.headers)?,
            context.actor.user_id,
            context.actor.profile_id,
            context.actor.organization_id,
            text_of(&context.roles)?,
            context.realm,
            context.correlation,
            context.causation,
        ])?;
        self.place.reach("context")?;
        Ok(number)
    }
}

/// Whether most of a command's columns are empty: its caller sent it, and it was applied without an
/// answer of its own.
fn is_usual(command: &CommandRecord) -> bool {
    command.status == CommandStatus::Applied
        && command.parent.is_none()
        && command.code.is_none()
        && command.response.is_none()
}

/// Writes who created an aggregate and when, where a unit of work tells it anew.
fn update_aggregate(connection: &Connection, touched: &mut Touched<'_>) -> Result<(), Fault> {
    let birth = Birth::of(touched.state);
    let mut statement = connection.prepare_cached(
        "UPDATE aggregate SET created_at = ?2, created_by = ?3, realm = ?4 WHERE number = ?1",
    )?;
    statement.execute(params![touched.number, birth.created_at, birth.created_by, birth.realm])?;
    touched.birth = Some(birth);
    Ok(())
}
