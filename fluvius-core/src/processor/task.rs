//! A decoded command, and its answer.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::model::DomainContext;
use crate::model::{ActionDescriptor, DomainMetadata, SharedCommand};
use fluvius_store::json::PayloadHash;
use fluvius_store::{AggregateId, CommandRecord, CommandStatus, ContextRecord, Json, Precondition};

/// The sender of a command: the context of its session, and the row of that context.
#[derive(Debug)]
pub(crate) struct Sender {
    pub(crate) context: Arc<DomainContext>,
    pub(crate) record: Arc<ContextRecord>,
    pub(crate) realm: Option<Arc<str>>,
    /// The path of the first part of the context that no store can keep.
    pub(crate) unstorable: Option<String>,
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
}

/// Returns the path of the first part of a context that no store can keep.
fn unstorable(record: &ContextRecord) -> Option<String> {
    let roles = record.roles.iter().map(|role| ("roles".to_owned(), role));
    let headers = record.headers.iter().map(|(name, value)| (format!("headers.{name}"), value));
    let realm = record.realm.iter().map(|realm| ("realm".to_owned(), realm));
    std::iter::once(("source".to_owned(), &record.source))
        .chain(realm)
        .chain(roles)
        .chain(headers)
        .find(|(_, text)| text.contains('\0'))
        .map(|(path, _)| format!("context.{path}"))
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
