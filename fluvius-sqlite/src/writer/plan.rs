//! What becomes of each unit, found out before the first row is written.

use std::sync::Arc;

use fluvius_core::json::StateDelta;
use fluvius_core::uuid::Uuid;
use fluvius_core::{
    AggregateRoot, CommitOutcome, ContextRecord, Json, LogEntry, StateRecord, StoreError,
    StoredCommand, UnitOfWork,
};
use rusqlite::params;

use super::cache::{Birth, Root};
use super::draft::Touched;
use super::session::Open;
use crate::error::Fault;
use crate::read;

impl<'b> Open<'_, '_, 'b> {
    /// The outcome of a unit as the units before it leave the content. Where it is `Committed`, its
    /// rows are to be written; they are in the draft already.
    pub(super) fn plan(
        &mut self,
        unit: &'b UnitOfWork,
        outcomes: &[CommitOutcome],
    ) -> Result<CommitOutcome, Fault> {
        self.place.reach("plan")?;
        if let Err(error) = unit.validate(outcomes.len()).and_then(|()| self.check_size(unit)) {
            return Ok(CommitOutcome::Failed(error));
        }
        let is_stored =
            |on: &usize| matches!(outcomes.get(*on), Some(CommitOutcome::Committed { .. }));
        if let Some(on) = unit.depends_on.iter().find(|on| !is_stored(on)) {
            return Ok(CommitOutcome::DependencyAborted { on: *on });
        }
        for command in &unit.commands {
            if let Some((command, context)) = self.known(command.id)? {
                return Ok(CommitOutcome::DuplicateCommand { command: Box::new(command), context });
            }
        }
        let mut roots = Vec::new();
        for expected in &unit.expected {
            let (version, stored) = self.version(&expected.root)?;
            if version != expected.version {
                let stored = self.state(&expected.root)?.map(Box::new);
                return Ok(CommitOutcome::VersionConflict { root: expected.root.clone(), stored });
            }
            roots.push(stored);
        }
        let first = self.draft.position + 1;
        self.add(unit, roots);
        Ok(CommitOutcome::Committed { first, contended: Vec::new() })
    }

    /// Adds a unit that is to be stored to the draft.
    fn add(&mut self, unit: &'b UnitOfWork, mut roots: Vec<Option<Root>>) {
        let rows = u64::try_from(unit.row_count()).unwrap_or(u64::MAX);
        if rows == 0 {
            return;
        }
        let first = self.draft.position + 1;
        self.draft.position += rows;
        // The first unit that carries it stores it.
        self.draft.contexts.entry(unit.context.id).or_insert((&unit.context, None));
        for ((index, command), position) in unit.commands.iter().enumerate().zip(first..) {
            self.draft.commands.insert(command.id, (unit, index, position));
        }
        for state in &unit.states {
            // Every written root is expected.
            let place = unit.expected.binary_search_by(|expected| expected.root.cmp(&state.root));
            let stored = place.ok().and_then(|place| roots[place].take());
            let touched = self.draft.roots.entry(&state.root);
            touched.or_insert_with(|| Touched::new(stored, state)).state = state;
        }
    }

    /// The row that has a command's identifier, in this transaction or before it.
    fn known(&mut self, id: Uuid) -> Result<Option<StoredCommand>, Fault> {
        if let Some(&(unit, index, position)) = self.draft.commands.get(&id) {
            let record = unit.commands[index].as_ref().clone();
            let context = self.context_in_effect(&unit.context)?;
            return Ok(Some((LogEntry { position, record }, context)));
        }
        let is_new = self.cache.newest_id.is_none_or(|newest| id > newest);
        if is_new || !self.statements.is_known.exists((id,))? {
            return Ok(None);
        }
        read::command(self.connection, id)
    }

    /// The context with this identifier as it is stored, or will be.
    fn context_in_effect(&self, context: &Arc<ContextRecord>) -> Result<Arc<ContextRecord>, Fault> {
        if let Some(stored) = read::context(self.connection, context.id)? {
            return Ok(stored);
        }
        let drafted = self.draft.contexts.get(&context.id);
        Ok(Arc::clone(drafted.map_or(context, |(drafted, _)| drafted)))
    }

    /// The version of a root, and what is stored of it where this transaction has not written it.
    fn version(&mut self, root: &AggregateRoot) -> Result<(u64, Option<Root>), Fault> {
        if let Some(touched) = self.draft.roots.get(root) {
            return Ok((touched.state.version, None));
        }
        let stored = self.stored(root)?;
        Ok((stored.as_ref().map_or(0, |stored| stored.version), stored))
    }

    /// What is stored of a root.
    fn stored(&mut self, root: &AggregateRoot) -> Result<Option<Root>, Fault> {
        if let Some(stored) = self.cache.roots.get(root) {
            return Ok(Some(stored.clone()));
        }
        let Some(resource) = self.known_name(&root.resource)? else { return Ok(None) };
        let mut rows = self.statements.root.query(params![root.identifier, resource])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let version = u64::try_from(row.get::<_, i64>(1)?);
        let stored = Root {
            number: row.get(0)?,
            version: version.map_err(|error| Fault::damaged("state", error))?,
            event: row.get(2)?,
            birth: Birth {
                created: row.get(3)?,
                creator: row.get(4)?,
                realm: row.get::<_, Option<String>>(5)?.map(Arc::from),
            },
        };
        self.cache.roots.insert(root.clone(), stored.clone());
        Ok(Some(stored))
    }

    /// The row of a root as the units before leave it.
    fn state(&self, root: &AggregateRoot) -> Result<Option<StateRecord>, Fault> {
        match self.draft.roots.get(root) {
            Some(touched) => Ok(Some(touched.state.clone())),
            None => read::load(self.connection, root),
        }
    }

    fn check_size(&self, unit: &UnitOfWork) -> Result<(), StoreError> {
        let max = self.place.options.max_row_bytes;
        match longest_row(unit) {
            bytes if bytes <= max => Ok(()),
            bytes => Err(StoreError::permanent(format!(
                "a row of {bytes} bytes is longer than the {max} that this store takes: keep less \
                 in one state or command, or set `max_row_bytes`"
            ))),
        }
    }
}

/// The length of the texts of a unit's longest row.
fn longest_row(unit: &UnitOfWork) -> usize {
    let json = |json: &Option<Json>| json.as_ref().map_or(0, Json::len);
    let states = unit.states.iter().map(|row| row.data.len());
    let commands = unit.commands.iter().map(|row| row.payload.len() + json(&row.response));
    let events =
        unit.events.iter().map(|row| row.args.len() + json(&row.data) + change_length(&row.change));
    let messages = unit.messages.iter().map(|row| row.data.len());
    let activities = unit.activities.iter().map(|row| row.message.len() + json(&row.data));
    let context = &unit.context;
    let headers = context.headers.iter().map(|(name, value)| name.len() + value.len());
    let roles = context.roles.iter().map(String::len);
    let context = context.source.len() + headers.chain(roles).sum::<usize>();
    let rows = states.chain(commands).chain(events).chain(messages).chain(activities);
    rows.max().unwrap_or(0).max(context)
}

/// The length of a change as it is stored.
fn change_length(change: &StateDelta) -> usize {
    match change {
        StateDelta::Snapshot(state) => r#"{"whole":}"#.len() + state.len(),
        StateDelta::Patch(patch) => patch.len(),
    }
}
