//! What a store says when it fails: only whether another try can help, and why.

use std::sync::Arc;

use crate::query::QueryError;

/// A store's failure. What is stored is as before.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct StoreError {
    can_retry: bool,
    message: String,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl StoreError {
    /// A failure that may pass: the same call may work later.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self { can_retry: true, message: message.into(), source: None }
    }

    /// A failure that stays until somebody mends its cause.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self { can_retry: false, message: message.into(), source: None }
    }

    /// The same failure with its cause.
    #[must_use]
    pub fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// Whether another try can help.
    pub fn can_retry(&self) -> bool {
        self.can_retry
    }
}

/// A query that no store answers stays one.
impl From<QueryError> for StoreError {
    fn from(error: QueryError) -> Self {
        Self::permanent(error.to_string())
    }
}
