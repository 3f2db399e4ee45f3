//! The driver: does on tokio what the sequencer says.
//!
//! A step is begun where it comes up, also in a caller's task, and is moved to a task of its
//! own as soon as it has to wait. So what need not wait costs no task, and no caller that is
//! not polled ever holds a turn, a head or a batch.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_core::future::BoxFuture;
use futures_util::FutureExt;
use tracing::{Instrument, Span};
use uuid::Uuid;

use super::accept::Shared;
use super::attempt::{self, Attempt};
use super::decide::AtHand;
use super::job::{Job, Outcome, Request};
use super::{Environment, Processor, authorize, publish, recall, spans, waits};
use crate::action::Handler;
use crate::error::Error;
use crate::root::AggregateRoot;
use crate::sequencer::{Batch, Sequencer, Settled, Step, Ticket};
use crate::state::StateRecord;
use crate::store::{Fate, StoreError, StoreTurn};
use crate::sync::{self, Instant};

/// How many steps are done at one go before the rest is moved to a task of its own.
const STEPS_AT_ONE_GO: usize = 128;

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
    TurnTaken(AggregateRoot, Option<(StoreTurn, Option<StateRecord>)>),
    TurnKept(AggregateRoot),
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
    span: Span,
    future: BoxFuture<'static, Done>,
}

/// Does the steps that the sequencer has, and all that follow from them, as far as nothing has
/// to wait; the rest goes on in tasks of the runtime. `now` is when the first of them begins.
pub(crate) fn drive<'a>(
    processor: &'a Arc<Processor>,
    mut shared: MutexGuard<'a, Shared>,
    mut now: Instant,
) {
    for _ in 0..STEPS_AT_ONE_GO {
        let Some(step) = shared.sequencer.next_step() else { return };
        let begun = match step {
            Step::Decide(ticket) => {
                let Some(mut deciding) = Deciding::of(processor, &mut shared, ticket) else {
                    continue;
                };
                drop(shared);
                if let Some(at_hand) = deciding.at_hand.take() {
                    let attempt = deciding.at_once(processor, &at_hand);
                    let begun = std::mem::replace(&mut now, Instant::now());
                    processor.environment.metrics.decide_seconds.record(now - begun);
                    shared = processor.shared();
                    admit(&mut shared.sequencer, ticket, attempt);
                    continue;
                }
                deciding.begin(processor, ticket, now)
            }
            Step::Commit(batch) => {
                let depth = shared.sequencer.queue_depth();
                drop(shared);
                commit(processor, &batch, depth, now)
            }
            Step::Answer(ticket, settled) => {
                let Some(job) = shared.sequencer.job(ticket) else { continue };
                let is_known = matches!(settled, Settled::Known);
                // The policy was asked of each of its commands, and of the states as they stood then.
                let is_allowed = matches!(job.outcome, Some(Ok(_)));
                let (outcome, must_look_up) = settle_outcome(job, settled);
                if !must_look_up {
                    if !finish(processor, shared, ticket, outcome, now) {
                        return;
                    }
                    shared = processor.shared();
                    continue;
                }
                let look_up = look_up(processor, job, ticket, (outcome, is_known, is_allowed), now);
                drop(shared);
                look_up.begin()
            }
            Step::BackOff(ticket, count) => {
                let id = shared.sequencer.job(ticket).map(|job| job.request.tasks[0].id);
                drop(shared);
                let waited = waits::back_off(id.unwrap_or_default(), count);
                Work::new(now, Span::none(), waited.map(move |()| Done::Resumed(ticket))).begin()
            }
            Step::Settle(ticket) => {
                let Some(job) = shared.sequencer.job(ticket) else { continue };
                let id = job.request.tasks[0].id;
                drop(shared);
                let processor = Arc::clone(processor);
                let settled = async move {
                    match waits::settle(&processor.environment, id).await {
                        Some(true) => Done::Settled(ticket, Settled::Known),
                        // Its unit is not stored: it may be decided again. Should a commit that
                        // is still on its way be quicker, the identifier is found taken.
                        Some(false) => Done::Resumed(ticket),
                        None => Done::Answered(ticket, Err((0, Error::OutcomeUnknown { id }))),
                    }
                };
                Work::new(now, Span::none(), settled).begin()
            }
            Step::TakeTurn(root) => {
                drop(shared);
                let store = Arc::clone(&processor.environment.store);
                let taking = async move {
                    let taken = waits::take_turn(store.as_ref(), &root).await;
                    Done::TurnTaken(root, taken)
                };
                Work::new(now, Span::none(), taking).begin()
            }
            Step::KeepTurn(root) => {
                drop(shared);
                let kept = sync::sleep(TURN_LOOK_TIME);
                Work::new(now, Span::none(), kept.map(move |()| Done::TurnKept(root))).begin()
            }
            Step::GiveBackTurn(turn) => {
                drop(shared);
                drop(turn);
                shared = processor.shared();
                continue;
            }
        };
        match begun {
            Begun::Done(done) => {
                let begun = std::mem::replace(&mut now, Instant::now());
                shared = take_in(processor, done, begun, now);
            }
            Begun::Waits(work) => {
                go_on_elsewhere(processor, work);
                shared = processor.shared();
            }
        }
    }
    drop(shared);
    let processor = Arc::clone(processor);
    sync::spawn(async move { drive(&processor, processor.shared(), Instant::now()) });
}

