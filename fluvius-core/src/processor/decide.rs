//! Decide: the author's code, run on a copy of the state.
//!
//! It gives what the command would change, as data. It never writes to a store, and it holds
//! nothing while a rule runs.

use std::sync::Arc;

use super::head::Head;
use super::load;
use super::task::{Answer, Task};
use super::work::Savepoint;
use crate::action::{Call, Handler, Lifecycle, Outcome, Stop};
use crate::aggregate::{AggregateDescriptor, SharedState};
use crate::command::CommandStatus;
use crate::context::{ActionContext, Frame};
use crate::error::Error;
use crate::etag::ETag;
use crate::event::{EventDescriptor, EventRecord};
use crate::ids;
use crate::json::{Change, Json, JsonError};
use crate::policy::{PolicyRequest, PolicyState, Verdict};
use crate::response::Response;
use crate::signal::Signal;
use crate::state::{StateRecord, WHOLE_STATE_EVERY};
use crate::unit_of_work::UnitOfWork;

/// How deep actions may invoke each other.
const INVOKE_DEPTH_MAX: usize = 16;

/// Runs one action and puts what it changes into the context's work.
///
/// # Errors
/// Whatever ends the command; the work is then as it was, but for what was read.
///
/// # Cancellation
/// Dropping the future, as a rule may do with what it has invoked, is as if the action had
/// failed.
pub(crate) async fn run(cx: &mut ActionContext, task: &Task) -> Result<Answer, Error> {
    let before = cx.work.savepoint();
    let depth = cx.frames.len();
    let mut written = Written { cx, before, depth, is_kept: false };
    let decided = decide(written.cx, task, before).await;
    written.is_kept = decided.is_ok();
    decided
}

/// What one action writes; taken back unless it is kept.
struct Written<'a> {
    cx: &'a mut ActionContext,
    before: Savepoint,
    depth: usize,
    is_kept: bool,
}

impl Drop for Written<'_> {
    fn drop(&mut self) {
        if !self.is_kept {
            self.cx.work.roll_back(self.before);
            self.cx.frames.truncate(self.depth);
        }
    }
}

async fn decide(cx: &mut ActionContext, task: &Task, before: Savepoint) -> Result<Answer, Error> {
    if cx.frames.len() > INVOKE_DEPTH_MAX {
        return Err(Error::InvokeTooDeep { depth_max: INVOKE_DEPTH_MAX });
    }
    let rows = cx.work.row_count();
    if rows > UnitOfWork::MAX_ROWS {
        return Err(Error::TooLarge { rows, bytes: None });
    }
    let head = load::head(cx, &task.root).await?;
    let aggregate = (task.action.aggregate)();
    let state = admit(cx, task, aggregate, &head)?;
    if cx.frames.is_empty() {
        authorize_with_state(cx, task, &head, state.as_ref()).await?;
        check_precondition(
            task,
            cx.work.first_read(&task.root).and_then(|head| head.record.as_deref()),
        )?;
    } else {
        check_precondition(task, head.record.as_deref())?;
    }

    let call = Call { state: state.as_ref(), command: &task.command };
    cx.frames.push(frame(task));
    let outcome = match task.action.run {
        Handler::Now(run) => run(call, cx),
        Handler::Later(run) => run(call, cx).await,
    };
    conclude(cx, task, before, &head, state, outcome)
}

