//! The precondition of a command on its aggregate, a part of *decide*.

use super::action_backend::attempt_state;
use super::task::Task;
use crate::error::Error;
use crate::model::ActionContext;
use crate::scheduler::CachedVersion;
use fluvius_store::{Precondition, StateRecord};

/// Returns the row of an aggregate that the command expects to be absent, if it is there. A
/// creating command would otherwise end with `already-exists`, without the version.
pub(super) fn unexpected<'a>(
    cx: &ActionContext,
    task: &Task,
    cached: &'a CachedVersion,
) -> Option<&'a StateRecord> {
    if task.if_match != Some(Precondition::Absent) {
        return None;
    }
    let attempt = attempt_state(cx);
    // A group refers to the state before it.
    let is_written = cx.frames.is_empty()
        && attempt
            .write_set
            .first_read(&task.aggregate_id)
            .is_some_and(|read| read.record.is_none());
    cached.visible(attempt.sender.realm.as_deref()).filter(|_| !is_written)
}

/// Checks the precondition of a command against a record. For a command it is the record before the
/// command and its group; for an invoked command, the one that the invoking action sees.
pub(super) fn check(task: &Task, record: Option<&StateRecord>) -> Result<(), Error> {
    let Some(expected) = &task.if_match else {
        return Ok(());
    };
    let version = record.map_or(0, |record| record.version);
    if expected.holds(version, record.map(|record| record.etag)) {
        return Ok(());
    }
    Err(failed(task, expected.clone(), record))
}

pub(super) fn failed(task: &Task, expected: Precondition, record: Option<&StateRecord>) -> Error {
    Error::PreconditionFailed {
        aggregate_id: task.aggregate_id.clone(),
        expected,
        version: record.map_or(0, |record| record.version),
        etag: record.map(|record| record.etag),
        recorded: None,
    }
}
