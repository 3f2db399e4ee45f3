//! Acceptance: the runtime owns an accepted command, even if its caller is dropped.

use std::pin::pin;
use std::sync::{Arc, PoisonError};

use uuid::Uuid;

use super::executor;
use super::job::{GroupError, Job, JobResult, Request};
use super::services::Services;
use super::task::{Sender, Task};
use crate::collections::{FastMap, OneVec};
use crate::error::Error;
use crate::model::ErasedResponse;
use crate::scheduler::{CachedVersion, CommandSeq, Scheduler};
use crate::sync::{
    Instant, Mutex, Notify, OwnedSemaphorePermit, Semaphore, TryAcquireError, Watch, oneshot,
};
use crate::unwind::{self, Guarded, Locked};
use fluvius_store::{AggregateId, Store, UnitOfWork};

/// The processor of a domain: takes commands through their stages.
#[derive(Debug)]
pub(crate) struct Processor {
    pub(crate) services: Services,
    shared: Mutex<Shared>,
    permits: Arc<Semaphore>,
    /// Notified once no command is in flight.
    pub(crate) idle: Notify,
    _watch: Watch,
}

/// The state that all tasks of a runtime share, under one lock that is never held across an
/// `.await`.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) scheduler: Scheduler<Job>,
    /// The commands in flight: accepted and not yet answered.
    pub(crate) in_flight: FastMap<Uuid, CommandSeq>,
    closed: Option<Closed>,
}

/// The reason to accept no more commands.
#[derive(Debug, Clone, Copy)]
enum Closed {
    ShutDown,
    RuntimeEnded,
}

impl Closed {
    fn error(self) -> Error {
        match self {
            Self::ShutDown => Error::ShuttingDown,
            Self::RuntimeEnded => Error::RuntimeEnded,
        }
    }
}

/// The mode of a request to acquire its permit. There are `max_in_flight` permits.
#[derive(Debug, Default)]
pub(crate) enum PermitMode {
    /// Waits for a permit.
    #[default]
    Wait,
    /// Holds a permit already.
    Reserved(OwnedSemaphorePermit),
    /// Fails if no permit is available.
    Now,
}

/// The position of a command in a stream.
#[derive(Debug)]
pub(crate) struct Link {
    /// The previous command.
    pub(crate) after: Option<Uuid>,
    /// Notified of the first admission of the command. The next command waits for it.
    pub(crate) admitted: oneshot::Sender<()>,
}

/// The result of accepting a request.
pub(super) enum Accepted {
    /// Accepted; the receiver of the answer.
    Waiting(oneshot::Receiver<JobResult>),
    /// Another request with one of the ids is in flight: retry once it has ended.
    Later(oneshot::Receiver<JobResult>),
}

impl Shared {
    /// Returns the previous command of a stream, if it is in flight, and the sender that reports
    /// the admission of this one.
    fn linked(&self, link: &mut Option<Link>) -> (Option<CommandSeq>, Option<oneshot::Sender<()>>) {
        let (after, admitted) = link.take().map(|link| (link.after, link.admitted)).unzip();
        (after.flatten().and_then(|id| self.in_flight.get(&id).copied()), admitted)
    }
}

impl Processor {
    pub(crate) fn new(services: Services) -> Arc<Self> {
        let shared = Shared {
            scheduler: Scheduler::new(&services.settings.limits),
            in_flight: FastMap::default(),
            closed: None,
        };
        let permits = Arc::new(Semaphore::new(services.settings.max_in_flight));
        Arc::new_cyclic(|this: &std::sync::Weak<Self>| {
            let this = this.clone();
            let ended = move || {
                if let Some(processor) = this.upgrade() {
                    processor.runtime_ended();
                }
            };
            let watch = services.home.watch(ended);
            Self {
                services,
                shared: Mutex::new(shared),
                permits,
                idle: Notify::new(),
                _watch: watch,
            }
        })
    }

