//! Recall: a command identifier that was used before is answered as it was the first time.

use super::environment::Environment;
use super::job::{Outcome, Request};
use super::refusal;
use super::task::{Answer, Sender, Task};
use crate::command::{CommandRecord, CommandStatus};
use crate::context::ContextRecord;
use crate::error::Error;
use crate::etag::ETag;
use crate::event::{self, EventRecord};
use crate::json::{Json, JsonError};
use crate::logged::Logged;
use crate::response::Response;
use crate::state::{state_at, version_before};
use crate::store::{LogQuery, StoreError};

/// How many events of a root are read at once in the search for that of a command. It is the
/// first one behind the command's row, but for the commands of an atomic group.
const EVENTS_AT_ONCE: usize = 16;

/// The first answer of a request whose identifiers are in the log; of a group all must be.
///
/// Where the store is known to have one of them, a fault in reading it is `outcome-unknown`: after
/// any other error the sender could take it that nothing is stored.
pub(crate) async fn first_answer(
    environment: &Environment,
    request: &Request,
    is_known: bool,
) -> Option<Outcome> {
    match look_up_all(environment, request).await {
        Some(Err((index, Error::StoreUnavailable { .. } | Error::Store { .. }))) if is_known => {
            Some(Err((index, Error::OutcomeUnknown { id: request.tasks[index].id })))
        }
        answer => answer,
    }
}

async fn look_up_all(environment: &Environment, request: &Request) -> Option<Outcome> {
    let tasks = &request.tasks;
    let mut answers = Vec::with_capacity(tasks.len());
    let mut ended = None;
    let mut known = None;
    for (index, task) in tasks.iter().enumerate() {
        match look_up(environment, &request.sender, task).await {
            Ok(None) => {}
            Ok(Some(first)) => {
                known = Some(task.id);
                match first {
                    Ok(answer) => answers.push(Some(answer)),
                    Err(error) => {
                        answers.push(None);
                        if !matches!(error, Error::GroupRefused { .. }) || tasks.len() == 1 {
                            ended.get_or_insert((index, error));
                        }
                    }
                }
            }
            Err(error) => return Some(Err((index, error))),
        }
    }
    let duplicate = (0, Error::DuplicateCommand { id: known? });
    if answers.len() < tasks.len() {
        return Some(Err(duplicate));
    }
    if let Some(ended) = ended {
        return Some(Err(ended));
    }
    let answers: Option<Vec<Answer>> = answers.into_iter().collect();
    Some(answers.ok_or(duplicate))
}

/// Looks a command up in the log; the answer that it got, if it is there.
///
/// One that is there and cannot be read back is `outcome-unknown`, whether the store fails or the state is none that this
/// program reads: any other error says that nothing is stored.
///
/// # Errors
/// What the store says, which is the caller's own error.
async fn look_up(
    environment: &Environment,
    sender: &Sender,
    task: &Task,
) -> Result<Option<Result<Answer, Error>>, Error> {
    match environment.store.command(task.id).await? {
        Some((row, context)) => {
            let answer = again(environment, sender, task, &row, &context).await;
            Ok(Some(answer.map_err(|error| unread(task, error))))
        }
        None => Ok(None),
    }
}

/// The first answer as an error, which is a refusal, or why there is none to be read.
fn unread(task: &Task, error: Error) -> Error {
    let (Error::StoreUnavailable { .. } | Error::Store { .. } | Error::InvalidState { .. }) = error
    else {
        return error;
    };
    // The path and the message may hold what is stored.
    tracing::error!(
        command_id = %task.id,
        root = %task.root,
        code = error.code(),
        "the answer of a command in the log cannot be read back"
    );
    Error::OutcomeUnknown { id: task.id }
}

