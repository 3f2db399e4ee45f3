//! Deduplicate: replays the first answer to a command id that is in the log.

use uuid::Uuid;

use super::job::{GroupError, JobResult, Request, set_positions};
use super::rejection_record;
use super::request_log::RequestLog;
use super::services::Services;
use super::task::{Sender, Task};
use crate::error::Error;
use crate::model::{ActionDescriptor, ErasedResponse, Response, event};
use crate::states::{state_at, version_before};
use fluvius_store::json::JsonError;
use fluvius_store::{
    AggregateId, CommandRecord, CommandStatus, ContextRecord, ETag, EventRecord, Json, LogEntry,
    Store, StoreError,
};

/// Returns the first answer of a request whose ids are in the log. For a group all of them must be.
///
/// If one of the ids is known to be stored, a fault in reading it is `outcome-unknown`. Any other
/// error would mean that nothing is stored.
pub(crate) async fn first_answer(
    services: &Services,
    request: &Request,
    is_known: bool,
) -> Option<JobResult> {
    match look_up_all(services, request).await {
        Some(Err(GroupError { index, error }))
            if is_known
                && matches!(*error, Error::StoreUnavailable { .. } | Error::StoreError { .. }) =>
        {
            let id = request.tasks[index].id;
            Some(Err(GroupError::new(index, Error::OutcomeUnknown { id })))
        }
        answer => answer,
    }
}

async fn look_up_all(services: &Services, request: &Request) -> Option<JobResult> {
    let tasks = &request.tasks;
    let mut answers = Vec::with_capacity(tasks.len());
    let mut ended = None;
    let mut known = None;
    let mut log = RequestLog::new(services, tasks.len());
    for (index, task) in tasks.iter().enumerate() {
        match look_up(services, &mut log, &request.sender, task).await {
            Ok(None) => {}
            Ok(Some(first)) => {
                known = Some(task.id);
                match first {
                    Ok(answer) => answers.push(Some(answer)),
                    Err(error) => {
                        answers.push(None);
                        if !matches!(error, Error::GroupRejected { .. }) || tasks.len() == 1 {
                            ended.get_or_insert_with(|| GroupError::new(index, error));
                        }
                    }
                }
            }
            Err(error) => return Some(Err(GroupError::new(index, error))),
        }
    }
    let duplicate = GroupError::first(Error::CommandIdReused { id: known? });
    if answers.len() < tasks.len() {
        return Some(Err(duplicate));
    }
    let mut first = match ended {
        Some(ended) => Err(ended),
        None => {
            let answers: Option<Vec<ErasedResponse>> = answers.into_iter().collect();
            answers.ok_or(duplicate)
        }
    };
    if first.as_ref().err().is_none_or(|ended| ended.error.is_recorded()) {
        match log.last_rows().await {
            Ok(rows) => {
                set_positions(&mut first, true, |index| rows.get(index).copied().unwrap_or(0));
            }
            Err(error) => first = Err(GroupError::first(unread((&tasks[0]).into(), error))),
        }
    }
    Some(first)
}

/// Looks a command up in the log, and returns its answer if it is there.
///
/// An answer that cannot be read back is `outcome-unknown`, for a failure of the store or of the
/// decoding of the state. Any other error would mean that nothing is stored.
///
/// # Errors
/// Any error of the store.
async fn look_up(
    services: &Services,
    log: &mut RequestLog<'_>,
    sender: &Sender,
    task: &Task,
) -> Result<Option<Result<ErasedResponse, Error>>, Error> {
    match services.store.command(task.id).await? {
        Some((row, context)) => {
            log.found(&row);
            let answer = again(services, log, sender, task, (&row, &context)).await;
            Ok(Some(answer.map_err(|error| unread(task.into(), error))))
        }
        None => Ok(None),
    }
}

/// Returns the error that was the first answer, or an error that the first answer cannot be read.
fn unread(command: Known<'_>, error: Error) -> Error {
    let (Error::StoreUnavailable { .. } | Error::StoreError { .. } | Error::InvalidState { .. }) =
        error
    else {
        return error;
    };
    // The path and the message may quote stored data.
    tracing::error!(
        command_id = %command.id,
        aggregate_id = %command.aggregate_id,
        code = error.code(),
        "the answer of a command in the log cannot be read back"
    );
    Error::OutcomeUnknown { id: command.id }
}

/// Returns the answer of a command of the same actor and realm; `None` if the log has none.
///
/// # Errors
/// `unknown-command` if the domain no longer has the action; any error of the store.
pub(crate) async fn recorded_answer(
    services: &Services,
    sender: &Sender,
    id: Uuid,
) -> Result<Option<Result<ErasedResponse, Error>>, Error> {
    let Some((row, context)) = services.store.command(id).await? else { return Ok(None) };
    if !is_of(sender, &row.record, &context) || row.record.domain != services.metadata.namespace {
        return Ok(None);
    }
    let key = row.record.key();
    let action = services
        .registry
        .find(key)
        .ok_or_else(|| Error::UnknownCommand { key: key.to_owned(), nearest: Vec::new() })?;
    let command = Known { id, action, aggregate_id: &row.record.aggregate_id };
    let mut log = RequestLog::new(services, 1);
    log.found(&row);
    let answer = read_back(services, &mut log, command, &row).await;
    let answer = answer.map_err(|error| unread(command, error));
    let mut first = answer.map(|answer| vec![answer]).map_err(GroupError::first);
    if first.as_ref().err().is_none_or(|ended| ended.error.is_recorded()) {
        let rows = log.last_rows().await?;
        set_positions(&mut first, true, |index| rows.get(index).copied().unwrap_or(0));
    }
    match first {
        Ok(mut answers) => Ok(answers.pop().map(Ok)),
        Err(ended) => Ok(Some(Err(*ended.error))),
    }
}

