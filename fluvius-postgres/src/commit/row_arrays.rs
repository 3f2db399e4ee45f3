//! The rows of a batch as one array per table.

use fluvius_store::{
    AggregateId, CommandRecord, ContextRecord, EventRecord, StateRecord, UnitOfWork,
};

use super::composite_encoding::{RowArray, RowWriter};
use super::params::number;
use super::writer_connection::RowTypes;
use crate::error::Fault;
use crate::read::rows::{serde_variant_name, to_json_text};
use crate::read::saturating_i64;

/// The rows of one table, and the unit of each. For a state, `numbers` has the aggregate; for a
/// pair of unit and context, the context.
pub(crate) struct TableArray<'t> {
    pub(crate) rows: RowArray<'t>,
    pub(crate) units: Vec<i32>,
    pub(crate) numbers: Vec<i32>,
}

/// The rows of a batch by table.
pub(crate) struct RowArrays<'t> {
    pub(crate) states: TableArray<'t>,
    pub(crate) commands: TableArray<'t>,
    pub(crate) events: TableArray<'t>,
    pub(crate) messages: TableArray<'t>,
    pub(crate) activities: TableArray<'t>,
    pub(crate) contexts: TableArray<'t>,
}

impl<'t> RowArrays<'t> {
    pub(crate) fn new(types: &'t RowTypes) -> Self {
        let table = |row_type| TableArray {
            rows: RowArray::new(row_type),
            units: Vec::new(),
            numbers: Vec::new(),
        };
        Self {
            states: table(&types.state),
            commands: table(&types.command),
            events: table(&types.event),
            messages: table(&types.message),
            activities: table(&types.activity),
            contexts: table(&types.context),
        }
    }

    /// The number of bytes of all arrays.
    pub(crate) fn len(&self) -> usize {
        let Self { states, commands, events, messages, activities, contexts } = self;
        let tables = [states, commands, events, messages, activities, contexts];
        tables.iter().map(|table| table.rows.len()).sum()
    }

    /// Adds the states of a unit. If the last unit of each aggregate is given, it adds only the
    /// states of these.
    pub(crate) fn add_states(
        &mut self,
        unit: &UnitOfWork,
        unit_number: i32,
        aggregate_ids: &[&AggregateId],
        last_units: Option<&[i32]>,
    ) {
        for state in &unit.states {
            let Ok(aggregate) = aggregate_ids.binary_search(&&state.aggregate_id) else { continue };
            if last_units.is_some_and(|units| units[aggregate] != unit_number) {
                continue;
            }
            self.states.units.push(unit_number);
            self.states.numbers.push(number(aggregate));
            self.states.rows.row(|row| write_state(row, state));
        }
    }

    pub(crate) fn add_commands(
        &mut self,
        unit: &UnitOfWork,
        unit_number: i32,
        position: &mut i64,
    ) -> Result<(), Fault> {
        for command in &unit.commands {
            let status = serde_variant_name(&command.status)?;
            *position += 1;
            self.commands.units.push(unit_number);
            self.commands.rows.row(|row| write_command(row, *position, command, &status));
        }
        Ok(())
    }

    pub(crate) fn add_events(&mut self, unit: &UnitOfWork, unit_number: i32, position: &mut i64) {
        for event in &unit.events {
            *position += 1;
            self.events.units.push(unit_number);
            self.events.rows.row(|row| write_event(row, *position, event));
        }
    }

    pub(crate) fn add_messages(&mut self, unit: &UnitOfWork, unit_number: i32, position: &mut i64) {
        for message in &unit.messages {
            *position += 1;
            self.messages.units.push(unit_number);
            self.messages.rows.row(|row| {
                row.number(*position);
                row.uuid(message.id);
                row.text(&message.key);
                row.text(message.data.as_str());
                row.uuid(message.command_id);
                row.text(&message.aggregate_id.resource);
                row.uuid(message.aggregate_id.id);
            });
        }
    }

    pub(crate) fn add_activities(
        &mut self,
        unit: &UnitOfWork,
        unit_number: i32,
        position: &mut i64,
    ) -> Result<(), Fault> {
        for activity in &unit.activities {
            let kind = serde_variant_name(&activity.kind)?;
            *position += 1;
            self.activities.units.push(unit_number);
            self.activities.rows.row(|row| {
                row.number(*position);
                row.uuid(activity.id);
                row.text(&activity.aggregate_id.resource);
                row.uuid(activity.aggregate_id.id);
                row.uuid(activity.context_id);
                row.uuid(activity.command_id);
                row.text(&activity.message);
                row.text(&kind);
                row.optional_text(activity.label.as_deref());
                row.optional_text(activity.code.as_deref());
                row.optional_text(activity.data.as_ref().map(|data| data.as_str()));
            });
        }
        Ok(())
    }

    pub(crate) fn add_context(&mut self, context: &ContextRecord) -> Result<(), Fault> {
        let transport = serde_variant_name(&context.transport)?;
        let (headers, roles) = (to_json_text(&context.headers)?, to_json_text(&context.roles)?);
        self.contexts.rows.row(|row| {
            row.uuid(context.id);
            row.text(&context.domain);
            row.number(context.revision.into());
            row.text(&transport);
            row.text(&context.source);
            row.text(&headers);
            row.optional_uuid(context.actor.user_id);
            row.optional_uuid(context.actor.profile_id);
            row.optional_uuid(context.actor.organization_id);
            row.text(&roles);
            row.optional_text(context.realm.as_deref());
            row.optional_uuid(context.correlation);
            row.optional_uuid(context.causation);
        });
        Ok(())
    }
}

pub(super) fn write_state(row: &mut RowWriter<'_>, state: &StateRecord) {
    row.text(&state.aggregate_id.resource);
    row.uuid(state.aggregate_id.id);
    row.number(saturating_i64(state.version));
    row.text(&state.etag.to_string());
    row.number(state.revision.into());
    row.text(state.data.as_str());
    row.time(state.created_at);
    row.optional_uuid(state.created_by);
    row.time(state.updated_at);
    row.optional_uuid(state.updated_by);
    row.optional_time(state.closed_at);
    row.optional_text(state.realm.as_deref());
}

pub(super) fn write_command(
    row: &mut RowWriter<'_>,
    position: i64,
    command: &CommandRecord,
    status: &str,
) {
    row.number(position);
    row.uuid(command.id);
    row.optional_uuid(command.parent);
    row.text(&command.domain);
    row.number(command.revision.into());
    row.text(&command.command);
    row.text(&command.aggregate_id.resource);
    row.uuid(command.aggregate_id.id);
    row.text(command.payload.as_str());
    row.bytes(command.payload_hash.as_bytes());
    row.uuid(command.context_id);
    row.text(status);
    row.optional_text(command.code.as_deref());
    row.optional_text(command.response.as_ref().map(|response| response.as_str()));
    row.time(command.received_at);
}

pub(super) fn write_event(row: &mut RowWriter<'_>, position: i64, event: &EventRecord) {
    row.number(position);
    row.uuid(event.id);
    row.text(&event.domain);
    row.number(event.revision.into());
    row.text(&event.event);
    row.text(&event.aggregate_id.resource);
    row.uuid(event.aggregate_id.id);
    row.number(saturating_i64(event.version));
    row.uuid(event.command_id);
    row.text(event.args.as_str());
    row.optional_text(event.data.as_ref().map(|data| data.as_str()));
    row.text(event.delta.to_json().as_str());
    row.time(event.occurred_at);
}
