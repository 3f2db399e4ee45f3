//! An attempt to decide a job. Each command is decided on the result of the previous one. The
//! attempt includes the rows to be stored.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;

use futures_util::FutureExt;
use uuid::Uuid;

use super::action_backend::{self, attempt_state, attempt_state_mut};
use super::decide::{self, InlineInput};
use super::job::{GroupError, JobResult, Request, errors};
use super::task::Task;
use super::timeout::timeout;
use super::{Processor, Services, rejection_record, veto};
use crate::collections::OneVec;
use crate::error::Error;
use crate::model::{ActionContext, ErasedResponse};
use crate::policy::Operation;
use crate::scheduler::{CachedVersion, Decision};
use crate::unwind;
use fluvius_store::{CommandStatus, UnitOfWork};

/// The result of an attempt.
pub(crate) struct Attempt {
    pub(crate) decision: Decision,
    pub(crate) outcome: JobResult,
    /// Set if the log contains the answer once the unit of work is committed.
    pub(crate) is_kept: bool,
    /// The ids that the actions have generated.
    pub(crate) ids: Vec<Uuid>,
}

impl Attempt {
    /// Returns the result of an attempt whose code panicked and left nothing behind.
    pub(crate) fn panicked(request: &Request) -> Self {
        let unit = UnitOfWork::new(Arc::clone(&request.sender.record));
        let decision = Decision { reads: OneVec::new(), writes: OneVec::new(), unit };
        let outcome =
            Err(GroupError::first(Error::Panicked { command: request.tasks[0].action.key }));
        Self { decision, outcome, is_kept: false, ids: Vec::new() }
    }
}

/// Decides the commands of a request. Panics and timeouts also yield a decision: even an answer
/// without a row depends on versions that must be durable first.
pub(crate) async fn run(
    processor: Arc<Processor>,
    request: Arc<Request>,
    attempt: u32,
    ids: Vec<Uuid>,
) -> Attempt {
    let mut cx = action_backend::context(processor, &request, attempt, ids);
    let outcome = decide(&mut cx, &request.tasks).await;
    conclude(cx, &request, outcome)
}

/// Decides a single command without a wait, like [`run`] but without a future.
pub(crate) fn run_inline(
    processor: &Arc<Processor>,
    request: &Request,
    attempt: u32,
    ids: Vec<Uuid>,
    inline_input: &InlineInput,
) -> Attempt {
    let task = &request.tasks[0];
    let mut cx = action_backend::context(Arc::clone(processor), request, attempt, ids);
    let outcome = match unwind::catch(|| decide::run_inline(&mut cx, task, inline_input)) {
        Some(Ok(answer)) => Ok(vec![answer]),
        Some(Err(error)) => Err(GroupError::first(error)),
        None => Err(GroupError::first(Error::Panicked { command: task.action.key })),
    };
    conclude(cx, request, outcome)
}

/// Returns the attempt of a denied request, which stores an activity and no command row.
pub(crate) fn denied(services: &Services, request: &Request, denied: GroupError) -> Attempt {
    let mut unit = UnitOfWork::new(Arc::clone(&request.sender.record));
    let GroupError { index, error } = &denied;
    let recorded = unwind::catch(|| record_rejection(services, &mut unit, request, *index, error));
    let error = match recorded {
        Some(()) => denied,
        None => GroupError::first(Error::Panicked { command: request.tasks[0].action.key }),
    };
    let decision = Decision { reads: OneVec::new(), writes: OneVec::new(), unit };
    // No lookup is needed: a denied sender gets no answer from the log.
    Attempt { decision, outcome: Err(error), is_kept: true, ids: Vec::new() }
}

/// Returns the attempt of an operation, which stores an activity only.
pub(crate) fn operation(
    services: &Services,
    request: &Request,
    operation: Operation,
    denied: Option<GroupError>,
) -> Attempt {
    let mut unit = UnitOfWork::new(Arc::clone(&request.sender.record));
    let reason = denied.as_ref().map(|denied| denied.error.as_ref());
    let (sender, task) = (&request.sender, &request.tasks[0]);
    let recorded = unwind::catch(|| {
        let row = rejection_record::operation(services, sender, task, operation, reason);
        unit.activities.push(row.into());
    });
    let outcome = match (recorded, denied) {
        (Some(()), None) => Ok(Vec::new()),
        (Some(()), Some(denied)) => Err(denied),
        (None, _) => Err(GroupError::first(Error::Panicked { command: task.action.key })),
    };
    let decision = Decision { reads: OneVec::new(), writes: OneVec::new(), unit };
    Attempt { decision, outcome, is_kept: true, ids: Vec::new() }
}

