//! The driver: does on tokio what the sequencer says.
//!
//! A step is begun where it comes up, also in a caller's task, and is moved to a task of its
//! own as soon as it has to wait. So what need not wait costs no task, and no caller that is
//! not polled ever holds a turn, a head or a batch.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::future::BoxFuture;
use futures_util::FutureExt;
use tracing::Instrument;

use super::job::{Outcome, Request};
use super::{Environment, Processor, attempt, publish, recall, spans};
use crate::error::Error;
use crate::ids;
use crate::sequencer::{Settled, Step, Ticket};
use crate::store::{Fate, StoreError};
use crate::sync::{self, Instant};

/// How many steps are done at one go before the rest is moved to a task of its own.
const STEPS_AT_ONE_GO: usize = 128;

/// Does these steps and all that follow from them, as far as nothing has to wait; the rest goes
/// on in tasks of the runtime.
///
/// # Cancellation
/// It is done when it is first polled.
pub(crate) async fn drive(processor: &Arc<Processor>, steps: Vec<Step>) {
    let mut steps = VecDeque::from(steps);
    poll_fn(|cx| {
        drive_now(processor, &mut steps, cx);
        Poll::Ready(())
    })
    .await;
}

fn drive_now(processor: &Arc<Processor>, steps: &mut VecDeque<Step>, cx: &mut Context<'_>) {
    let mut is_commit_due = false;
    for _ in 0..STEPS_AT_ONE_GO {
        let step = match steps.pop_front() {
            Some(Step::Commit) => {
                is_commit_due = true;
                continue;
            }
            Some(step) => step,
            // What was decided before it rides along.
            None if is_commit_due => {
                is_commit_due = false;
                Step::Commit
            }
            None => return,
        };
        let Some(mut work) = begin(processor, step) else { continue };
        match work.as_mut().poll(cx) {
            Poll::Ready(next) => steps.extend(next),
            Poll::Pending => go_on_elsewhere(processor, work),
        }
    }
    if is_commit_due {
        steps.push_back(Step::Commit);
    }
    let rest: Vec<Step> = steps.drain(..).collect();
    if !rest.is_empty() {
        go_on_elsewhere(processor, Box::pin(async move { rest }));
    }
}

/// Moves a step that has to wait to a task of the runtime, with all that follows from it.
fn go_on_elsewhere(processor: &Arc<Processor>, work: BoxFuture<'static, Vec<Step>>) {
    let processor = Arc::clone(processor);
    sync::spawn(async move {
        let steps = work.await;
        drive(&processor, steps).await;
    });
}

/// Begins a step; one that is done at once gives nothing.
fn begin(processor: &Arc<Processor>, step: Step) -> Option<BoxFuture<'static, Vec<Step>>> {
    let processor = Arc::clone(processor);
    Some(match step {
        Step::Decide(ticket) => Box::pin(decide(processor, ticket)),
        Step::Commit => Box::pin(commit(processor)),
        Step::Answer(ticket, settled) => {
            let is_known = matches!(settled, Settled::Known);
            let (request, outcome, must_look_up) = settle_outcome(&processor, ticket, settled)?;
            if !must_look_up {
                finish(&processor, ticket, outcome);
                return None;
            }
            Box::pin(async move {
                let first = recall::first_answer(&processor.environment, &request, is_known);
                let first = first.instrument(spans::recall(&request.span)).await;
                finish(&processor, ticket, first.unwrap_or(outcome));
                Vec::new()
            })
        }
        Step::BackOff(ticket, count) => Box::pin(async move {
            back_off(&processor, ticket, count).await;
            resume(&processor, ticket)
        }),
        Step::Settle(ticket) => Box::pin(settle(processor, ticket)),
    })
}

async fn decide(processor: Arc<Processor>, ticket: Ticket) -> Vec<Step> {
    let begun = {
        let mut shared = processor.shared();
        shared.sequencer.job(ticket).map(|job| {
            job.attempt += 1;
            (job.request.clone(), job.attempt, std::mem::take(&mut job.ids))
        })
    };
    let Some((request, count, ids)) = begun else { return Vec::new() };
    let begun = Instant::now();
    let attempt = attempt::run(&processor, &request, count, ids);
    let attempt = attempt.instrument(spans::decide(&request.span, count)).await;
    processor.environment.metrics.decide_seconds.record(begun.elapsed());
    let mut steps = Vec::new();
    let mut shared = processor.shared();
    if let Some(job) = shared.sequencer.job(ticket) {
        job.outcome = Some(attempt.outcome);
        job.is_kept = attempt.is_kept;
        job.ids = attempt.ids;
    }
    let is_admitted = shared.sequencer.decided(ticket, attempt.decision, &mut steps);
    if is_admitted
        && let Some(admitted) = shared.sequencer.job(ticket).and_then(|job| job.admitted.take())
    {
        let _ = admitted.send(());
    }
    steps
}

