//! The executor: carries out the scheduler's effects on tokio.
//!
//! An effect starts on the thread that causes it, even in a caller's poll, and moves to a separate
//! task once it has to wait. So an effect that does not wait costs no task, and a caller that is
//! not polled holds no lock, version or batch.

use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::FutureExt;

use super::accept::Shared;
use super::attempt::Attempt;
use super::attempt_input::AttemptInput;
use super::job::{GroupError, Job, JobResult, Request};
use super::pace::Pace;
use super::{Processor, commit, contention, in_doubt, publish};
use crate::scheduler::{Batch, CommandSeq, Resolution, Scheduler};
use crate::sync::{self, Instant};
use crate::unwind::{self, Deferred, Guarded, Locked};
use fluvius_store::{AggregateId, CommitOutcome, Lease, StateRecord};

/// Time between two ticks of a lease. A time slice has five ticks, and its last commit ends after
/// it. It is long enough to amortize the handover of a lease, and short enough that the slowest of
/// four processes waits for about 100 ms.
const LEASE_TICK: Duration = Duration::from_millis(5);

/// The result of an effect, which is the next input to the scheduler.
pub(super) enum Completion {
    Decided(CommandSeq, Box<Attempt>),
    /// The code of the command panicked outside of an attempt, which would have recorded the panic.
    Panicked(CommandSeq, Arc<Request>),
    BatchCommitted(Vec<CommitOutcome>),
    /// The commit of this many units is in doubt, and the log resolves it.
    BatchInDoubt(usize),
    Resumed(CommandSeq),
    Ended(CommandSeq, Resolution),
    Answered(CommandSeq, JobResult),
    /// The policy denies the replay of a logged answer. The denial is recorded, and is the answer.
    Denied(CommandSeq, GroupError),
    LeaseAcquired(AggregateId, Option<(Lease, Option<StateRecord>)>),
    LeaseTick(AggregateId),
}

/// An effect after its first poll.
pub(super) enum StartedEffect {
    Completed(Completion),
    /// Continues in a separate task.
    Pending(PendingEffect),
}

/// An effect that may have to wait.
pub(super) struct PendingEffect {
    started: Instant,
    future: Guarded<'static, Completion>,
    /// The completion that applies if the future panics.
    if_panicked: Completion,
}

impl PendingEffect {
    pub(super) fn new(
        started: Instant,
        future: impl Future<Output = Completion> + Send + 'static,
        if_panicked: Completion,
    ) -> Self {
        Self { started, future: Guarded::new(future), if_panicked }
    }

    pub(super) fn start(mut self) -> StartedEffect {
        // No wake-up is lost: the task that continues the effect polls it again.
        let mut cx = Context::from_waker(Waker::noop());
        match self.future.poll_unpin(&mut cx) {
            Poll::Ready(Some(completion)) => StartedEffect::Completed(completion),
            Poll::Ready(None) => StartedEffect::Completed(self.if_panicked),
            Poll::Pending => StartedEffect::Pending(self),
        }
    }
}

/// Runs the effects caused by a call on this thread, which may belong to any runtime. `own` is the
/// caller's command, and `now` the start of the first effect.
pub(super) fn run_effects_for_caller(
    processor: &Arc<Processor>,
    shared: Locked<'_, Shared>,
    own: CommandSeq,
    now: Instant,
) {
    // Timers and tasks that an action creates must outlive this caller's runtime.
    let _entered = processor.services.home.enter();
    Executor { processor, own: Some(own), pace: Pace::new(now, true) }.run(shared);
}

/// A run of the executor on this thread.
pub(super) struct Executor<'a> {
    processor: &'a Arc<Processor>,
    /// The command of the caller that polls this run, if one does.
    own: Option<CommandSeq>,
    pace: Pace,
}

impl<'a> Executor<'a> {
    /// Runs the effects of the scheduler, and all that follow from them, until they have to wait or
    /// this thread has reached its bounds. The rest continues in tasks of the runtime.
    fn run(mut self, mut shared: Locked<'a, Shared>) {
        while let Some(effect) = self.pace.next_effect(&mut shared.scheduler) {
            match self.run_effect(shared, effect) {
                Some(next) => shared = next,
                None => return self.pace.end(self.processor),
            }
        }
        let is_done = !shared.scheduler.has_effect();
        drop(shared);
        if !is_done {
            self.pace.has_woken = true;
            let processor = Arc::clone(self.processor);
            self.processor.services.home.spawn(async move {
                let pace = Pace::new(Instant::now(), false);
                Executor { processor: &processor, own: None, pace }.run(processor.shared());
            });
        }
        self.pace.end(self.processor);
    }

