//! Authorize: checks resource, context and policy before anything is loaded. Reads and operations
//! are authorized here too.

use std::pin::pin;
use std::sync::Arc;

use futures_core::future::BoxFuture;
use tracing::Instrument;

use super::action_backend::{attempt_state, attempt_state_mut};
use super::job::{GroupError, Request};
use super::rejection_record;
use super::services::Services;
use super::task::{Sender, Task};
use super::timeout::timeout;
use crate::error::Error;
use crate::model::{ActionContext, SharedState};
use crate::observability::spans;
use crate::observer::RuntimeEvent;
use crate::policy::{
    Authorization, ErasedPolicy, Operation, PolicyRequest, PolicyState, ReadRequest,
};
use crate::scheduler::CachedVersion;
use crate::unwind::{self, Guarded};
use fluvius_store::__private::excerpt;
use fluvius_store::Store;

/// Checks that the action is allowed on the resource, that a store can hold the context, and that
/// the policy allows the command. The next batch records a denial: see `attempt::denied`.
///
/// # Errors
/// `resource-not-allowed`, `invalid-payload` (at `context`), `permission-denied`; `panicked` and
/// `timed-out` for the policy.
pub(crate) async fn run(services: &Services, request: &Request, task: &Task) -> Result<(), Error> {
    let sender = &request.sender;
    let span = spans::guarded(|| spans::authorize(&request.span));
    check(sender, task)?;
    if let Some(policy) = &services.policy {
        // Boxed, so that the commands of a domain without a policy do not carry its future.
        let asked = ask(services, policy.as_ref(), sender, task).instrument(span);
        let panicked = || Error::Panicked { command: task.action.key };
        if let Some(reason) = Guarded::new(asked).await.ok_or_else(panicked)?? {
            // The request is new, so no reason is set.
            let _ = task.allowed_because.set(reason.into());
        }
    } else {
        unwind::catch(|| drop(span));
    }
    if request.dry_run.is_none() {
        services.notify(&RuntimeEvent::CommandReady {
            id: task.id,
            action: task.action,
            aggregate_id: &task.aggregate_id,
        });
    }
    Ok(())
}

fn check(sender: &Sender, task: &Task) -> Result<(), Error> {
    if !task.action.resources.contains(&task.aggregate_id.resource.as_ref()) {
        return Err(Error::ResourceNotAllowed {
            command: task.action.key.to_owned(),
            resource: excerpt(&task.aggregate_id.resource, fluvius_store::__private::NAME)
                .into_owned(),
            allowed: task.action.resources,
        });
    }
    sender.check_storable(task.action.key)
}

/// Authorizes a read. A domain without a policy allows each.
///
/// # Errors
/// `permission-denied`; `panicked` and `timed-out` for the policy.
pub(crate) async fn read(
    services: &Services,
    sender: &Sender,
    request: &ReadRequest<'_>,
) -> Result<(), Error> {
    let Some(policy) = &services.policy else { return Ok(()) };
    let asked = || policy.may_read(request, &sender.context);
    let denied = |reason| Error::AccessDenied { access: request.to_string(), reason };
    decision(services, "may_read", asked, denied).await.map(drop)
}

/// Authorizes an operation, and returns the reason of the policy, if it gave one. A domain without
/// a policy allows each. The caller records the decision.
///
/// # Errors
/// `permission-denied`; `invalid-payload` (at `context`); `panicked` and `timed-out` for the
/// policy.
pub(crate) async fn operation(
    services: &Services,
    sender: &Sender,
    operation: Operation,
) -> Result<Option<String>, Error> {
    sender.check_storable(operation.as_str())?;
    let Some(policy) = &services.policy else { return Ok(None) };
    let asked = || policy.may_operate(operation, &sender.context);
    let denied = |reason| Error::AccessDenied { access: operation.to_string(), reason };
    decision(services, "may_operate", asked, denied).await
}

async fn ask(
    services: &Services,
    policy: &dyn ErasedPolicy,
    sender: &Sender,
    task: &Task,
) -> Result<Option<String>, Error> {
    let request = policy_request(sender, task);
    verdict(services, task, || policy.authorize(&request)).await
}