async fn commit(processor: Arc<Processor>) -> Vec<Step> {
    let (batch, depth) = {
        let mut shared = processor.shared();
        (shared.sequencer.next_batch(), shared.sequencer.queue_depth())
    };
    let Environment { meta, store, metrics, .. } = &processor.environment;
    metrics.queue_depth.set(u32::try_from(depth).unwrap_or(u32::MAX));
    metrics.batch_units.record(u32::try_from(batch.len()).unwrap_or(u32::MAX));
    let begun = Instant::now();
    let committed = AssertUnwindSafe(store.commit(Arc::clone(&batch))).catch_unwind();
    let committed = committed.instrument(spans::commit(meta, batch.len())).await;
    // What a store that panicked has done is not known: its log will tell.
    let fates = committed.unwrap_or_else(|_| batch.iter().map(|_| Fate::Unknown).collect());
    metrics.commit_seconds.record(begun.elapsed());
    // Before anybody is answered, and in the order of positions.
    for (unit, fate) in batch.iter().zip(&fates) {
        if let Fate::Committed { first } = fate {
            publish::committed(&processor.environment, unit, *first);
        }
    }
    let mut steps = Vec::new();
    processor.shared().sequencer.landed(fates, &mut steps);
    steps
}

fn resume(processor: &Processor, ticket: Ticket) -> Vec<Step> {
    let mut steps = Vec::new();
    processor.shared().sequencer.resume(ticket, &mut steps);
    steps
}

/// Waits a little, longer after each conflict, so that commands that keep losing to those of
/// other processes fall out of step with them.
async fn back_off(processor: &Processor, ticket: Ticket, count: u32) {
    let id = processor.shared().sequencer.job(ticket).map(|job| job.request.tasks[0].id);
    // An identifier drawn from the command's: commands differ in it, and a run with counted
    // identifiers is the same each time.
    let jitter = ids::invoked(id.unwrap_or_default(), count).as_u64_pair().1;
    let bound = 50_u64 << count.min(10);
    sync::sleep(Duration::from_micros(jitter % bound)).await;
}

/// Finds out by the command's identifier what became of a unit of work whose store went away.
async fn settle(processor: Arc<Processor>, ticket: Ticket) -> Vec<Step> {
    let Some(id) = processor.shared().sequencer.job(ticket).map(|job| job.request.tasks[0].id)
    else {
        return Vec::new();
    };
    let settle_time = processor.environment.settings.settle_time;
    let found = sync::timeout(settle_time, async {
        let mut pause = Duration::from_millis(5);
        loop {
            match processor.environment.store.command(id).await {
                Ok(found) => return Ok(found.is_some()),
                Err(error) if error.can_retry() => {}
                Err(error) => return Err(error),
            }
            sync::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    });
    match found.await {
        Ok(Ok(true)) => vec![Step::Answer(ticket, Settled::Known)],
        // Its unit is not stored: it may be decided again. Should a commit that is still on its
        // way be quicker, the identifier is found taken.
        Ok(Ok(false)) => resume(&processor, ticket),
        Ok(Err(_)) | Err(_) => {
            finish(&processor, ticket, Err((0, Error::OutcomeUnknown { id })));
            Vec::new()
        }
    }
}

/// What a command that has ended is answered with, and whether the log must be asked first
/// whether its identifier has had another answer.
fn settle_outcome(
    processor: &Processor,
    ticket: Ticket,
    settled: Settled,
) -> Option<(Request, Outcome, bool)> {
    let decided = {
        let mut shared = processor.shared();
        shared
            .sequencer
            .job(ticket)
            .map(|job| (job.request.clone(), job.outcome.take(), job.is_kept))
    };
    let (request, outcome, is_kept) = decided?;
    let broken = || Err((0, Error::from(StoreError::permanent("a command has lost its answer"))));
    let (outcome, must_look_up) = match settled {
        Settled::Stands => {
            let outcome = outcome.unwrap_or_else(broken);
            let must_look_up = outcome.is_err() && !is_kept;
            (outcome, must_look_up)
        }
        Settled::Known => {
            let id = request.tasks[0].id;
            (Err((0, Error::DuplicateCommand { id })), true)
        }
        Settled::Conflict(root, attempts) => (Err((0, Error::Conflict { root, attempts })), true),
        Settled::Failed(error) => (Err((0, Error::from(error))), true),
    };
    Some((request, outcome, must_look_up))
}

fn finish(processor: &Processor, ticket: Ticket, outcome: Outcome) {
    let job = {
        let mut shared = processor.shared();
        let job = shared.sequencer.finish(ticket);
        for task in job.iter().flat_map(|job| job.request.tasks.iter()) {
            shared.in_flight.remove(&task.id);
        }
        job
    };
    let Some(job) = job else { return };
    publish::answered(&processor.environment, &job.request, &outcome, job.accepted.elapsed());
    sync::give_back(job.permit);
    if processor.shared().sequencer.is_idle() {
        processor.idle.notify_waiters();
    }
    for waiting in job.waiting {
        // A caller that went away gets the answer by sending the same identifier again.
        let _ = waiting.send(outcome.clone());
    }
}
