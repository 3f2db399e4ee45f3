//! Accepting commands: from here on the runtime owns them.

use std::pin::pin;
use std::sync::{Arc, MutexGuard, PoisonError};

use uuid::Uuid;

use super::environment::Environment;
use super::job::{Ended, Job, Outcome, Request};
use super::task::{Answer, Sender, Task};
use super::{authorize, driver, publish};
use crate::error::Error;
use crate::few::Few;
use crate::hash::Map;
use crate::root::AggregateRoot;
use crate::sequencer::{Sequencer, Ticket};
use crate::sync::{
    Instant, Mutex, Notify, OwnedSemaphorePermit, Semaphore, TryAcquireError, oneshot,
};

/// Takes commands through the stages.
#[derive(Debug)]
pub(crate) struct Processor {
    pub(crate) environment: Environment,
    shared: Mutex<Shared>,
    permits: Arc<Semaphore>,
    /// Told when no command is in work any more.
    pub(crate) idle: Notify,
}

/// What all tasks of a runtime share, under one lock that is never held across an await.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) sequencer: Sequencer<Job>,
    /// The commands that are accepted and not answered.
    pub(crate) in_flight: Map<Uuid, Ticket>,
    is_closed: bool,
}

/// How a request comes to its place among the commands that may be in work.
#[derive(Debug, Default)]
pub(crate) enum Place {
    /// It waits for one.
    #[default]
    Wait,
    /// It has one.
    Reserved(OwnedSemaphorePermit),
    /// It wants one now, or none.
    Now,
}

/// The place of a command in a stream.
#[derive(Debug)]
pub(crate) struct Link {
    /// The command before it.
    pub(crate) after: Option<Uuid>,
    /// Who waits for its first admission: the next command.
    pub(crate) admitted: oneshot::Sender<()>,
}

/// What accepting a request has come to.
enum Accepted {
    /// The answer will come.
    Waiting(oneshot::Receiver<Outcome>),
    /// Another request with one of the identifiers is in work: try again when it has ended.
    Later(oneshot::Receiver<Outcome>),
}

impl Processor {
    pub(crate) fn new(environment: Environment) -> Self {
        let shared = Shared {
            sequencer: Sequencer::new(&environment.settings.limits),
            in_flight: Map::default(),
            is_closed: false,
        };
        let permits = Arc::new(Semaphore::new(environment.settings.command_count_max));
        Self { environment, shared: Mutex::new(shared), permits, idle: Notify::new() }
    }

