//! The driver: does on tokio what the sequencer says.
//!
//! A step is begun where it comes up, also in a caller's task, and is moved to a task of its
//! own as soon as it has to wait. So what need not wait costs no task, and no caller that is
//! not polled ever holds a turn, a head or a batch.

use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::FutureExt;
use tracing::Instrument;
use uuid::Uuid;

use super::accept::Shared;
use super::attempt::{self, Attempt};
use super::decide::AtHand;
use super::job::{Ended, Job, Outcome, Request};
use super::pace::Pace;
use super::{Environment, Processor, authorize, publish, recall, spans, waits};
use crate::action::Handler;
use crate::error::Error;
use crate::root::AggregateRoot;
use crate::sequencer::{Batch, Sequencer, Settled, Step, Ticket};
use crate::state::StateRecord;
use crate::store::{Fate, StoreError, StoreTurn};
use crate::sync::{self, Instant};
use crate::unwind::{self, Deferred, Guarded, Locked};

/// How often a turn across processes is looked at. Ten times that is how long a process keeps it,
/// and what it has committed under it lands after that: long enough that handing it over costs
/// little, and short enough that several others may have it within a second.
const TURN_LOOK_TIME: Duration = Duration::from_millis(5);

/// What a step has come to: what the sequencer is told of it.
enum Done {
    Decided(Ticket, Box<Attempt>),
    Landed(Vec<Fate>),
    Resumed(Ticket),
    Settled(Ticket, Settled),
    Answered(Ticket, Outcome),
    /// The policy denies the answer that the log has: the denial is recorded, and is the answer.
    Denied(Ticket, Ended),
    TurnTaken(AggregateRoot, Option<(StoreTurn, Option<StateRecord>)>),
    TurnKept(AggregateRoot),
}

/// The result of a step if code that it runs panics.
enum Fallback {
    /// The command ends with `panicked`.
    Panicked(Ticket, Arc<Request>),
    /// The outcome of a commit of this many units is not known: the log settles it.
    InDoubt(usize),
    Resumed(Ticket),
    Answered(Ticket, Ended),
    TurnTaken(AggregateRoot),
    TurnKept(AggregateRoot),
}

impl Fallback {
    fn done(self) -> Done {
        match self {
            Self::Panicked(ticket, request) => {
                Done::Decided(ticket, Box::new(Attempt::panicked(&request)))
            }
            Self::InDoubt(count) => Done::Landed((0..count).map(|_| Fate::Unknown).collect()),
            Self::Resumed(ticket) => Done::Resumed(ticket),
            Self::Answered(ticket, ended) => Done::Answered(ticket, Err(ended)),
            Self::TurnTaken(root) => Done::TurnTaken(root, None),
            Self::TurnKept(root) => Done::TurnKept(root),
        }
    }
}

/// What beginning a step has come to.
enum Begun {
    /// It had nothing to wait for.
    Done(Done),
    /// It goes on in a task of its own.
    Waits(Work),
}

/// A step that may have to wait.
struct Work {
    begun: Instant,
    future: Guarded<'static, Done>,
    fallback: Fallback,
}

/// Runs the steps that follow from a call of this thread, which may belong to any runtime. `now` is the start of the
/// first one.
pub(crate) fn drive_for_caller(
    processor: &Arc<Processor>,
    shared: Locked<'_, Shared>,
    now: Instant,
) {
    // Timers and tasks that an action makes outlive this caller's runtime.
    let _entered = processor.environment.home.enter();
    drive(processor, shared, Pace::new(now, true));
}