/// A command that the log has.
#[derive(Clone, Copy)]
struct Known<'a> {
    id: Uuid,
    action: &'static ActionDescriptor,
    aggregate_id: &'a AggregateId,
}

impl<'a> From<&'a Task> for Known<'a> {
    fn from(task: &'a Task) -> Self {
        Self { id: task.id, action: task.action, aggregate_id: &task.aggregate_id }
    }
}

/// Reads the first answer from a row, if the row belongs to the same command.
///
/// # Errors
/// `command-id-reused`, the error that was the first answer, or any error of the store.
async fn again(
    services: &Services,
    log: &mut RequestLog<'_>,
    sender: &Sender,
    task: &Task,
    (row, context): (&LogEntry<CommandRecord>, &ContextRecord),
) -> Result<ErasedResponse, Error> {
    if !is_same(sender, task, &row.record, context) {
        return Err(Error::CommandIdReused { id: task.id });
    }
    read_back(services, log, task.into(), row).await
}

/// Reads the answer from the row of a command.
///
/// # Errors
/// The error that was the answer, or any error of the store.
async fn read_back(
    services: &Services,
    log: &mut RequestLog<'_>,
    command: Known<'_>,
    row: &LogEntry<CommandRecord>,
) -> Result<ErasedResponse, Error> {
    if row.record.status == CommandStatus::Rejected {
        let rejection = rejection_record::read(&row.record);
        return Err(rejection.unwrap_or_else(|| unreadable(command)));
    }
    let store = &services.store;
    let aggregate = (command.action.aggregate)();
    let event = match command.action.event {
        Some(_) => Some(log.event_of(row).await?.ok_or_else(|| unreadable(command))?),
        None => None,
    };
    let occurred_at = event.as_ref().map_or(row.record.received_at, |event| event.occurred_at);
    let version = match &event {
        Some(event) => event.version,
        None => version_before(store, &row.record.aggregate_id, row.position).await?,
    };
    let returned = match &event {
        Some(event) if row.record.response.is_some() && event.revision != aggregate.revision => {
            upcast_data(command, event)?
        }
        _ => row.record.response.clone(),
    };
    let data = match returned {
        Some(data) => data,
        None => {
            let (revision, state) = match &event {
                Some(event) => log.state_after(event).await?,
                None => state_at(store, &row.record.aggregate_id, version).await?,
            };
            as_written(command, revision, &state)?
        }
    };
    // The etag of a read-only action is that of the event before it.
    let etag = match event {
        Some(_) => ETag::new(version, command.id),
        None => etag_at(services, &row.record, version).await?,
    };
    Ok(ErasedResponse {
        response: Response {
            command_id: command.id,
            command: command.action.key,
            aggregate_id: row.record.aggregate_id.clone(),
            version,
            etag,
            event: command.action.event.map(|event| event.key),
            occurred_at,
            // Set once all answers of the request are known.
            position: 0,
            replayed: true,
            data,
        },
        state: None,
    })
}

/// Returns a state folded from the log, with its fields in the order of the first answer. A state
/// of an older revision is upcast to the current shape.
fn as_written(command: Known<'_>, revision: u32, folded: &Json) -> Result<Json, Error> {
    let aggregate = (command.action.aggregate)();
    let state = aggregate.decode(revision, folded).and_then(|state| aggregate.encode(&state));
    state.map_err(|error| invalid_state(command, revision, &error))
}

/// Returns the data that an action of another revision returned, upcast together with its event. If
/// the upcast event has no `data`, the state is the answer.
fn upcast_data(command: Known<'_>, event: &EventRecord) -> Result<Option<Json>, Error> {
    let upcasted = event::fields(event, (command.action.aggregate)()).and_then(|fields| {
        let data = fields.get("data");
        data.map(Json::from_value).transpose()
    });
    upcasted.map_err(|error| invalid_state(command, event.revision, &error))
}

fn invalid_state(command: Known<'_>, revision: u32, error: &JsonError) -> Error {
    Error::InvalidState {
        aggregate_id: command.aggregate_id.clone(),
        revision,
        path: error.path().to_owned(),
        message: error.message().to_owned(),
    }
}

fn is_same(sender: &Sender, task: &Task, row: &CommandRecord, context: &ContextRecord) -> bool {
    row.aggregate_id == task.aggregate_id
        && row.command == task.action.key
        && row.payload_hash == task.payload_hash
        && is_of(sender, row, context)
}

/// Returns true if the sender, or another one with the same actor and realm, has sent the command.
fn is_of(sender: &Sender, row: &CommandRecord, context: &ContextRecord) -> bool {
    row.parent.is_none()
        && context.actor == sender.record.actor
        && context.realm == sender.record.realm
}

async fn etag_at(services: &Services, row: &CommandRecord, version: u64) -> Result<ETag, Error> {
    let events = services.store.history(&row.aggregate_id, version, version).await?;
    let command_id = events.first().map_or(row.id, |event| event.record.command_id);
    Ok(ETag::new(version, command_id))
}

fn unreadable(command: Known<'_>) -> Error {
    Error::from(StoreError::permanent(format!(
        "the answer of command {} cannot be read back from the log",
        command.id
    )))
}
