//! In doubt: the answer of a command, and the log's part in it.
//!
//! If the store was lost during a commit, the command's id in the log tells whether its unit is stored. An answer that
//! leaves no row is given only after the log was asked for an earlier answer to the same id.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tracing::Instrument;
use uuid::Uuid;

use super::executor::{Completion, PendingEffect};
use super::job::{GroupError, Job, JobResult};
use super::timeout::timeout;
use super::{Processor, Services, authorize, deduplicate};
use crate::error::Error;
use crate::observability::spans;
use crate::scheduler::{CommandSeq, Resolution};
use crate::sync::{self, Instant};
use crate::unwind::Deferred;
use fluvius_store::{Store, StoreError};

/// Looks up whether the unit of a command is stored, after its commit was in doubt.
pub(super) fn resolve(
    processor: &Arc<Processor>,
    seq: CommandSeq,
    id: Uuid,
    now: Instant,
) -> PendingEffect {
    let processor = Arc::clone(processor);
    let unknown = move || Err(GroupError::first(Error::OutcomeUnknown { id }));
    let resolving = async move {
        match is_stored(&processor.services, id).await {
            Some(true) => Completion::Ended(seq, Resolution::Duplicate),
            // Its unit is not stored, so it may be decided again. If a commit that is still on its way arrives first, the
            // id is found taken.
            Some(false) => Completion::Resumed(seq),
            None => Completion::Answered(seq, unknown()),
        }
    };
    PendingEffect::new(now, resolving, Completion::Answered(seq, unknown()))
}

/// Looks a command up by its id until the store answers; `None` if it does not answer in time.
async fn is_stored(services: &Services, id: Uuid) -> Option<bool> {
    let found = pin!(async {
        let mut pause = Duration::from_millis(5);
        loop {
            match services.store.command(id).await {
                Ok(found) => return Some(found.is_some()),
                Err(error) if error.is_retryable() => {}
                Err(_) => return None,
            }
            sync::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    });
    timeout(services.settings.outcome_timeout, found).await.flatten()
}

/// An answer that is due, and the log's part in it.
pub(super) struct DueAnswer {
    pub(super) outcome: JobResult,
    /// Set if the log is asked for an earlier answer first.
    pub(super) must_look_up: bool,
    /// Set if the store has found the id in the log.
    is_duplicate: bool,
    /// Set if the policy was asked about each command with the states at that time.
    is_allowed: bool,
}

/// Returns the answer of a command that has ended.
pub(super) fn due_answer(job: &mut Job, resolution: Resolution) -> DueAnswer {
    let is_allowed = matches!(job.outcome, Some(Ok(_)));
    let is_duplicate = matches!(resolution, Resolution::Duplicate);
    let looked_up = |error| (Err(GroupError::first(error)), true);
    let (outcome, must_look_up) = match resolution {
        Resolution::Committed => {
            let missing = || {
                let message = "internal error: command finished without an outcome";
                Err(GroupError::first(Error::from(StoreError::permanent(message))))
            };
            let outcome = job.outcome.take().unwrap_or_else(missing);
            // A denial is the answer, whatever the log holds: it is in the log as an activity.
            let is_denied =
                matches!(&outcome, Err(GroupError { error: Error::PermissionDenied { .. }, .. }));
            let must_look_up = outcome.is_err() && !job.is_kept && !is_denied;
            (outcome, must_look_up)
        }
        Resolution::Duplicate => looked_up(Error::CommandIdReused { id: job.request.tasks[0].id }),
        Resolution::Conflict(aggregate_id, attempts) => {
            looked_up(Error::Conflict { aggregate_id, attempts })
        }
        Resolution::Failed(error) => match &job.denied {
            Some(denied) => {
                report_unrecorded(job);
                let denied = Err(GroupError::clone(denied));
                // The store's error: its destructor does not run under the lock.
                Deferred::Value(Box::new(error)).defer();
                (denied, false)
            }
            None => looked_up(Error::from(error)),
        },
    };
    DueAnswer { outcome, must_look_up, is_duplicate, is_allowed }
}

/// Asks the log whether the id of a command has an earlier answer than the one that is due.
pub(super) fn look_up(
    processor: &Arc<Processor>,
    job: &Job,
    seq: CommandSeq,
    due: DueAnswer,
    now: Instant,
) -> PendingEffect {
    let DueAnswer { outcome, is_duplicate, is_allowed, .. } = due;
    let request = Arc::clone(&job.request);
    let processor = Arc::clone(processor);
    // Reading an answer back runs an author's code. If it panics, the log may have the answer.
    let id = request.tasks[0].id;
    let if_panicked =
        Completion::Answered(seq, Err(GroupError::first(Error::OutcomeUnknown { id })));
    let span = spans::guarded(|| spans::deduplicate(&request.span));
    let looking_up = async move {
        let services = &processor.services;
        let first = match deduplicate::first_answer(services, &request, is_duplicate).await {
            None => return Completion::Answered(seq, outcome),
            Some(Err(ended)) if !ended.error.is_recorded() => {
                return Completion::Answered(seq, Err(ended));
            }
            Some(first) => first,
        };
        if is_allowed {
            return Completion::Answered(seq, first);
        }
        match authorize::replay(services, &request).await {
            Ok(()) => Completion::Answered(seq, first),
            Err(denied @ GroupError { error: Error::PermissionDenied { .. }, .. }) => {
                Completion::Denied(seq, denied)
            }
            Err(ended) => Completion::Answered(seq, Err(ended)),
        }
    };
    PendingEffect::new(now, looking_up.instrument(span), if_panicked)
}

/// Reports that the store has failed to record a denial, or may have.
pub(super) fn report_unrecorded(job: &Job) {
    let (domain, command_id) = (job.request.domain, job.request.tasks[0].id);
    let report = move || {
        tracing::error!(domain, %command_id, "a denial of the policy could not be recorded");
    };
    Deferred::Call(Box::new(report)).defer();
}
