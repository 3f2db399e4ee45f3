//! Dry runs: the result that commands would have, without storing it.

use std::sync::Arc;

use serde::Serialize;

use crate::error::Error;
use crate::model::{CommandBundle, ErasedResponse, Response};
use crate::processor::{Task, decode};
use crate::unwind;
use fluvius_store::{
    ActivityRecord, CommandRecord, EventRecord, MessageRecord, StateRecord, UnitOfWork,
};

use super::Session;

/// The result that commands would have: their responses, and the rows that would be stored.
///
/// Returned by [`Session::dry_run`]. The rows have the ids of this dry run, so those of the real
/// commands differ.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DryRun {
    /// The responses, in the order of the commands. Their `position` is 0.
    pub responses: Vec<Response>,
    /// The states after the commands, one for each changed aggregate, sorted by aggregate.
    pub states: Vec<StateRecord>,
    /// The commands, each followed by those that its action invokes.
    pub commands: Vec<CommandRecord>,
    /// The events, in the order of their commands.
    pub events: Vec<EventRecord>,
    /// The messages.
    pub messages: Vec<MessageRecord>,
    /// The activities.
    pub activities: Vec<ActivityRecord>,
}

impl DryRun {
    pub(super) fn new(answers: Vec<ErasedResponse>, unit: UnitOfWork) -> Self {
        let UnitOfWork { states, commands, events, messages, activities, .. } = unit;
        Self {
            responses: answers.into_iter().map(|answer| answer.response).collect(),
            states: owned(states),
            commands: owned(commands),
            events: owned(events),
            messages: owned(messages),
            activities: owned(activities),
        }
    }
}

fn owned<T: Clone>(rows: impl IntoIterator<Item = Arc<T>>) -> Vec<T> {
    rows.into_iter().map(Arc::unwrap_or_clone).collect()
}

/// Decodes a command of a dry run under a new id.
pub(super) fn decode(session: &Session, command: CommandBundle) -> Result<Task, Error> {
    let services = &session.processor.services;
    let key = services.registry.find(&command.command).map_or("(unknown)", |action| action.key);
    let id = unwind::catch(|| services.ids.generate()).ok_or(Error::Panicked { command: key })?;
    decode::uncounted(services, command.with_id(id))
}
