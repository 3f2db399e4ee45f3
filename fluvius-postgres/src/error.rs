//! What goes wrong, and whether another try can help.

use fluvius_core::StoreError;
use tokio_postgres::error::{DbError, Severity, SqlState};

/// A failure inside of the store.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// The server says no, or it is gone.
    #[error(transparent)]
    Postgres(#[from] tokio_postgres::Error),
    /// A row holds what no store has written.
    #[error("a row of `{table}` is damaged: {why}")]
    Damaged { table: &'static str, why: String },
    /// What has been told with its own words already.
    #[error(transparent)]
    Told(#[from] StoreError),
}

/// What `claim_resources` raises where a name is another domain's.
pub(crate) const IS_CLAIMED: &str = "FL001";

impl Fault {
    pub(crate) fn damaged(table: &'static str, why: impl ToString) -> Self {
        Self::Damaged { table, why: why.to_string() }
    }

    /// Nothing has come back in time.
    pub(crate) fn unanswered() -> Self {
        StoreError::unavailable("the server does not answer").into()
    }

    /// Whether the server has said that it has ended the transaction: nothing of it is stored.
    ///
    /// Anything more severe than an error may have come in the middle of a commit.
    pub(crate) fn is_rolled_back(&self) -> bool {
        match self {
            Self::Postgres(_) => self.db_error().is_some_and(|error| {
                error.parsed_severity() == Some(Severity::Error) && !is_end_of_session(error.code())
            }),
            _ => true,
        }
    }

    /// Whether the connection is gone, and another one may do.
    pub(crate) fn is_of_connection(&self) -> bool {
        match self {
            Self::Postgres(error) => {
                error.is_closed()
                    || match error.as_db_error() {
                        Some(error) => is_end_of_session(error.code()),
                        None => std::error::Error::source(error)
                            .is_some_and(|source| source.is::<std::io::Error>()),
                    }
            }
            _ => false,
        }
    }

    /// Returns whether one unit of a batch may be to blame, so that the others can still be stored.
    /// The server has refused the batch or lacked the room for it, or the batch could not be sent.
    pub(crate) fn may_be_of_one(&self) -> bool {
        match self.code() {
            Some(code) if *code == SqlState::OUT_OF_MEMORY => true,
            Some(code) => matches!(class(code), "22" | "23" | "54" | "XX"),
            None => match self {
                Self::Postgres(_) => !self.is_of_connection(),
                Self::Damaged { .. } => false,
                Self::Told(error) => !error.can_retry(),
            },
        }
    }

    /// Whether the same transaction may well pass now: others were in its way.
    pub(crate) fn is_of_others(&self) -> bool {
        self.code().is_some_and(|code| {
            [&SqlState::T_R_DEADLOCK_DETECTED, &SqlState::T_R_SERIALIZATION_FAILURE].contains(&code)
                // Another process has taken the identifier of a command since it was looked for.
                || *code == SqlState::UNIQUE_VIOLATION
        })
    }

    /// Whether others held what was needed for too long.
    pub(crate) fn is_of_lock(&self) -> bool {
        self.code().is_some_and(|code| {
            [&SqlState::LOCK_NOT_AVAILABLE, &SqlState::T_R_DEADLOCK_DETECTED].contains(&code)
        })
    }

    /// Whether the user may not do it.
    pub(crate) fn is_of_rights(&self) -> bool {
        self.code().is_some_and(|code| *code == SqlState::INSUFFICIENT_PRIVILEGE)
    }

    /// Returns whether the server has ended the statement, because of its time or a cancellation.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.code().is_some_and(|code| *code == SqlState::QUERY_CANCELED)
    }

    /// Whether a table that a statement names is not there.
    pub(crate) fn is_of_table(&self) -> bool {
        self.code().is_some_and(|code| *code == SqlState::UNDEFINED_TABLE)
    }

    fn db_error(&self) -> Option<&DbError> {
        match self {
            Self::Postgres(error) => error.as_db_error(),
            _ => None,
        }
    }

    fn code(&self) -> Option<&SqlState> {
        self.db_error().map(DbError::code)
    }
}

fn class(code: &SqlState) -> &str {
    code.code().get(..2).unwrap_or_default()
}

/// Whether the server ends the session with it (57014 only ends a statement).
fn is_end_of_session(code: &SqlState) -> bool {
    class(code) == "08" || (class(code) == "57" && *code != SqlState::QUERY_CANCELED)
}

/// A failure as a store tells it.
impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        let error = match fault {
            Fault::Told(error) => return error,
            Fault::Damaged { .. } => return Self::permanent(fault.to_string()),
            Fault::Postgres(error) => error,
        };
        let told = match error.as_db_error() {
            Some(error) => told(error),
            None => Self::unavailable(
                "the PostgreSQL server cannot be reached, or the connection was lost: see that it runs, and that \
                 address, TLS and network are right",
            ),
        };
        told.with_source(error)
    }
}

/// What a failure that the server tells means for whoever reads it.
fn told(error: &DbError) -> StoreError {
    let code = error.code();
    if code.code() == IS_CLAIMED {
        // The message quotes both names, which are kebab case.
        let mut names = error.message().split('`').skip(1).step_by(2);
        let (resource, owner) = (names.next().unwrap_or("?"), names.next().unwrap_or("?"));
        return StoreError::resource_taken(resource, owner);
    }
    match code.code() {
        "53100" => StoreError::unavailable(
            "the server's disk is full: free some space on it, and try again",
        ),
        "53300" => StoreError::unavailable(
            "the server has no connection left: raise `max_connections`, or lower `reader_count`",
        ),
        "25006" => StoreError::unavailable(
            "the server only reads: it is a standby, or is set to `default_transaction_read_only`",
        ),
        "57014" => StoreError::unavailable(
            "the statement took longer than `statement_time_max`, or was cancelled: see what it waits for",
        ),
        "55P03" | "40P01" | "40001" => StoreError::unavailable(
            "the statement was in the way of others for too long: try again",
        ),
        "42501" => StoreError::permanent(format!(
            "the server refuses it to this user: {}",
            error.message()
        )),
        "42P01" | "42883" | "42703" => StoreError::permanent(format!(
            "the schema is not as this release has made it: {}; restore a backup of it",
            error.message()
        )),
        "54000" => StoreError::permanent("a name is too long for PostgreSQL to index"),
        _ => match class(code) {
            "08" | "57" => {
                StoreError::unavailable("the server has ended the connection: try again")
            }
            "53" | "58" => StoreError::unavailable(format!(
                "the server lacks what it needs: {}",
                error.message()
            )),
            "22" | "23" | "54" => {
                StoreError::permanent(format!("PostgreSQL cannot keep a row: {}", error.message()))
            }
            _ => StoreError::permanent(format!("PostgreSQL has refused: {}", error.message())),
        },
    }
}
