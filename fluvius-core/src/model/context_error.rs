//! What a rule hears when something that it asked of its context did not work.

use crate::error::Error;
use crate::model::Rejection;
use fluvius_store::{AggregateId, ETag, Precondition};

/// Why `fetch`, `find` or `invoke` gave nothing: only what a rule may react to.
///
/// A fault that is no business answer is [`ContextError::Fault`]. The context remembers it, and
/// the command ends with it whatever the rule then returns.
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
    /// The invoked action said no.
    #[error("{message}")]
    Rejected {
        /// The aggregate whose action said no.
        aggregate_id: AggregateId,
        /// Its code.
        code: String,
        /// Its message.
        message: String,
    },
    /// The aggregate is not at the version that `invoke(..).if_match(..)` expects.
    #[error("{aggregate_id} is at version {version}, the invoked command expected {expected}")]
    PreconditionFailed {
        /// The aggregate.
        aggregate_id: AggregateId,
        /// The precondition of the invoked command.
        expected: Precondition,
        /// The version that the aggregate has.
        version: u64,
        /// The etag that the aggregate has.
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
    /// A fault that no rule may answer.
    #[error("the command cannot go on")]
    Fault,
}

impl Rejection for ContextError {
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
    /// The part of an error that a rule may react to; `None` for a fault.
    pub(crate) fn of(error: &Error) -> Option<Self> {
        Some(match error {
            Error::NotFound { aggregate_id } => {
                Self::NotFound { aggregate_id: aggregate_id.clone() }
            }
            Error::AlreadyExists { aggregate_id } => {
                Self::AlreadyExists { aggregate_id: aggregate_id.clone() }
            }
            Error::Rejected { aggregate_id, code, message, .. } => Self::Rejected {
                aggregate_id: aggregate_id.clone(),
                code: code.clone(),
                message: message.clone(),
            },
            Error::PreconditionFailed { aggregate_id, expected, version, etag } => {
                Self::PreconditionFailed {
                    aggregate_id: aggregate_id.clone(),
                    expected: *expected,
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
