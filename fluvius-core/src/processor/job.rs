//! Jobs: a command, or the commands of an atomic group, accepted together.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError};

use tracing::Span;
use uuid::Uuid;

use super::task::{Sender, Task};
use crate::collections::OneVec;
use crate::error::{Error, Recorded};
use crate::model::{DomainMetadata, ErasedResponse};
use crate::observability::spans;
use crate::policy::Operation;
use crate::sync::{self, Instant, Mutex, OwnedSemaphorePermit, oneshot};
use crate::unwind;
use fluvius_store::{AggregateId, UnitOfWork};

/// The error that ended a job, with the index of its command.
#[derive(Debug, Clone)]
pub(crate) struct GroupError {
    pub(crate) index: usize,
    /// Boxed, so that a [`JobResult`], which each stage passes on, is small.
    pub(crate) error: Box<Error>,
}

impl GroupError {
    pub(crate) fn new(index: usize, error: Error) -> Self {
        Self { index, error: Box::new(error) }
    }

    /// Returns an error of the first command, or of the job as a whole.
    pub(crate) fn first(error: Error) -> Self {
        Self::new(0, error)
    }
}

/// The answers to all commands of a job, or the error that ended it.
pub(crate) type JobResult = Result<Vec<ErasedResponse>, GroupError>;

/// Sets the positions of an outcome: for each command, by index, that of the last row of its unit
/// of work. Of an error, only a rejection has one.
pub(crate) fn set_positions(
    outcome: &mut JobResult,
    replayed: bool,
    last_row: impl Fn(usize) -> u64,
) {
    match outcome {
        Ok(answers) => {
            for (index, ErasedResponse { response, .. }) in answers.iter_mut().enumerate() {
                response.position = last_row(index);
                response.replayed = replayed;
            }
        }
        Err(GroupError { index, error }) => {
            error.set_recorded(Recorded { position: last_row(*index), replayed });
        }
    }
}

/// Commands that are decided, stored and answered together, with their sender.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) domain: &'static str,
    pub(crate) sender: Arc<Sender>,
    pub(crate) tasks: OneVec<Task>,
    pub(crate) span: Span,
    /// Set for a dry run.
    pub(crate) dry_run: Option<DryRunSlot>,
    /// Set for an operation, which has one stand-in for a command: only its activity is stored.
    pub(crate) operation: Option<Operation>,
}

/// The slot for the unit of work of a dry run, as its last attempt has decided it.
pub(crate) type DryRunSlot = Mutex<Option<UnitOfWork>>;

impl Request {
    pub(crate) fn new(
        metadata: &DomainMetadata,
        sender: &Arc<Sender>,
        tasks: OneVec<Task>,
    ) -> Self {
        let task = &tasks[0];
        let span = spans::guarded(|| {
            spans::command(metadata, task.action.key, &task.aggregate_id, task.id)
        });
        Self {
            domain: metadata.namespace,
            sender: Arc::clone(sender),
            tasks,
            span,
            dry_run: None,
            operation: None,
        }
    }

    /// Converts the request to the record of an operation.
    pub(crate) fn into_operation(mut self, operation: Operation) -> Self {
        self.operation = Some(operation);
        self
    }

    /// Returns false for a dry run and an operation: they leave no command row, and are not
    /// reported as commands.
    pub(crate) fn is_command(&self) -> bool {
        self.dry_run.is_none() && self.operation.is_none()
    }

    /// Converts the request to a dry run: it is decided, and its unit of work is not stored.
    pub(crate) fn into_dry_run(mut self) -> Self {
        self.dry_run = Some(DryRunSlot::default());
        self
    }

    /// Returns the unit of work that a dry run has decided.
    pub(crate) fn take_discarded(&self) -> Option<UnitOfWork> {
        let slot = self.dry_run.as_ref()?;
        slot.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Keeps the unit of work of a dry run, and returns true. Returns false for other requests.
    pub(crate) fn discard(&self, unit: &mut UnitOfWork) -> bool {
        let Some(slot) = &self.dry_run else { return false };
        let mut checked = UnitOfWork::new(Arc::clone(&unit.context));
        checked.expected = unit.expected.clone();
        let discarded = std::mem::replace(unit, checked);
        let before = slot.lock().unwrap_or_else(PoisonError::into_inner).replace(discarded);
        drop(before);
        true
    }

    /// Returns the aggregates of its commands.
    pub(crate) fn aggregate_ids(&self) -> OneVec<AggregateId> {
        self.tasks.iter().map(|task| task.aggregate_id.clone()).collect()
    }

    /// Checks that a group can be stored.
    ///
    /// # Errors
    /// `too-large` if it has more commands than a unit of work can have rows; `command-id-reused`
    /// if two of its commands have the same id.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let rows = self.tasks.len();
        if rows == 1 {
            return Ok(());
        }
        if rows > UnitOfWork::MAX_ROWS {
            return Err(Error::TooLarge { rows, bytes: None });
        }
        let mut seen = HashSet::with_capacity(rows);
        match self.tasks.iter().find(|task| !seen.insert(task.id)) {
            Some(task) => Err(Error::CommandIdReused { id: task.id }),
            None => Ok(()),
        }
    }

