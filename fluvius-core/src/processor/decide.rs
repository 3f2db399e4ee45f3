//! Decide: runs the author's code on a copy of the state.
//!
//! The result is plain data: the changes of the command. This stage never writes to a store, and
//! holds no lock or transaction while the author's code runs.

use std::sync::Arc;

use super::action_backend::{attempt_state, attempt_state_mut};
use super::task::Task;
use super::write_set::Savepoint;
use super::{authorize, load, precondition};
use crate::error::Error;
use crate::id_generator as ids;
use crate::model::{
    ActionContext, AggregateDescriptor, Call, ErasedResponse, EventDescriptor, Frame, Handler,
    Lifecycle, Outcome, Response, SharedState, Stop,
};
use crate::observer::RuntimeEvent;
use crate::scheduler::CachedVersion;
use fluvius_store::json::JsonError;
use fluvius_store::{
    CommandStatus, ETag, EventRecord, Json, Precondition, SNAPSHOT_INTERVAL, StateDelta,
    StateRecord, UnitOfWork,
};

/// Maximum depth of actions that invoke each other.
const MAX_INVOKE_DEPTH: usize = 16;

/// Runs one action and adds its changes to the write set of the context.
///
/// # Errors
/// Any error that ends the command. The write set is then unchanged, except for the reads.
///
/// # Cancellation
/// Dropping the future has the effect of a failure. An action may drop that of an action it has
/// invoked.
pub(crate) async fn run(cx: &mut ActionContext, task: &Task) -> Result<ErasedResponse, Error> {
    let before = attempt_state(cx).write_set.savepoint();
    let depth = cx.frames.len();
    let mut written = WriteGuard { cx, before, depth, is_kept: false };
    let decided = decide(written.cx, task, before).await;
    written.is_kept = decided.is_ok();
    decided
}

/// A guard that rolls the writes of an action back unless they are kept.
struct WriteGuard<'a> {
    cx: &'a mut ActionContext,
    before: Savepoint,
    depth: usize,
    is_kept: bool,
}

impl Drop for WriteGuard<'_> {
    fn drop(&mut self) {
        if !self.is_kept {
            attempt_state_mut(self.cx).write_set.roll_back(self.before);
            self.cx.frames.truncate(self.depth);
        }
    }
}

async fn decide(
    cx: &mut ActionContext,
    task: &Task,
    before: Savepoint,
) -> Result<ErasedResponse, Error> {
    if cx.frames.len() > MAX_INVOKE_DEPTH {
        return Err(Error::InvokeDepthExceeded { max_depth: MAX_INVOKE_DEPTH });
    }
    let rows = attempt_state(cx).write_set.row_count();
    if rows > UnitOfWork::MAX_ROWS {
        return Err(Error::TooLarge { rows, bytes: None });
    }
    let cached = load::version(cx, &task.aggregate_id).await?;
    let aggregate = (task.action.aggregate)();
    if let Some(record) = precondition::unexpected(cx, task, &cached) {
        if cx.frames.is_empty() {
            // The error tells the version, so the policy is asked about this state first.
            let state = cached.value(record, aggregate)?;
            authorize::with_state(cx, task, &cached, Some(&state)).await?;
        }
        return Err(precondition::failed(task, Precondition::Absent, Some(record)));
    }
    let state = admit(cx, task, aggregate, &cached)?;
    if cx.frames.is_empty() {
        authorize::with_state(cx, task, &cached, state.as_ref()).await?;
        precondition::check(
            task,
            attempt_state(cx)
                .write_set
                .first_read(&task.aggregate_id)
                .and_then(|cached| cached.record.as_deref()),
        )?;
    } else {
        precondition::check(task, cached.record.as_deref())?;
    }

    let call = Call { state: state.as_ref(), command: &task.command };
    cx.frames.push(frame(task));
    let outcome = match task.action.run {
        Handler::Now(run) => run(call, cx),
        Handler::Later(run) => run(call, cx).await,
    };
    conclude(cx, task, before, &cached, state, outcome)
}

