//! The input of an attempt, which the executor takes from the scheduler's state.

use std::sync::Arc;

use futures_util::FutureExt;
use tracing::Instrument;
use uuid::Uuid;

use super::Processor;
use super::accept::Shared;
use super::attempt::{self, Attempt};
use super::decide::InlineInput;
use super::executor::{Completion, PendingEffect, StartedEffect};
use super::job::{GroupError, Request};
use crate::model::Handler;
use crate::observability::spans;
use crate::scheduler::CommandSeq;
use crate::sync::Instant;
use crate::unwind;

/// The input of an attempt to decide a command.
pub(super) struct AttemptInput {
    request: Arc<Request>,
    attempt: u32,
    ids: Vec<Uuid>,
    denied: Option<GroupError>,
    inline: Option<InlineInput>,
}

impl AttemptInput {
    pub(super) fn of(processor: &Processor, shared: &mut Shared, seq: CommandSeq) -> Option<Self> {
        let scheduler = &mut shared.scheduler;
        let job = scheduler.job(seq)?;
        job.attempt += 1;
        let (attempt, ids) = (job.attempt, std::mem::take(&mut job.ids));
        let request = Arc::clone(&job.request);
        let denied = job.denied.clone();
        let inline = match request.tasks.as_slice() {
            [task] if processor.services.policy.is_none() => match task.action.run {
                Handler::Now(run) => {
                    let newest = scheduler.versions.newest(&task.aggregate_id);
                    newest.map(|cached| InlineInput { cached, run })
                }
                Handler::Later(_) => None,
            },
            _ => None,
        };
        Some(Self { request, attempt, ids, denied, inline })
    }

    /// Returns the attempt if it has nothing to wait for.
    pub(super) fn run_inline(&mut self, processor: &Arc<Processor>) -> Option<Attempt> {
        let denied = self.denied.take();
        if let Some(operation) = self.request.operation {
            return Some(attempt::operation(&processor.services, &self.request, operation, denied));
        }
        if let Some(denied) = denied {
            return Some(attempt::denied(&processor.services, &self.request, denied));
        }
        let inline = self.inline.take()?;
        let ids = std::mem::take(&mut self.ids);
        let (request, number) = (&self.request, self.attempt);
        let span = spans::guarded(|| spans::decide(&request.span, number));
        let entered = unwind::catch(|| span.enter());
        let attempt = attempt::run_inline(processor, request, number, ids, &inline);
        unwind::catch(|| drop(entered));
        unwind::catch(|| drop(span));
        Some(attempt)
    }

    pub(super) fn start(
        self,
        processor: &Arc<Processor>,
        seq: CommandSeq,
        now: Instant,
    ) -> StartedEffect {
        let Self { request, attempt, ids, .. } = self;
        let if_panicked = Completion::Panicked(seq, Arc::clone(&request));
        let span = spans::guarded(|| spans::decide(&request.span, attempt));
        let attempt = attempt::run(Arc::clone(processor), request, attempt, ids);
        let decided = attempt.map(move |attempt| Completion::Decided(seq, Box::new(attempt)));
        PendingEffect::new(now, decided.instrument(span), if_panicked).start()
    }
}
