//! Signals: what the runtime tells those who listen while a command goes its way.

use uuid::Uuid;

use crate::error::Error;
use crate::model::{ActionDescriptor, Response, SimpleRejection};
use fluvius_store::{AggregateId, EventRecord, LogEntry, MessageRecord, UnitOfWork};

/// Listens to what happens in a domain.
///
/// Both functions run in the runtime's tasks, between the stages of a command, never on a
/// store's writer. They should be quick: what takes time is handed to a channel or a task. A
/// listener that panics is logged and changes nothing for the command.
pub trait Observer: Send + Sync + 'static {
    /// Told of everything.
    fn on_event(&self, signal: &RuntimeEvent<'_>) {
        let _ = signal;
    }

    /// Asked about each unit of work after the rules have run and before it goes to the store.
    ///
    /// # Errors
    /// A veto: the command is `rejected` with this code and message.
    fn before_commit(&self, unit: &UnitOfWork) -> Result<(), SimpleRejection> {
        let _ = unit;
        Ok(())
    }
}

/// One thing that happens in a domain.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum RuntimeEvent<'a> {
    /// A command is decoded and authorized.
    CommandReady {
        /// The command's identifier.
        id: Uuid,
        /// Its action.
        action: &'static ActionDescriptor,
        /// Its aggregate.
        aggregate_id: &'a AggregateId,
    },
    /// A rule has made an event, which is not stored yet. Comes again where the command is
    /// decided again.
    EventRecorded {
        /// The event.
        event: &'a EventRecord,
        /// Which attempt it is, from 1.
        attempt: u32,
    },
    /// An event is stored.
    EventCommitted {
        /// The event.
        event: &'a LogEntry<EventRecord>,
    },
    /// An outgoing message is stored.
    Message {
        /// The message.
        message: &'a LogEntry<MessageRecord>,
    },
    /// A unit of work is stored.
    TransactionCommitted {
        /// The unit.
        unit: &'a UnitOfWork,
        /// The position of its first row.
        first: u64,
    },
    /// A command is answered.
    Response {
        /// The answer.
        response: &'a Response,
    },
    /// A command was applied.
    CommandCompleted {
        /// The command's identifier.
        id: Uuid,
        /// Its action.
        action: &'static ActionDescriptor,
        /// Its aggregate.
        aggregate_id: &'a AggregateId,
    },
    /// A command was not applied.
    CommandRejected {
        /// The command's identifier.
        id: Uuid,
        /// Its action.
        action: &'static ActionDescriptor,
        /// Its aggregate.
        aggregate_id: &'a AggregateId,
        /// Why.
        error: &'a Error,
    },
}
