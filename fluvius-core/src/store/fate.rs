//! What became of a unit of work.

use std::sync::Arc;

use crate::command::CommandRecord;
use crate::context::ContextRecord;
use crate::logged::Logged;
use crate::root::AggregateRoot;
use crate::state::StateRecord;
use crate::store::StoreError;

/// What became of one unit of a batch.
#[derive(Debug, Clone)]
pub enum Fate {
    /// All of it is stored.
    Committed {
        /// The position of its first row; the others follow one by one, in the order that
        /// [`UnitOfWork`](crate::UnitOfWork) tells. Of a unit without rows it says nothing.
        first: u64,
        /// Those of the roots that it writes whose [turn](crate::Store::turn) somebody has, or
        /// waits for: whoever keeps changing them is to take turns as well. A store without turns
        /// names none.
        contested: Vec<AggregateRoot>,
    },
    /// A root has another version than expected; nothing is stored.
    Stale {
        /// The root; of several, the first in the order of `expected`.
        root: AggregateRoot,
        /// Its stored row, as the units before this one leave it.
        stored: Option<Box<StateRecord>>,
    },
    /// A command identifier is taken; nothing is stored.
    Known {
        /// The row that has it, which may be of a unit before this one in the batch.
        command: Box<Logged<CommandRecord>>,
        /// That row's context.
        context: Arc<ContextRecord>,
    },
    /// A unit that this one depends on is not stored, and so neither is this one.
    Fell {
        /// The index of that unit in the batch; of several, the first in the order of
        /// `depends_on`.
        on: usize,
    },
    /// The store failed, or the unit is malformed; nothing is stored.
    Failed(StoreError),
    /// The store went away during the commit: all of it is stored, or nothing.
    Unknown,
}
