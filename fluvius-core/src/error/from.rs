//! Errors of the store contract as errors of the API.

use super::Error;
use fluvius_store::__private::InvalidPosition;
use fluvius_store::StoreError;
use fluvius_store::query::QueryError;

impl From<QueryError> for Error {
    fn from(error: QueryError) -> Self {
        Self::InvalidQuery { message: error.to_string() }
    }
}

impl From<StoreError> for Error {
    fn from(source: StoreError) -> Self {
        match source.position().cloned() {
            Some(InvalidPosition { token, found, newest }) => {
                Self::InvalidPosition { token, found, newest }
            }
            None if source.is_retryable() => Self::StoreUnavailable { source },
            None => Self::StoreError { source },
        }
    }
}
