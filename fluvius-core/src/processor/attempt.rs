//! One attempt to decide a job: its commands one on the result of the other, and what is to be
//! stored of it.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;

use futures_util::FutureExt;
use uuid::Uuid;

use super::deadline::within;
use super::decide::{self, AtHand};
use super::job::{Ended, Outcome, Request, errors};
use super::task::{Answer, Task};
use super::{Environment, Head, Processor, commit, refusal};
use crate::command::CommandStatus;
use crate::context::{ActionContext, Given};
use crate::error::Error;
use crate::few::Few;
use crate::sequencer::Decision;
use crate::unit_of_work::UnitOfWork;
use crate::unwind;

/// What an attempt has given.
pub(crate) struct Attempt {
    pub(crate) decision: Decision,
    pub(crate) outcome: Outcome,
    /// Whether the answer is in the log once the unit of work stands.
    pub(crate) is_kept: bool,
    /// The identifiers that the rules have drawn.
    pub(crate) ids: Vec<Uuid>,
}

impl Attempt {
    /// The rest of an attempt whose code has panicked, if nothing is known of it any more.
    pub(crate) fn panicked(request: &Request) -> Self {
        let unit = UnitOfWork::empty(Arc::clone(&request.sender.record));
        let decision = Decision { reads: Few::new(), writes: Few::new(), unit };
        let outcome = Err((0, Error::Panicked { command: request.tasks[0].action.key }));
        Self { decision, outcome, is_kept: false, ids: Vec::new() }
    }
}

/// Decides the commands of a request. Whatever happens, panics and deadlines too, ends in a
/// decision: even an answer that leaves no row must rest on heads that stand.
pub(crate) async fn run(
    processor: Arc<Processor>,
    request: Arc<Request>,
    attempt: u32,
    ids: Vec<Uuid>,
) -> Attempt {
    let mut cx = ActionContext::new(processor, given(&request, attempt, ids));
    let outcome = decide(&mut cx, &request.tasks).await;
    conclude(cx, &request, outcome)
}

/// [`run`], of one command that has all at hand: it costs no future.
pub(crate) fn at_once(
    processor: &Arc<Processor>,
    request: &Request,
    attempt: u32,
    ids: Vec<Uuid>,
    at_hand: &AtHand,
) -> Attempt {
    let task = &request.tasks[0];
    let mut cx = ActionContext::new(Arc::clone(processor), given(request, attempt, ids));
    let decided = unwind::catch(|| decide::at_once(&mut cx, task, at_hand));
    let decided = decided.unwrap_or(Err(Error::Panicked { command: task.action.key }));
    let outcome = match decided {
        Ok(answer) => Ok(vec![answer]),
        Err(error) => Err((0, error)),
    };
    conclude(cx, request, outcome)
}

/// The rows stored for a denied request: an activity, and no command.
pub(crate) fn denied(environment: &Environment, request: &Request, denied: Ended) -> Attempt {
    let mut unit = UnitOfWork::empty(Arc::clone(&request.sender.record));
    let (index, error) = &denied;
    let recorded = unwind::catch(|| record_refusal(environment, &mut unit, request, *index, error));
    let error = match recorded {
        Some(()) => denied,
        None => (0, Error::Panicked { command: request.tasks[0].action.key }),
    };
    let decision = Decision { reads: Few::new(), writes: Few::new(), unit };
    // No look-up is needed: a denied sender gets no answer from the log.
    Attempt { decision, outcome: Err(error), is_kept: true, ids: Vec::new() }
}

fn given(request: &Request, attempt: u32, ids: Vec<Uuid>) -> Given {
    Given {
        sender: Arc::clone(&request.sender),
        now: request.tasks[0].received,
        attempt,
        ids,
        ids_used: 0,
    }
}

/// What an attempt has come to, as the sequencer takes it.
fn conclude(mut cx: ActionContext, request: &Request, mut outcome: Outcome) -> Attempt {
    let environment = &cx.processor.environment;
    let work = std::mem::take(&mut cx.work);
    let context = Arc::clone(&request.sender.record);
    let panicked = || Error::Panicked { command: request.tasks[0].action.key };
    let mut decision = match &outcome {
        Ok(_) => work.into_decision(context),
        Err(_) => work.into_refusal(context),
    };
    if let Ok(answers) = &mut outcome {
        let checked = unwind::catch(|| check(environment, &mut decision, answers));
        if let Err(error) = checked.unwrap_or_else(|| Err(panicked())) {
            unwind::dispose(std::mem::replace(&mut outcome, Err((0, error))));
            decision.writes.clear();
            let UnitOfWork { expected, context, .. } = decision.unit;
            decision.unit = UnitOfWork { expected, ..UnitOfWork::empty(context) };
        }
    }
    if let Err((index, error)) = &outcome {
        let unit = &mut decision.unit;
        let recorded = unwind::catch(|| record_refusal(environment, unit, request, *index, error));
        if recorded.is_none() {
            unwind::dispose(std::mem::replace(&mut outcome, Err((0, panicked()))));
        }
    }
    let is_kept = !decision.unit.commands.is_empty();
    #[cfg(feature = "testing")]
    plant(&environment.settings.limits, &mut decision);
    let ids = std::mem::take(&mut cx.given.ids);
    if let Some(fault) = cx.fault.take() {
        // It may hold an author's error.
        unwind::dispose(fault);
    }
    Attempt { decision, outcome, is_kept, ids }
}