/// Runs the steps of the sequencer, and all that follow from them, until they have to wait; the rest goes on in tasks
/// of the runtime.
fn drive<'a>(processor: &'a Arc<Processor>, mut shared: Locked<'a, Shared>, mut pace: Pace) {
    while let Some(step) = pace.next_step(&mut shared.sequencer) {
        let begun = match step {
            Step::Decide(ticket) => {
                let Some(mut deciding) = Deciding::of(processor, &mut shared, ticket) else {
                    continue;
                };
                drop(shared);
                pace.hand_over(processor);
                if let Some(attempt) = deciding.at_once(processor) {
                    processor.environment.metrics.decided(pace.step_ended());
                    shared = processor.shared();
                    admit(&mut shared.sequencer, ticket, attempt);
                    continue;
                }
                deciding.begin(processor, ticket, pace.now)
            }
            Step::Commit(batch) => {
                let depth = shared.sequencer.queue_depth();
                drop(shared);
                commit(processor, &batch, depth, pace.now)
            }
            Step::Answer(ticket, settled) => {
                let Some(job) = shared.sequencer.job(ticket) else { continue };
                let is_known = matches!(settled, Settled::Known);
                // The policy was asked about each of its commands, with the states at that time.
                let is_allowed = matches!(job.outcome, Some(Ok(_)));
                let (outcome, must_look_up) = settle_outcome(job, settled);
                if !must_look_up {
                    pace.has_woken = true;
                    let has_step = finish(processor, shared, ticket, outcome, pace.now);
                    if !has_step {
                        return pace.end(processor);
                    }
                    shared = processor.shared();
                    continue;
                }
                let answer = (outcome, is_known, is_allowed);
                let look_up = look_up(processor, job, ticket, answer, pace.now);
                drop(shared);
                look_up.begin()
            }
            Step::BackOff(ticket, count) => {
                let id = shared.sequencer.job(ticket).map(|job| job.request.tasks[0].id);
                drop(shared);
                let waited = waits::back_off(id.unwrap_or_default(), count);
                let waited = waited.map(move |()| Done::Resumed(ticket));
                Work::new(pace.now, waited, Fallback::Resumed(ticket)).begin()
            }
            Step::Settle(ticket) => {
                let Some(job) = shared.sequencer.job(ticket) else { continue };
                if let Some(denied) = &job.denied {
                    // A denial has no command row, so the log does not show whether it is recorded.
                    let denied = Err(Ended::clone(denied));
                    not_recorded(job);
                    drop(shared);
                    Begun::Done(Done::Answered(ticket, denied))
                } else {
                    let id = job.request.tasks[0].id;
                    drop(shared);
                    settle(processor, ticket, id, pace.now).begin()
                }
            }
            Step::TakeTurn(root) => {
                drop(shared);
                let fallback = Fallback::TurnTaken(root.clone());
                let processor = Arc::clone(processor);
                let taking = async move {
                    let taken = waits::take_turn(&processor.environment, &root).await;
                    Done::TurnTaken(root, taken)
                };
                Work::new(pace.now, taking, fallback).begin()
            }
            Step::KeepTurn(root) => {
                drop(shared);
                let fallback = Fallback::TurnKept(root.clone());
                let kept = sync::sleep(TURN_LOOK_TIME).map(move |()| Done::TurnKept(root));
                Work::new(pace.now, kept, fallback).begin()
            }
            Step::GiveBackTurn(turn) => {
                drop(shared);
                unwind::dispose(turn);
                shared = processor.shared();
                continue;
            }
        };
        match begun {
            Begun::Done(done) => {
                let took = pace.step_ended();
                shared = take_in(processor, done, took, pace.now);
            }
            Begun::Waits(work) => {
                pace.step_ended();
                pace.has_woken = true;
                go_on_elsewhere(processor, work);
                shared = processor.shared();
            }
        }
    }
    let is_done = !shared.sequencer.has_step();
    drop(shared);
    if !is_done {
        pace.has_woken = true;
        let others = Arc::clone(processor);
        processor.environment.home.spawn(async move {
            drive(&others, others.shared(), Pace::new(Instant::now(), false));
        });
    }
    pace.end(processor);
}

/// Moves a step that has to wait to a task of the runtime, with all that follows from it.
fn go_on_elsewhere(processor: &Arc<Processor>, work: Work) {
    let driving = Arc::clone(processor);
    processor.environment.home.spawn(async move {
        let Work { begun, future, fallback } = work;
        let done = future.await.unwrap_or_else(|| fallback.done());
        let now = Instant::now();
        drive(&driving, take_in(&driving, done, now - begun, now), Pace::new(now, false));
    });
}

