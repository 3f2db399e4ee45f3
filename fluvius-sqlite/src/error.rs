//! Internal errors, classified as transient or permanent.

use fluvius_store::StoreError;
use rusqlite::{ErrorCode, ffi};

/// An internal error.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// An error of SQLite.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// A row that no store has written.
    #[error("a row of `{table}` is damaged: {why}")]
    Damaged { table: &'static str, why: String },
    /// An error with its final text.
    #[error(transparent)]
    Public(#[from] StoreError),
}

impl Fault {
    pub(crate) fn damaged(table: &'static str, why: impl ToString) -> Self {
        Self::Damaged { table, why: why.to_string() }
    }

    /// Returns true if the row is at fault, and not the file or the disk: other units of work can
    /// still be stored.
    pub(crate) fn is_row_error(&self) -> bool {
        matches!(
            self.code(),
            Some(
                ErrorCode::ConstraintViolation
                    | ErrorCode::TooBig
                    | ErrorCode::TypeMismatch
                    | ErrorCode::ParameterOutOfRange
            )
        )
    }

    /// Returns true if a transaction may be on the disk although its COMMIT failed.
    ///
    /// The commit record is written last: it is missing if a write failed, and may exist if the
    /// sync failed.
    pub(crate) fn may_be_written(&self) -> bool {
        let is_write = match self {
            Self::Sqlite(rusqlite::Error::SqliteFailure(error, _)) => {
                error.extended_code == ffi::SQLITE_IOERR_WRITE
            }
            _ => false,
        };
        let is_before = matches!(self.code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DiskFull));
        !is_write && !is_before
    }

    /// Returns true if the content of the file is corrupt.
    pub(crate) fn is_corrupt(&self) -> bool {
        matches!(self.code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
    }

    /// Returns true if a file cannot be created or opened.
    pub(crate) fn is_open_failure(&self) -> bool {
        matches!(self.code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
    }

    /// Returns true if a statement does not match the tables.
    pub(crate) fn is_schema_mismatch(&self) -> bool {
        matches!(self.code(), Some(ErrorCode::Unknown))
    }

    /// Returns true for a statement that was interrupted.
    pub(crate) fn is_interrupted(&self) -> bool {
        matches!(self.code(), Some(ErrorCode::OperationInterrupted))
    }

    pub(crate) fn is_busy(&self) -> bool {
        matches!(self.code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
    }

    fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Sqlite(rusqlite::Error::SqlInputError { error, .. }) => Some(error.code),
            Self::Sqlite(error) => error.sqlite_error_code(),
            _ => None,
        }
    }
}

/// Returns the error of a call whose thread ended before it answered.
pub(crate) fn thread_lost() -> StoreError {
    StoreError::unavailable("the thread of the store has ended: try again")
}

/// Returns the error of calls after the store was closed.
pub(crate) fn store_closed() -> StoreError {
    StoreError::unavailable("the store was closed: open it again")
}

/// The error for a caller of the store.
impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        let code = fault.code();
        let error = match fault {
            Fault::Public(error) => return error,
            Fault::Damaged { .. } => return Self::permanent(fault.to_string()),
            Fault::Sqlite(error) => error,
        };
        let public = match code {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::unavailable(
                "the database is locked by another program for too long: \
                 end what holds it, or try again",
            ),
            Some(ErrorCode::DiskFull) => Self::unavailable(
                "there is no space left for the database: free some on its disk, and try again",
            ),
            Some(ErrorCode::SystemIoFailure) => Self::unavailable(
                "the database file cannot be read or written: see that its disk works, and try \
                again",
            ),
            Some(ErrorCode::CannotOpen) => Self::unavailable(
                "the database file, or one beside it, cannot be opened: see that its folder is \
                 there and can be written to",
            ),
            Some(ErrorCode::OutOfMemory) => Self::unavailable("there is no memory left for SQLite"),
            Some(
                ErrorCode::FileLockingProtocolFailed
                | ErrorCode::OperationInterrupted
                | ErrorCode::SchemaChanged,
            ) => Self::unavailable("another program interfered with SQLite: try again"),
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Self::permanent(
                "the database is read-only: let the user of this program write to the file and \
                 its folder",
            ),
            Some(ErrorCode::DatabaseCorrupt) => Self::permanent(
                "the database file is damaged: keep a copy of it, and restore a backup",
            ),
            Some(ErrorCode::NotADatabase) => {
                Self::permanent("the file is no SQLite database: name another one")
            }
            Some(ErrorCode::TooBig) => Self::permanent("a row is too large for SQLite"),
            Some(ErrorCode::ConstraintViolation) => {
                Self::permanent("a row violates a constraint of the database")
            }
            // The text has no values: they are bound.
            _ => return Self::permanent(format!("SQLite rejected a statement: {error}")),
        };
        public.with_source(error)
    }
}
