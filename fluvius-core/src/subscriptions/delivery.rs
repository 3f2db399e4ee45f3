//! A delivery as a consumer sees it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use super::item::Answer;
use super::partition::Lost;
use super::worker::Input;
use crate::error::Error;
use fluvius_store::{ContextRecord, DynStore, EventRecord, LogEntry, ResumeToken, Store};

/// An event that a subscription delivers.
///
/// `E` is the type of [`event`](Self::event): the enum of an aggregate type's events, or `()` if
/// the subscription does not decode events.
///
/// A delivery is answered once, by the first of [`ack`](Self::ack),
/// [`ack_through`](Self::ack_through), [`nack`](Self::nack) and [`park`](Self::park). If it is
/// dropped without an answer, the event is delivered again after a back-off. A handler that was
/// passed to `run` answers by its result.
#[derive(Debug)]
pub struct Delivery<E = ()> {
    pub(super) ticket: Arc<Ticket>,
    pub(super) event: E,
}

/// The answer to a delivery, on its way to the worker.
#[derive(Debug)]
pub(super) struct Answered {
    /// The full name of the subscription.
    pub(super) name: Arc<str>,
    pub(super) partition: u32,
    /// Tells the ownership under which the delivery began.
    pub(super) lost: Lost,
    pub(super) position: u64,
    pub(super) answer: Answer,
}

/// The right to answer a delivery.
pub(super) struct Ticket {
    pub(super) row: Arc<LogEntry<EventRecord>>,
    pub(super) name: Arc<str>,
    pub(super) partition: u32,
    pub(super) attempt: u32,
    pub(super) lost: Lost,
    pub(super) store: DynStore,
    pub(super) inbox: UnboundedSender<Input>,
    pub(super) is_answered: AtomicBool,
}

impl<E> Delivery<E> {
    /// Returns the event.
    pub fn event(&self) -> &E {
        &self.event
    }

    /// Returns the row of the event, with its position.
    pub fn record(&self) -> &LogEntry<EventRecord> {
        &self.ticket.row
    }

    /// Returns the token of the row.
    pub fn resume_token(&self) -> ResumeToken {
        self.ticket.row.resume_token()
    }

    /// Returns the number of the attempt, from 1. It is more than 1 if an earlier attempt of this
    /// process has failed. It may be 1 for an event that another process has delivered.
    pub fn attempt(&self) -> u32 {
        self.ticket.attempt
    }

    /// Returns the number of the partition.
    pub fn partition(&self) -> u32 {
        self.ticket.partition
    }

    /// Returns true if this process has lost the partition. The answer is then ignored, and the
    /// event is delivered again, perhaps in another process. Consumers that take long should check
    /// it.
    pub fn is_lost(&self) -> bool {
        self.ticket.is_lost()
    }

    /// Returns the context of the command that emitted the event: its actor, realm and correlation
    /// id. `None` if the command has no row.
    ///
    /// # Errors
    /// `store-unavailable`, `store-error`.
    pub async fn context(&self) -> Result<Option<Arc<ContextRecord>>, Error> {
        let command = self.ticket.store.command(self.ticket.row.record.command_id).await?;
        Ok(command.map(|(_, context)| context))
    }

    /// Answers that the delivery is done.
    pub fn ack(self) {
        self.ticket.answer(Answer::Ack);
    }

    /// Answers that this delivery is done, and so are all unanswered deliveries of its partition
    /// before it. Those that are to be repeated come again.
    pub fn ack_through(self) {
        self.ticket.answer(Answer::AckThrough);
    }

    /// Asks for the delivery to be repeated after a delay. It counts as a failed attempt; after the
    /// 20th the delivery is parked.
    pub fn nack(self, delay: Duration) {
        /// A delay that every clock can add.
        const MAX_DELAY: Duration = Duration::from_secs(24 * 60 * 60);
        self.ticket.answer(Answer::Nack(delay.min(MAX_DELAY)));
    }

    /// Parks the delivery with an error, without further attempts.
    pub fn park(self, error: impl fmt::Display) {
        self.ticket.answer(Answer::Park(error.to_string()));
    }
}

impl Ticket {
    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// Sends the answer, if it is the first one.
    pub(super) fn answer(&self, answer: Answer) {
        if self.is_answered.swap(true, Ordering::AcqRel) {
            return;
        }
        let (name, lost) = (Arc::clone(&self.name), Arc::clone(&self.lost));
        let (partition, position) = (self.partition, self.row.position);
        // If the worker has ended, the delivery comes again after the next start.
        let answered = Answered { name, partition, lost, position, answer };
        let _ = self.inbox.send(Input::Answered(answered));
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.answer(Answer::Failed("the delivery was dropped without an answer".to_owned()));
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("subscription", &self.name)
            .field("partition", &self.partition)
            .field("position", &self.row.position)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}