/// Tells the sequencer what a step has come to.
fn take_in(processor: &Processor, done: Done, took: Duration, now: Instant) -> Locked<'_, Shared> {
    let metrics = &processor.environment.metrics;
    match &done {
        Done::Decided(..) => metrics.decided(took),
        Done::Landed(_) => metrics.landed(took),
        _ => {}
    }
    let mut shared = processor.shared();
    let sequencer = &mut shared.sequencer;
    match done {
        Done::Decided(ticket, attempt) => admit(sequencer, ticket, *attempt),
        Done::Landed(fates) => sequencer.landed(fates),
        Done::Resumed(ticket) => sequencer.resume(ticket),
        Done::Settled(ticket, settled) => sequencer.end(ticket, settled),
        Done::Denied(ticket, denied) => {
            if let Some(job) = sequencer.job(ticket) {
                job.denied = Some(Box::new(denied));
            }
            sequencer.resume(ticket);
        }
        Done::TurnTaken(root, taken) => sequencer.turn_taken(&root, taken),
        Done::TurnKept(root) => sequencer.look_at_turn(&root),
        Done::Answered(ticket, outcome) => {
            finish(processor, shared, ticket, outcome, now);
            return processor.shared();
        }
    }
    shared
}

/// Tells the sequencer of an attempt, and keeps with the command what it is answered with.
fn admit(sequencer: &mut Sequencer<Job>, ticket: Ticket, attempt: Attempt) {
    let Attempt { decision, outcome, is_kept, ids } = attempt;
    let is_admitted = sequencer.decided(ticket, decision);
    let Some(job) = sequencer.job(ticket) else {
        return Deferred::Value(Box::new(outcome)).defer();
    };
    if let Some(before) = job.outcome.replace(outcome) {
        Deferred::Value(Box::new(before)).defer();
    }
    job.is_kept = is_kept;
    job.ids = ids;
    if let Some(admitted) = job.admitted.take_if(|_| is_admitted) {
        Deferred::Wake(admitted).defer();
    }
}

impl Work {
    fn new(
        begun: Instant,
        future: impl Future<Output = Done> + Send + 'static,
        fallback: Fallback,
    ) -> Self {
        Self { begun, future: Guarded::new(future), fallback }
    }

    fn begin(mut self) -> Begun {
        // The task that continues it polls it anew: no wake-up is lost.
        let mut cx = Context::from_waker(Waker::noop());
        match self.future.poll_unpin(&mut cx) {
            Poll::Ready(Some(done)) => Begun::Done(done),
            Poll::Ready(None) => Begun::Done(self.fallback.done()),
            Poll::Pending => Begun::Waits(self),
        }
    }
}

/// An attempt to decide a command, before it is begun.
struct Deciding {
    request: Arc<Request>,
    attempt: u32,
    ids: Vec<Uuid>,
    denied: Option<Box<Ended>>,
    at_hand: Option<AtHand>,
}

impl Deciding {
    fn of(processor: &Processor, shared: &mut Shared, ticket: Ticket) -> Option<Self> {
        let sequencer = &mut shared.sequencer;
        let job = sequencer.job(ticket)?;
        job.attempt += 1;
        let (attempt, ids) = (job.attempt, std::mem::take(&mut job.ids));
        let request = Arc::clone(&job.request);
        let denied = job.denied.clone();
        let at_hand = match request.tasks.as_slice() {
            [task] if processor.environment.policy.is_none() => match task.action.run {
                Handler::Now(run) => {
                    sequencer.heads.newest(&task.root).map(|head| AtHand { head, run })
                }
                Handler::Later(_) => None,
            },
            _ => None,
        };
        Some(Self { request, attempt, ids, denied, at_hand })
    }