/// The first answer of a row, where it is the same command.
///
/// # Errors
/// `duplicate-command`, or the refusal that was the first answer, or what the store says.
async fn again(
    environment: &Environment,
    sender: &Sender,
    task: &Task,
    row: &Logged<CommandRecord>,
    context: &ContextRecord,
) -> Result<Answer, Error> {
    if !is_same(sender, task, row, context) {
        return Err(Error::DuplicateCommand { id: task.id });
    }
    if row.status == CommandStatus::Rejected {
        let refused = refusal::read(row);
        return Err(refused.unwrap_or_else(|| unreadable(task)));
    }
    let store = environment.store.as_ref();
    let aggregate = (task.action.aggregate)();
    let event = match task.action.event {
        Some(_) => Some(event_of(environment, task, row).await?),
        None => None,
    };
    let version = match &event {
        Some(event) => event.version,
        None => version_before(store, &row.root, row.position).await?,
    };
    let returned = match &event {
        Some(event) if row.response.is_some() && event.revision != aggregate.revision => {
            lifted_data(task, event)?
        }
        _ => row.response.clone(),
    };
    let data = match returned {
        Some(data) => data,
        None => {
            let (revision, state) = state_at(store, &row.root, version).await?;
            as_written(task, revision, &state)?
        }
    };
    // A question's etag is that of the event before it, whose command is not the question.
    let etag = match event {
        Some(_) => ETag::new(version, task.id),
        None => etag_at(environment, row, version).await?,
    };
    Ok(Answer {
        response: Response {
            command_id: task.id,
            command: task.action.key,
            root: row.root.clone(),
            version,
            etag,
            event: task.action.event.map(|event| event.key),
            data,
        },
        state: None,
    })
}

/// A state that was folded from the log, with its fields in the order of the first answer; where an older revision gave
/// that, in the shape of this one.
fn as_written(task: &Task, revision: u32, folded: &Json) -> Result<Json, Error> {
    let aggregate = (task.action.aggregate)();
    let state = aggregate.decode(revision, folded).and_then(|state| aggregate.encode(&state));
    state.map_err(|error| invalid_state(task, revision, &error))
}

/// What a rule of another revision returned, lifted with its event; where that leaves no `data`, the state is the answer.
fn lifted_data(task: &Task, event: &EventRecord) -> Result<Option<Json>, Error> {
    let lifted = event::fields(event, (task.action.aggregate)()).and_then(|fields| {
        let data = fields.get("data");
        data.map(Json::from_value).transpose()
    });
    lifted.map_err(|error| invalid_state(task, event.revision, &error))
}

fn invalid_state(task: &Task, revision: u32, error: &JsonError) -> Error {
    Error::InvalidState {
        root: task.root.clone(),
        revision,
        path: error.path().to_owned(),
        message: error.message().to_owned(),
    }
}

fn is_same(sender: &Sender, task: &Task, row: &CommandRecord, context: &ContextRecord) -> bool {
    row.root == task.root
        && row.command == task.action.key
        && row.payload_hash == task.payload_hash
        && row.parent.is_none()
        && context.actor == sender.record.actor
        && context.realm == sender.record.realm
}

/// The event of a command: the one that names it.
async fn event_of(
    environment: &Environment,
    task: &Task,
    row: &Logged<CommandRecord>,
) -> Result<EventRecord, Error> {
    let mut query = LogQuery {
        root: Some(row.root.clone()),
        after: row.position.into(),
        limit: EVENTS_AT_ONCE,
        scan_limit: LogQuery::SCAN_LIMIT,
        ..LogQuery::all()
    };
    loop {
        let page = environment.store.events(&query).await?;
        query.after = page.scanned_to;
        let is_last = page.is_last();
        if let Some(event) = page.rows.into_iter().find(|event| event.src_cmd == task.id) {
            return Ok(event.record);
        }
        if is_last {
            return Err(unreadable(task));
        }
    }
}

async fn etag_at(
    environment: &Environment,
    row: &CommandRecord,
    version: u64,
) -> Result<ETag, Error> {
    let events = environment.store.history(&row.root, version, version).await?;
    let command_id = events.first().map_or(row.id, |event| event.src_cmd);
    Ok(ETag::new(version, command_id))
}

fn unreadable(task: &Task) -> Error {
    Error::from(StoreError::permanent(format!(
        "the answer of command {} cannot be read back from the log",
        task.id
    )))
}
