//! The outputs of the scheduler.

use super::CommandSeq;
use super::commit_queue::Batch;
#[expect(unused_imports, reason = "for the links")]
use super::scheduler::Scheduler;
use fluvius_store::{AggregateId, Lease, StoreError};

/// A request of the scheduler to the executor.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Decide the command on the newest versions, then call [`Scheduler::admit`].
    Decide(CommandSeq),
    /// Commit the batch, then call [`Scheduler::on_batch_committed`].
    Commit(Batch),
    /// Answer the command, then call [`Scheduler::finish`].
    Answer(CommandSeq, Resolution),
    /// Wait, longer after each conflict, then call [`Scheduler::resume`]. The command keeps its
    /// locks, so later commands do not overtake it.
    BackOff(CommandSeq, u32),
    /// Look up the unit by command id, then call [`Scheduler::resume`] or [`Scheduler::end`].
    ResolveInDoubt(CommandSeq),
    /// Acquire the lease of the aggregate, load the aggregate, then call
    /// [`Scheduler::on_lease_acquired`].
    AcquireLease(AggregateId),
    /// Wait for one tick of a held lease, then call [`Scheduler::on_lease_tick`].
    KeepLease(AggregateId),
    /// Return the lease to the store.
    ReleaseLease(Lease),
}

/// The end of a command.
#[derive(Debug)]
pub(crate) enum Resolution {
    /// Its last decision is durable.
    Committed {
        /// The position of the first row of its unit; meaningless for a unit without rows.
        first: u64,
    },
    /// The log already has an id of its unit.
    Duplicate,
    /// Other processes changed its aggregates in each attempt: the last such aggregate, and the
    /// number of attempts.
    Conflict(AggregateId, u32),
    /// The store failed.
    Failed(StoreError),
}
