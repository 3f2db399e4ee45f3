//! The backend of the action context: reads versions, runs invoked actions and collects rows.

use std::pin::pin;
use std::sync::{Arc, OnceLock};

use fluvius_store::__private::{canonical, hash};
use fluvius_store::{AggregateId, StateRecord};
use futures_core::future::BoxFuture;
use uuid::Uuid;

use super::job::Request;
use super::task::{Sender, Task};
use super::write_set::WriteSet;
use super::{Processor, decide, decode, load, timeout};
use crate::collections::OneVec;
use crate::error::Error;
use crate::id_generator as ids;
use crate::model::{
    ActionBackend, ActionContext, AggregateDescriptor, ErasedResponse, Invocation, Outgoing,
    SharedState,
};

/// The state of one attempt to decide a request, which its action context carries.
pub(super) struct AttemptState {
    pub(super) processor: Arc<Processor>,
    pub(super) sender: Arc<Sender>,
    pub(super) is_dry_run: bool,
    /// The ids that actions have generated, in this attempt or an earlier one.
    pub(super) ids: Vec<Uuid>,
    ids_used: usize,
    pub(super) write_set: WriteSet,
}

/// Creates the action context of an attempt.
pub(super) fn context(
    processor: Arc<Processor>,
    request: &Request,
    attempt: u32,
    ids: Vec<Uuid>,
) -> ActionContext {
    let sender = Arc::clone(&request.sender);
    ActionContext {
        now: request.tasks[0].received_at,
        attempt,
        context: Arc::clone(&sender.context),
        context_id: sender.record.id,
        frames: OneVec::new(),
        fault: None,
        state: Box::new(AttemptState {
            processor,
            sender,
            is_dry_run: request.dry_run.is_some(),
            ids,
            ids_used: 0,
            write_set: WriteSet::default(),
        }),
        backend: &Backend,
    }
}

#[expect(clippy::expect_used, reason = "only `context` makes a context")]
pub(super) fn attempt_state(cx: &ActionContext) -> &AttemptState {
    cx.state.downcast_ref().expect("the state is the processor's")
}

#[expect(clippy::expect_used, reason = "only `context` makes a context")]
pub(super) fn attempt_state_mut(cx: &mut ActionContext) -> &mut AttemptState {
    cx.state.downcast_mut().expect("the state is the processor's")
}

struct Backend;

impl ActionBackend for Backend {
    fn new_id(&self, cx: &mut ActionContext) -> Uuid {
        let state = attempt_state_mut(cx);
        if state.ids_used == state.ids.len() {
            state.ids.push(state.processor.services.ids.generate());
        }
        let id = state.ids[state.ids_used];
        state.ids_used += 1;
        id
    }

    fn load<'a>(
        &self,
        cx: &'a mut ActionContext,
        aggregate_id: &'a AggregateId,
        aggregate: &'static AggregateDescriptor,
    ) -> BoxFuture<'a, Result<Option<(SharedState, StateRecord)>, Error>> {
        Box::pin(async move {
            let cached = load::version(cx, aggregate_id).await?;
            let Some(record) = cached.visible(attempt_state(cx).sender.realm.as_deref()) else {
                return Ok(None);
            };
            Ok(Some((cached.value(record, aggregate)?, StateRecord::clone(record))))
        })
    }

    fn invoke<'a>(
        &self,
        cx: &'a mut ActionContext,
        invocation: Invocation,
    ) -> BoxFuture<'a, Result<ErasedResponse, Error>> {
        Box::pin(async move {
            let action = invocation.action;
            let task = invoked_task(cx, invocation)?;
            match action.timeout {
                None => decide::run(cx, &task).await,
                Some(after) => {
                    let decided = pin!(decide::run(cx, &task));
                    let timed_out = Error::TimedOut { command: action.key, after };
                    timeout(after, decided).await.unwrap_or(Err(timed_out))
                }
            }
        })
    }

    fn record(&self, cx: &mut ActionContext, outgoing: Outgoing) {
        let write_set = &mut attempt_state_mut(cx).write_set;
        match outgoing {
            Outgoing::Message(message) => write_set.messages.push(message.into()),
            Outgoing::Activity(activity) => write_set.activities.push(activity.into()),
        }
    }
}

/// Checks an invocation, and returns its task.
fn invoked_task(cx: &mut ActionContext, invocation: Invocation) -> Result<Task, Error> {
    let Invocation { action, aggregate_id, command, args, if_match } = invocation;
    let registry = &attempt_state(cx).processor.services.registry;
    if registry.find(action.key).is_none_or(|known| !known.is_same(action)) {
        return Err(Error::UnknownCommand {
            key: action.key.to_owned(),
            nearest: registry.nearest(action.key),
        });
    }
    if !action.resources.contains(&aggregate_id.resource.as_ref()) {
        return Err(Error::ResourceNotAllowed {
            command: action.key.to_owned(),
            resource: aggregate_id.resource.into_owned(),
            allowed: action.resources,
        });
    }
    decode::check_required(action, &aggregate_id, if_match.as_ref())?;
    let args = args.map_err(|error| decode::invalid_payload(action.key, &error))?;
    let payload = canonical(&args, &[]);
    let parent = cx.command_id();
    let received_at = cx.now;
    #[expect(
        clippy::expect_used,
        reason = "a command is invoked by an action that is being decided"
    )]
    let frame = cx.frames.last_mut().expect("an action is being decided");
    frame.invoked_count += 1;
    Ok(Task {
        id: ids::invoked(parent, frame.invoked_count),
        parent: Some(parent),
        action,
        aggregate_id,
        command,
        args,
        payload_hash: hash(&payload),
        payload,
        if_match,
        received_at,
        allowed_because: OnceLock::new(),
    })
}