    /// Passes the result of an effect to the scheduler, or moves the effect to a task if it has to
    /// wait.
    fn continue_with(&mut self, started: StartedEffect) -> Locked<'a, Shared> {
        match started {
            StartedEffect::Completed(completion) => {
                let took = self.pace.effect_ended();
                apply(self.processor, completion, took, self.pace.now)
            }
            StartedEffect::Pending(pending) => {
                self.pace.effect_ended();
                self.pace.has_woken = true;
                spawn_pending(self.processor, pending);
                self.processor.shared()
            }
        }
    }

    pub(super) fn decide(
        &mut self,
        mut shared: Locked<'a, Shared>,
        seq: CommandSeq,
    ) -> Option<Locked<'a, Shared>> {
        let Some(mut input) = AttemptInput::of(self.processor, &mut shared, seq) else {
            return Some(shared);
        };
        drop(shared);
        self.pace.hand_over(self.processor);
        if let Some(attempt) = input.run_inline(self.processor) {
            self.processor.services.metrics.decided(self.pace.effect_ended());
            let mut shared = self.processor.shared();
            admit(&mut shared.scheduler, seq, attempt);
            return Some(shared);
        }
        Some(self.continue_with(input.start(self.processor, seq, self.pace.now)))
    }

    pub(super) fn commit(
        &mut self,
        shared: Locked<'a, Shared>,
        batch: &Batch,
    ) -> Option<Locked<'a, Shared>> {
        let depth = shared.scheduler.queue_depth();
        drop(shared);
        Some(self.continue_with(commit::run(self.processor, batch, depth, self.pace.now)))
    }

    pub(super) fn answer(
        &mut self,
        mut shared: Locked<'a, Shared>,
        seq: CommandSeq,
        resolution: Resolution,
    ) -> Option<Locked<'a, Shared>> {
        let Some(job) = shared.scheduler.job(seq) else { return Some(shared) };
        let due = in_doubt::due_answer(job, resolution);
        if due.must_look_up {
            let pending = in_doubt::look_up(self.processor, job, seq, due, self.pace.now);
            drop(shared);
            return Some(self.continue_with(pending.start()));
        }
        self.pace.has_woken |= self.own != Some(seq) || self.processor.may_wake(&mut shared, seq);
        match finish(self.processor, shared, seq, due.outcome, self.pace.now) {
            true => Some(self.processor.shared()),
            false => None,
        }
    }

    pub(super) fn back_off(
        &mut self,
        mut shared: Locked<'a, Shared>,
        seq: CommandSeq,
        count: u32,
    ) -> Option<Locked<'a, Shared>> {
        let id = shared.scheduler.job(seq).map(|job| job.request.tasks[0].id);
        drop(shared);
        let waited = contention::back_off(id.unwrap_or_default(), count);
        let waited = waited.map(move |()| Completion::Resumed(seq));
        Some(self.continue_with(
            PendingEffect::new(self.pace.now, waited, Completion::Resumed(seq)).start(),
        ))
    }

    pub(super) fn resolve_in_doubt(
        &mut self,
        mut shared: Locked<'a, Shared>,
        seq: CommandSeq,
    ) -> Option<Locked<'a, Shared>> {
        let Some(job) = shared.scheduler.job(seq) else { return Some(shared) };
        if let Some(denied) = &job.denied {
            // A denial has no command row, so the log cannot resolve its commit.
            let denied = Err(denied.clone());
            in_doubt::report_unrecorded(job);
            drop(shared);
            return Some(
                self.continue_with(StartedEffect::Completed(Completion::Answered(seq, denied))),
            );
        }
        let resolving = in_doubt::resolve(self.processor, seq, &job.request, self.pace.now);
        drop(shared);
        Some(self.continue_with(resolving.start()))
    }

    pub(super) fn acquire_lease(
        &mut self,
        shared: Locked<'a, Shared>,
        aggregate_id: AggregateId,
    ) -> Option<Locked<'a, Shared>> {
        drop(shared);
        let if_panicked = Completion::LeaseAcquired(aggregate_id.clone(), None);
        let processor = Arc::clone(self.processor);
        let acquiring = async move {
            let acquired = contention::acquire_lease(&processor.services, &aggregate_id).await;
            Completion::LeaseAcquired(aggregate_id, acquired)
        };
        Some(self.continue_with(PendingEffect::new(self.pace.now, acquiring, if_panicked).start()))
    }

    pub(super) fn keep_lease(
        &mut self,
        shared: Locked<'a, Shared>,
        aggregate_id: AggregateId,
    ) -> Option<Locked<'a, Shared>> {
        drop(shared);
        let if_panicked = Completion::LeaseTick(aggregate_id.clone());
        let ticked = sync::sleep(LEASE_TICK).map(move |()| Completion::LeaseTick(aggregate_id));
        Some(self.continue_with(PendingEffect::new(self.pace.now, ticked, if_panicked).start()))
    }

    pub(super) fn release_lease(
        &mut self,
        shared: Locked<'a, Shared>,
        lease: Lease,
    ) -> Option<Locked<'a, Shared>> {
        drop(shared);
        unwind::dispose(lease);
        Some(self.processor.shared())
    }
}

