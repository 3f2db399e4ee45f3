//! Validation: determines the outcome of each unit before the first row is written.

use std::sync::Arc;

use fluvius_store::json::StateDelta;
use fluvius_store::uuid::Uuid;
use fluvius_store::{
    AggregateId, CommitOutcome, ContextRecord, Json, LogEntry, StateRecord, StoreError,
    StoredCommand, UnitOfWork,
};
use rusqlite::params;

use super::cache::{Aggregate, CreationInfo};
use super::overlay::PendingRow;
use super::transaction::Transaction;
use crate::error::Fault;
use crate::read;

impl<'b> Transaction<'_, '_, 'b> {
    /// Returns the outcome of a unit after the units before it. The rows of a `Committed` unit are
    /// in the overlay, and are to be written.
    pub(super) fn validate(
        &mut self,
        unit: &'b UnitOfWork,
        outcomes: &[CommitOutcome],
    ) -> Result<CommitOutcome, Fault> {
        self.database.reach("validate")?;
        if let Err(error) = unit.validate(outcomes.len()).and_then(|()| self.check_size(unit)) {
            return Ok(CommitOutcome::Failed(error));
        }
        let is_stored =
            |on: &usize| matches!(outcomes.get(*on), Some(CommitOutcome::Committed { .. }));
        if let Some(on) = unit.depends_on.iter().find(|on| !is_stored(on)) {
            return Ok(CommitOutcome::DependencyAborted { on: *on });
        }
        for command in &unit.commands {
            if let Some((command, context)) = self.duplicate(command.id)? {
                return Ok(CommitOutcome::DuplicateCommand { command: Box::new(command), context });
            }
        }
        let mut aggregate_ids = Vec::new();
        for expected in &unit.expected {
            let (version, stored) = self.version(&expected.aggregate_id)?;
            if version != expected.version {
                let stored = self.state(&expected.aggregate_id)?.map(Box::new);
                return Ok(CommitOutcome::VersionConflict {
                    aggregate_id: expected.aggregate_id.clone(),
                    stored,
                });
            }
            aggregate_ids.push(stored);
        }
        let first = self.overlay.position + 1;
        self.add(unit, aggregate_ids);
        Ok(CommitOutcome::Committed { first, contended: Vec::new() })
    }

    /// Adds a unit to the overlay.
    fn add(&mut self, unit: &'b UnitOfWork, mut aggregate_ids: Vec<Option<Aggregate>>) {
        let rows = u64::try_from(unit.row_count()).unwrap_or(u64::MAX);
        if rows == 0 {
            return;
        }
        let first = self.overlay.position + 1;
        self.overlay.position += rows;
        // The first unit that carries it stores it.
        self.overlay.contexts.entry(unit.context.id).or_insert((&unit.context, None));
        for ((index, command), position) in unit.commands.iter().enumerate().zip(first..) {
            self.overlay.commands.insert(command.id, (unit, index, position));
        }
        for state in &unit.states {
            // Every written aggregate is expected.
            let index = unit
                .expected
                .binary_search_by(|expected| expected.aggregate_id.cmp(&state.aggregate_id));
            let stored = index.ok().and_then(|index| aggregate_ids[index].take());
            let row = self.overlay.aggregates.entry(&state.aggregate_id);
            row.or_insert_with(|| PendingRow::new(stored, state)).state = state;
        }
    }

    /// Returns the row that has this command id, in this transaction or stored.
    fn duplicate(&mut self, id: Uuid) -> Result<Option<StoredCommand>, Fault> {
        if let Some(&(unit, index, position)) = self.overlay.commands.get(&id) {
            let record = unit.commands[index].as_ref().clone();
            let context = self.context_in_effect(&unit.context)?;
            return Ok(Some((LogEntry { position, record }, context)));
        }
        let is_new = self.cache.newest_id.is_none_or(|newest| id > newest);
        if is_new || !self.statements.command_exists.exists((id,))? {
            return Ok(None);
        }
        read::command(self.connection, id)
    }

