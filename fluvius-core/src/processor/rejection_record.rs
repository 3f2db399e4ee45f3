//! Rejections in the command log, to replay the same answer, and the activities that record
//! decisions of the policy.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::services::Services;
use super::task::{Sender, Task};
use crate::error::Error;
use crate::model::SimpleRejection;
use crate::policy::Operation;
use fluvius_store::{ActivityRecord, AggregateId, CommandRecord, ETag, Json, Precondition, json};

/// The code of the activity that records a denial.
const DENIED: &str = "permission-denied";

/// The code of the activity that records the reason for allowing a command.
const GRANTED: &str = "permission-granted";

/// The code of the activity that records an allowed operation.
const OPERATION: &str = "operation";

/// The response column of a rejected command. The code is in a column of its own.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum StoredRejection {
    NotFound {},
    AlreadyExists {},
    Rejected {
        message: String,
    },
    PreconditionFailed {
        expected: Option<Precondition>,
        version: u64,
        etag: Option<ETag>,
    },
    GroupRejected {
        rejected: Uuid,
        aggregate_id: AggregateId,
        code: String,
        cause: Box<StoredRejection>,
    },
}

/// Writes a rejection into its row: the code of the action, or else of the error, and the answer.
pub(crate) fn write(row: &mut CommandRecord, error: &Error) {
    row.code = Some(error.code().to_owned().into());
    row.response = StoredRejection::of(error)
        .and_then(|rejection_record| json::encode(&rejection_record).ok());
}

/// Reads the answer from a rejected row.
pub(crate) fn read(row: &CommandRecord) -> Option<Error> {
    let rejection_record: StoredRejection =
        row.response.as_ref().and_then(|json: &Json| json.decode().ok())?;
    rejection_record.into_error(&row.aggregate_id, row.code.as_deref()?)
}

/// Returns the activity that records a denial of the policy.
pub(crate) fn denied(
    services: &Services,
    sender: &Sender,
    task: &Task,
    error: &Error,
) -> ActivityRecord {
    decided(services, sender, task, DENIED, &error.to_string())
}

/// Returns the activity that records the policy's reason for allowing a command.
pub(crate) fn allowed(
    services: &Services,
    sender: &Sender,
    task: &Task,
    reason: &str,
) -> ActivityRecord {
    let message = format!("`{}` on {} is allowed: {reason}", task.action.key, task.aggregate_id);
    decided(services, sender, task, GRANTED, &message)
}

fn decided(
    services: &Services,
    sender: &Sender,
    task: &Task,
    code: &'static str,
    message: &str,
) -> ActivityRecord {
    let command = serde_json::json!({ "command": task.action.key });
    let mut record = ActivityRecord::new(
        services.ids.generate(),
        task.aggregate_id.clone(),
        sender.record.id,
        task.id,
        message.replace('\0', "\u{FFFD}"),
    );
    record.code = Some(code.into());
    record.data = Json::from_value(&command).ok();
    record
}

/// Returns the activity that records an operation, allowed or `denied`. Its aggregate is the domain
/// as a whole: the namespace and the nil id.
pub(crate) fn operation(
    services: &Services,
    sender: &Sender,
    task: &Task,
    operation: Operation,
    denied: Option<&Error>,
) -> ActivityRecord {
    let message = match (denied, task.allowed_because.get()) {
        (None, None) => format!("{operation} is allowed"),
        (None, Some(reason)) => format!("{operation} is allowed: {reason}"),
        (Some(error), _) => error.to_string(),
    };
    let data = OperationData { operation: operation.as_str().into(), allowed: denied.is_none() };
    let mut record = ActivityRecord::new(
        services.ids.generate(),
        task.aggregate_id.clone(),
        sender.record.id,
        task.id,
        message.replace('\0', "\u{FFFD}"),
    );
    record.code = Some(if denied.is_none() { OPERATION } else { DENIED }.into());
    record.data = json::encode(&data).ok();
    record
}

/// The data of an activity that [`operation`] has written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OperationData {
    operation: String,
    allowed: bool,
}

/// Returns true for an activity that is a unit of its own: that of a denial or of an operation.
pub(crate) fn is_own_unit(row: &ActivityRecord) -> bool {
    is_denial(row) || is_operation(row)
}

fn is_operation(row: &ActivityRecord) -> bool {
    row.aggregate_id.id.is_nil()
        && row.code.as_deref().is_some_and(|code| code == OPERATION || code == DENIED)
        && row.data.as_ref().and_then(|data| data.decode::<OperationData>().ok()).is_some_and(
            |data| row.message.starts_with(&format!("operation `{}` is ", data.operation)),
        )
}

fn is_denial(row: &ActivityRecord) -> bool {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Data {
        command: String,
    }
    row.code.as_deref() == Some(DENIED)
        && row.data.as_ref().and_then(|data| data.decode::<Data>().ok()).is_some_and(|data| {
            let about = format!("`{}` on {} is not allowed: ", data.command, row.aggregate_id);
            row.message.starts_with(&about)
        })
}

impl StoredRejection {
    fn of(error: &Error) -> Option<Self> {
        Some(match error {
            Error::NotFound { .. } => Self::NotFound {},
            Error::AlreadyExists { .. } => Self::AlreadyExists {},
            Error::Rejected { message, .. } => Self::Rejected { message: message.clone() },
            Error::PreconditionFailed { expected, version, etag, .. } => {
                let expected = Some(expected.clone());
                Self::PreconditionFailed { expected, version: *version, etag: *etag }
            }
            Error::GroupRejected { rejected, source } => Self::GroupRejected {
                rejected: *rejected,
                aggregate_id: into_aggregate_id(source)?.clone(),
                code: source.code().to_owned(),
                cause: Box::new(Self::of(source)?),
            },
            _ => return None,
        })
    }

    fn into_error(self, aggregate_id: &AggregateId, code: &str) -> Option<Error> {
        let aggregate_id = aggregate_id.clone();
        Some(match self {
            Self::NotFound {} => Error::not_found(aggregate_id),
            Self::AlreadyExists {} => Error::already_exists(aggregate_id),
            Self::Rejected { message } => Error::Rejected {
                aggregate_id,
                code: code.to_owned(),
                source: std::sync::Arc::new(SimpleRejection::from_log(
                    code.to_owned(),
                    message.clone(),
                )),
                message,
                recorded: None,
            },
            Self::PreconditionFailed { expected, version, etag } => {
                // Absent in rows of versions that recorded a missing precondition.
                let (expected, recorded) = (expected?, None);
                Error::PreconditionFailed { aggregate_id, expected, version, etag, recorded }
            }
            Self::GroupRejected { rejected, aggregate_id, code, cause } => Error::GroupRejected {
                rejected,
                source: Box::new(cause.into_error(&aggregate_id, &code)?),
            },
        })
    }
}

fn into_aggregate_id(error: &Error) -> Option<&AggregateId> {
    match error {
        Error::NotFound { aggregate_id, .. }
        | Error::AlreadyExists { aggregate_id, .. }
        | Error::Rejected { aggregate_id, .. }
        | Error::PreconditionFailed { aggregate_id, .. } => Some(aggregate_id),
        _ => None,
    }
}