    /// Locks the state that all tasks share. Code of an author or a caller never runs under this
    /// lock: it is deferred until the lock is released.
    pub(crate) fn shared(&self) -> Locked<'_, Shared> {
        Locked::new(self.shared.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Answers every command after the tokio runtime of the domain, and with it its tasks, has
    /// ended. A unit that was handed to the store may or may not be stored.
    fn runtime_ended(&self) {
        let mut shared = self.shared();
        shared.closed = Some(Closed::RuntimeEnded);
        shared.in_flight.clear();
        let jobs = shared.scheduler.abandon();
        drop(shared);
        self.permits.close();
        for (job, is_at_the_store) in jobs {
            let id = job.request.tasks[0].id;
            let error = match is_at_the_store && job.request.is_command() {
                true => Error::OutcomeUnknown { id },
                false => Error::RuntimeEnded,
            };
            job.answer(Err(GroupError::first(error)));
        }
        unwind::catch(|| self.idle.notify_waiters());
    }

    /// Processes one command.
    pub(crate) fn run<'a>(
        self: &'a Arc<Self>,
        sender: &Arc<Sender>,
        task: Task,
        mode: PermitMode,
    ) -> impl Future<Output = Result<ErasedResponse, Error>> + use<'a> {
        let request = self.request(sender, OneVec::from([task]));
        async move {
            match self.process(request, mode).await {
                Ok(mut answers) => answers.pop().ok_or(Error::ShuttingDown),
                Err(ended) => Err(*ended.error),
            }
        }
    }

    /// Processes a group as one unit of work. Each command is decided on the result of those before
    /// it, and either all are applied or none.
    pub(crate) async fn run_group(
        self: &Arc<Self>,
        sender: &Arc<Sender>,
        tasks: OneVec<Task>,
        mode: PermitMode,
    ) -> Result<Vec<ErasedResponse>, Error> {
        let request = self.request(sender, tasks);
        let processed = self.process(Arc::clone(&request), mode).await;
        processed.map_err(|ended| group_error(&request, ended))
    }

    /// Decides a command or a group as one unit of work. Returns the answers and the unit, which is
    /// not stored.
    pub(crate) async fn dry_run(
        self: &Arc<Self>,
        sender: &Arc<Sender>,
        tasks: OneVec<Task>,
        mode: PermitMode,
    ) -> Result<(Vec<ErasedResponse>, UnitOfWork), Error> {
        let request = Request::new(self.services.metadata, sender, tasks).into_dry_run();
        let request = Arc::new(request);
        match self.process(Arc::clone(&request), mode).await {
            Ok(answers) => {
                let unit = request.take_discarded();
                Ok((answers, unit.unwrap_or_else(|| UnitOfWork::new(Arc::clone(&sender.record)))))
            }
            Err(ended) if request.tasks.len() == 1 => Err(*ended.error),
            Err(ended) => Err(group_error(&request, ended)),
        }
    }

    /// Returns the permits of the commands in flight.
    pub(crate) fn permits(&self) -> Arc<Semaphore> {
        Arc::clone(&self.permits)
    }

    fn request(&self, sender: &Arc<Sender>, tasks: OneVec<Task>) -> Arc<Request> {
        Arc::new(Request::new(self.services.metadata, sender, tasks))
    }

    /// Returns the reason to accept no more commands, if any.
    fn closed(&self) -> Option<Error> {
        self.shared().closed.map(Closed::error)
    }

    /// Returns the error for a waiting command that is not answered.
    pub(crate) fn why_closed(&self) -> Error {
        self.closed().unwrap_or(Error::ShuttingDown)
    }

    /// Stops accepting commands, waits until all accepted ones are answered, and releases the
    /// store.
    pub(crate) async fn shut_down(&self) {
        loop {
            let mut idle = pin!(self.idle.notified());
            // Registers the waiter, so that no notification from here on is missed.
            idle.as_mut().enable();
            {
                let mut shared = self.shared();
                shared.closed.get_or_insert(Closed::ShutDown);
                if shared.scheduler.is_idle() {
                    break;
                }
            }
            idle.await;
        }
        self.permits.close();
        self.services.outages.shut_down();
        Guarded::new(self.services.store.release()).await;
        // Wakes the followers, which then find that the store may be closed.
        unwind::catch(|| self.services.committed.notify_waiters());
    }

    /// Starts a command of a stream, and waits until it is admitted, but not until it is durable.
    /// Returns a future of the answer.
    pub(crate) async fn begin(
        self: &Arc<Self>,
        sender: &Arc<Sender>,
        task: Task,
        after: Option<Uuid>,
    ) -> Result<oneshot::Receiver<JobResult>, Error> {
        let request = self.request(sender, OneVec::from([task]));
        let (sender, admitted) = oneshot::channel();
        let link = Link { after, admitted: sender };
        let begun = self.start(&request, PermitMode::Wait, Some(link)).await;
        let answer = begun.map_err(|ended| *ended.error)?;
        // If the answer needs no admission, or the request joins another one, the sender is
        // dropped.
        let _ = admitted.await;
        Ok(answer)
    }

    /// Accepts a request at time `now`. From then on the runtime owns it.
    ///
    /// A request that the policy has denied is accepted too, since a group commit records its
    /// denial. So is an operation. They join no other request, and no other request joins them.
    pub(super) fn accept(
        self: &Arc<Self>,
        request: &Arc<Request>,
        permit: OwnedSemaphorePermit,
        link: &mut Option<Link>,
        denied: &Option<GroupError>,
        now: Instant,
    ) -> Result<Accepted, Error> {
        let (sender, receiver) = oneshot::channel();
        let mut guard = self.shared();
        let shared = &mut *guard;
        if let Some(closed) = shared.closed {
            return Err(closed.error());
        }
        if denied.is_some() || request.operation.is_some() {
            let (after, admitted) = shared.linked(link);
            let job = Job::recorded(Arc::clone(request), now, sender, admitted, permit, denied);
            let seq = shared.scheduler.accept(OneVec::new(), job, after);
            executor::run_effects_for_caller(self, guard, seq, now);
            return Ok(Accepted::Waiting(receiver));
        }
        let known = request.tasks.iter().find_map(|task| shared.in_flight.get(&task.id));
        if let Some(job) = known.and_then(|seq| shared.scheduler.job(*seq)) {
            job.joined.push(sender);
            // The policy has decided on the other sender's context, so this context must equal it.
            let is_asked = self.services.policy.is_none()
                || job.request.sender.context == request.sender.context;
            return Ok(match is_asked && job.request.is_same(request) {
                true => Accepted::Waiting(receiver),
                false => Accepted::Later(receiver),
            });
        }
        let (after, admitted) = shared.linked(link);
        let job = Job::new(Arc::clone(request), now, sender, admitted, permit);
        let seq = shared.scheduler.accept(request.aggregate_ids(), job, after);
        for task in &request.tasks {
            shared.in_flight.insert(task.id, seq);
        }
        executor::run_effects_for_caller(self, guard, seq, now);
        Ok(Accepted::Waiting(receiver))
    }

    /// Returns false if the end of a command wakes nothing beside its caller: no further caller,
    /// no command that waits for a permit, no observer, no reader of a log, and no shutdown.
    pub(super) fn may_wake(&self, shared: &mut Shared, seq: CommandSeq) -> bool {
        let Services { observers, committed, .. } = &self.services;
        shared.scheduler.job(seq).is_none_or(|job| !job.joined.is_empty())
            || shared.closed.is_some()
            || self.permits.available_permits() == 0
            || !observers.is_empty()
            || Arc::strong_count(committed) > 1
    }

    /// Returns a permit if one is available.
    pub(super) fn try_acquire(&self, mode: &mut PermitMode) -> Option<OwnedSemaphorePermit> {
        match std::mem::take(mode) {
            PermitMode::Reserved(permit) => Some(permit),
            wanted => {
                *mode = wanted;
                Arc::clone(&self.permits).try_acquire_owned().ok()
            }
        }
    }

    /// Returns a permit, and waits for one if the mode says so.
    pub(super) async fn permit(&self, mode: &PermitMode) -> Result<OwnedSemaphorePermit, Error> {
        if let Some(error) = self.closed() {
            return Err(error);
        }
        let permits = Arc::clone(&self.permits);
        match mode {
            PermitMode::Wait | PermitMode::Reserved(_) => {
                permits.acquire_owned().await.map_err(|_| self.why_closed())
            }
            PermitMode::Now => permits.try_acquire_owned().map_err(|error| match error {
                TryAcquireError::NoPermits => Error::Overloaded,
                TryAcquireError::Closed => self.why_closed(),
            }),
        }
    }

    /// Returns the newest version of an aggregate, if it is cached.
    pub(crate) fn newest_version(&self, aggregate_id: &AggregateId) -> Option<Arc<CachedVersion>> {
        self.shared().scheduler.versions.newest(aggregate_id)
    }

    /// Inserts a loaded version, and returns the newest one.
    pub(crate) fn insert_loaded(&self, cached: Arc<CachedVersion>) -> Arc<CachedVersion> {
        self.shared().scheduler.versions.insert_loaded(cached)
    }
}

/// Returns the error of a group that one of its commands has ended.
fn group_error(request: &Request, GroupError { index, error }: GroupError) -> Error {
    match error {
        error if error.is_recorded() => {
            Error::GroupRejected { rejected: request.tasks[index].id, source: error }
        }
        fault => *fault,
    }
}