/// Checks by the policy that the logged answers of a request may be replayed, with the current
/// state of each aggregate. A denial is the answer, and the caller records it.
///
/// # Errors
/// `permission-denied`; `panicked` and `timed-out` for the policy; `outcome-unknown` if a state
/// cannot be read.
pub(crate) async fn replay(services: &Services, request: &Request) -> Result<(), GroupError> {
    let Some(policy) = &services.policy else {
        return Ok(());
    };
    for (index, task) in request.tasks.iter().enumerate() {
        let asked = ask_with_state(services, policy.as_ref(), &request.sender, task).await;
        asked.map_err(|error| GroupError::new(index, error))?;
    }
    Ok(())
}

async fn ask_with_state(
    services: &Services,
    policy: &dyn ErasedPolicy,
    sender: &Sender,
    task: &Task,
) -> Result<(), Error> {
    // The command is in the log. Any other error would mean that it is not.
    let unread = || Error::OutcomeUnknown { id: task.id };
    let row = services.store.load(&task.aggregate_id).await.map_err(|_| unread())?;
    // The answer is about this aggregate, open or closed.
    let row = row.filter(|row| row.realm.as_deref() == sender.realm.as_deref());
    let value = match &row {
        Some(row) => {
            let aggregate = (task.action.aggregate)();
            Some(aggregate.decode(row.revision, &row.data).map_err(|_| unread())?)
        }
        None => None,
    };
    let state = row.as_ref().zip(value.as_ref());
    let state = state.map(|(row, value)| PolicyState::new(row, value.as_ref()));
    let request = policy_request(sender, task);
    let asked = || policy.authorize_with_state(&request, state.as_ref());
    verdict(services, task, asked).await.map(drop)
}

/// Authorizes a command of a session with the state that its attempt has loaded. Adds the reasons
/// for which the policy allows it, here and in [`run`], to the write set.
///
/// # Errors
/// `permission-denied`.
pub(crate) async fn with_state(
    cx: &mut ActionContext,
    task: &Task,
    cached: &CachedVersion,
    state: Option<&SharedState>,
) -> Result<(), Error> {
    let attempt = attempt_state(cx);
    let Some(policy) = &attempt.processor.services.policy else {
        return Ok(());
    };
    let request = policy_request(&attempt.sender, task);
    let state = cached.record.as_deref().zip(state);
    let state = state.map(|(record, state)| PolicyState::new(record, state.as_ref()));
    let reason = match policy.authorize_with_state(&request, state.as_ref()).await {
        Authorization::Allow => None,
        Authorization::AllowBecause(reason) => Some(reason),
        Authorization::Deny(reason) => return Err(denied(task, reason)),
    };
    for reason in
        task.allowed_because.get().map(|reason| &**reason).into_iter().chain(reason.as_deref())
    {
        let attempt = attempt_state_mut(cx);
        let services = &attempt.processor.services;
        let row = rejection_record::allowed(services, &attempt.sender, task, reason);
        attempt.write_set.activities.push(Arc::new(row));
    }
    Ok(())
}

fn denied(task: &Task, reason: String) -> Error {
    let aggregate_id = task.aggregate_id.clone();
    Error::PermissionDenied { command: task.action.key, aggregate_id, reason }
}

fn policy_request<'a>(sender: &'a Sender, task: &'a Task) -> PolicyRequest<'a> {
    PolicyRequest::new(
        task.action,
        &task.aggregate_id,
        task.id,
        &sender.context,
        task.command.as_ref(),
    )
}

/// Waits for the decision of the policy.
async fn verdict<'a>(
    services: &Services,
    task: &Task,
    asked: impl FnOnce() -> BoxFuture<'a, Authorization>,
) -> Result<Option<String>, Error> {
    decision(services, task.action.key, asked, |reason| denied(task, reason)).await
}

/// Waits for the decision of the policy on a command, or by the method of that name. Returns the
/// reason of an allowance, if the policy gave one.
async fn decision<'a>(
    services: &Services,
    command: &'static str,
    asked: impl FnOnce() -> BoxFuture<'a, Authorization>,
    denied: impl FnOnce(String) -> Error,
) -> Result<Option<String>, Error> {
    let after = services.settings.timeout;
    let asked = pin!(Guarded::of(asked));
    match timeout(after, asked).await {
        Some(Some(Authorization::Allow)) => Ok(None),
        Some(Some(Authorization::AllowBecause(reason))) => Ok(Some(reason)),
        Some(Some(Authorization::Deny(reason))) => Err(denied(reason)),
        Some(None) => Err(Error::Panicked { command }),
        None => Err(Error::TimedOut { command, after }),
    }
}
