//! Errors of the server and the client, classified as transient or permanent.

use fluvius_store::StoreError;
use rustls::CertificateError;
use tokio_postgres::error::{DbError, Severity, SqlState};

/// An error within the store.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// An error of the server, or of the connection.
    #[error(transparent)]
    Postgres(#[from] tokio_postgres::Error),
    /// A row that no store has written.
    #[error("a row of `{table}` is damaged: {why}")]
    Damaged { table: &'static str, why: String },
    /// An error in the form that callers see.
    #[error(transparent)]
    Public(#[from] StoreError),
}

/// The code that `register_domain` raises if a resource belongs to another domain.
pub(crate) const RESOURCE_TAKEN: &str = "FL001";

impl Fault {
    pub(crate) fn damaged(table: &'static str, why: impl ToString) -> Self {
        Self::Damaged { table, why: why.to_string() }
    }

    /// The error of a call without an answer in time.
    pub(crate) fn no_answer() -> Self {
        StoreError::unavailable("the server does not answer").into()
    }

    /// Returns true if the transaction is certainly rolled back. A severity above `ERROR` may mean
    /// an interrupted commit.
    pub(crate) fn is_rolled_back(&self) -> bool {
        match self {
            Self::Postgres(_) => self.db_error().is_some_and(|error| {
                error.parsed_severity() == Some(Severity::Error) && !is_end_of_session(error.code())
            }),
            _ => true,
        }
    }

    /// Returns true if the connection is lost, so that another one may work.
    pub(crate) fn is_connection_lost(&self) -> bool {
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

    /// Returns true if the rows of one unit may be the cause, so that the other units of the batch
    /// can still be stored: the server has rejected the batch or lacked memory for it, or the batch
    /// could not be sent.
    pub(crate) fn is_row_error(&self) -> bool {
        match self.code() {
            Some(code) if *code == SqlState::OUT_OF_MEMORY => true,
            Some(code) => matches!(class(code), "22" | "23" | "54" | "XX"),
            None => match self {
                Self::Postgres(_) => !self.is_connection_lost(),
                Self::Damaged { .. } => false,
                Self::Public(error) => !error.is_retryable(),
            },
        }
    }

    /// Returns true if the transaction conflicted with another one, and may succeed now.
    pub(crate) fn is_retryable_conflict(&self) -> bool {
        self.code().is_some_and(|code| {
            [&SqlState::T_R_DEADLOCK_DETECTED, &SqlState::T_R_SERIALIZATION_FAILURE].contains(&code)
                // Another process has stored the command id since it was looked up.
                || *code == SqlState::UNIQUE_VIOLATION
        })
    }

    /// Returns true if another transaction held a lock for too long.
    pub(crate) fn is_lock_timeout(&self) -> bool {
        self.code().is_some_and(|code| {
            [&SqlState::LOCK_NOT_AVAILABLE, &SqlState::T_R_DEADLOCK_DETECTED].contains(&code)
        })
    }

    /// Returns true if the user lacks a privilege.
    pub(crate) fn is_permission_denied(&self) -> bool {
        self.code().is_some_and(|code| *code == SqlState::INSUFFICIENT_PRIVILEGE)
    }

    /// Returns true if the server has ended the statement, after its timeout or a cancellation.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.code().is_some_and(|code| *code == SqlState::QUERY_CANCELED)
    }

    /// Returns true if a table that a statement names is missing.
    pub(crate) fn is_undefined_table(&self) -> bool {
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

/// Returns true if the server ends the session with this code (57014 only ends a statement).
fn is_end_of_session(code: &SqlState) -> bool {
    class(code) == "08" || (class(code) == "57" && *code != SqlState::QUERY_CANCELED)
}

/// Returns true if a connection failed because it was encrypted, or because it was not. The other
/// way may succeed.
pub(crate) fn is_encryption_failure(error: &tokio_postgres::Error) -> bool {
    is(error, TLS) || error.code() == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION)
}

/// The texts of the client's kinds of errors, which it does not distinguish otherwise.
const TLS: &str = "error performing TLS handshake";
const AUTHENTICATION: &str = "authentication error";
const CONFIGURATION: &str = "invalid configuration";
const CONNECTING: [&str; 2] = ["error connecting to server", "timeout waiting for server"];

fn is(error: &tokio_postgres::Error, kind: &str) -> bool {
    error.to_string() == kind
}

/// The error that callers see.
impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        let error = match fault {
            Fault::Public(error) => return error,
            Fault::Damaged { .. } => return Self::permanent(fault.to_string()),
            Fault::Postgres(error) => error,
        };
        if let Some(error) = error.as_db_error() {
            return from_server(error).with_source(ServerError::of(error));
        }
        let public = from_client(&error);
        // The text of the client adds nothing to the public one.
        match error.into_source() {
            Some(cause) => public.with_source(Cause(cause)),
            None => public,
        }
    }
}

/// The cause of an error of the client.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Cause(Box<dyn std::error::Error + Send + Sync>);

/// The part of a server's error that quotes no row: its `DETAIL` may contain states and arguments.
#[derive(Debug, thiserror::Error)]
#[error("SQLSTATE {code}{}{}", named(" in table", table), named(" by constraint", constraint))]
struct ServerError {
    code: String,
    table: Option<String>,
    constraint: Option<String>,
}

impl ServerError {
    fn of(error: &DbError) -> Self {
        Self {
            code: error.code().code().to_owned(),
            table: error.table().map(str::to_owned),
            constraint: error.constraint().map(str::to_owned),
        }
    }
}

fn named(what: &str, name: &Option<String>) -> String {
    name.as_ref().map_or_else(String::new, |name| format!("{what} `{name}`"))
}

/// Returns the public error for an error of the client.
fn from_client(error: &tokio_postgres::Error) -> StoreError {
    if is(error, TLS) {
        return from_tls(error);
    }
    // A missing password is among the faults of the configuration.
    if is(error, AUTHENTICATION) || is(error, CONFIGURATION) {
        return StoreError::permanent(
            "the login to the server failed: check that the address has the password, and that the \
            server accepts a method of login that this client has (a password, SCRAM or a \
            certificate)",
        );
    }
    if CONNECTING.iter().any(|kind| is(error, kind)) {
        return StoreError::unavailable(
            "the PostgreSQL server cannot be reached: check that it runs, and host and port of \
            the address",
        );
    }
    StoreError::unavailable("the connection to the PostgreSQL server was lost")
}

fn from_tls(error: &tokio_postgres::Error) -> StoreError {
    let cause = std::error::Error::source(error);
    let Some(io) = cause.and_then(|cause| cause.downcast_ref::<std::io::Error>()) else {
        return StoreError::permanent(
            "the server offers no TLS, which the address requires: set `ssl = on` in the server, \
            or `sslmode=disable` in the address if the network is trusted",
        );
    };
    let fault = match io.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(fault)) => fault,
        Some(_) => {
            return StoreError::permanent("the server and this program agree on no TLS connection");
        }
        None => return StoreError::unavailable("the connection was lost during the TLS handshake"),
    };
    StoreError::permanent(match fault {
        CertificateError::NotValidForNameContext { .. } => {
            "the certificate of the server is for another host: use the name that it is for, or \
            `sslmode=verify-ca`"
        }
        CertificateError::ExpiredContext { .. } | CertificateError::NotValidYetContext { .. } => {
            "the certificate of the server is not valid at this time: check the clocks, or renew it"
        }
        CertificateError::Other(_) => {
            "the certificate of the server is not accepted: if it is self-signed, name it by \
            `sslrootcert` in the address or by `root_certificates`; if it is of X.509 version 1, \
            make one of version 3"
        }
        _ => {
            "the certificate of the server is not trusted: name its authority by `sslrootcert` in \
            the address or by `root_certificates`, or use `sslmode=require`, which encrypts and \
            verifies nothing"
        }
    })
}

