//! The processor: takes a command through its stages, one module each.
//!
//! decode -> authorize -> accept, deduplicate -> load -> decide -> veto -> commit -> publish.
//! [`Processor::process`] has the stages up to acceptance. They run in the caller's task: if it is
//! dropped during them, its command is not accepted. [`Executor::run_effect`] has the later stages,
//! in the order of the scheduler. They run in tasks of the runtime, or in a caller's poll as long
//! as they do not wait. A decision is plain data; only commit hands it to the store.
//!
//! An id in flight is recognized at acceptance. The log is searched for an id only before an answer
//! without a row, and if the commit finds the id taken. So a new command that succeeds costs no
//! read for it.
//!
//! | result | of |
//! |---|---|
//! | [`Outcome`](crate::model::Outcome) | the author's code |
//! | [`Attempt`](attempt::Attempt) | load, decide and veto: the rows to store and the answers they would give |
//! | [`Completion`](executor::Completion) | an effect: the next input to the scheduler |
//! | [`Resolution`](crate::scheduler::Resolution) | the scheduler: the end of a command |
//! | [`JobResult`] | all stages: the answers to the caller |

mod accept;
mod action_backend;
mod attempt;
mod attempt_input;
mod authorize;
mod commit;
mod contention;
pub(crate) mod decide;
pub(crate) mod decode;
pub(crate) mod deduplicate;
mod executor;
mod in_doubt;
mod job;
pub(crate) mod load;
mod operate;
mod pace;
mod precondition;
mod publish;
mod rejection_record;
mod request_log;
mod services;
mod task;
mod timeout;
mod veto;
mod write_set;

use std::sync::Arc;

use accept::{Accepted, Link, Shared};
use executor::Executor;
use job::{GroupError, JobResult, Request};

use crate::error::Error;
use crate::scheduler::Effect;
use crate::sync::{Home, Instant, oneshot};
use crate::unwind::{self, Locked};

pub use decode::without_values;

pub(crate) use accept::{PermitMode, Processor};
pub(crate) use services::{Services, Settings};
pub(crate) use task::{Sender, Task};
pub(crate) use timeout::timeout;

impl Processor {
    /// Takes a request of decoded commands through all stages.
    async fn process(self: &Arc<Self>, request: Arc<Request>, mode: PermitMode) -> JobResult {
        let answer = self.start(&request, mode, None).await?;
        answer.await.unwrap_or_else(|_| Err(GroupError::first(self.why_closed())))
    }

    /// Takes a request through the stages up to acceptance. Returns the receiver of its answer.
    async fn start(
        self: &Arc<Self>,
        request: &Arc<Request>,
        mode: PermitMode,
        link: Option<Link>,
    ) -> Result<oneshot::Receiver<JobResult>, GroupError> {
        let begun = Instant::now();
        let started = self.authorize_and_accept(request, mode, link, begun).await;
        if let Err(ended) = &started {
            let outcome = Err(ended.clone());
            let after = begun.elapsed();
            unwind::catch(|| publish::answered(&self.services, request, &outcome, after));
        }
        started
    }

    async fn authorize_and_accept(
        self: &Arc<Self>,
        request: &Arc<Request>,
        mut mode: PermitMode,
        mut link: Option<Link>,
        mut now: Instant,
    ) -> Result<oneshot::Receiver<JobResult>, GroupError> {
        if !Home::is_any() {
            return Err(GroupError::first(Error::NoRuntime));
        }
        request.check().map_err(GroupError::first)?;

        let mut denied = None;
        for (index, task) in request.tasks.iter().enumerate() {
            match authorize::run(&self.services, request, task).await {
                Ok(()) => {}
                // The denial is recorded, so the request takes the later stages too.
                Err(error @ Error::PermissionDenied { .. }) => {
                    denied = Some(GroupError::new(index, error));
                    break;
                }
                Err(error) => return Err(GroupError::new(index, error)),
            }
        }

        let mut has_waited = self.services.policy.is_some();
        loop {
            let permit = match self.try_acquire(&mut mode) {
                Some(permit) => permit,
                None => {
                    has_waited = true;
                    // Boxed, so that the future of a command that does not wait stays small.
                    let waited = Box::pin(self.permit(&mode)).await;
                    waited.map_err(GroupError::first)?
                }
            };
            if has_waited {
                now = Instant::now();
            }
            has_waited = true;
            let accepted = self.accept(request, permit, &mut link, &denied, now);
            match accepted.map_err(GroupError::first)? {
                Accepted::Waiting(answer) => return Ok(answer),
                Accepted::Later(other) => drop(other.await),
            }
        }
    }
}

impl<'a> Executor<'a> {
    /// Runs an effect: a stage of an accepted command, or its part in the contention with other
    /// processes. Returns the lock, or `None` if nothing is left to do.
    fn run_effect(
        &mut self,
        shared: Locked<'a, Shared>,
        effect: Effect,
    ) -> Option<Locked<'a, Shared>> {
        match effect {
            // Load, decide, veto.
            Effect::Decide(seq) => self.decide(shared, seq),
            Effect::Commit(batch) => self.commit(shared, &batch),
            // Deduplicate in the log, unless the command succeeded; publish.
            Effect::Answer(seq, resolution) => self.answer(shared, seq, resolution),

            Effect::ResolveInDoubt(seq) => self.resolve_in_doubt(shared, seq),
            Effect::BackOff(seq, count) => self.back_off(shared, seq, count),
            Effect::AcquireLease(aggregate_id) => self.acquire_lease(shared, aggregate_id),
            Effect::KeepLease(aggregate_id) => self.keep_lease(shared, aggregate_id),
            Effect::ReleaseLease(lease) => self.release_lease(shared, lease),
        }
    }
}