    /// Returns the attempt, if it waits for nothing.
    fn at_once(&mut self, processor: &Arc<Processor>) -> Option<Attempt> {
        if let Some(denied) = self.denied.take() {
            return Some(attempt::denied(&processor.environment, &self.request, *denied));
        }
        let at_hand = self.at_hand.take()?;
        let ids = std::mem::take(&mut self.ids);
        let (request, number) = (&self.request, self.attempt);
        let span = spans::guarded(|| spans::decide(&request.span, number));
        let entered = unwind::catch(|| span.enter());
        let attempt = attempt::at_once(processor, request, number, ids, &at_hand);
        unwind::catch(|| drop(entered));
        unwind::catch(|| drop(span));
        Some(attempt)
    }

    fn begin(self, processor: &Arc<Processor>, ticket: Ticket, now: Instant) -> Begun {
        let Self { request, attempt, ids, .. } = self;
        let fallback = Fallback::Panicked(ticket, Arc::clone(&request));
        let span = spans::guarded(|| spans::decide(&request.span, attempt));
        let attempt = attempt::run(Arc::clone(processor), request, attempt, ids);
        let decided = attempt.map(move |attempt| Done::Decided(ticket, Box::new(attempt)));
        Work::new(now, decided.instrument(span), fallback).begin()
    }
}

/// Hands a batch to the store; `depth`: how many units wait behind it.
fn commit(processor: &Arc<Processor>, batch: &Batch, depth: usize, now: Instant) -> Begun {
    let Environment { meta, metrics, store, .. } = &processor.environment;
    metrics.committing(depth, batch.len());
    let span = spans::guarded(|| spans::commit(meta, batch.len()));
    let mut committing = Guarded::of(|| Arc::clone(store).commit(Arc::clone(batch)));
    let mut cx = Context::from_waker(Waker::noop());
    // A store that writes where it is called has no need of a task.
    let polled = unwind::catch(|| span.in_scope(|| committing.poll_unpin(&mut cx)));
    match polled.unwrap_or(Poll::Ready(None)) {
        Poll::Ready(committed) => Begun::Done(landed(&processor.environment, batch, committed)),
        Poll::Pending => {
            let (processor, batch) = (Arc::clone(processor), Arc::clone(batch));
            let fallback = Fallback::InDoubt(batch.len());
            let committed = async move {
                let committed = committing.instrument(span).await;
                landed(&processor.environment, &batch, committed)
            };
            Begun::Waits(Work::new(now, committed, fallback))
        }
    }
}

/// The answer of the store to a batch, of which the observers are notified. `None` if the store panicked.
fn landed(environment: &Environment, batch: &Batch, committed: Option<Vec<Fate>>) -> Done {
    // What a store that panicked has done is not known: its log will tell.
    let fates = committed.unwrap_or_else(|| batch.iter().map(|_| Fate::Unknown).collect());
    // Before any of the commands is answered, and in the order of positions.
    for (unit, fate) in batch.iter().zip(&fates) {
        if let Fate::Committed { first, .. } = fate {
            unwind::catch(|| publish::committed(environment, unit, *first));
        }
    }
    unwind::catch(|| environment.committed.notify_waiters());
    Done::Landed(fates)
}

/// Finds out whether the unit of a command is stored if its commit is in doubt.
fn settle(processor: &Arc<Processor>, ticket: Ticket, id: Uuid, now: Instant) -> Work {
    let processor = Arc::clone(processor);
    let unknown = move || (0, Error::OutcomeUnknown { id });
    let settled = async move {
        match waits::settle(&processor.environment, id).await {
            Some(true) => Done::Settled(ticket, Settled::Known),
            // Its unit is not stored: it may be decided again. If a commit that is still on its way is quicker, the
            // identifier is found taken.
            Some(false) => Done::Resumed(ticket),
            None => Done::Answered(ticket, Err(unknown())),
        }
    };
    Work::new(now, settled, Fallback::Answered(ticket, unknown()))
}

