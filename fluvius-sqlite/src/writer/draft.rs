//! What a transaction that is open will leave, before it is durable.

use std::sync::Arc;

use fluvius_core::uuid::Uuid;
use fluvius_core::{AggregateId, ContextRecord, StateRecord, UnitOfWork};

use super::cache::{Aggregate, Birth, Cache, Map};
use super::names::Names;

/// What the units that are to be stored leave. It borrows from them.
#[derive(Debug, Default)]
pub(super) struct Draft<'b> {
    /// The last position that is given.
    pub(super) position: u64,
    pub(super) aggregate_ids: Map<&'b AggregateId, Touched<'b>>,
    /// The commands: their unit, their index in it, and their position.
    pub(super) commands: Map<Uuid, (&'b UnitOfWork, usize, u64)>,
    /// The contexts that are new in it, each as it is stored, and its number once it has one.
    pub(super) contexts: Map<Uuid, (&'b Arc<ContextRecord>, Option<i64>)>,
    pub(super) names: Names,
}

/// An aggregate that is written.
#[derive(Debug)]
pub(super) struct Touched<'b> {
    /// As it was stored before, and the number that it has or is given.
    pub(super) number: Option<i64>,
    pub(super) birth: Option<Birth>,
    pub(super) is_new: bool,
    /// The position of its last event; 0: it has none yet.
    pub(super) event: i64,
    /// The command of the last event that this transaction writes.
    pub(super) command: Option<Uuid>,
    /// As the last unit leaves it.
    pub(super) state: &'b StateRecord,
}

impl<'b> Touched<'b> {
    pub(super) fn new(stored: Option<Aggregate>, state: &'b StateRecord) -> Self {
        match stored {
            Some(aggregate_id) => Self {
                number: Some(aggregate_id.number),
                birth: Some(aggregate_id.birth),
                is_new: false,
                event: aggregate_id.event,
                command: None,
                state,
            },
            None => {
                Self { number: None, birth: None, is_new: true, event: 0, command: None, state }
            }
        }
    }
}

impl Draft<'_> {
    /// A draft behind this position.
    pub(super) fn behind(position: u64) -> Self {
        Self { position, ..Self::default() }
    }

    /// What was drafted is stored: the cache knows it.
    pub(super) fn keep(self, cache: &mut Cache) {
        cache.position = Some(self.position);
        cache.newest_id = cache.newest_id.max(self.commands.keys().max().copied());
        cache.names.extend(self.names);
        for (id, (_, number)) in self.contexts {
            if let Some(number) = number {
                cache.contexts.insert(id, number);
            }
        }
        for (aggregate_id, touched) in self.aggregate_ids {
            let (Some(number), Some(birth)) = (touched.number, touched.birth) else { continue };
            let version = touched.state.version;
            let stored = Aggregate { number, version, event: touched.event, birth };
            cache.aggregate_ids.insert(aggregate_id.clone(), stored);
        }
    }
}