    /// What all tasks share. It is whole even if a task panicked while it held the lock, since
    /// no author's code runs under it.
    pub(crate) fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Processes one command.
    pub(crate) fn run<'a>(
        self: &'a Arc<Self>,
        sender: &Arc<Sender>,
        task: Task,
        place: Place,
    ) -> impl Future<Output = Result<Answer, Error>> + use<'a> {
        let request = self.request(sender, Few::from([task]));
        async move {
            match self.process(request, place).await {
                Ok(mut answers) => answers.pop().ok_or(Error::ShuttingDown),
                Err((_, error)) => Err(error),
            }
        }
    }

    /// Processes a group as one unit of work: each command is decided on the result of those
    /// before it, and all are applied or none.
    pub(crate) async fn run_group(
        self: &Arc<Self>,
        sender: &Arc<Sender>,
        tasks: Few<Task>,
        place: Place,
    ) -> Result<Vec<Answer>, Error> {
        let request = self.request(sender, tasks);
        if let Some(id) = request.repeated_id() {
            return Err(Error::DuplicateCommand { id });
        }
        let processed = self.process(Arc::clone(&request), place).await;
        processed.map_err(|(index, error)| match error {
            error if error.is_refusal() => {
                Error::GroupRefused { refused: request.tasks[index].id, source: Box::new(error) }
            }
            fault => fault,
        })
    }

    /// The places among the commands that may be in work.
    pub(crate) fn permits(&self) -> Arc<Semaphore> {
        Arc::clone(&self.permits)
    }

    fn request(&self, sender: &Arc<Sender>, tasks: Few<Task>) -> Arc<Request> {
        Arc::new(Request::new(self.environment.meta, sender, tasks))
    }

    /// Accepts no more commands, and waits until all that were accepted are answered.
    pub(crate) async fn shut_down(&self) {
        loop {
            let mut idle = pin!(self.idle.notified());
            // From here on a call is not missed.
            idle.as_mut().enable();
            {
                let mut shared = self.shared();
                shared.is_closed = true;
                if shared.sequencer.is_idle() {
                    break;
                }
            }
            idle.await;
        }
        self.permits.close();
    }

    /// Begins a command of a stream and waits until it is decided, but not until it is durable:
    /// the answer is a future of its own.
    pub(crate) async fn begin(
        self: &Arc<Self>,
        sender: &Arc<Sender>,
        task: Task,
        after: Option<Uuid>,
    ) -> Result<oneshot::Receiver<Outcome>, Error> {
        let request = self.request(sender, Few::from([task]));
        let (sender, admitted) = oneshot::channel();
        let link = Link { after, admitted: sender };
        let begun = self.start(&request, Place::Wait, Some(link)).await;
        let answer = begun.map_err(|(_, error)| error)?;
        // An answer that needs no admission, or one that is joined, drops the sender.
        let _ = admitted.await;
        Ok(answer)
    }

    async fn process(self: &Arc<Self>, request: Arc<Request>, place: Place) -> Outcome {
        let answer = self.start(&request, place, None).await?;
        answer.await.unwrap_or(Err((0, Error::ShuttingDown)))
    }

    async fn start(
        self: &Arc<Self>,
        request: &Arc<Request>,
        place: Place,
        link: Option<Link>,
    ) -> Result<oneshot::Receiver<Outcome>, Ended> {
        let begun = Instant::now();
        let started = self.try_start(request, place, link, begun).await;
        if let Err((index, error)) = &started {
            let outcome = Err((*index, error.clone()));
            publish::answered(&self.environment, request, &outcome, begun.elapsed());
        }
        started
    }

    async fn try_start(
        self: &Arc<Self>,
        request: &Arc<Request>,
        mut place: Place,
        mut link: Option<Link>,
        mut now: Instant,
    ) -> Result<oneshot::Receiver<Outcome>, Ended> {
        for (index, task) in request.tasks.iter().enumerate() {
            let authorized = authorize::run(&self.environment, request, task).await;
            authorized.map_err(|error| (index, error))?;
        }
        let mut has_waited = self.environment.policy.is_some();
        loop {
            let permit = match self.permit_at_once(&mut place) {
                Some(permit) => permit,
                None => {
                    has_waited = true;
                    // Boxed: a command that need not wait shall not carry the waiting.
                    let waited = Box::pin(self.permit(&place)).await;
                    waited.map_err(|error| (0, error))?
                }
            };
            if has_waited {
                now = Instant::now();
            }
            has_waited = true;
            let accepted = self.accept(request, permit, &mut link, now);
            match accepted.map_err(|error| (0, error))? {
                Accepted::Waiting(answer) => return Ok(answer),
                Accepted::Later(other) => drop(other.await),
            }
        }
    }

    /// From here on, which is `now`, the runtime owns the request.
    fn accept(
        self: &Arc<Self>,
        request: &Arc<Request>,
        permit: OwnedSemaphorePermit,
        link: &mut Option<Link>,
        now: Instant,
    ) -> Result<Accepted, Error> {
        let (sender, receiver) = oneshot::channel();
        let mut guard = self.shared();
        let shared = &mut *guard;
        if shared.is_closed {
            return Err(Error::ShuttingDown);
        }
        let known = request.tasks.iter().find_map(|task| shared.in_flight.get(&task.id));
        if let Some(job) = known.and_then(|ticket| shared.sequencer.job(*ticket)) {
            job.joined.push(sender);
            // The policy was asked with the context of the other sender: this one must be the same to it.
            let is_asked = self.environment.policy.is_none()
                || job.request.sender.context == request.sender.context;
            return Ok(match is_asked && job.request.is_same(request) {
                true => Accepted::Waiting(receiver),
                false => Accepted::Later(receiver),
            });
        }
        let (after, admitted) = link.take().map(|link| (link.after, link.admitted)).unzip();
        let after = after.flatten().and_then(|id| shared.in_flight.get(&id).copied());
        let job = Job::new(Arc::clone(request), now, sender, admitted, permit);
        let ticket = shared.sequencer.accept(request.roots(), job, after);
        for task in &request.tasks {
            shared.in_flight.insert(task.id, ticket);
        }
        driver::drive(self, guard, now);
        Ok(Accepted::Waiting(receiver))
    }

    /// The place among the commands in work, where it is had without waiting.
    fn permit_at_once(&self, place: &mut Place) -> Option<OwnedSemaphorePermit> {
        match std::mem::take(place) {
            Place::Reserved(permit) => Some(permit),
            wanted => {
                *place = wanted;
                Arc::clone(&self.permits).try_acquire_owned().ok()
            }
        }
    }

    async fn permit(&self, place: &Place) -> Result<OwnedSemaphorePermit, Error> {
        if self.shared().is_closed {
            return Err(Error::ShuttingDown);
        }
        let permits = Arc::clone(&self.permits);
        match place {
            Place::Wait | Place::Reserved(_) => {
                permits.acquire_owned().await.map_err(|_| Error::ShuttingDown)
            }
            Place::Now => permits.try_acquire_owned().map_err(|error| match error {
                TryAcquireError::NoPermits => Error::Overloaded,
                TryAcquireError::Closed => Error::ShuttingDown,
            }),
        }
    }

    /// The newest head of a root, if it is known.
    pub(crate) fn newest_head(&self, root: &AggregateRoot) -> Option<Arc<super::Head>> {
        self.shared().sequencer.heads.newest(root)
    }

    /// Adds a head that was loaded, and gives the newest.
    pub(crate) fn offer_head(&self, head: Arc<super::Head>) -> Arc<super::Head> {
        self.shared().sequencer.heads.offer(head)
    }
}
