//! Commit: hands batches to the store.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures_util::FutureExt;
use tracing::Instrument;

use super::executor::{Completion, PendingEffect, StartedEffect};
use super::{Processor, Services, publish};
use crate::observability::spans;
use crate::scheduler::Batch;
use crate::sync::Instant;
use crate::unwind::{self, Guarded};
use fluvius_store::CommitOutcome;

/// Hands a batch to the store. `depth` is the number of units that wait for the next batch.
pub(super) fn run(
    processor: &Arc<Processor>,
    batch: &Batch,
    depth: usize,
    now: Instant,
) -> StartedEffect {
    let Services { metadata, metrics, store, .. } = &processor.services;
    metrics.committing(depth, batch.len());
    let span = spans::guarded(|| spans::commit(metadata, batch.len()));
    let mut committing = Guarded::of(|| store.commit_owned(Arc::clone(batch)));
    let mut cx = Context::from_waker(Waker::noop());
    // A store that commits within the call needs no task.
    let polled = unwind::catch(|| span.in_scope(|| committing.poll_unpin(&mut cx)));
    match polled.unwrap_or(Poll::Ready(None)) {
        Poll::Ready(committed) => {
            StartedEffect::Completed(completion(&processor.services, batch, committed))
        }
        Poll::Pending => {
            let (processor, batch) = (Arc::clone(processor), Arc::clone(batch));
            let if_panicked = Completion::BatchInDoubt(batch.len());
            let committed = async move {
                let committed = committing.instrument(span).await;
                completion(&processor.services, &batch, committed)
            };
            StartedEffect::Pending(PendingEffect::new(now, committed, if_panicked))
        }
    }
}

/// Notifies the observers of the units that the store has committed. The outcomes are `None` if the
/// store panicked.
fn completion(
    services: &Services,
    batch: &Batch,
    committed: Option<Vec<CommitOutcome>>,
) -> Completion {
    // After a panic of the store the outcome is in doubt, and the log resolves it.
    let outcomes =
        committed.unwrap_or_else(|| batch.iter().map(|_| CommitOutcome::InDoubt).collect());
    // Observers are notified in position order, and before any of the commands is answered.
    for (unit, outcome) in batch.iter().zip(&outcomes) {
        if let CommitOutcome::Committed { first, .. } = outcome {
            unwind::catch(|| publish::committed(services, unit, *first));
        }
    }
    unwind::catch(|| services.committed.notify_waiters());
    Completion::BatchCommitted(outcomes)
}
