//! The errors that callers see. Each has a code that stays the same across releases.

mod code;
mod kind;

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::point_in_time::PointInTime;
use fluvius_store::__private::InvalidPosition;
use fluvius_store::query::QueryError;
use fluvius_store::{AggregateId, ETag, Precondition, ResumeToken, StoreError, UnitOfWork};

pub use kind::ErrorKind;

/// Why a command was not applied, or an aggregate not read.
///
/// After every error but [`Error::OutcomeUnknown`] the aggregates are as they were. Errors are cheap
/// to clone, since several callers may wait for one answer.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No command is registered under this key.
    ///
    /// Code: `unknown-command`; leaves no command row.
    #[error("no command is registered under `{key}`{}", did_you_mean(nearest))]
    UnknownCommand {
        /// The key.
        key: String,
        /// The registered keys that are most like it, the likest first.
        nearest: Vec<&'static str>,
    },
    /// The payload does not fit the command.
    ///
    /// Code: `invalid-payload`; leaves no command row.
    #[error("the payload of `{command}` is not valid{}: {message}", at(path))]
    InvalidPayload {
        /// The command's key.
        command: String,
        /// The JSON path: `amount`, `items[2].price`, `.` for the whole.
        path: String,
        /// What is wrong; quotes no secret.
        message: String,
    },
    /// The command id is of the form that is reserved for invoked commands.
    ///
    /// Code: `invalid-command-id`; leaves no command row.
    #[error(
        "invalid command id {id}: ids of the form `xxxxxxxx-xxxx-8ca1-a1ed-xxxxxxxxxxxx` are \
         reserved for invoked commands; use another one"
    )]
    InvalidCommandId {
        /// The command's id.
        id: Uuid,
    },
    /// The action requires a precondition, and the command has none.
    ///
    /// Code: `precondition-required`; leaves no command row.
    #[error(
        "`{command}` on {aggregate_id} requires a precondition: add the expected version or etag with \
         `if_match`"
    )]
    PreconditionRequired {
        /// The command's key.
        command: &'static str,
        /// The aggregate.
        aggregate_id: AggregateId,
    },
    /// The session has no aggregate to send the command to.
    ///
    /// Code: `no-aggregate-root`; leaves no command row.
    #[error("`{command}` has no aggregate root: call `set_aggroot` first")]
    NoAggregateRoot {
        /// The command's key.
        command: String,
    },
    /// The action is not allowed on this resource.
    ///
    /// Code: `resource-not-allowed`; leaves no command row.
    #[error("`{command}` is not allowed on `{resource}`, only on {}", list(allowed))]
    ResourceNotAllowed {
        /// The command's key.
        command: String,
        /// The resource.
        resource: String,
        /// The resources on which it is allowed.
        allowed: &'static [&'static str],
    },
    /// The policy does not allow the command.
    ///
    /// Code: `permission-denied`; leaves no command row.
    #[error("`{command}` on {aggregate_id} is not allowed: {reason}")]
    PermissionDenied {
        /// The command's key.
        command: &'static str,
        /// The aggregate.
        aggregate_id: AggregateId,
        /// The policy's words.
        reason: String,
    },
    /// The aggregate does not exist, is closed, or belongs to another realm.
    ///
    /// Code: `not-found`; kept as a command row.
    #[error("{aggregate_id} does not exist")]
    NotFound {
        /// The aggregate.
        aggregate_id: AggregateId,
    },
    /// The past of the aggregate has no such version, or it did not exist at that time or was closed.
    ///
    /// Code: `not-found`; only reads end with it.
    #[error("{aggregate_id} does not exist at {point}{}", newest_version(*newest))]
    NotFoundAt {
        /// The aggregate.
        aggregate_id: AggregateId,
        /// The version or the time.
        point: PointInTime,
        /// The newest version of the aggregate; `None` if it does not exist at all or belongs to another realm.
        newest: Option<u64>,
    },
    /// The aggregate exists; an identifier is used once.
    ///
    /// Code: `already-exists`; kept as a command row.
    #[error("{aggregate_id} exists already")]
    AlreadyExists {
        /// The aggregate.
        aggregate_id: AggregateId,
    },
    /// A business rule said no.
    ///
    /// Code: `rejected`; kept as a command row.
    #[error("{message}")]
    Rejected {
        /// The aggregate whose rule said no.
        aggregate_id: AggregateId,
        /// The author's code.
        code: String,
        /// The author's message.
        message: String,
        /// The author's error; see [`Error::rejection`].
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// The aggregate is not what the command expected.
    ///
    /// Code: `precondition-failed`; kept as a command row.
    #[error("{aggregate_id} is at version {version}, the command expected {expected}")]
    PreconditionFailed {
        /// The aggregate.
        aggregate_id: AggregateId,
        /// The precondition of the command.
        expected: Precondition,
        /// The version that the aggregate has.
        version: u64,
        /// The etag that the aggregate has.
        etag: Option<ETag>,
    },
    /// Others kept changing the aggregates; the command may be sent again.
    ///
    /// Code: `conflict`; leaves no command row.
    #[error("{aggregate_id} was changed by others in each of {attempts} attempts")]
    Conflict {
        /// The aggregate that had moved in the last attempt.
        aggregate_id: AggregateId,
        /// How often the command was decided.
        attempts: u32,
    },
    /// The identifier was used for another command.
    ///
    /// Code: `command-id-reused`; leaves no command row.
    #[error(
        "the command id {id} was used before, for another aggregate, command, actor, realm or payload"
    )]
    CommandIdReused {
        /// The identifier.
        id: Uuid,
    },
    /// Another command of the atomic group was rejected, and so were all others.
    ///
    /// Code: `group-rejected`; kept as a command row.
    #[error("command {rejected} of the group was rejected: {source}")]
    GroupRejected {
        /// The id of the command that was rejected.
        rejected: Uuid,
        /// Its error.
        source: Box<Error>,
    },
    /// A rule asked for an aggregate that is being decided further up in the same command.
    ///
    /// Code: `reentrant-invoke`; leaves no command row.
    #[error("{aggregate_id} is being decided in this command already")]
    ReentrantInvoke {
        /// The aggregate.
        aggregate_id: AggregateId,
    },
    /// Rules invoked each other too deeply.
    ///
    /// Code: `invoke-depth-exceeded`; leaves no command row.
    #[error("actions invoke each other more than {max_depth} deep")]
    InvokeDepthExceeded {
        /// The bound.
        max_depth: usize,
    },
    /// The action did not end within its deadline.
    ///
    /// Code: `timed-out`; leaves no command row.
    #[error("`{command}` did not end within {after:?}")]
    TimedOut {
        /// The command's key.
        command: &'static str,
        /// The deadline.
        after: Duration,
    },
    /// The author's code panicked; the panic's own message is left out, as it may hold secrets.
    ///
    /// Code: `panicked`; leaves no command row.
    #[error("the code of `{command}` panicked")]
    Panicked {
        /// The command's key.
        command: &'static str,
    },
    /// There is no room for one more command, and the caller asked not to wait.
    ///
    /// Code: `overloaded`; leaves no command row.
    #[error("too many commands are waiting")]
    Overloaded,
    /// The domain is shutting down.
    ///
    /// Code: `shutting-down`; leaves no command row.
    #[error("the domain is shutting down")]
    ShuttingDown,
    /// The tokio runtime in which the domain was built has ended.
    ///
    /// Code: `shutting-down`; leaves no command row.
    #[error(
        "the tokio runtime in which the domain was built has ended, and the domain with it: build \
         the domain in a runtime that lives as long as the domain is used"
    )]
    RuntimeEnded,
    /// The command was sent from a thread without a tokio runtime.
    ///
    /// Code: `no-runtime`; leaves no command row.
    #[error(
        "commands are sent from within a tokio runtime, and this thread has none: call \
         `Runtime::block_on`, or enter a runtime with `Handle::enter`"
    )]
    NoRuntime,
    /// A command or a group changes more than one unit of work may hold.
    ///
    /// Code: `too-large`; leaves no command row.
    #[error("{}: split the command or the group", too_large(*rows, *bytes))]
    TooLarge {
        /// The rows of the logs.
        rows: usize,
        /// The estimated size in bytes; `None` if the number of rows alone was too large.
        bytes: Option<usize>,
    },
    /// The JSON text of the payload has more bytes than the domain accepts.
    ///
    /// Code: `too-large`; leaves no command row.
    #[error(
        "the payload of `{command}` has {bytes} bytes, and the limit is {max_bytes}: send less, or raise \
         `max_payload_bytes`"
    )]
    PayloadTooLarge {
        /// The command's key.
        command: &'static str,
        /// The bytes of the payload.
        bytes: usize,
        /// The limit.
        max_bytes: usize,
    },
    /// A query of the stored state that no store answers.
    ///
    /// Code: `invalid-query`; leaves no command row.
    #[error("the query is not valid: {message}")]
    InvalidQuery {
        /// What is wrong.
        message: String,
    },
    /// One aggregate was asked for by what it is like, and several are like that.
    ///
    /// Code: `multiple-results`; leaves no command row.
    #[error("several aggregates of `{resource}` are what the query asks for, and one was expected")]
    MultipleResults {
        /// The resource.
        resource: String,
    },
    /// A stored state does not decode, or a new one cannot be stored.
    ///
    /// Code: `invalid-state`; leaves no command row.
    #[error(
        "the state of {aggregate_id} (revision {revision}) is not valid at `{path}`: {message}"
    )]
    InvalidState {
        /// The aggregate.
        aggregate_id: AggregateId,
        /// The revision of the aggregate type in whose shape the state is written.
        revision: u32,
        /// The JSON path.
        path: String,
        /// What is wrong.
        message: String,
    },
    /// A log cannot be read on from here: the row that the resume token names is not at its
    /// position, or the position is ahead of the newest one. The store was set back, or is another
    /// one than that of the token.
    ///
    /// Code: `invalid-position`; leaves no command row.
    #[error(
        "cannot resume at `{token}`: {} at position {}, the newest position is {newest}: the store \
         was restored or exchanged, so what was made of its log has to be made anew",
        found.map_or_else(|| "no row is".to_owned(), |id| format!("row {id} is")),
        token.position()
    )]
    InvalidPosition {
        /// The place from which the reader was to go on.
        token: ResumeToken,
        /// The identifier of the row that is at its position, if there is one.
        found: Option<Uuid>,
        /// The position of the newest row of all logs.
        newest: u64,
    },
    /// The store cannot be reached; another try may help. The text is that of the store's error, and the source is its
    /// cause.
    ///
    /// Code: `store-unavailable`; leaves no command row.
    #[error(transparent)]
    StoreUnavailable {
        /// The error of the store.
        source: StoreError,
    },
    /// The store failed; another try will not help. The text is that of the store's error, and the source is its cause.
    ///
    /// Code: `store-error`; leaves no command row.
    #[error(transparent)]
    StoreError {
        /// The error of the store.
        source: StoreError,
    },
    /// The store went away during the commit, or what it has could not be read back; the same
    /// command id sent again settles it.
    ///
    /// Code: `outcome-unknown`; leaves no command row.
    #[error("whether command {id} was applied is not known: send it again under the same id")]
    OutcomeUnknown {
        /// The command's identifier.
        id: Uuid,
    },
}

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

fn did_you_mean(nearest: &[&'static str]) -> String {
    if nearest.is_empty() { String::new() } else { format!("; did you mean {}?", list(nearest)) }
}

fn list(names: &[&'static str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

fn at(path: &str) -> String {
    if path == "." { String::new() } else { format!(" at `{path}`") }
}

fn newest_version(newest: Option<u64>) -> String {
    newest.map_or_else(String::new, |newest| format!("; its newest version is {newest}"))
}

fn too_large(rows: usize, bytes: Option<usize>) -> String {
    let (max_rows, max_bytes) = (UnitOfWork::MAX_ROWS, UnitOfWork::MAX_BYTES);
    match bytes {
        Some(bytes) if bytes > max_bytes => {
            format!("the unit of work has about {bytes} bytes, and the limit is {max_bytes}")
        }
        _ => format!("the unit of work has {rows} rows, and the limit is {max_rows}"),
    }
}