    /// Returns true if the answer to one request answers the other: the commands and the sender are
    /// equal.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.sender.record.actor == other.sender.record.actor
            && self.sender.record.realm == other.sender.record.realm
            && self.tasks.len() == other.tasks.len()
            && self.tasks.iter().zip(other.tasks.iter()).all(|(one, other)| {
                one.id == other.id
                    && one.aggregate_id == other.aggregate_id
                    && one.action.key == other.action.key
                    && one.payload_hash == other.payload_hash
            })
    }
}

/// A request that the runtime owns until it is answered.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) request: Arc<Request>,
    pub(crate) accepted: Instant,
    /// Number of attempts so far.
    pub(crate) attempt: u32,
    /// The ids that its actions have generated, the same in every attempt.
    pub(crate) ids: Vec<Uuid>,
    /// The policy's denial, if any. It is recorded, and nothing is decided.
    pub(crate) denied: Option<GroupError>,
    /// The outcome of the last attempt.
    pub(crate) outcome: Option<JobResult>,
    /// Set if the log contains the answer once the unit of work is committed.
    pub(crate) is_kept: bool,
    /// Number of rows of the last attempt's unit of work.
    pub(crate) row_count: usize,
    /// Notified of the first admission. The next command of a stream waits for it.
    pub(crate) admitted: Option<oneshot::Sender<()>>,
    /// The caller, which receives the answer unless it was dropped.
    pub(crate) waiting: oneshot::Sender<JobResult>,
    /// Other callers that have sent the same ids, and receive the answer too.
    pub(crate) joined: Vec<oneshot::Sender<JobResult>>,
    /// The permit of a request in flight.
    pub(crate) permit: OwnedSemaphorePermit,
}

impl Job {
    pub(crate) fn new(
        request: Arc<Request>,
        accepted: Instant,
        waiting: oneshot::Sender<JobResult>,
        admitted: Option<oneshot::Sender<()>>,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        Self {
            request,
            accepted,
            attempt: 0,
            ids: Vec::new(),
            denied: None,
            outcome: None,
            is_kept: false,
            row_count: 0,
            admitted,
            waiting,
            joined: Vec::new(),
            permit,
        }
    }

    /// Creates the job of a request that is only recorded: one that the policy has denied, or an
    /// operation.
    pub(crate) fn recorded(
        request: Arc<Request>,
        accepted: Instant,
        waiting: oneshot::Sender<JobResult>,
        admitted: Option<oneshot::Sender<()>>,
        permit: OwnedSemaphorePermit,
        denied: &Option<GroupError>,
    ) -> Self {
        let job = Self::new(request, accepted, waiting, admitted, permit);
        Self { denied: denied.clone(), ..job }
    }

    /// Sends the answer to all callers that wait for it. Wakers and destructors are foreign code,
    /// so their panics are caught here.
    pub(crate) fn answer(self, outcome: JobResult) {
        let Self { permit, joined, waiting, outcome: before, .. } = self;
        unwind::catch(|| sync::give_back(permit));
        // A dropped caller gets the answer by sending the same id again.
        for waiting in joined {
            unwind::catch(|| drop(waiting.send(outcome.clone())));
        }
        unwind::catch(|| drop(waiting.send(outcome)));
        unwind::dispose(before);
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        // The commands are the author's values, and the span belongs to the program's subscriber.
        unwind::catch(|| self.tasks.clear());
        unwind::catch(|| self.span = Span::none());
    }
}

/// Returns the error of each command of a job that failed because of one of them.
pub(crate) fn errors<'a>(
    tasks: &'a [Task],
    ended: usize,
    error: &'a Error,
) -> impl Iterator<Item = Error> + 'a {
    (0..tasks.len()).map(move |index| {
        if index == ended || !error.is_recorded() {
            error.clone()
        } else {
            Error::GroupRejected { rejected: tasks[ended].id, source: Box::new(error.clone()) }
        }
    })
}
