//! The outcome of a commit.

use std::sync::Arc;

use crate::aggregate_id::AggregateId;
use crate::error::StoreError;
use crate::record::{CommandRecord, ContextRecord, LogEntry, StateRecord};

/// The outcome of one unit of a batch.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum CommitOutcome {
    /// All of it is stored.
    Committed {
        /// The position of its first row. The others follow one by one, in the order of
        /// [`UnitOfWork`](crate::UnitOfWork). Without meaning for a unit without rows.
        first: u64,
        /// The written aggregate types whose [lease](crate::Store::acquire_lease) another process holds or waits for: a
        /// process that keeps changing them should acquire leases too. A store without leases names none.
        contended: Vec<AggregateId>,
    },
    /// An aggregate type has another version than expected; nothing is stored.
    VersionConflict {
        /// The aggregate type; of several, the first in the order of `expected`.
        aggregate_id: AggregateId,
        /// Its stored row, as the units before this one leave it.
        stored: Option<Box<StateRecord>>,
    },
    /// A command id is taken; nothing is stored.
    DuplicateCommand {
        /// The row that has it, which may be of a unit before this one in the batch.
        command: Box<LogEntry<CommandRecord>>,
        /// That row's context.
        context: Arc<ContextRecord>,
    },
    /// A unit that this one depends on is not stored, so this one is not stored either.
    DependencyAborted {
        /// The index of that unit in the batch; of several, the first in the order of
        /// `depends_on`.
        on: usize,
    },
    /// The store failed, or the unit is malformed; nothing is stored.
    Failed(StoreError),
    /// The store was lost during the commit: all of the unit is stored, or nothing.
    InDoubt,
}
