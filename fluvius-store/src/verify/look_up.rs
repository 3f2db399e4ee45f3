//! Lookup of commands and contexts by identifier, as the rows of the logs refer to them.

use std::collections::HashSet;
use std::sync::Arc;

use uuid::Uuid;

use crate::aggregate_id::AggregateId;
use crate::dyn_store::ErasedStore;
use crate::error::StoreError;
use crate::record::{CommandRecord, CommandStatus, ContextRecord, LogEntry};

use super::{FaultKind, Verification};

/// Maximum number of cached contexts.
const MAX_CONTEXTS: usize = 4_096;

/// A command of the log, and its context.
pub(super) type Found = (LogEntry<CommandRecord>, Arc<ContextRecord>);

/// A lookup with a cache of the last command, and of contexts that exist.
pub(super) struct LookUp<'a> {
    store: &'a dyn ErasedStore,
    last: Option<Found>,
    contexts: HashSet<Uuid>,
}

impl<'a> LookUp<'a> {
    pub(super) fn new(store: &'a dyn ErasedStore) -> Self {
        Self { store, last: None, contexts: HashSet::new() }
    }

    /// Returns the command with this identifier. Rows of one command are mostly adjacent.
    pub(super) async fn command(&mut self, id: Uuid) -> Result<Option<&Found>, StoreError> {
        if self.last.as_ref().is_none_or(|(row, _)| row.record.id != id) {
            self.last = self.store.command(id).await?;
        }
        Ok(self.last.as_ref())
    }

    /// Returns true if a context with this identifier exists.
    pub(super) async fn has_context(&mut self, id: Uuid) -> Result<bool, StoreError> {
        if self.contexts.contains(&id) {
            return Ok(true);
        }
        let is_there = self.store.context(id).await?.is_some_and(|context| context.id == id);
        if is_there {
            if self.contexts.len() >= MAX_CONTEXTS {
                self.contexts.clear();
            }
            self.contexts.insert(id);
        }
        Ok(is_there)
    }

    /// Checks that a row at this position may come from this command.
    pub(super) async fn check_source(
        &mut self,
        what: &str,
        aggregate_id: &AggregateId,
        position: u64,
        command_id: Uuid,
        report: &mut Verification,
    ) -> Result<(), StoreError> {
        let Some((command, _)) = self.command(command_id).await? else {
            let detail = format!("{what} comes from command {command_id}, which is not there");
            report.add(FaultKind::CommandMissing, aggregate_id, Some(position), detail);
            return Ok(());
        };
        let unfit = if command.record.status != CommandStatus::Applied {
            "was rejected".to_owned()
        } else if command.position >= position {
            format!("is at a later position, {}", command.position)
        } else if command.record.aggregate_id != *aggregate_id {
            format!("is one of {}", command.record.aggregate_id)
        } else {
            return Ok(());
        };
        let detail = format!("{what} comes from command {command_id}, which {unfit}");
        report.add(FaultKind::CommandMismatch, aggregate_id, Some(position), detail);
        Ok(())
    }
}