/// Converts the outcome of the author's code to a decision.
fn conclude(mut cx: ActionContext, request: &Request, mut outcome: JobResult) -> Attempt {
    let state = attempt_state_mut(&mut cx);
    let processor = Arc::clone(&state.processor);
    let services = &processor.services;
    let write_set = std::mem::take(&mut state.write_set);
    let context = Arc::clone(&request.sender.record);
    let panicked = || Error::Panicked { command: request.tasks[0].action.key };
    let mut decision = match &outcome {
        Ok(_) => write_set.into_decision(context),
        Err(_) => write_set.into_rejection(context),
    };
    if let Ok(answers) = &mut outcome {
        let checked = unwind::catch(|| check(services, request, &mut decision, answers));
        if let Err(error) = checked.unwrap_or_else(|| Err(panicked())) {
            unwind::dispose(std::mem::replace(&mut outcome, Err(GroupError::first(error))));
            decision.writes.clear();
            let UnitOfWork { expected, context, .. } = decision.unit;
            decision.unit = UnitOfWork::new(context);
            decision.unit.expected = expected;
        }
    }
    if outcome.is_ok() && request.discard(&mut decision.unit) {
        decision.writes.clear();
    }
    if let Err(GroupError { index, error }) = &outcome {
        let unit = &mut decision.unit;
        let recorded = unwind::catch(|| record_rejection(services, unit, request, *index, error));
        if recorded.is_none() {
            unwind::dispose(std::mem::replace(&mut outcome, Err(GroupError::first(panicked()))));
        }
    }
    let is_kept = !decision.unit.commands.is_empty();
    #[cfg(feature = "__test_seams")]
    plant(&services.settings.limits, &mut decision);
    let ids = std::mem::take(&mut attempt_state_mut(&mut cx).ids);
    if let Some(fault) = cx.fault.take() {
        // The fault may contain an author's error.
        unwind::dispose(fault);
    }
    Attempt { decision, outcome, is_kept, ids }
}

/// Checks a decision before it is admitted.
///
/// # Errors
/// `too-large`, `invalid-state`, or the veto of an observer.
fn check(
    services: &Services,
    request: &Request,
    decision: &mut Decision,
    answers: &mut [ErasedResponse],
) -> Result<(), Error> {
    let (rows, bytes) = (decision.unit.row_count(), decision.unit.estimated_bytes());
    if rows > UnitOfWork::MAX_ROWS || bytes > UnitOfWork::MAX_BYTES {
        return Err(Error::TooLarge { rows, bytes: Some(bytes) });
    }
    if services.settings.read_back {
        for cached in &mut decision.writes {
            read_back(services, cached, answers)?;
        }
    }
    match request.dry_run {
        Some(_) => Ok(()),
        None => veto::ask(services, &decision.unit),
    }
}

/// Replaces the value that an action left with the value decoded from the row to be stored, so that
/// all processes decide on the same value.
fn read_back(
    services: &Services,
    cached: &mut Arc<CachedVersion>,
    answers: &mut [ErasedResponse],
) -> Result<(), Error> {
    let Some(record) = cached.not_read_back().cloned() else { return Ok(()) };
    let Some(aggregate) = services.registry.aggregate(&record.aggregate_id.resource) else {
        return Ok(());
    };
    let value = aggregate.decode(record.revision, &record.data);
    let value = value.map_err(|error| Error::InvalidState {
        aggregate_id: record.aggregate_id.clone(),
        revision: record.revision,
        path: error.path().to_owned(),
        message: format!("the state cannot be read back: {}", error.message()),
    })?;
    for answer in answers {
        let response = &answer.response;
        let is_of_row =
            response.version == record.version && response.aggregate_id == record.aggregate_id;
        if let Some(state) = answer.state.as_mut().filter(|_| is_of_row) {
            *state = Arc::clone(&value);
        }
    }
    match Arc::get_mut(cached) {
        Some(version) => version.set_read_back(value),
        None => *cached = Arc::new(CachedVersion::decided(record, value, true)),
    }
    Ok(())
}

/// Applies the mutant that a test has planted.
#[cfg(feature = "__test_seams")]
fn plant(limits: &crate::scheduler::Limits, decision: &mut Decision) {
    use crate::mutants::Mutant;
    if !decision.writes.is_empty() {
        return;
    }
    if limits.has(Mutant::AnswerRejectionAtOnce) {
        decision.reads.clear();
        decision.unit.expected.clear();
    }
    if limits.has(Mutant::CachedRead) {
        decision.unit.expected.clear();
    }
}

async fn decide(cx: &mut ActionContext, tasks: &[Task]) -> Result<Vec<ErasedResponse>, GroupError> {
    let mut answers = Vec::with_capacity(tasks.len());
    for (index, task) in tasks.iter().enumerate() {
        let after =
            task.action.timeout.unwrap_or(attempt_state(cx).processor.services.settings.timeout);
        let decided = pin!(AssertUnwindSafe(decide::run(cx, task)).catch_unwind());
        let decided = match timeout(after, decided).await {
            Some(Ok(decided)) => decided,
            Some(Err(payload)) => {
                unwind::dispose(payload);
                Err(Error::Panicked { command: task.action.key })
            }
            None => Err(Error::TimedOut { command: task.action.key, after }),
        };
        answers.push(decided.map_err(|error| GroupError::new(index, error))?);
    }
    Ok(answers)
}

/// Adds the rows of commands that were not applied: command rows for recorded errors, except in a
/// dry run, an activity for a denial, and nothing for other errors.
fn record_rejection(
    services: &Services,
    unit: &mut UnitOfWork,
    request: &Request,
    index: usize,
    error: &Error,
) {
    let tasks = &request.tasks;
    if matches!(error, Error::PermissionDenied { .. }) {
        let denied = rejection_record::denied(services, &request.sender, &tasks[index], error);
        unit.activities.push(denied.into());
    }
    let is_discarded = request.dry_run.is_some() || !services.settings.record_rejections;
    if !error.is_recorded() || is_discarded {
        return;
    }
    for (task, error) in tasks.iter().zip(errors(tasks, index, error)) {
        let record = &request.sender.record;
        let mut row = task.record(services.metadata, record, CommandStatus::Rejected);
        rejection_record::write(&mut row, &error);
        unit.commands.push(row.into());
    }
}