/// Moves a step that has to wait to a task of the runtime, with all that follows from it.
fn go_on_elsewhere(processor: &Arc<Processor>, work: Work) {
    let processor = Arc::clone(processor);
    sync::spawn(async move {
        let done = work.future.instrument(work.span).await;
        let now = Instant::now();
        drive(&processor, take_in(&processor, done, work.begun, now), now);
    });
}

/// Tells the sequencer what a step has come to.
fn take_in(
    processor: &Processor,
    done: Done,
    begun: Instant,
    now: Instant,
) -> MutexGuard<'_, Shared> {
    let metrics = &processor.environment.metrics;
    match &done {
        Done::Decided(..) => metrics.decide_seconds.record(now - begun),
        Done::Landed(_) => metrics.commit_seconds.record(now - begun),
        _ => {}
    }
    let mut shared = processor.shared();
    let sequencer = &mut shared.sequencer;
    match done {
        Done::Decided(ticket, attempt) => admit(sequencer, ticket, *attempt),
        Done::Landed(fates) => sequencer.landed(fates),
        Done::Resumed(ticket) => sequencer.resume(ticket),
        Done::Settled(ticket, settled) => sequencer.end(ticket, settled),
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
    if let Some(job) = sequencer.job(ticket) {
        job.outcome = Some(outcome);
        job.is_kept = is_kept;
        job.ids = ids;
        if let Some(admitted) = job.admitted.take_if(|_| is_admitted) {
            let _ = admitted.send(());
        }
    }
}

impl Work {
    fn new(
        begun: Instant,
        span: Span,
        future: impl Future<Output = Done> + Send + 'static,
    ) -> Self {
        Self { begun, span, future: Box::pin(future) }
    }

    fn begin(mut self) -> Begun {
        // Whoever goes on with it polls it anew: nobody has to be woken.
        let mut cx = Context::from_waker(Waker::noop());
        match self.span.in_scope(|| self.future.as_mut().poll(&mut cx)) {
            Poll::Ready(done) => Begun::Done(done),
            Poll::Pending => Begun::Waits(self),
        }
    }
}

/// An attempt to decide a command, before it is begun.
struct Deciding {
    request: Arc<Request>,
    attempt: u32,
    ids: Vec<Uuid>,
    at_hand: Option<AtHand>,
}

impl Deciding {
    fn of(processor: &Processor, shared: &mut Shared, ticket: Ticket) -> Option<Self> {
        let sequencer = &mut shared.sequencer;
        let job = sequencer.job(ticket)?;
        job.attempt += 1;
        let (attempt, ids) = (job.attempt, std::mem::take(&mut job.ids));
        let request = Arc::clone(&job.request);
        let at_hand = match request.tasks.as_slice() {
            [task] if processor.environment.policy.is_none() => match task.action.run {
                Handler::Now(run) => {
                    sequencer.heads.newest(&task.root).map(|head| AtHand { head, run })
                }
                Handler::Later(_) => None,
            },
            _ => None,
        };
        Some(Self { request, attempt, ids, at_hand })
    }

    fn at_once(&mut self, processor: &Arc<Processor>, at_hand: &AtHand) -> Attempt {
        let ids = std::mem::take(&mut self.ids);
        let span = spans::decide(&self.request.span, self.attempt);
        span.in_scope(|| attempt::at_once(processor, &self.request, self.attempt, ids, at_hand))
    }

    fn begin(self, processor: &Arc<Processor>, ticket: Ticket, now: Instant) -> Begun {
        let Self { request, attempt, ids, .. } = self;
        let span = spans::decide(&request.span, attempt);
        let attempt = attempt::run(Arc::clone(processor), request, attempt, ids);
        let decided = attempt.map(move |attempt| Done::Decided(ticket, Box::new(attempt)));
        Work::new(now, span, decided).begin()
    }
}

