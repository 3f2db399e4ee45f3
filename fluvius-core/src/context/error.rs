//! What a rule hears when something that it asked of its context did not work.

use crate::error::Error;
use crate::etag::{ETag, Precondition};
use crate::rejection::Rejection;
use crate::root::AggregateRoot;

/// Why `fetch`, `find` or `invoke` gave nothing: only what a rule may react to.
///
/// A fault that is no business answer is [`ContextError::Fault`]. The context remembers it, and
/// the command ends with it whatever the rule then returns.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ContextError {
    /// The root does not exist.
    #[error("{root} does not exist")]
    NotFound {
        /// The root.
        root: AggregateRoot,
    },
    /// The root exists already.
    #[error("{root} exists already")]
    AlreadyExists {
        /// The root.
        root: AggregateRoot,
    },
    /// The invoked action said no.
    #[error("{message}")]
    Rejected {
        /// The root whose action said no.
        root: AggregateRoot,
        /// Its code.
        code: String,
        /// Its message.
        message: String,
    },
    /// The root is not at the version that `invoke(..).if_match(..)` expects.
    #[error("{root} is at version {version}, the invoked command expected {expected}")]
    PreconditionFailed {
        /// The root.
        root: AggregateRoot,
        /// The precondition of the invoked command.
        expected: Precondition,
        /// The version that the root has.
        version: u64,
        /// The etag that the root has.
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
            Error::NotFound { root } => Self::NotFound { root: root.clone() },
            Error::AlreadyExists { root } => Self::AlreadyExists { root: root.clone() },
            Error::Rejected { root, code, message, .. } => {
                Self::Rejected { root: root.clone(), code: code.clone(), message: message.clone() }
            }
            Error::PreconditionFailed { root, expected, version, etag } => {
                Self::PreconditionFailed {
                    root: root.clone(),
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
