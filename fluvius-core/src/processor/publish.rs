//! Publish: what is stored is told to those who listen.

use std::time::Duration;

use super::Environment;
use super::job::{Outcome, Request, errors};
use super::spans;
use crate::logged::Logged;
use crate::signal::Signal;
use crate::unit_of_work::UnitOfWork;

/// Tells of a stored unit: its events, its messages, the unit itself.
pub(crate) fn committed(environment: &Environment, unit: &UnitOfWork, first: u64) {
    // A unit without rows was only checked.
    if environment.listeners.is_empty() || unit.row_count() == 0 {
        return;
    }
    // Positions follow one by one: commands, events, messages.
    let mut position = first + unit.commands.len() as u64;
    for event in &unit.events {
        let event = Logged { position, record: event.as_ref().clone() };
        environment.tell(&Signal::EventCommitted { event: &event });
        position += 1;
    }
    for message in &unit.messages {
        let message = Logged { position, record: message.as_ref().clone() };
        environment.tell(&Signal::Message { message: &message });
        position += 1;
    }
    environment.tell(&Signal::TransactionCommitted { unit, first });
}

/// Counts and tells how the commands of a request ended.
pub(crate) fn answered(
    environment: &Environment,
    request: &Request,
    outcome: &Outcome,
    after: Duration,
) {
    environment.metrics.answered(&request.tasks, outcome, after);
    let _span = spans::publish(&request.span).entered();
    if environment.listeners.is_empty() {
        return;
    }
    let tasks = &request.tasks;
    match outcome {
        Ok(answers) => {
            for (task, answer) in tasks.iter().zip(answers) {
                environment.tell(&Signal::Response { response: &answer.response });
                environment.tell(&Signal::CommandCompleted {
                    id: task.id,
                    action: task.action,
                    root: &task.root,
                });
            }
        }
        Err((index, error)) => {
            for (task, error) in tasks.iter().zip(errors(tasks, *index, error)) {
                environment.tell(&Signal::CommandRejected {
                    id: task.id,
                    action: task.action,
                    root: &task.root,
                    error: &error,
                });
            }
        }
    }
}