/// The input of an action without a wait: its method, and the newest version of its aggregate.
pub(crate) struct InlineInput {
    pub(crate) cached: Arc<CachedVersion>,
    pub(crate) run: fn(Call<'_>, &mut ActionContext) -> Result<Outcome, Stop>,
}

/// Runs a single command without a wait, like [`run`] but without a future. There is no policy.
///
/// # Errors
/// As [`run`], except that the write set is not rolled back.
pub(crate) fn run_inline(
    cx: &mut ActionContext,
    task: &Task,
    inline_input: &InlineInput,
) -> Result<ErasedResponse, Error> {
    let InlineInput { cached, run } = inline_input;
    let write_set = &mut attempt_state_mut(cx).write_set;
    let before = write_set.savepoint();
    write_set.read(Arc::clone(cached));
    if let Some(record) = precondition::unexpected(cx, task, cached) {
        return Err(precondition::failed(task, Precondition::Absent, Some(record)));
    }
    let state = admit(cx, task, (task.action.aggregate)(), cached)?;
    precondition::check(task, cached.record.as_deref())?;
    cx.frames.push(frame(task));
    let outcome = run(Call { state: state.as_ref(), command: &task.command }, cx);
    conclude(cx, task, before, cached, state, outcome)
}

fn frame(task: &Task) -> Frame {
    Frame {
        aggregate_id: task.aggregate_id.clone(),
        command_id: task.id,
        action: task.action,
        invoked_count: 0,
    }
}

/// Converts the result of the action to rows and the answer, or to the error that ends the command.
fn conclude(
    cx: &mut ActionContext,
    task: &Task,
    before: Savepoint,
    cached: &CachedVersion,
    state: Option<SharedState>,
    outcome: Result<Outcome, Stop>,
) -> Result<ErasedResponse, Error> {
    cx.frames.pop();
    if let Some(fault) = &cx.fault {
        // A fault ends the command, whatever the action returned.
        return Err(Error::clone(fault));
    }

    match outcome {
        Ok(outcome) => record(cx, task, before, cached, state, outcome),
        Err(Stop::Rejected { code, message, source }) => {
            let aggregate_id = task.aggregate_id.clone();
            Err(Error::Rejected { aggregate_id, code, message, source, recorded: None })
        }
        Err(Stop::InvalidData(error)) => Err(cannot_keep(task, (task.action.aggregate)(), &error)),
    }
}

/// Checks the life cycle that the receiver declares, and returns the state for the action.
fn admit(
    cx: &ActionContext,
    task: &Task,
    aggregate: &'static AggregateDescriptor,
    cached: &CachedVersion,
) -> Result<Option<SharedState>, Error> {
    if task.action.lifecycle == Lifecycle::Create {
        return match cached.record {
            // An id is used once, even if the aggregate is closed or belongs to another realm.
            Some(_) => Err(Error::already_exists(task.aggregate_id.clone())),
            None => Ok(None),
        };
    }
    match cached.visible(attempt_state(cx).sender.realm.as_deref()) {
        Some(record) => cached.value(record, aggregate).map(Some),
        None => Err(Error::not_found(task.aggregate_id.clone())),
    }
}

/// Converts the outcome of the action to rows and the answer.
#[expect(
    clippy::expect_used,
    reason = "the receiver determines the states before and after an action"
)]
fn record(
    cx: &mut ActionContext,
    task: &Task,
    before: Savepoint,
    cached: &CachedVersion,
    state: Option<SharedState>,
    outcome: Outcome,
) -> Result<ErasedResponse, Error> {
    let Outcome { next, data } = outcome;
    let attempt = attempt_state_mut(cx);
    let metadata = attempt.processor.services.metadata;
    let mut command = task.record(metadata, &attempt.sender.record, CommandStatus::Applied);
    command.response.clone_from(&data);
    attempt.write_set.record_command(before, command);

    let is_changed = next.is_some();
    let value = next.or(state);
    let value = value.expect("a creating action gives a state, and every other had one");
    let record = match task.action.event {
        Some(event) => happened(cx, task, before, cached, (&value, is_changed), event, &data)?,
        None => {
            let record = cached.record.clone();
            record.expect("the aggregate of a read-only action exists")
        }
    };
    let occurred_at = match task.action.event {
        Some(_) => record.updated_at,
        None => task.received_at,
    };
    let answered_with_state = data.is_none();
    let data = match data {
        Some(data) => data,
        None => written_now(task, &record, &value)?,
    };
    Ok(ErasedResponse {
        response: Response {
            command_id: task.id,
            command: task.action.key,
            aggregate_id: task.aggregate_id.clone(),
            version: record.version,
            etag: record.etag,
            event: task.action.event.map(|event| event.key),
            occurred_at,
            // Set once the unit is stored.
            position: 0,
            replayed: false,
            data,
        },
        state: answered_with_state.then_some(value),
    })
}

