//! Publish: notifies the observers of stored units and of answers.

use std::time::Duration;

use super::Services;
use super::job::{GroupError, JobResult, Request, errors};
use crate::observability::spans;
use crate::observer::RuntimeEvent;
use fluvius_store::{LogEntry, UnitOfWork};

/// Notifies the observers of a stored unit: of its events, its messages, and the unit itself.
pub(crate) fn committed(services: &Services, unit: &UnitOfWork, first: u64) {
    // A unit without rows only checked versions.
    if services.observers.is_empty() || unit.row_count() == 0 {
        return;
    }
    // Positions are consecutive: commands, events, messages.
    let mut position = first + unit.commands.len() as u64;
    for event in &unit.events {
        let event = LogEntry { position, record: event.as_ref().clone() };
        services.notify(&RuntimeEvent::EventCommitted { event: &event });
        position += 1;
    }
    for message in &unit.messages {
        let message = LogEntry { position, record: message.as_ref().clone() };
        services.notify(&RuntimeEvent::Message { message: &message });
        position += 1;
    }
    services.notify(&RuntimeEvent::TransactionCommitted { unit, first });
}

/// Counts the outcomes of the commands of a request, and notifies the observers of them. A dry run
/// or an operation is not counted, and no observer is notified of it.
pub(crate) fn answered(
    services: &Services,
    request: &Request,
    outcome: &JobResult,
    after: Duration,
) {
    if !request.is_command() {
        return;
    }
    let (applied, failed) = match outcome {
        Ok(_) => (request.tasks.len(), None),
        Err(GroupError { index, error }) => (0, Some(errors(&request.tasks, *index, error))),
    };
    services.metrics.answered(applied, failed.into_iter().flatten(), after);
    let _span = spans::publish(&request.span).entered();
    if services.observers.is_empty() {
        return;
    }
    let tasks = &request.tasks;
    match outcome {
        Ok(answers) => {
            for (task, answer) in tasks.iter().zip(answers) {
                services.notify(&RuntimeEvent::Response { response: &answer.response });
                services.notify(&RuntimeEvent::CommandCompleted {
                    id: task.id,
                    action: task.action,
                    aggregate_id: &task.aggregate_id,
                });
            }
        }
        Err(GroupError { index, error }) => {
            for (task, error) in tasks.iter().zip(errors(tasks, *index, error)) {
                services.notify(&RuntimeEvent::CommandRejected {
                    id: task.id,
                    action: task.action,
                    aggregate_id: &task.aggregate_id,
                    error: &error,
                });
            }
        }
    }
}
