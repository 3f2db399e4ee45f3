//! Store errors, with their causes. An error is transient or permanent.

use std::sync::Arc;

use uuid::Uuid;

use crate::query::QueryError;
use crate::record::ResumeToken;

/// An error of a store. The stored data is unchanged.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct StoreError {
    is_retryable: bool,
    message: String,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
    position: Option<Box<InvalidPosition>>,
}

/// A log position that the store does not have.
#[derive(Debug, Clone)]
pub struct InvalidPosition {
    /// The token that was passed.
    pub token: ResumeToken,
    /// Id of the row at its position, if there is one.
    pub found: Option<Uuid>,
    /// Newest position of the store.
    pub newest: u64,
}

impl StoreError {
    /// Creates an error for a temporary failure: a later retry may succeed.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self { is_retryable: true, message: message.into(), source: None, position: None }
    }

    /// Creates an error for a permanent failure: a retry cannot help until its cause is fixed.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self { is_retryable: false, message: message.into(), source: None, position: None }
    }

    /// Creates an error for a resource that another domain has registered in this store.
    pub fn resource_taken(resource: &str, owner: &str) -> Self {
        Self::permanent(format!(
            "the resource `{resource}` belongs to the domain `{owner}` in this store; if this is \
            that domain under a new name, write `#[domain(namespace = \"{owner}\")]`, else name \
            the resource differently"
        ))
    }

    /// Creates an error for a resume token that does not belong to the store; see
    /// [`ResumeToken::check`].
    #[doc(hidden)]
    pub fn invalid_position(token: ResumeToken, found: Option<Uuid>, newest: u64) -> Self {
        Self {
            position: Some(Box::new(InvalidPosition { token, found, newest })),
            ..Self::permanent(format!("`{token}` is not a place in the logs of this store"))
        }
    }

    /// Returns the invalid position, if the error comes from [`ResumeToken::check`].
    #[doc(hidden)]
    pub fn position(&self) -> Option<&InvalidPosition> {
        self.position.as_deref()
    }

    /// Sets the source of the error.
    #[must_use]
    pub fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// Returns true if a retry can help.
    pub fn is_retryable(&self) -> bool {
        self.is_retryable
    }
}

/// Converts an invalid query into a permanent error.
impl From<QueryError> for StoreError {
    fn from(error: QueryError) -> Self {
        Self::permanent(error.to_string())
    }
}

impl ResumeToken {
    /// Checks the token against a store. Every store calls this before it reads a page, in the same
    /// snapshot.
    ///
    /// `found` is the identifier of the row at the position, in any of the logs. `newest` is the
    /// position of the newest row of all logs, or 0 if there is none.
    ///
    /// # Errors
    /// Returns a permanent [`StoreError`] if the token names a row that is not `found`, or if a
    /// bare position is ahead of `newest`. Callers see it as `invalid-position`.
    pub fn check(&self, found: Option<Uuid>, newest: u64) -> Result<(), StoreError> {
        let is_valid = match self.row_id() {
            Some(_) => found == self.row_id(),
            None => self.position() <= newest,
        };
        if is_valid { Ok(()) } else { Err(StoreError::invalid_position(*self, found, newest)) }
    }
    /// Checks the token as the upper bound of a query. A bare position is valid even if it is ahead
    /// of the newest row.
    ///
    /// # Errors
    /// Returns a permanent [`StoreError`] if the token names a row that is not `found`. Callers see
    /// it as `invalid-position`.
    pub fn check_upper(&self, found: Option<Uuid>, newest: u64) -> Result<(), StoreError> {
        match self.row_id() {
            Some(_) => self.check(found, newest),
            None => Ok(()),
        }
    }
}