/// Returns the state in the shape of the current revision, for a row of any revision.
fn written_now(task: &Task, record: &StateRecord, value: &SharedState) -> Result<Json, Error> {
    let aggregate = (task.action.aggregate)();
    if record.revision == aggregate.revision {
        return Ok(record.data.clone());
    }
    aggregate.encode(value).map_err(|error| cannot_keep(task, aggregate, &error))
}

/// Adds the event and the new version to the write set.
fn happened(
    cx: &mut ActionContext,
    task: &Task,
    before: Savepoint,
    cached: &CachedVersion,
    (value, is_changed): (&SharedState, bool),
    descriptor: &'static EventDescriptor,
    answer: &Option<Json>,
) -> Result<Arc<StateRecord>, Error> {
    let services = &attempt_state(cx).processor.services;
    let aggregate = (task.action.aggregate)();
    let previous = cached.record.as_deref();
    let same_revision = previous.is_some_and(|record| record.revision == aggregate.revision);
    let is_as_before = !is_changed && same_revision;
    let data = match previous {
        Some(record) if is_as_before => record.data.clone(),
        _ => aggregate.encode(value).map_err(|error| cannot_keep(task, aggregate, &error))?,
    };

    if let Some(inspector) = &services.settings.inspector {
        inspector.args(task.action, &task.args);
        if is_changed {
            inspector.state(&task.aggregate_id, aggregate, value, &data);
        }
    }

    let version = cached.version() + 1;
    let delta = match previous {
        Some(record) if same_revision && !(version - 1).is_multiple_of(SNAPSHOT_INTERVAL) => {
            StateDelta::between(Some(&record.data), &data)
        }
        _ => StateDelta::snapshot(&data),
    };
    let next = Arc::new(next_record(cx, task, aggregate, previous, version, data));
    let mut event = EventRecord::new(
        ids::of_event(task.id),
        services.metadata.namespace,
        descriptor.key,
        task.aggregate_id.clone(),
        version,
        task.id,
        delta,
        next.updated_at,
    );
    event.revision = aggregate.revision;
    event.args = task.args.clone();
    event.data = answer.clone();
    if services.settings.read_back {
        descriptor.read_back(&event).map_err(|error| Error::InvalidState {
            aggregate_id: task.aggregate_id.clone(),
            revision: aggregate.revision,
            path: error.path().to_owned(),
            message: format!(
                "the event `{}` cannot be read back: {}",
                descriptor.key,
                error.message()
            ),
        })?;
    }
    if !attempt_state(cx).is_dry_run {
        services.notify(&RuntimeEvent::EventRecorded { event: &event, attempt: cx.attempt });
    }
    let is_read_back = is_as_before && cached.not_read_back().is_none();
    let cached = CachedVersion::decided(Arc::clone(&next), Arc::clone(value), is_read_back);
    let write_set = &mut attempt_state_mut(cx).write_set;
    write_set.record_event(before, event);
    write_set.write(Arc::new(cached));
    Ok(next)
}

fn next_record(
    cx: &ActionContext,
    task: &Task,
    aggregate: &'static AggregateDescriptor,
    previous: Option<&StateRecord>,
    version: u64,
    data: Json,
) -> StateRecord {
    let actor = cx.actor().id();
    // Along an aggregate time never decreases, even if the clock does.
    let occurred_at = previous.map_or(cx.now(), |record| record.updated_at.max(cx.now()));
    let (created_at, created_by, realm) = match previous {
        Some(record) => (record.created_at, record.created_by, record.realm.clone()),
        None => (occurred_at, actor, attempt_state(cx).sender.realm.clone()),
    };
    let etag = ETag::new(version, task.id);
    let mut record = StateRecord::new(task.aggregate_id.clone(), version, etag, data, occurred_at);
    record.revision = aggregate.revision;
    record.created_at = created_at;
    record.created_by = created_by;
    record.updated_by = actor;
    record.closed_at = (task.action.lifecycle == Lifecycle::Close).then_some(occurred_at);
    record.realm = realm;
    record
}

fn cannot_keep(task: &Task, aggregate: &AggregateDescriptor, error: &JsonError) -> Error {
    Error::InvalidState {
        aggregate_id: task.aggregate_id.clone(),
        revision: aggregate.revision,
        path: error.path().to_owned(),
        message: error.message().to_owned(),
    }
}
