//! Commits in doubt, and the role of the log in the answer of a command.
//!
//! If the store was lost during a commit, a look-up of the command's id in the log resolves it. An
//! answer without a row is given only after the log was searched for an earlier answer to the same
//! id.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tracing::Instrument;
use uuid::Uuid;

use super::executor::{Completion, PendingEffect};
use super::job::{GroupError, Job, JobResult, Request, set_positions};
use super::timeout::timeout;
use super::{Processor, Services, authorize, deduplicate};
use crate::error::Error;
use crate::observability::spans;
use crate::scheduler::{CommandSeq, Resolution};
use crate::sync::{self, Instant};
use crate::unwind::Deferred;
use fluvius_store::{Store, StoreError};

/// Resolves a commit in doubt: looks up the unit of a command.
///
/// A dry run has no rows that the store could have kept, and an operation may be recorded twice.
/// For them, the look-up waits until the store answers.
pub(super) fn resolve(
    processor: &Arc<Processor>,
    seq: CommandSeq,
    request: &Request,
    now: Instant,
) -> PendingEffect {
    let processor = Arc::clone(processor);
    let id = request.tasks[0].id;
    let lost = match (request.is_command(), request.operation) {
        (true, _) => None,
        (false, None) => Some("the store was lost while it checked a dry run"),
        (false, Some(_)) => Some("the store was lost while it recorded an operation"),
    };
    let unknown = move || {
        let error = match lost {
            Some(message) => Error::from(StoreError::unavailable(message)),
            None => Error::OutcomeUnknown { id },
        };
        Err(GroupError::first(error))
    };
    let resolving = async move {
        match is_stored(&processor.services, id).await {
            Some(true) => Completion::Ended(seq, Resolution::Duplicate),
            // The unit is not stored, so the command may be decided again. If a delayed commit
            // still arrives first, the id is found to be taken.
            Some(false) => Completion::Resumed(seq),
            None => Completion::Answered(seq, unknown()),
        }
    };
    PendingEffect::new(now, resolving, Completion::Answered(seq, unknown()))
}

/// Looks a command up by its id until the store answers. Returns `None` if the store does not
/// answer in time.
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

/// An answer that is due, and the role of the log in it.
pub(super) struct DueAnswer {
    pub(super) outcome: JobResult,
    /// Set if the log must first be searched for an earlier answer.
    pub(super) must_look_up: bool,
    /// Set if the store has found the id in the log.
    is_duplicate: bool,
    /// Set if the policy has allowed each command with the states of the time.
    is_allowed: bool,
}

/// Returns the answer of a command that has ended.
pub(super) fn due_answer(job: &mut Job, resolution: Resolution) -> DueAnswer {
    let is_allowed = matches!(job.outcome, Some(Ok(_)));
    let is_duplicate = matches!(resolution, Resolution::Duplicate);
    let looked_up = |error| (Err(GroupError::first(error)), true);
    let (outcome, must_look_up) = match resolution {
        Resolution::Committed { first } => {
            let missing = || {
                let message = "internal error: command finished without an outcome";
                Err(GroupError::first(Error::from(StoreError::permanent(message))))
            };
            let mut outcome = job.outcome.take().unwrap_or_else(missing);
            if let Some(after_first) = job.row_count.checked_sub(1) {
                let position = first.saturating_add(after_first as u64);
                set_positions(&mut outcome, false, |_| position);
            }
            // A denial is the answer, whatever the log contains; it is logged as an activity.
            let is_denied = outcome
                .as_ref()
                .is_err_and(|ended| matches!(*ended.error, Error::PermissionDenied { .. }));
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
                let denied = Err(denied.clone());
                // The store's error must not be dropped under the lock.
                Deferred::Value(Box::new(error)).defer();
                (denied, false)
            }
            None => looked_up(Error::from(error)),
        },
    };
    // The ids of a dry run and of an operation are new, so the log cannot have them.
    let must_look_up = must_look_up && job.request.is_command();
    DueAnswer { outcome, must_look_up, is_duplicate, is_allowed }
}

/// Searches the log for an earlier answer to the command's id than the one that is due.
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
    // Reading an answer back runs the author's code. If that panics, the log may have the answer.
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
            Err(denied) if matches!(*denied.error, Error::PermissionDenied { .. }) => {
                Completion::Denied(seq, denied)
            }
            Err(ended) => Completion::Answered(seq, Err(ended)),
        }
    };
    PendingEffect::new(now, looking_up.instrument(span), if_panicked)
}

/// Logs that the store has failed, or may have failed, to record a denial.
pub(super) fn report_unrecorded(job: &Job) {
    let (domain, command_id) = (job.request.domain, job.request.tasks[0].id);
    let report = move || {
        tracing::error!(domain, %command_id, "a denial of the policy could not be recorded");
    };
    Deferred::Call(Box::new(report)).defer();
}
