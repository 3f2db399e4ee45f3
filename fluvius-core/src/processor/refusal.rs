//! Refusals as they stand in the command log, so that the same answer can be given again.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::environment::Environment;
use super::task::{Sender, Task};
use crate::activity::{ActivityKind, ActivityRecord};
use crate::command::CommandRecord;
use crate::error::Error;
use crate::etag::{ETag, Precondition};
use crate::json::{self, Json};
use crate::rejection::Refused;
use crate::root::AggregateRoot;

/// What is kept of a refusal beside the row's `code`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Refusal {
    NotFound {},
    AlreadyExists {},
    Rejected { message: String },
    PreconditionFailed { expected: Option<Precondition>, version: u64, etag: Option<ETag> },
    GroupRefused { refused: Uuid, root: AggregateRoot, code: String, cause: Box<Refusal> },
}

/// Writes a refusal into its row: the rule's code, else the error's, and the answer.
pub(crate) fn write(row: &mut CommandRecord, error: &Error) {
    row.code = Some(code(error).into());
    row.response = Refusal::of(error).and_then(|refusal| json::encode(&refusal).ok());
}

/// Reads the answer of a refused row.
pub(crate) fn read(row: &CommandRecord) -> Option<Error> {
    let refusal: Refusal = row.response.as_ref().and_then(|json: &Json| json.decode().ok())?;
    refusal.into_error(&row.root, row.code.as_deref()?)
}

/// The activity that a denial of the policy leaves.
pub(crate) fn denied(
    environment: &Environment,
    sender: &Sender,
    task: &Task,
    error: &Error,
) -> ActivityRecord {
    let command = serde_json::json!({ "command": task.action.key });
    ActivityRecord {
        id: environment.ids.next(),
        root: task.root.clone(),
        context_id: sender.record.id,
        src_cmd: task.id,
        message: error.to_string().replace('\0', "\u{FFFD}").into(),
        kind: ActivityKind::UserAction,
        label: None,
        code: Some(error.code().into()),
        data: Json::from_value(&command).ok(),
    }
}

fn code(error: &Error) -> String {
    match error {
        Error::Rejected { code, .. } => code.clone(),
        error => error.code().to_owned(),
    }
}

impl Refusal {
    fn of(error: &Error) -> Option<Self> {
        Some(match error {
            Error::NotFound { .. } => Self::NotFound {},
            Error::AlreadyExists { .. } => Self::AlreadyExists {},
            Error::Rejected { message, .. } => Self::Rejected { message: message.clone() },
            Error::PreconditionFailed { expected, version, etag, .. } => {
                let expected = Some(*expected);
                Self::PreconditionFailed { expected, version: *version, etag: *etag }
            }
            Error::GroupRefused { refused, source } => Self::GroupRefused {
                refused: *refused,
                root: root_of(source)?.clone(),
                code: code(source),
                cause: Box::new(Self::of(source)?),
            },
            _ => return None,
        })
    }

    fn into_error(self, root: &AggregateRoot, code: &str) -> Option<Error> {
        let root = root.clone();
        Some(match self {
            Self::NotFound {} => Error::NotFound { root },
            Self::AlreadyExists {} => Error::AlreadyExists { root },
            Self::Rejected { message } => Error::Rejected {
                root,
                code: code.to_owned(),
                source: std::sync::Arc::new(Refused::from_log(code.to_owned(), message.clone())),
                message,
            },
            Self::PreconditionFailed { expected, version, etag } => {
                // Absent in rows of versions that recorded a missing precondition.
                Error::PreconditionFailed { root, expected: expected?, version, etag }
            }
            Self::GroupRefused { refused, root, code, cause } => {
                Error::GroupRefused { refused, source: Box::new(cause.into_error(&root, &code)?) }
            }
        })
    }
}

fn root_of(error: &Error) -> Option<&AggregateRoot> {
    match error {
        Error::NotFound { root }
        | Error::AlreadyExists { root }
        | Error::Rejected { root, .. }
        | Error::PreconditionFailed { root, .. } => Some(root),
        _ => None,
    }
}