/// Hands a batch to the store; `depth`: how many units wait behind it.
fn commit(processor: &Arc<Processor>, batch: &Batch, depth: usize, now: Instant) -> Begun {
    let Environment { meta, metrics, store, .. } = &processor.environment;
    metrics.queue_depth.set(u32::try_from(depth).unwrap_or(u32::MAX));
    metrics.batch_units.record(u32::try_from(batch.len()).unwrap_or(u32::MAX));
    let span = spans::commit(meta, batch.len());
    let mut committing =
        AssertUnwindSafe(Arc::clone(store).commit(Arc::clone(batch))).catch_unwind();
    let mut cx = Context::from_waker(Waker::noop());
    // A store that writes where it is called has no need of a task.
    match span.in_scope(|| committing.poll_unpin(&mut cx)) {
        Poll::Ready(committed) => Begun::Done(landed(&processor.environment, batch, committed)),
        Poll::Pending => {
            let (processor, batch) = (Arc::clone(processor), Arc::clone(batch));
            Begun::Waits(Work::new(now, span, async move {
                landed(&processor.environment, &batch, committing.await)
            }))
        }
    }
}

/// What the store says of a batch, told to those who listen.
fn landed(
    environment: &Environment,
    batch: &Batch,
    committed: Result<Vec<Fate>, Box<dyn Any + Send>>,
) -> Done {
    // What a store that panicked has done is not known: its log will tell.
    let fates = committed.unwrap_or_else(|_| batch.iter().map(|_| Fate::Unknown).collect());
    // Before anybody is answered, and in the order of positions.
    for (unit, fate) in batch.iter().zip(&fates) {
        if let Fate::Committed { first, .. } = fate {
            publish::committed(environment, unit, *first);
        }
    }
    environment.committed.notify_waiters();
    Done::Landed(fates)
}

/// Asks the log whether the command's identifier has had another answer than the one that it
/// would be given now; `is_known`: that is what the store says; `is_allowed`: the policy need not be asked of it again.
fn look_up(
    processor: &Arc<Processor>,
    job: &Job,
    ticket: Ticket,
    (outcome, is_known, is_allowed): (Outcome, bool, bool),
    now: Instant,
) -> Work {
    let request = Arc::clone(&job.request);
    let processor = Arc::clone(processor);
    Work::new(now, spans::recall(&request.span), async move {
        let environment = &processor.environment;
        let first = recall::first_answer(environment, &request, is_known).await;
        let outcome = match first {
            None => outcome,
            Some(Err(ended)) if !ended.1.is_refusal() => Err(ended),
            Some(first) if is_allowed => first,
            Some(first) => authorize::replay(environment, &request).await.and(first),
        };
        Done::Answered(ticket, outcome)
    })
}

/// What a command that has ended is answered with, and whether the log must be asked first.
fn settle_outcome(job: &mut Job, settled: Settled) -> (Outcome, bool) {
    let broken = || Err((0, Error::from(StoreError::permanent("a command has lost its answer"))));
    match settled {
        Settled::Stands => {
            let outcome = job.outcome.take().unwrap_or_else(broken);
            // A denial is the answer, whatever the log holds: it is in the log as an activity.
            let is_denied = matches!(outcome, Err((_, Error::Unauthorized { .. })));
            let must_look_up = outcome.is_err() && !job.is_kept && !is_denied;
            (outcome, must_look_up)
        }
        Settled::Known => (Err((0, Error::DuplicateCommand { id: job.request.tasks[0].id })), true),
        Settled::Conflict(root, attempts) => (Err((0, Error::Conflict { root, attempts })), true),
        Settled::Failed(error) => (Err((0, Error::from(error))), true),
    }
}

/// Answers a command that has ended; whether there is a step to go on with.
fn finish(
    processor: &Processor,
    mut shared: MutexGuard<'_, Shared>,
    ticket: Ticket,
    outcome: Outcome,
    now: Instant,
) -> bool {
    let Some(job) = shared.sequencer.finish(ticket) else { return true };
    for task in &job.request.tasks {
        shared.in_flight.remove(&task.id);
    }
    let (is_idle, has_step) = (shared.sequencer.is_idle(), shared.sequencer.has_step());
    drop(shared);
    publish::answered(&processor.environment, &job.request, &outcome, now - job.accepted);
    sync::give_back(job.permit);
    if is_idle {
        processor.idle.notify_waiters();
    }
    // A caller that went away gets the answer by sending the same identifier again.
    for joined in job.joined {
        let _ = joined.send(outcome.clone());
    }
    let _ = job.waiting.send(outcome);
    has_step
}
