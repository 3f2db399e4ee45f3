//! The outcome of a commit.

use std::sync::Arc;

use crate::aggregate_id::AggregateId;
use crate::error::StoreError;
use crate::record::{CommandRecord, ContextRecord, LogEntry, StateRecord};

/// The outcome of one unit of a batch.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum CommitOutcome {
    /// The unit is stored completely.
    Committed {
        /// The position of its first row. The other rows follow consecutively, in the order of
        /// [`UnitOfWork`](crate::UnitOfWork). Meaningless for a unit without rows.
        first: u64,
        /// The written aggregates whose [lease](crate::Store::acquire_lease) another process holds
        /// or waits for. A process that keeps changing them should acquire leases too. Empty if the
        /// store has no leases.
        contended: Vec<AggregateId>,
    },
    /// An aggregate has another version than expected; nothing is stored.
    VersionConflict {
        /// The aggregate; of several, the first in the order of `expected`.
        aggregate_id: AggregateId,
        /// Its stored row, including the changes by earlier units of the batch.
        stored: Option<Box<StateRecord>>,
    },
    /// A command id is taken; nothing is stored.
    DuplicateCommand {
        /// The row with this id, which may belong to an earlier unit of the batch.
        command: Box<LogEntry<CommandRecord>>,
        /// The context of that row.
        context: Arc<ContextRecord>,
    },
    /// A dependency of this unit is not stored, so this unit is not stored either.
    DependencyAborted {
        /// The index of that unit in the batch; of several, the first in the order of
        /// `depends_on`.
        on: usize,
    },
    /// The store failed, or the unit is malformed; nothing is stored.
    Failed(StoreError),
    /// The store was lost during the commit: either the whole unit is stored, or nothing.
    InDoubt,
}