/// Returns the public error for an error of the server.
fn from_server(error: &DbError) -> StoreError {
    let (code, message) = (error.code().code(), error.message());
    match code {
        RESOURCE_TAKEN => {
            // The message quotes both names, which are kebab case.
            let mut names = message.split('`').skip(1).step_by(2);
            let (resource, owner) = (names.next().unwrap_or("?"), names.next().unwrap_or("?"));
            StoreError::resource_taken(resource, owner)
        }
        "28P01" | "28000" => {
            StoreError::permanent(format!("the server rejected the login: {message}"))
        }
        "3D000" => StoreError::permanent(format!(
            "the server does not have the database of the address: {message}; make it with \
            `CREATE DATABASE`"
        )),
        "26000" | "42P05" => unsupported_pooler(),
        "53100" => StoreError::unavailable(
            "the server's disk is full: free some space on it, and try again",
        ),
        "53300" => StoreError::unavailable(
            "the server has no connection left for this user: raise `max_connections` or the limit \
            of the user, or lower `max_readers`",
        ),
        "25006" => StoreError::unavailable(
            "the server only reads: it is a standby, or is set to `default_transaction_read_only`",
        ),
        "57014" => StoreError::unavailable(
            "the statement took longer than `statement_timeout`, or was cancelled: find out what \
            it waits for",
        ),
        "55P03" | "40P01" | "40001" => StoreError::unavailable(
            "the statement waited for another transaction for too long: try again",
        ),
        "42501" => StoreError::permanent(format!(
            "the user of the address lacks a privilege: {message}; grant it, or let the owner of \
            the schema do this"
        )),
        "42P01" | "42883" | "42703" => StoreError::permanent(format!(
            "something in the schema is missing, or not visible to this user: {message}; check the \
            privileges of the user, and that nothing in the schema was changed"
        )),
        "54000" => StoreError::permanent("a name is too long for PostgreSQL to index"),
        _ => match class(error.code()) {
            "08" => StoreError::unavailable(format!(
                "the server, or a pooler in front of it, rejected the connection: {message}"
            )),
            "57" => StoreError::unavailable("the server has ended the connection: try again"),
            "53" | "58" => {
                StoreError::unavailable(format!("the server lacks a resource: {message}"))
            }
            // The message may quote a value.
            "22" | "23" | "54" => StoreError::permanent("PostgreSQL cannot store a row"),
            _ => StoreError::permanent(format!("PostgreSQL rejected the statement: {message}")),
        },
    }
}

/// The error of a pooler that assigns a session per transaction.
pub(crate) fn unsupported_pooler() -> StoreError {
    StoreError::permanent(
        "a pooler between this program and the server assigns a session per transaction: set \
        `pool_mode = session` in it, or name the server itself",
    )
}
