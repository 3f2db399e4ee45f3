//! What a transaction that is open will leave, before it is durable.

use std::sync::Arc;

use fluvius_store::uuid::Uuid;
use fluvius_store::{AggregateId, ContextRecord, StateRecord, UnitOfWork};

use super::cache::{Aggregate, Cache, CreationInfo, Map};
use super::dictionary::Dictionary;

/// What the units that are to be stored leave. It borrows from them.
#[derive(Debug, Default)]
pub(super) struct Overlay<'b> {
    /// The last position that is given.
    pub(super) position: u64,
    pub(super) aggregates: Map<&'b AggregateId, PendingRow<'b>>,
    /// The commands: their unit, their index in it, and their position.
    pub(super) commands: Map<Uuid, (&'b UnitOfWork, usize, u64)>,
    /// The contexts that are new in it, each as it is stored, and its number once it has one.
    pub(super) contexts: Map<Uuid, (&'b Arc<ContextRecord>, Option<i64>)>,
    pub(super) dictionary: Dictionary,
}

/// An aggregate that is written.
#[derive(Debug)]
pub(super) struct PendingRow<'b> {
    /// As it was stored before, and the number that it has or is given.
    pub(super) number: Option<i64>,
    pub(super) creation: Option<CreationInfo>,
    pub(super) is_new: bool,
    /// The position of its last event; 0: it has none yet.
    pub(super) event: i64,
    /// The command of the last event that this transaction writes.
    pub(super) command: Option<Uuid>,
    /// As the last unit leaves it.
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
    /// A draft behind this position.
    pub(super) fn behind(position: u64) -> Self {
        Self { position, ..Self::default() }
    }

    /// What was drafted is stored: the cache knows it.
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
