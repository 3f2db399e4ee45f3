//! What a store says when it fails: only whether another try can help, and why.

use std::sync::Arc;

use uuid::Uuid;

use crate::query::QueryError;
use crate::record::ResumeToken;

/// A store's failure. What is stored is as before.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct StoreError {
    is_retryable: bool,
    message: String,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
    position: Option<Box<InvalidPosition>>,
}

/// A place in the logs that the store does not have.
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
    /// A failure that may pass: the same call may work later.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self { is_retryable: true, message: message.into(), source: None, position: None }
    }

    /// A failure that stays until somebody mends its cause.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self { is_retryable: false, message: message.into(), source: None, position: None }
    }

    /// A claim of a resource that another domain has in this store.
    pub fn resource_taken(resource: &str, owner: &str) -> Self {
        Self::permanent(format!(
            "the resource `{resource}` belongs to the domain `{owner}` in this store; if this is that domain under a \
             new name, write `#[domain(namespace = \"{owner}\")]`, else name the resource differently"
        ))
    }

    /// Returns an error for a resume token that does not belong to the store; see
    /// [`ResumeToken::check`].
    #[doc(hidden)]
    pub fn invalid_position(token: ResumeToken, found: Option<Uuid>, newest: u64) -> Self {
        Self {
            position: Some(Box::new(InvalidPosition { token, found, newest })),
            ..Self::permanent(format!("`{token}` is no place in the logs of this store"))
        }
    }

    /// Returns the position of the failure, if it is one of [`ResumeToken::check`].
    #[doc(hidden)]
    pub fn position(&self) -> Option<&InvalidPosition> {
        self.position.as_deref()
    }

    /// The same failure with its cause.
    #[must_use]
    pub fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// Whether another try can help.
    pub fn is_retryable(&self) -> bool {
        self.is_retryable
    }
}

/// A query that no store answers stays one.
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
    /// position of the newest row of all logs, 0 if there is none.
    ///
    /// # Errors
    /// A permanent [`StoreError`], which callers see as `invalid-position`: if the token names a
    /// row and `found` is not that row, or if a bare position is ahead of `newest`.
    pub fn check(&self, found: Option<Uuid>, newest: u64) -> Result<(), StoreError> {
        let is_valid = match self.row_id() {
            Some(_) => found == self.row_id(),
            None => self.position() <= newest,
        };
        if is_valid { Ok(()) } else { Err(StoreError::invalid_position(*self, found, newest)) }
    }
}
