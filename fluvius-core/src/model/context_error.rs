//! Errors returned by `ActionContext`.

use crate::error::Error;
use crate::model::{CodeInfo, Rejection};
use fluvius_store::{AggregateId, ETag, Precondition};

/// The error of `fetch`, `find` or `invoke`, limited to the cases that an action may handle.
///
/// Every other error is [`ContextError::Fault`]. The context records it, and the command ends with
/// it, independent of the result of the action.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ContextError {
    /// The aggregate does not exist.
    #[error("{aggregate_id} does not exist")]
    NotFound {
        /// The aggregate.
        aggregate_id: AggregateId,
    },
    /// The aggregate exists already.
    #[error("{aggregate_id} exists already")]
    AlreadyExists {
        /// The aggregate.
        aggregate_id: AggregateId,
    },
    /// The invoked action rejected its command.
    #[error("{message}")]
    Rejected {
        /// The aggregate whose action rejected the command.
        aggregate_id: AggregateId,
        /// The code of the rejection.
        code: String,
        /// The message of the rejection.
        message: String,
    },
    /// The aggregate is not at the version that `invoke(..).if_match(..)` expects.
    #[error("{aggregate_id} is at version {version}, the invoked command expected {expected}")]
    PreconditionFailed {
        /// The aggregate.
        aggregate_id: AggregateId,
        /// The precondition of the invoked command.
        expected: Precondition,
        /// The current version of the aggregate.
        version: u64,
        /// The current etag of the aggregate.
        etag: Option<ETag>,
    },
    /// The action is not allowed on this resource.
    #[error("`{command}` is not allowed on `{resource}`")]
    ResourceNotAllowed {
        /// The command's key.
        command: String,
        /// The resource.
        resource: String,
    },
    /// An error that no action may handle.
    #[error("the command cannot go on")]
    Fault,
}

impl Rejection for ContextError {
    // A fault is the answer of no action: its command ends with that fault.
    const CODES: Option<&'static [CodeInfo]> = Some(&[
        CodeInfo::of(
            "not-found",
            "{aggregate_id} does not exist",
            409,
            "Another aggregate, which the action needs, does not exist.",
        ),
        CodeInfo::of(
            "already-exists",
            "{aggregate_id} exists already",
            409,
            "Another aggregate, which the action would create, exists already.",
        ),
        CodeInfo::of(
            "precondition-failed",
            "{aggregate_id} is at version {version}, the invoked command expected {expected}",
            409,
            "Another aggregate is not at the version that the action expected.",
        ),
        CodeInfo::of(
            "resource-not-allowed",
            "`{command}` is not allowed on `{resource}`",
            409,
            "The action does not belong to the resource of another aggregate.",
        ),
        CodeInfo::Invoked,
    ]);

    fn code(&self) -> &str {
        match self {
            Self::NotFound { .. } => "not-found",
            Self::AlreadyExists { .. } => "already-exists",
            Self::Rejected { code, .. } => code,
            Self::PreconditionFailed { .. } => "precondition-failed",
            Self::ResourceNotAllowed { .. } => "resource-not-allowed",
            Self::Fault => "fault",
        }
    }
}

impl ContextError {
    /// Converts an error to one that an action may handle; `None` for a fault.
    pub(crate) fn of(error: &Error) -> Option<Self> {
        Some(match error {
            Error::NotFound { aggregate_id, .. } => {
                Self::NotFound { aggregate_id: aggregate_id.clone() }
            }
            Error::AlreadyExists { aggregate_id, .. } => {
                Self::AlreadyExists { aggregate_id: aggregate_id.clone() }
            }
            Error::Rejected { aggregate_id, code, message, .. } => Self::Rejected {
                aggregate_id: aggregate_id.clone(),
                code: code.clone(),
                message: message.clone(),
            },
            Error::PreconditionFailed { aggregate_id, expected, version, etag, .. } => {
                Self::PreconditionFailed {
                    aggregate_id: aggregate_id.clone(),
                    expected: expected.clone(),
                    version: *version,
                    etag: *etag,
                }
            }
            Error::ResourceNotAllowed { command, resource, .. } => {
                Self::ResourceNotAllowed { command: command.clone(), resource: resource.clone() }
            }
            _ => return None,
        })
    }
}