/// What an action that waits for nothing is run on: the newest head of its root, and its method.
pub(crate) struct AtHand {
    pub(crate) head: Arc<Head>,
    pub(crate) run: fn(Call<'_>, &mut ActionContext) -> Result<Outcome, Stop>,
}

/// [`run`], of a command that stands alone and has all at hand: it costs no future. No policy
/// looks at the state.
///
/// # Errors
/// As [`run`]; what was written is then not taken back.
pub(crate) fn at_once(
    cx: &mut ActionContext,
    task: &Task,
    at_hand: &AtHand,
) -> Result<Answer, Error> {
    let AtHand { head, run } = at_hand;
    let before = cx.work.savepoint();
    cx.work.read(Arc::clone(head));
    let state = admit(cx, task, (task.action.aggregate)(), head)?;
    check_precondition(task, head.record.as_deref())?;
    cx.frames.push(frame(task));
    let outcome = run(Call { state: state.as_ref(), command: &task.command }, cx);
    conclude(cx, task, before, head, state, outcome)
}

fn frame(task: &Task) -> Frame {
    Frame { root: task.root.clone(), command_id: task.id, action: task.action, invoked_count: 0 }
}

/// What the rule has come to.
fn conclude(
    cx: &mut ActionContext,
    task: &Task,
    before: Savepoint,
    head: &Head,
    state: Option<SharedState>,
    outcome: Result<Outcome, Stop>,
) -> Result<Answer, Error> {
    cx.frames.pop();
    if let Some(fault) = &cx.fault {
        // Whatever the rule made of it: a fault is no business answer.
        return Err(Error::clone(fault));
    }

    match outcome {
        Ok(outcome) => record(cx, task, before, head, state, outcome),
        Err(Stop::Rejected { code, message, source }) => {
            Err(Error::Rejected { root: task.root.clone(), code, message, source })
        }
        Err(Stop::InvalidData(error)) => Err(cannot_keep(task, (task.action.aggregate)(), &error)),
    }
}

/// The receiver is the life cycle: whether the action may run on this root, and on which state.
fn admit(
    cx: &ActionContext,
    task: &Task,
    aggregate: &'static AggregateDescriptor,
    head: &Head,
) -> Result<Option<SharedState>, Error> {
    if task.action.lifecycle == Lifecycle::Creates {
        return match head.record {
            // An identifier is used once, whether the root is open, closed or foreign.
            Some(_) => Err(Error::AlreadyExists { root: task.root.clone() }),
            None => Ok(None),
        };
    }
    match head.visible(cx.given.sender.realm.as_deref()) {
        Some(record) => head.value(record, aggregate).map(Some),
        None => Err(Error::NotFound { root: task.root.clone() }),
    }
}

async fn authorize_with_state(
    cx: &ActionContext,
    task: &Task,
    head: &Head,
    state: Option<&SharedState>,
) -> Result<(), Error> {
    let Some(policy) = &cx.environment().policy else {
        return Ok(());
    };
    let request = PolicyRequest::new(
        task.action,
        &task.root,
        task.id,
        &cx.given.sender.context,
        task.command.as_ref(),
    );
    let state = match (&head.record, state) {
        (Some(record), Some(state)) => Some(PolicyState::new(record, state.as_ref())),
        _ => None,
    };
    match policy.with_state(&request, state.as_ref()).await {
        Verdict::Allow => Ok(()),
        Verdict::Deny(reason) => {
            Err(Error::Unauthorized { command: task.action.key, root: task.root.clone(), reason })
        }
    }
}

/// Compares If-Match with a record. For a command it is the record before it and before its group;
/// for an invoked command it is the one that the invoking action sees.
fn check_precondition(task: &Task, record: Option<&StateRecord>) -> Result<(), Error> {
    let Some(expected) = task.if_match else {
        return Ok(());
    };
    let version = record.map_or(0, |record| record.version);
    let etag = record.map(|record| record.etag);
    if expected.holds(version, etag) {
        return Ok(());
    }
    Err(Error::PreconditionFailed { root: task.root.clone(), expected, version, etag })
}

/// Turns what the rule left into rows and the answer.
#[expect(clippy::expect_used, reason = "the receiver says what a rule is given and gives")]
fn record(
    cx: &mut ActionContext,
    task: &Task,
    before: Savepoint,
    head: &Head,
    state: Option<SharedState>,
    outcome: Outcome,
) -> Result<Answer, Error> {
    let Outcome { next, data } = outcome;
    let mut command =
        task.record(cx.environment().meta, &cx.given.sender.record, CommandStatus::Applied);
    command.response.clone_from(&data);
    cx.work.record_command(before, command);

    let is_changed = next.is_some();
    let value = next.or(state);
    let value = value.expect("a creating action gives a state, and every other had one");
    let record = match task.action.event {
        Some(event) => happened(cx, task, before, head, (&value, is_changed), event, &data)?,
        None => {
            let record = head.record.clone();
            record.expect("a question is asked of a root that exists")
        }
    };
    let answered_with_state = data.is_none();
    let data = match data {
        Some(data) => data,
        None => written_now(task, &record, &value)?,
    };
    Ok(Answer {
        response: Response {
            command_id: task.id,
            command: task.action.key,
            root: task.root.clone(),
            version: record.version,
            etag: record.etag,
            event: task.action.event.map(|event| event.key),
            data,
        },
        state: answered_with_state.then_some(value),
    })
}

/// The state as this revision writes it, whichever has written the row.
fn written_now(task: &Task, record: &StateRecord, value: &SharedState) -> Result<Json, Error> {
    let aggregate = (task.action.aggregate)();
    if record.revision == aggregate.revision {
        return Ok(record.data.clone());
    }
    aggregate.encode(value).map_err(|error| cannot_keep(task, aggregate, &error))
}

/// Adds the event and the new head.
fn happened(
    cx: &mut ActionContext,
    task: &Task,
    before: Savepoint,
    head: &Head,
    (value, is_changed): (&SharedState, bool),
    descriptor: &'static EventDescriptor,
    answer: &Option<Json>,
) -> Result<Arc<StateRecord>, Error> {
    let aggregate = (task.action.aggregate)();
    let previous = head.record.as_deref();
    let same_revision = previous.is_some_and(|record| record.revision == aggregate.revision);
    let is_as_before = !is_changed && same_revision;
    let data = match previous {
        Some(record) if is_as_before => record.data.clone(),
        _ => aggregate.encode(value).map_err(|error| cannot_keep(task, aggregate, &error))?,
    };

    #[cfg(feature = "testing")]
    if let Some(inspector) = &cx.environment().settings.inspector {
        inspector.args(task.action, &task.args);
        if is_changed {
            inspector.state(&task.root, aggregate, value, &data);
        }
    }

    let version = head.version() + 1;
    let change = match previous {
        Some(record) if same_revision && !(version - 1).is_multiple_of(WHOLE_STATE_EVERY) => {
            Change::between(Some(&record.data), &data)
        }
        _ => Change::whole(&data),
    };
    let next = Arc::new(next_record(cx, task, aggregate, previous, version, data));
    let event = EventRecord {
        id: ids::of_event(task.id),
        domain: cx.environment().meta.namespace.into(),
        revision: aggregate.revision,
        event: descriptor.key.into(),
        root: task.root.clone(),
        version,
        src_cmd: task.id,
        args: task.args.clone(),
        data: answer.clone(),
        change,
        occurred: next.updated,
    };
    if cx.environment().settings.read_back {
        descriptor.read_back(&event).map_err(|error| Error::InvalidState {
            root: task.root.clone(),
            revision: aggregate.revision,
            path: error.path().to_owned(),
            message: format!(
                "the event `{}` cannot be read back: {}",
                descriptor.key,
                error.message()
            ),
        })?;
    }
    cx.environment().tell(&Signal::EventRecorded { event: &event, attempt: cx.given.attempt });
    cx.work.record_event(before, event);
    let is_read_back = is_as_before && head.not_read_back().is_none();
    let head = Head::decided(Arc::clone(&next), Arc::clone(value), is_read_back);
    cx.work.write(Arc::new(head));
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
    // Along a root time never falls, even where the clock does.
    let occurred = previous.map_or(cx.now(), |record| record.updated.max(cx.now()));
    let (created, creator, realm) = match previous {
        Some(record) => (record.created, record.creator, record.realm.clone()),
        None => (occurred, actor, cx.given.sender.realm.clone()),
    };
    StateRecord {
        root: task.root.clone(),
        version,
        etag: ETag::new(version, task.id),
        revision: aggregate.revision,
        data,
        created,
        creator,
        updated: occurred,
        updater: actor,
        deleted: (task.action.lifecycle == Lifecycle::Closes).then_some(occurred),
        realm,
    }
}

fn cannot_keep(task: &Task, aggregate: &AggregateDescriptor, error: &JsonError) -> Error {
    Error::InvalidState {
        root: task.root.clone(),
        revision: aggregate.revision,
        path: error.path().to_owned(),
        message: error.message().to_owned(),
    }
}
