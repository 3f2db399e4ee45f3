//! The code of default methods.

use crate::error::StoreError;
use crate::record::{AnyRecord, LogPage, LogRecord};

/// Returns the error of a store without work rows.
pub(super) fn unsupported() -> StoreError {
    StoreError::permanent("this store has no work rows, which subscriptions need")
}

/// Returns a page with rows of their own type.
pub(super) fn typed_page<T: LogRecord>(page: LogPage<AnyRecord>) -> Result<LogPage<T>, StoreError> {
    page.try_map(|row| {
        let kind = row.kind();
        T::from_any(row).ok_or_else(|| {
            StoreError::permanent(format!(
                "the store returned a row of the {kind} log for a page of the {} log",
                T::KIND
            ))
        })
    })
}
