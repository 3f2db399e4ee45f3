//! A decoded command, and its answer.

use std::any::{Any, TypeId};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::action::{ActionDescriptor, SharedCommand};
use crate::aggregate::{Aggregate, SharedState};
use crate::command::Command;
use crate::context::DomainContext;
use crate::domain::DomainMetadata;
use crate::error::Error;
use crate::response::Response;
use crate::unwind;
use fluvius_store::AggregateId;
use fluvius_store::ContextRecord;
use fluvius_store::Json;
use fluvius_store::Precondition;
use fluvius_store::json::PayloadHash;
use fluvius_store::{CommandRecord, CommandStatus};

/// The sender of a command: the context of its session, and its row.
#[derive(Debug)]
pub(crate) struct Sender {
    pub(crate) context: DomainContext,
    pub(crate) record: Arc<ContextRecord>,
    pub(crate) realm: Option<Arc<str>>,
    /// The first part of the context that no store can keep.
    pub(crate) unstorable: Option<String>,
}

impl Sender {
    pub(crate) fn new(context: DomainContext, record: ContextRecord) -> Self {
        Self {
            context,
            realm: record.realm.as_deref().map(Arc::from),
            unstorable: unstorable(&record),
            record: Arc::new(record),
        }
    }
}

/// The first part of a context that no store can keep.
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
    /// The arguments as decoded, without secrets.
    pub(crate) args: Json,
    /// The payload as received, keys sorted, without secrets.
    pub(crate) payload: Json,
    pub(crate) payload_hash: PayloadHash,
    pub(crate) if_match: Option<Precondition>,
    pub(crate) received_at: DateTime<Utc>,
}

impl Task {
    /// The command's row.
    pub(crate) fn record(
        &self,
        meta: &'static DomainMetadata,
        context: &ContextRecord,
        status: CommandStatus,
    ) -> CommandRecord {
        CommandRecord {
            id: self.id,
            parent: self.parent,
            domain: meta.namespace.into(),
            revision: meta.revision,
            command: self.action.key.into(),
            aggregate_id: self.aggregate_id.clone(),
            payload: self.payload.clone(),
            payload_hash: self.payload_hash,
            context_id: context.id,
            status,
            code: None,
            response: None,
            received_at: self.received_at,
        }
    }
}

/// The answer to a command, with the decoded state if that is the answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) response: Response,
    pub(crate) state: Option<SharedState>,
}

impl Answer {
    /// Returns the answer as the command's output, or `None` if the author's code panics on it.
    pub(crate) fn typed<C>(self) -> Option<Result<Response<C::Output>, Error>>
    where
        C: Command,
        C::Output: serde::de::DeserializeOwned + 'static,
    {
        let Self { response, state } = self;
        let state = state.as_ref().and_then(|state| state.downcast_ref::<C::Aggregate>());
        let output = unwind::catch(|| match state.and_then(copy::<C>) {
            Some(output) => Ok(output),
            None => response.data.decode::<C::Output>(),
        });
        Some(match output? {
            Ok(output) => Ok(response.with_data(output)),
            Err(error) => Err(Error::InvalidState {
                aggregate_id: response.aggregate_id,
                revision: C::Aggregate::DESCRIPTOR.revision,
                path: error.path().to_owned(),
                message: error.message().to_owned(),
            }),
        })
    }
}

/// Returns a copy of the state, if the output is the state: no decoding is needed then.
fn copy<C>(state: &C::Aggregate) -> Option<C::Output>
where
    C: Command,
    C::Output: 'static,
{
    if TypeId::of::<C::Output>() != TypeId::of::<C::Aggregate>() {
        return None;
    }
    let copy: &mut dyn Any = &mut Some(state.clone());
    copy.downcast_mut::<Option<C::Output>>().and_then(Option::take)
}