    /// Returns the context with this id as it is stored or pending.
    fn context_in_effect(&self, context: &Arc<ContextRecord>) -> Result<Arc<ContextRecord>, Fault> {
        if let Some(stored) = read::context(self.connection, context.id)? {
            return Ok(stored);
        }
        let drafted = self.overlay.contexts.get(&context.id);
        Ok(Arc::clone(drafted.map_or(context, |(drafted, _)| drafted)))
    }

    /// Returns the version of an aggregate, and its stored row unless this transaction has written
    /// it.
    fn version(&mut self, aggregate_id: &AggregateId) -> Result<(u64, Option<Aggregate>), Fault> {
        if let Some(row) = self.overlay.aggregates.get(aggregate_id) {
            return Ok((row.state.version, None));
        }
        let stored = self.stored(aggregate_id)?;
        Ok((stored.as_ref().map_or(0, |stored| stored.version), stored))
    }

    /// Returns the stored row of an aggregate.
    fn stored(&mut self, aggregate_id: &AggregateId) -> Result<Option<Aggregate>, Fault> {
        if let Some(stored) = self.cache.aggregates.get(aggregate_id) {
            return Ok(Some(stored.clone()));
        }
        let Some(resource) = self.known_name(&aggregate_id.resource)? else { return Ok(None) };
        let mut rows = self.statements.aggregate.query(params![aggregate_id.id, resource])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let version = u64::try_from(row.get::<_, i64>(1)?);
        let stored = Aggregate {
            number: row.get(0)?,
            version: version.map_err(|error| Fault::damaged("state", error))?,
            event: row.get(2)?,
            creation: CreationInfo {
                created_at: row.get(3)?,
                created_by: row.get(4)?,
                realm: row.get::<_, Option<String>>(5)?.map(Arc::from),
            },
        };
        self.cache.aggregates.insert(aggregate_id.clone(), stored.clone());
        Ok(Some(stored))
    }

    /// Returns the state of an aggregate after the units before.
    fn state(&self, aggregate_id: &AggregateId) -> Result<Option<StateRecord>, Fault> {
        match self.overlay.aggregates.get(aggregate_id) {
            Some(row) => Ok(Some(row.state.clone())),
            None => read::load(self.connection, aggregate_id),
        }
    }

    fn check_size(&self, unit: &UnitOfWork) -> Result<(), StoreError> {
        let max = self.database.options.max_row_bytes;
        match longest_row(unit) {
            bytes if bytes <= max => Ok(()),
            bytes => Err(StoreError::permanent(format!(
                "a row of {bytes} bytes is longer than the {max} that this store takes: keep less \
                 in one state or command, or set `max_row_bytes`"
            ))),
        }
    }
}

/// Returns the length of the texts of a unit's longest row.
fn longest_row(unit: &UnitOfWork) -> usize {
    let json = |json: &Option<Json>| json.as_ref().map_or(0, Json::len);
    let states = unit.states.iter().map(|row| row.data.len());
    let commands = unit.commands.iter().map(|row| row.payload.len() + json(&row.response));
    let events =
        unit.events.iter().map(|row| row.args.len() + json(&row.data) + delta_length(&row.delta));
    let messages = unit.messages.iter().map(|row| row.data.len());
    let activities = unit.activities.iter().map(|row| row.message.len() + json(&row.data));
    let context = &unit.context;
    let headers = context.headers.iter().map(|(name, value)| name.len() + value.len());
    let roles = context.roles.iter().map(String::len);
    let context = context.source.len() + headers.chain(roles).sum::<usize>();
    let rows = states.chain(commands).chain(events).chain(messages).chain(activities);
    rows.max().unwrap_or(0).max(context)
}

/// Returns the length of a delta as it is stored.
fn delta_length(delta: &StateDelta) -> usize {
    match delta {
        StateDelta::Snapshot(state) => r#"{"snapshot":}"#.len() + state.len(),
        StateDelta::Patch(patch) => patch.len(),
    }
}
