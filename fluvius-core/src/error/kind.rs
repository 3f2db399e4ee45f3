//! The kinds of errors. The reaction of a caller depends on the kind, not on the code.

use std::fmt;

use super::Error;

/// The kind of an [`Error`], which determines the reaction of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request is invalid: the caller must change it.
    InvalidRequest,
    /// The policy denied the command, the read or the operation.
    Denied,
    /// A negative business answer: a rejection, a missing or existing aggregate, or a failed
    /// precondition. The command is recorded as rejected.
    Rejected,
    /// The command was not applied; a retry may succeed.
    Unavailable,
    /// The command was applied completely or not at all, and the outcome is unknown. Sending the
    /// same command with the same id resolves it.
    InDoubt,
    /// An error of the program, of a stored state or of the store; a retry does not help.
    Fault,
}

impl ErrorKind {
    /// Returns the kind in kebab case, as a label of a metric or a field of a log record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid-request",
            Self::Denied => "denied",
            Self::Rejected => "rejected",
            Self::Unavailable => "unavailable",
            Self::InDoubt => "in-doubt",
            Self::Fault => "fault",
        }
    }

    /// Returns true if the same command may succeed later: send it again with the same id.
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Unavailable | Self::InDoubt)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Error {
    /// Returns the kind of the error.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::UnknownCommand { .. }
            | Self::InvalidPayload { .. }
            | Self::InvalidCommandId { .. }
            | Self::PreconditionRequired { .. }
            | Self::NoAggregateRoot { .. }
            | Self::ResourceNotAllowed { .. }
            | Self::CommandIdReused { .. }
            | Self::NoRuntime
            | Self::TooLarge { .. }
            | Self::PayloadTooLarge { .. }
            | Self::InvalidQuery { .. }
            | Self::MultipleResults { .. }
            | Self::InvalidPosition { .. }
            | Self::InvalidSubscription { .. }
            | Self::StoreUnsupported { .. } => ErrorKind::InvalidRequest,
            Self::PermissionDenied { .. } | Self::AccessDenied { .. } => ErrorKind::Denied,
            Self::NotFound { .. }
            | Self::NotFoundAt { .. }
            | Self::AlreadyExists { .. }
            | Self::Rejected { .. }
            | Self::PreconditionFailed { .. }
            | Self::GroupRejected { .. } => ErrorKind::Rejected,
            Self::Conflict { .. }
            | Self::TimedOut { .. }
            | Self::Overloaded
            | Self::ShuttingDown
            | Self::RuntimeEnded
            | Self::StoreUnavailable { .. } => ErrorKind::Unavailable,
            Self::OutcomeUnknown { .. } => ErrorKind::InDoubt,
            Self::ReentrantInvoke { .. }
            | Self::InvokeDepthExceeded { .. }
            | Self::Panicked { .. }
            | Self::InvalidState { .. }
            | Self::StoreError { .. } => ErrorKind::Fault,
        }
    }

    /// Returns true if the same command may succeed later: send it again with the same id.
    ///
    /// ```
    /// use fluvius_core::{Error, ErrorKind};
    ///
    /// assert_eq!(Error::Overloaded.kind(), ErrorKind::Unavailable);
    /// assert!(Error::Overloaded.is_retryable());
    /// assert!(!Error::NoRuntime.is_retryable());
    /// ```
    pub const fn is_retryable(&self) -> bool {
        self.kind().is_retryable()
    }
}

#[cfg(test)]
mod tests {
    use super::ErrorKind;
    use crate::error::Error;
    use fluvius_store::StoreError;

    #[test]
    fn retryable_store_errors_are_retryable() {
        let table = [
            (StoreError::unavailable("the disk is full"), ErrorKind::Unavailable),
            (StoreError::permanent("the file is corrupt"), ErrorKind::Fault),
        ];
        for (error, kind) in table {
            let retryable = error.is_retryable();
            let error = Error::from(error);
            assert_eq!((error.kind(), error.is_retryable()), (kind, retryable), "{error}");
        }
    }
}
