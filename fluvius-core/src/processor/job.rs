//! The commands that were accepted together: one, or those of an atomic group.

use std::collections::HashSet;
use std::sync::Arc;

use tracing::Span;
use uuid::Uuid;

use super::task::{Sender, Task};
use crate::collections::OneVec;
use crate::error::Error;
use crate::model::{DomainMetadata, ErasedResponse};
use crate::observability::spans;
use crate::sync::{self, Instant, OwnedSemaphorePermit, oneshot};
use crate::unwind;
use fluvius_store::{AggregateId, UnitOfWork};

/// The index of the command that ended a job, and its error.
pub(crate) type Ended = (usize, Error);

/// The answers to all commands of a job, or the error that ended it.
pub(crate) type Outcome = Result<Vec<ErasedResponse>, Ended>;

/// Commands that are decided, stored and answered together, and their sender.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) domain: &'static str,
    pub(crate) sender: Arc<Sender>,
    pub(crate) tasks: OneVec<Task>,
    pub(crate) span: Span,
}

impl Request {
    pub(crate) fn new(meta: &DomainMetadata, sender: &Arc<Sender>, tasks: OneVec<Task>) -> Self {
        let task = &tasks[0];
        let span =
            spans::guarded(|| spans::command(meta, task.action.key, &task.aggregate_id, task.id));
        Self { domain: meta.namespace, sender: Arc::clone(sender), tasks, span }
    }

    /// Returns the aggregates of its commands.
    pub(crate) fn aggregate_ids(&self) -> OneVec<AggregateId> {
        self.tasks.iter().map(|task| task.aggregate_id.clone()).collect()
    }

    /// Checks that a group is one that can be stored.
    ///
    /// # Errors
    /// `too-large` if it has more commands than a unit of work has rows; `command-id-reused` if two of its commands
    /// have one identifier.
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

    /// Returns whether the answer to one is the answer to the other: same commands, same sender.
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

/// A request that the runtime owns, until it is answered.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) request: Arc<Request>,
    pub(crate) accepted: Instant,
    /// Number of attempts so far.
    pub(crate) attempt: u32,
    /// The ids that its actions have drawn, the same in every attempt.
    pub(crate) ids: Vec<Uuid>,
    /// The policy's denial, if there is one: it is recorded, and nothing is decided.
    pub(crate) denied: Option<Box<Ended>>,
    /// The outcome of the last attempt.
    pub(crate) outcome: Option<Outcome>,
    /// Set if the answer is in the log once the unit of work is committed.
    pub(crate) is_kept: bool,
    /// Notified of the first admission; the next command of a stream waits for it.
    pub(crate) admitted: Option<oneshot::Sender<()>>,
    /// Receives the answer, unless the caller went away.
    pub(crate) waiting: oneshot::Sender<Outcome>,
    /// Callers that have sent the same ids meanwhile, and receive the answer as well.
    pub(crate) joined: Vec<oneshot::Sender<Outcome>>,
    /// The permit of its place among the commands in flight.
    pub(crate) permit: OwnedSemaphorePermit,
}

impl Job {
    pub(crate) fn new(
        request: Arc<Request>,
        accepted: Instant,
        waiting: oneshot::Sender<Outcome>,
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
            admitted,
            waiting,
            joined: Vec::new(),
            permit,
        }
    }

    /// A request that the policy has denied.
    pub(crate) fn denied(
        request: Arc<Request>,
        accepted: Instant,
        waiting: oneshot::Sender<Outcome>,
        admitted: Option<oneshot::Sender<()>>,
        permit: OwnedSemaphorePermit,
        denied: &Ended,
    ) -> Self {
        let job = Self::new(request, accepted, waiting, admitted, permit);
        Self { denied: Some(Box::new(denied.clone())), ..job }
    }

    /// Gives the answer to all callers that wait for it. Wakers and destructors are foreign code:
    /// if they panic, the panic ends here.
    pub(crate) fn answer(self, outcome: Outcome) {
        let Self { permit, joined, waiting, outcome: before, .. } = self;
        unwind::catch(|| sync::give_back(permit));
        // A caller that went away gets the answer by sending the same id again.
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

/// Returns the error of each command of a job that one of them ended.
pub(crate) fn errors<'a>(
    tasks: &'a [Task],
    ended: usize,
    error: &'a Error,
) -> impl Iterator<Item = Error> + 'a {
    (0..tasks.len()).map(move |index| {
        if index == ended || !error.is_refusal() {
            error.clone()
        } else {
            Error::GroupRejected { refused: tasks[ended].id, source: Box::new(error.clone()) }
        }
    })
}
