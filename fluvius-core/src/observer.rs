//! Observers: hooks that the runtime notifies while it processes commands.

use uuid::Uuid;

use crate::error::Error;
use crate::model::{ActionDescriptor, Response, SimpleRejection};
use fluvius_store::{AggregateId, EventRecord, LogEntry, MessageRecord, UnitOfWork};

/// An observer of a domain.
///
/// Both methods run between the stages of a command, in a task of the runtime or in a caller's
/// poll, never in a store's writer. They should return quickly: hand long work to a channel or a
/// task. If an observer panics, the panic is logged and the command is unaffected.
pub trait Observer: Send + Sync + 'static {
    /// Receives every event of the runtime.
    fn on_event(&self, signal: &RuntimeEvent<'_>) {
        let _ = signal;
    }

    /// Checks each unit of work after its actions have run and before it is handed to the store.
    ///
    /// # Errors
    /// A veto: the command fails with `rejected`, with the code and message of the veto.
    fn before_commit(&self, unit: &UnitOfWork) -> Result<(), SimpleRejection> {
        let _ = unit;
        Ok(())
    }
}

/// An event of the runtime.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum RuntimeEvent<'a> {
    /// A command was decoded and authorized.
    CommandReady {
        /// The command's id.
        id: Uuid,
        /// The action.
        action: &'static ActionDescriptor,
        /// The aggregate.
        aggregate_id: &'a AggregateId,
    },
    /// An action has emitted an event that is not stored yet. Repeated if the command is decided
    /// again.
    EventRecorded {
        /// The event.
        event: &'a EventRecord,
        /// The number of the attempt, from 1.
        attempt: u32,
    },
    /// An event was stored.
    EventCommitted {
        /// The event.
        event: &'a LogEntry<EventRecord>,
    },
    /// An outgoing message was stored.
    Message {
        /// The message.
        message: &'a LogEntry<MessageRecord>,
    },
    /// A unit of work was stored.
    TransactionCommitted {
        /// The unit of work.
        unit: &'a UnitOfWork,
        /// The position of its first row.
        first: u64,
    },
    /// A command was answered.
    Response {
        /// The response.
        response: &'a Response,
    },
    /// A command was applied.
    CommandCompleted {
        /// The command's id.
        id: Uuid,
        /// The action.
        action: &'static ActionDescriptor,
        /// The aggregate.
        aggregate_id: &'a AggregateId,
    },
    /// A command was not applied.
    CommandRejected {
        /// The command's id.
        id: Uuid,
        /// The action.
        action: &'static ActionDescriptor,
        /// The aggregate.
        aggregate_id: &'a AggregateId,
        /// The reason.
        error: &'a Error,
    },
}
