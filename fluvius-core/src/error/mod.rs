//! The errors of the API. Each has a code that stays the same across releases.

mod code;
mod from;
mod kind;
mod recorded;
mod texts;

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::point_in_time::PointInTime;
use fluvius_store::json::JsonPath;
use fluvius_store::{AggregateId, ETag, Precondition, ResumeToken, StoreError};
use texts::{at, did_you_mean, list, newest_version, too_large};

pub use kind::ErrorKind;
pub use recorded::Recorded;

/// The reason for a command that was not applied, or for a failed read.
///
/// After every error except [`Error::OutcomeUnknown`] the aggregates are unchanged. Errors are
/// cheap to clone, since several callers may wait for one answer.
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
        /// The most similar registered keys, the most similar first.
        nearest: Vec<&'static str>,
    },
    /// The payload does not match the command.
    ///
    /// Code: `invalid-payload`; leaves no command row.
    #[error("the payload of `{command}` is not valid{}: {message}", at(path))]
    InvalidPayload {
        /// The command's key.
        command: String,
        /// The path of the field, missing or not: `amount`, `items[2].price`, or `.` for the whole
        /// payload. [`JsonPath::pointer`] returns it as a JSON Pointer.
        path: JsonPath,
        /// The problem; quotes no secret.
        message: String,
    },
    /// The command id has the form reserved for invoked commands.
    ///
    /// Code: `invalid-command-id`; leaves no command row.
    #[error(
        "invalid command id {id}: ids of the form `xxxxxxxx-xxxx-8ca1-a1ed-xxxxxxxxxxxx` are \
         reserved for invoked commands; use another one"
    )]
    InvalidCommandId {
        /// The command id.
        id: Uuid,
    },
    /// The action requires a precondition, and the command has none.
    ///
    /// Code: `precondition-required`; leaves no command row.
    #[error(
        "`{command}` on {aggregate_id} requires a precondition: add the expected version or etag \
        with `if_match`"
    )]
    PreconditionRequired {
        /// The command's key.
        command: &'static str,
        /// The aggregate.
        aggregate_id: AggregateId,
    },
    /// The session has no target aggregate for the command.
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
    /// The policy denied the command.
    ///
    /// Code: `permission-denied`; leaves no command row.
    #[error("`{command}` on {aggregate_id} is not allowed: {reason}")]
    PermissionDenied {
        /// The command's key.
        command: &'static str,
        /// The aggregate.
        aggregate_id: AggregateId,
        /// The reason of the policy.
        reason: String,
    },
    /// The policy denied a read or an operation.
    ///
    /// Code: `permission-denied`; leaves no command row.
    #[error("{access} is not allowed: {reason}")]
    AccessDenied {
        /// The read or the operation: ``operation `export` ``.
        access: String,
        /// The reason of the policy.
        reason: String,
    },
    /// The aggregate does not exist, is closed, or belongs to another realm.
    ///
    /// Code: `not-found`; recorded as a command row.
    #[error("{aggregate_id} does not exist")]
    NotFound {
        /// The aggregate.
        aggregate_id: AggregateId,
        /// The recorded rejection; see [`Error::recorded`].
        recorded: Option<Box<Recorded>>,
    },
    /// The aggregate has no such version, did not exist at that time, or was closed.
    ///
    /// Code: `not-found`; returned by reads only.
    #[error("{aggregate_id} does not exist at {point}{}", newest_version(*newest))]
    NotFoundAt {
        /// The aggregate.
        aggregate_id: AggregateId,
        /// The version or the time that was queried.
        point: PointInTime,
        /// The newest version of the aggregate; `None` if it does not exist at all or belongs to
        /// another realm.
        newest: Option<u64>,
    },
    /// The aggregate already exists. An id is used once.
    ///
    /// Code: `already-exists`; recorded as a command row.
    #[error("{aggregate_id} exists already")]
    AlreadyExists {
        /// The aggregate.
        aggregate_id: AggregateId,
        /// The recorded rejection; see [`Error::recorded`].
        recorded: Option<Box<Recorded>>,
    },
    /// An action or an observer rejected the command.
    ///
    /// Code: `rejected`; recorded as a command row.
    #[error("{message}")]
    Rejected {
        /// The aggregate whose action rejected the command. For an observer: the aggregate of the
        /// unit's first command.
        aggregate_id: AggregateId,
        /// The author's code.
        code: String,
        /// The author's message.
        message: String,
        /// The author's error; see [`Error::rejection`].
        source: Arc<dyn std::error::Error + Send + Sync>,
        /// The recorded rejection; see [`Error::recorded`].
        recorded: Option<Box<Recorded>>,
    },
    /// The aggregate does not meet the precondition of the command.
    ///
    /// Code: `precondition-failed`; recorded as a command row.
    #[error("{aggregate_id} is at version {version}, the command expected {expected}")]
    PreconditionFailed {
        /// The aggregate.
        aggregate_id: AggregateId,
        /// The precondition of the command.
        expected: Precondition,
        /// The current version of the aggregate.
        version: u64,
        /// The current etag of the aggregate.
        etag: Option<ETag>,
        /// The recorded rejection; see [`Error::recorded`].
        recorded: Option<Box<Recorded>>,
    },
    /// Other commands changed the aggregates in each attempt. The command may be sent again.
    ///
    /// Code: `conflict`; leaves no command row.
    #[error("{aggregate_id} was changed by others in each of {attempts} attempts")]
    Conflict {
        /// The aggregate that had changed in the last attempt.
        aggregate_id: AggregateId,
        /// Number of attempts, each of which ended in a version conflict.
        attempts: u32,
    },
    /// The command id was used for another command.
    ///
    /// Code: `command-id-reused`; leaves no command row.
    #[error(
        "the command id {id} was used before, for another aggregate, command, actor, realm or \
        payload"
    )]
    CommandIdReused {
        /// The command id.
        id: Uuid,
    },
    /// Another command of the atomic group was rejected, so none of the group was applied.
    ///
    /// Code: `group-rejected`; recorded as a command row.
    #[error("command {rejected} of the group was rejected: {source}")]
    GroupRejected {
        /// The id of the rejected command.
        rejected: Uuid,
        /// Its error.
        source: Box<Error>,
    },
    /// An action has read or invoked an aggregate that is being decided further up in the same
    /// command.
    ///
    /// Code: `reentrant-invoke`; leaves no command row.
    #[error("{aggregate_id} is being decided in this command already")]
    ReentrantInvoke {
        /// The aggregate.
        aggregate_id: AggregateId,
    },
    /// Actions invoked each other too deeply.
    ///
    /// Code: `invoke-depth-exceeded`; leaves no command row.
    #[error("actions invoke each other more than {max_depth} deep")]
    InvokeDepthExceeded {
        /// The maximum depth.
        max_depth: usize,
    },
    /// The action exceeded its timeout.
    ///
    /// Code: `timed-out`; leaves no command row.
    #[error("`{command}` did not end within {after:?}")]
    TimedOut {
        /// The command's key.
        command: &'static str,
        /// The timeout.
        after: Duration,
    },
    /// The author's code panicked. The message of the panic is omitted, since it may contain
    /// secrets.
    ///
    /// Code: `panicked`; leaves no command row.
    #[error("the code of `{command}` panicked")]
    Panicked {
        /// The command's key.
        command: &'static str,
    },
    /// The maximum number of commands is in flight, and the session fails fast.
    ///
    /// Code: `overloaded`; leaves no command row.
    #[error("too many commands are waiting")]
    Overloaded,
    /// The domain is shutting down.
    ///
    /// Code: `shutting-down`; leaves no command row.
    #[error("the domain is shutting down")]
    ShuttingDown,
    /// The tokio runtime of the domain has ended.
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
    /// A command or a group exceeds the limits of a unit of work.
    ///
    /// Code: `too-large`; leaves no command row.
    #[error("{}: split the command or the group", too_large(*rows, *bytes))]
    TooLarge {
        /// Number of log rows.
        rows: usize,
        /// The estimated size in bytes; `None` if the number of rows alone exceeds its limit.
        bytes: Option<usize>,
    },
    /// The JSON text of the payload is larger than the domain or the action accepts.
    ///
    /// Code: `too-large`; leaves no command row.
    #[error(
        "the payload of `{command}` has {bytes} bytes, and the limit is {max_bytes}: send less, or \
        raise `max_payload_bytes` of the domain or `body_limit` of the action"
    )]
    PayloadTooLarge {
        /// The command's key.
        command: &'static str,
        /// The size of the payload in bytes.
        bytes: usize,
        /// The limit in bytes.
        max_bytes: usize,
    },
    /// The query of stored states is invalid in every store, or a log reader with an end is
    /// followed.
    ///
    /// Code: `invalid-query`; leaves no command row.
    #[error("the query is not valid: {message}")]
    InvalidQuery {
        /// The problem.
        message: String,
    },
    /// A query for one aggregate matched more than one.
    ///
    /// Code: `multiple-results`; leaves no command row.
    #[error("several aggregates of `{resource}` are what the query asks for, and one was expected")]
    MultipleResults {
        /// The resource.
        resource: String,
    },
    /// A stored state does not decode, or a new state cannot be stored.
    ///
    /// Code: `invalid-state`; leaves no command row.
    #[error(
        "the state of {aggregate_id} (revision {revision}) is not valid at `{path}`: {message}"
    )]
    InvalidState {
        /// The aggregate.
        aggregate_id: AggregateId,
        /// The revision of the shape of the state.
        revision: u32,
        /// The path in the state.
        path: JsonPath,
        /// The problem.
        message: String,
    },
    /// The log cannot be resumed at this token: its row is not at its position, or the position is
    /// ahead of the newest one. The store was restored from a backup, or the token belongs to
    /// another store.
    ///
    /// Code: `invalid-position`; leaves no command row.
    #[error(
        "cannot resume at `{token}`: {} at position {}, the newest position is {newest}: the store \
        was restored or replaced, so build everything derived from its log again",
        found.map_or_else(|| "no row is".to_owned(), |id| format!("row {id} is")),
        token.position()
    )]
    InvalidPosition {
        /// The invalid token.
        token: ResumeToken,
        /// The id of the row at the token's position, if any.
        found: Option<Uuid>,
        /// The position of the newest row of all logs.
        newest: u64,
    },
    /// The store is unreachable; a retry may succeed. The text is that of the store's error, and
    /// the source is its cause.
    ///
    /// Code: `store-unavailable`; leaves no command row.
    #[error(transparent)]
    StoreUnavailable {
        /// The error of the store.
        source: StoreError,
    },
    /// The store failed; a retry does not help. The text is that of the store's error, and the
    /// source is its cause.
    ///
    /// Code: `store-error`; leaves no command row.
    #[error(transparent)]
    StoreError {
        /// The error of the store.
        source: StoreError,
    },
    /// A subscription cannot be connected or changed in this way.
    ///
    /// Code: `invalid-subscription`; leaves no command row.
    #[error("the subscription `{subscription}` is not valid: {problem}")]
    InvalidSubscription {
        /// The name of the subscription.
        subscription: String,
        /// The problem.
        problem: String,
    },
    /// The store lacks an optional part of the store contract.
    ///
    /// Code: `store-unsupported`; leaves no command row.
    #[error("the store does not support {capability}: use one whose `capabilities` have them")]
    StoreUnsupported {
        /// The missing capability, as in [`Capabilities`](crate::work::Capabilities).
        capability: &'static str,
    },
    /// The store was lost during the commit, or its answer could not be read back. Sending the same
    /// command with the same id resolves the outcome.
    ///
    /// Code: `outcome-unknown`; leaves no command row.
    #[error("whether command {id} was applied is not known: send it again under the same id")]
    OutcomeUnknown {
        /// The command id.
        id: Uuid,
    },
}