/// Checks a decision before it is admitted.
///
/// # Errors
/// `too-large`, `invalid-state`, and a listener's veto.
fn check(
    environment: &Environment,
    decision: &mut Decision,
    answers: &mut [Answer],
) -> Result<(), Error> {
    let (rows, bytes) = (decision.unit.row_count(), decision.unit.estimated_bytes());
    if rows > UnitOfWork::MAX_ROWS || bytes > UnitOfWork::MAX_BYTES {
        return Err(Error::TooLarge { rows, bytes: Some(bytes) });
    }
    if environment.settings.read_back {
        for head in &mut decision.writes {
            read_back(environment, head, answers)?;
        }
    }
    commit::ask(environment, &decision.unit)
}

/// Replaces the value that the rule has left by the one read from the row to be stored, so that
/// all processes decide on one value.
fn read_back(
    environment: &Environment,
    head: &mut Arc<Head>,
    answers: &mut [Answer],
) -> Result<(), Error> {
    let Some(record) = head.not_read_back() else { return Ok(()) };
    let Some(aggregate) = environment.registry.aggregate(&record.root.resource) else {
        return Ok(());
    };
    let value = aggregate.decode(record.revision, &record.data);
    let value = value.map_err(|error| Error::InvalidState {
        root: record.root.clone(),
        revision: record.revision,
        path: error.path().to_owned(),
        message: format!("the state cannot be read back: {}", error.message()),
    })?;
    for answer in answers {
        let response = &answer.response;
        let is_of_row = response.version == record.version && response.root == record.root;
        if let Some(state) = answer.state.as_mut().filter(|_| is_of_row) {
            *state = Arc::clone(&value);
        }
    }
    *head = Arc::new(Head::decided(Arc::clone(record), value, true));
    Ok(())
}

/// Breaks the decision as a test has asked for.
#[cfg(feature = "testing")]
fn plant(limits: &crate::sequencer::Limits, decision: &mut Decision) {
    use crate::testing::Planted;
    if !decision.writes.is_empty() {
        return;
    }
    if limits.has(Planted::AnswerRefusalAtOnce) {
        decision.reads.clear();
        decision.unit.expected.clear();
    }
    if limits.has(Planted::CachedRead) {
        decision.unit.expected.clear();
    }
}

async fn decide(cx: &mut ActionContext, tasks: &[Task]) -> Result<Vec<Answer>, Ended> {
    let mut answers = Vec::with_capacity(tasks.len());
    for (index, task) in tasks.iter().enumerate() {
        let deadline = task.action.timeout.unwrap_or(cx.environment().settings.deadline);
        let decided = pin!(AssertUnwindSafe(decide::run(cx, task)).catch_unwind());
        let decided = match within(deadline, decided).await {
            Some(Ok(decided)) => decided,
            Some(Err(payload)) => {
                unwind::dispose(payload);
                Err(Error::Panicked { command: task.action.key })
            }
            None => Err(Error::TimedOut { command: task.action.key, after: deadline }),
        };
        answers.push(decided.map_err(|error| (index, error))?);
    }
    Ok(answers)
}

/// What is kept of commands that were not applied: rows for an answer of the domain, an
/// activity for one of the policy, nothing for a fault.
fn record_refusal(
    environment: &Environment,
    unit: &mut UnitOfWork,
    request: &Request,
    index: usize,
    error: &Error,
) {
    let tasks = &request.tasks;
    if matches!(error, Error::Unauthorized { .. }) {
        let denied = refusal::denied(environment, &request.sender, &tasks[index], error);
        unit.activities.push(denied.into());
    }
    if !error.is_refusal() || !environment.settings.record_refusals {
        return;
    }
    for (task, error) in tasks.iter().zip(errors(tasks, index, error)) {
        let record = &request.sender.record;
        let mut row = task.record(environment.meta, record, CommandStatus::Rejected);
        refusal::write(&mut row, &error);
        unit.commands.push(row.into());
    }
}