/// Asks the log whether the command's identifier has had another answer than the one that it
/// would be given now. `is_known`: the store has found the identifier; `is_allowed`: the policy
/// need not be asked about it again.
fn look_up(
    processor: &Arc<Processor>,
    job: &Job,
    ticket: Ticket,
    (outcome, is_known, is_allowed): (Outcome, bool, bool),
    now: Instant,
) -> Work {
    let request = Arc::clone(&job.request);
    let processor = Arc::clone(processor);
    // Reading an answer back runs an author's code. If it panics, the log may have the answer.
    let id = request.tasks[0].id;
    let fallback = Fallback::Answered(ticket, (0, Error::OutcomeUnknown { id }));
    let span = spans::guarded(|| spans::recall(&request.span));
    let looking_up = async move {
        let environment = &processor.environment;
        let first = match recall::first_answer(environment, &request, is_known).await {
            None => return Done::Answered(ticket, outcome),
            Some(Err(ended)) if !ended.1.is_refusal() => {
                return Done::Answered(ticket, Err(ended));
            }
            Some(first) => first,
        };
        if is_allowed {
            return Done::Answered(ticket, first);
        }
        match authorize::replay(environment, &request).await {
            Ok(()) => Done::Answered(ticket, first),
            Err(denied @ (_, Error::Unauthorized { .. })) => Done::Denied(ticket, denied),
            Err(ended) => Done::Answered(ticket, Err(ended)),
        }
    };
    Work::new(now, looking_up.instrument(span), fallback)
}

/// What a command that has ended is answered with, and whether the log must be asked first.
fn settle_outcome(job: &mut Job, settled: Settled) -> (Outcome, bool) {
    let broken = || Err((0, Error::from(StoreError::permanent("a command has lost its answer"))));
    match settled {
        Settled::Stands => {
            let outcome = job.outcome.take().unwrap_or_else(broken);
            // A denial is the answer, whatever the log holds: it is in the log as an activity.
            let is_denied = matches!(&outcome, Err((_, Error::Unauthorized { .. })));
            let must_look_up = outcome.is_err() && !job.is_kept && !is_denied;
            (outcome, must_look_up)
        }
        Settled::Known => (Err((0, Error::DuplicateCommand { id: job.request.tasks[0].id })), true),
        Settled::Conflict(root, attempts) => (Err((0, Error::Conflict { root, attempts })), true),
        Settled::Failed(error) => match &job.denied {
            Some(denied) => {
                not_recorded(job);
                let denied = Err(Ended::clone(denied));
                // The store's error: its destructor does not run under the lock.
                Deferred::Value(Box::new(error)).defer();
                (denied, false)
            }
            None => (Err((0, Error::from(error))), true),
        },
    }
}

/// Reports that the store has failed to record a denial, or may have.
fn not_recorded(job: &Job) {
    let (domain, command_id) = (job.request.domain, job.request.tasks[0].id);
    let report = move || {
        tracing::error!(domain, %command_id, "a denial of the policy could not be recorded");
    };
    Deferred::Call(Box::new(report)).defer();
}

/// Answers a command that has ended; whether there is a step to go on with.
fn finish(
    processor: &Processor,
    mut shared: Locked<'_, Shared>,
    ticket: Ticket,
    outcome: Outcome,
    now: Instant,
) -> bool {
    let Some(job) = shared.sequencer.finish(ticket) else {
        Deferred::Value(Box::new(outcome)).defer();
        return true;
    };
    for task in &job.request.tasks {
        // If this request is denied, another one under the same identifier may be in flight.
        if let Entry::Occupied(entry) = shared.in_flight.entry(task.id)
            && *entry.get() == ticket
        {
            entry.remove();
        }
    }
    let (is_idle, has_step) = (shared.sequencer.is_idle(), shared.sequencer.has_step());
    drop(shared);
    let (request, accepted) = (Arc::clone(&job.request), job.accepted);
    let answered = || publish::answered(&processor.environment, &request, &outcome, now - accepted);
    unwind::catch(answered);
    job.answer(outcome);
    if is_idle {
        unwind::catch(|| processor.idle.notify_waiters());
    }
    has_step
}
