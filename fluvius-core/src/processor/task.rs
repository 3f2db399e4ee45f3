//! A decoded command, and its answer.

use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::error::Error;
use crate::model::DomainContext;
use crate::model::{ActionDescriptor, DomainMetadata, SharedCommand};
use fluvius_store::json::{JsonPath, PayloadHash};
use fluvius_store::{AggregateId, CommandRecord, CommandStatus, ContextRecord, Json, Precondition};

/// The sender of a command: the context of its session, and the row of that context.
#[derive(Debug)]
pub(crate) struct Sender {
    pub(crate) context: Arc<DomainContext>,
    pub(crate) record: Arc<ContextRecord>,
    pub(crate) realm: Option<Arc<str>>,
    /// The path of the first part of the context that no store can keep.
    unstorable: Option<JsonPath>,
}

impl Sender {
    pub(crate) fn new(context: DomainContext, record: ContextRecord) -> Self {
        Self {
            context: Arc::new(context),
            realm: record.realm.as_deref().map(Arc::from),
            unstorable: unstorable(&record),
            record: Arc::new(record),
        }
    }

    /// Checks that a store can hold the context. `command` is the key of the command, or the name
    /// of another operation.
    ///
    /// # Errors
    /// `invalid-payload`, at `context`.
    pub(crate) fn check_storable(&self, command: &str) -> Result<(), Error> {
        match &self.unstorable {
            Some(path) => Err(Error::InvalidPayload {
                command: command.to_owned(),
                path: path.clone(),
                message: "U+0000 cannot be stored".to_owned(),
            }),
            None => Ok(()),
        }
    }
}

/// Returns the path of the first part of a context that no store can keep.
fn unstorable(record: &ContextRecord) -> Option<JsonPath> {
    let part = |names: &[&str]| JsonPath::from_names(["context"].iter().chain(names).copied());
    let is_bad = |text: &String| text.contains('\0');
    if is_bad(&record.source) {
        return Some(part(&["source"]));
    }
    if record.realm.as_ref().is_some_and(is_bad) {
        return Some(part(&["realm"]));
    }
    if record.roles.iter().any(is_bad) {
        return Some(part(&["roles"]));
    }
    let header = record.headers.iter().find(|(_, value)| is_bad(value));
    header.map(|(name, _)| part(&["headers", name]))
}

/// A decoded command.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) id: Uuid,
    pub(crate) parent: Option<Uuid>,
    pub(crate) action: &'static ActionDescriptor,
    pub(crate) aggregate_id: AggregateId,
    pub(crate) command: SharedCommand,
    /// The decoded arguments, without secrets.
    pub(crate) args: Json,
    /// The payload as received, with sorted keys and without secrets.
    pub(crate) payload: Json,
    pub(crate) payload_hash: PayloadHash,
    pub(crate) if_match: Option<Precondition>,
    pub(crate) received_at: DateTime<Utc>,
    /// The policy's reason for allowing the command, if it gave one.
    pub(crate) allowed_because: OnceLock<Box<str>>,
}

impl Task {
    /// Returns the command's row.
    pub(crate) fn record(
        &self,
        metadata: &'static DomainMetadata,
        context: &ContextRecord,
        status: CommandStatus,
    ) -> CommandRecord {
        let mut record = CommandRecord::new(
            self.id,
            metadata.namespace,
            self.action.key,
            self.aggregate_id.clone(),
            self.payload.clone(),
            self.payload_hash,
            context.id,
            self.received_at,
        );
        record.parent = self.parent;
        record.revision = metadata.revision;
        record.status = status;
        record
    }
}
