//! The overlay of an open transaction: rows that are written but not yet durable.

use std::sync::Arc;

use fluvius_store::uuid::Uuid;
use fluvius_store::{AggregateId, ContextRecord, StateRecord, UnitOfWork};

use super::cache::{Aggregate, Cache, CreationInfo, Map};
use super::dictionary::Dictionary;

/// The changes of the units to store. It borrows from them.
#[derive(Debug, Default)]
pub(super) struct Overlay<'b> {
    /// The last assigned position.
    pub(super) position: u64,
    pub(super) aggregates: Map<&'b AggregateId, PendingRow<'b>>,
    /// The commands: unit, index in it, and position.
    pub(super) commands: Map<Uuid, (&'b UnitOfWork, usize, u64)>,
    /// The new contexts, each as it is stored, with its number once it has one.
    pub(super) contexts: Map<Uuid, (&'b Arc<ContextRecord>, Option<i64>)>,
    pub(super) dictionary: Dictionary,
}

/// The pending row of an aggregate.
#[derive(Debug)]
pub(super) struct PendingRow<'b> {
    /// Values of the stored row; the number of a new aggregate is assigned on insert.
    pub(super) number: Option<i64>,
    pub(super) creation: Option<CreationInfo>,
    pub(super) is_new: bool,
    /// Position of its last event; 0 if it has none.
    pub(super) event: i64,
    /// The command of the last event that this transaction writes.
    pub(super) command: Option<Uuid>,
    /// State after the last unit.
    pub(super) state: &'b StateRecord,
}

impl<'b> PendingRow<'b> {
    pub(super) fn new(stored: Option<Aggregate>, state: &'b StateRecord) -> Self {
        match stored {
            Some(aggregate_id) => Self {
                number: Some(aggregate_id.number),
                creation: Some(aggregate_id.creation),
                is_new: false,
                event: aggregate_id.event,
                command: None,
                state,
            },
            None => {
                Self { number: None, creation: None, is_new: true, event: 0, command: None, state }
            }
        }
    }
}

impl Overlay<'_> {
    /// Returns an empty overlay after this position.
    pub(super) fn behind(position: u64) -> Self {
        Self { position, ..Self::default() }
    }

    /// Moves the rows, now durable, into the cache.
    pub(super) fn keep(self, cache: &mut Cache) {
        cache.position = Some(self.position);
        cache.newest_id = cache.newest_id.max(self.commands.keys().max().copied());
        cache.dictionary.extend(self.dictionary);
        for (id, (_, number)) in self.contexts {
            if let Some(number) = number {
                cache.contexts.insert(id, number);
            }
        }
        for (aggregate_id, row) in self.aggregates {
            let (Some(number), Some(creation)) = (row.number, row.creation) else { continue };
            let version = row.state.version;
            let stored = Aggregate { number, version, event: row.event, creation };
            cache.aggregates.insert(aggregate_id.clone(), stored);
        }
    }
}