/// Moves an effect that has to wait to a task of the runtime, with all effects that follow from it.
fn spawn_pending(processor: &Arc<Processor>, pending: PendingEffect) {
    let spawned = Arc::clone(processor);
    processor.services.home.spawn(async move {
        let PendingEffect { started, future, if_panicked } = pending;
        let completion = future.await.unwrap_or(if_panicked);
        let now = Instant::now();
        let shared = apply(&spawned, completion, now - started, now);
        Executor { processor: &spawned, own: None, pace: Pace::new(now, false) }.run(shared);
    });
}

/// Passes the result of an effect to the scheduler.
fn apply(
    processor: &Processor,
    completion: Completion,
    took: Duration,
    now: Instant,
) -> Locked<'_, Shared> {
    let metrics = &processor.services.metrics;
    match &completion {
        Completion::Decided(..) | Completion::Panicked(..) => metrics.decided(took),
        Completion::BatchCommitted(outcomes) => {
            metrics.committed(took);
            let is_stale =
                |outcome: &&CommitOutcome| matches!(outcome, CommitOutcome::VersionConflict { .. });
            let stale = outcomes.iter().filter(is_stale).count();
            if stale > 0 {
                metrics.conflicted(stale);
            }
        }
        Completion::BatchInDoubt(_) => metrics.committed(took),
        _ => {}
    }
    let mut shared = processor.shared();
    let scheduler = &mut shared.scheduler;
    match completion {
        Completion::Decided(seq, attempt) => admit(scheduler, seq, *attempt),
        Completion::Panicked(seq, request) => admit(scheduler, seq, Attempt::panicked(&request)),
        Completion::BatchCommitted(outcomes) => scheduler.on_batch_committed(outcomes),
        Completion::BatchInDoubt(count) => {
            scheduler.on_batch_committed(vec![CommitOutcome::InDoubt; count]);
        }
        Completion::Resumed(seq) => scheduler.resume(seq),
        Completion::Ended(seq, resolution) => scheduler.end(seq, resolution),
        Completion::Denied(seq, denied) => {
            if let Some(job) = scheduler.job(seq) {
                job.denied = Some(denied);
            }
            scheduler.resume(seq);
        }
        Completion::LeaseAcquired(aggregate_id, acquired) => {
            scheduler.on_lease_acquired(&aggregate_id, acquired)
        }
        Completion::LeaseTick(aggregate_id) => scheduler.on_lease_tick(&aggregate_id),
        Completion::Answered(seq, outcome) => {
            finish(processor, shared, seq, outcome, now);
            return processor.shared();
        }
    }
    shared
}

/// Passes an attempt to the scheduler, and stores with the command the answer that it would give.
fn admit(scheduler: &mut Scheduler<Job>, seq: CommandSeq, attempt: Attempt) {
    let Attempt { decision, outcome, is_kept, ids } = attempt;
    let row_count = decision.unit.row_count();
    let is_admitted = scheduler.admit(seq, decision);
    let Some(job) = scheduler.job(seq) else {
        return Deferred::Value(Box::new(outcome)).defer();
    };
    if let Some(before) = job.outcome.replace(outcome) {
        Deferred::Value(Box::new(before)).defer();
    }
    job.is_kept = is_kept;
    job.row_count = row_count;
    job.ids = ids;
    if let Some(admitted) = job.admitted.take_if(|_| is_admitted) {
        Deferred::Wake(admitted).defer();
    }
}

/// Answers a command that has ended. Returns true if the scheduler has further effects.
fn finish(
    processor: &Processor,
    mut shared: Locked<'_, Shared>,
    seq: CommandSeq,
    outcome: JobResult,
    now: Instant,
) -> bool {
    let Some(job) = shared.scheduler.finish(seq) else {
        Deferred::Value(Box::new(outcome)).defer();
        return true;
    };
    for task in &job.request.tasks {
        // After a denial, another request with the same id may be in flight.
        if let Entry::Occupied(entry) = shared.in_flight.entry(task.id)
            && *entry.get() == seq
        {
            entry.remove();
        }
    }
    let (is_idle, has_effect) = (shared.scheduler.is_idle(), shared.scheduler.has_effect());
    drop(shared);
    let (request, accepted) = (Arc::clone(&job.request), job.accepted);
    let answered = || publish::answered(&processor.services, &request, &outcome, now - accepted);
    unwind::catch(answered);
    job.answer(outcome);
    if is_idle {
        unwind::catch(|| processor.idle.notify_waiters());
    }
    has_effect
}
