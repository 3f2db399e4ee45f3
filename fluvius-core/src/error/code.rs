//! The codes of errors.

use super::{Error, ErrorKind};

impl Error {
    /// The framework's codes with their kinds, in the order of the variants. They are reserved: no
    /// rejection of an author has one of them.
    pub const CODES: &'static [(&'static str, ErrorKind)] = &[
        ("unknown-command", ErrorKind::InvalidRequest),
        ("invalid-payload", ErrorKind::InvalidRequest),
        ("invalid-command-id", ErrorKind::InvalidRequest),
        ("precondition-required", ErrorKind::InvalidRequest),
        ("no-aggregate-root", ErrorKind::InvalidRequest),
        ("resource-not-allowed", ErrorKind::InvalidRequest),
        ("permission-denied", ErrorKind::Denied),
        ("not-found", ErrorKind::Rejected),
        ("already-exists", ErrorKind::Rejected),
        ("rejected", ErrorKind::Rejected),
        ("precondition-failed", ErrorKind::Rejected),
        ("conflict", ErrorKind::Unavailable),
        ("command-id-reused", ErrorKind::InvalidRequest),
        ("group-rejected", ErrorKind::Rejected),
        ("reentrant-invoke", ErrorKind::Fault),
        ("invoke-depth-exceeded", ErrorKind::Fault),
        ("timed-out", ErrorKind::Unavailable),
        ("panicked", ErrorKind::Fault),
        ("overloaded", ErrorKind::Unavailable),
        ("shutting-down", ErrorKind::Unavailable),
        ("no-runtime", ErrorKind::InvalidRequest),
        ("too-large", ErrorKind::InvalidRequest),
        ("invalid-query", ErrorKind::InvalidRequest),
        ("multiple-results", ErrorKind::InvalidRequest),
        ("invalid-state", ErrorKind::Fault),
        ("invalid-position", ErrorKind::InvalidRequest),
        ("invalid-subscription", ErrorKind::InvalidRequest),
        ("store-unsupported", ErrorKind::InvalidRequest),
        ("store-unavailable", ErrorKind::Unavailable),
        ("store-error", ErrorKind::Fault),
        ("outcome-unknown", ErrorKind::InDoubt),
    ];

    /// Returns true for a code of the framework.
    pub(crate) const fn is_framework_code(code: &str) -> bool {
        let mut index = 0;
        while index < Self::CODES.len() {
            if is_equal(Self::CODES[index].0.as_bytes(), code.as_bytes()) {
                return true;
            }
            index += 1;
        }
        false
    }

    /// Returns the framework's code: one of [`CODES`](Self::CODES), which makes it fit for a metric
    /// label. It is `rejected` for every rejection by an action or an observer.
    pub const fn framework_code(&self) -> &'static str {
        match self {
            Self::UnknownCommand { .. } => "unknown-command",
            Self::InvalidPayload { .. } => "invalid-payload",
            Self::InvalidCommandId { .. } => "invalid-command-id",
            Self::PreconditionRequired { .. } => "precondition-required",
            Self::NoAggregateRoot { .. } => "no-aggregate-root",
            Self::ResourceNotAllowed { .. } => "resource-not-allowed",
            Self::PermissionDenied { .. } | Self::AccessDenied { .. } => "permission-denied",
            Self::NotFound { .. } | Self::NotFoundAt { .. } => "not-found",
            Self::AlreadyExists { .. } => "already-exists",
            Self::Rejected { .. } => "rejected",
            Self::PreconditionFailed { .. } => "precondition-failed",
            Self::Conflict { .. } => "conflict",
            Self::CommandIdReused { .. } => "command-id-reused",
            Self::GroupRejected { .. } => "group-rejected",
            Self::ReentrantInvoke { .. } => "reentrant-invoke",
            Self::InvokeDepthExceeded { .. } => "invoke-depth-exceeded",
            Self::TimedOut { .. } => "timed-out",
            Self::Panicked { .. } => "panicked",
            Self::Overloaded => "overloaded",
            Self::ShuttingDown | Self::RuntimeEnded => "shutting-down",
            Self::NoRuntime => "no-runtime",
            Self::TooLarge { .. } | Self::PayloadTooLarge { .. } => "too-large",
            Self::InvalidQuery { .. } => "invalid-query",
            Self::MultipleResults { .. } => "multiple-results",
            Self::InvalidState { .. } => "invalid-state",
            Self::InvalidPosition { .. } => "invalid-position",
            Self::InvalidSubscription { .. } => "invalid-subscription",
            Self::StoreUnsupported { .. } => "store-unsupported",
            Self::StoreUnavailable { .. } => "store-unavailable",
            Self::StoreError { .. } => "store-error",
            Self::OutcomeUnknown { .. } => "outcome-unknown",
        }
    }

    /// Returns the most specific code: the author's code of a rejection (`insufficient-funds`),
    /// else the framework's code.
    ///
    /// It is in kebab case and stays the same across releases. The guide's chapter on errors lists
    /// the framework's codes.
    ///
    /// ```
    /// use fluvius_core::Error;
    ///
    /// assert_eq!(Error::Overloaded.code(), "overloaded");
    /// ```
    pub fn code(&self) -> &str {
        match self {
            Self::Rejected { code, .. } => code,
            error => error.framework_code(),
        }
    }

    /// Returns the author's error if an action or an observer rejected the command with an `E`.
    ///
    /// A replayed answer does not have it, since the log keeps only its code and message.
    pub fn rejection<E: std::error::Error + 'static>(&self) -> Option<&E> {
        match self {
            Self::Rejected { source, .. } => {
                let source: &(dyn std::error::Error + 'static) = source.as_ref();
                source.downcast_ref()
            }
            _ => None,
        }
    }

    /// Returns true if the command is recorded as rejected.
    pub(crate) const fn is_recorded(&self) -> bool {
        matches!(
            self,
            Self::NotFound { .. }
                | Self::AlreadyExists { .. }
                | Self::Rejected { .. }
                | Self::PreconditionFailed { .. }
                | Self::GroupRejected { .. }
        )
    }
}

/// Compares two texts in a constant.
const fn is_equal(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let mut index = 0;
    while index < one.len() {
        if one[index] != other[index] {
            return false;
        }
        index += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn framework_codes_are_recognized() {
        assert!(Error::is_framework_code("not-found"));
        for code in ["", "not-foun", "not-founds", "not_found", "seat-not-found"] {
            assert!(!Error::is_framework_code(code), "{code}");
        }
    }
}
