//! Reads and operations: the policy decides on them, and the log records each operation.

use std::sync::{Arc, OnceLock};

use uuid::Uuid;

use super::accept::{Accepted, PermitMode, Processor};
use super::job::{GroupError, Request};
use super::services::Services;
use super::task::{Sender, Task};
use super::{authorize, decode};
use crate::collections::OneVec;
use crate::error::Error;
use crate::model::ActionDescriptor;
use crate::policy::{Operation, ReadRequest};
use crate::sync::{Home, Instant};
use crate::unwind;
use fluvius_store::{AggregateId, Json};

/// The stand-in for the action of an operation. It never runs.
static STAND_IN: ActionDescriptor =
    ActionDescriptor { key: "operation", ..ActionDescriptor::STAND_IN };

impl Processor {
    /// Authorizes a read.
    pub(crate) async fn may_read(
        &self,
        sender: &Sender,
        request: &ReadRequest<'_>,
    ) -> Result<(), Error> {
        if !Home::is_any() {
            return Err(Error::NoRuntime);
        }
        authorize::read(&self.services, sender, request).await
    }

    /// Returns true if lists of actions show an action to a sender.
    pub(crate) fn may_list(&self, sender: &Sender, action: &'static ActionDescriptor) -> bool {
        let Some(policy) = &self.services.policy else { return true };
        unwind::catch(|| policy.may_list(action, &sender.context)).unwrap_or(false)
    }

    /// Authorizes an operation. Returns once the decision is recorded.
    pub(crate) async fn may_operate(
        self: &Arc<Self>,
        sender: &Arc<Sender>,
        operation: Operation,
        mut mode: PermitMode,
    ) -> Result<(), Error> {
        if !Home::is_any() {
            return Err(Error::NoRuntime);
        }
        let (reason, denied) = match authorize::operation(&self.services, sender, operation).await {
            Ok(reason) => (reason, None),
            Err(error @ Error::AccessDenied { .. }) => (None, Some(GroupError::first(error))),
            Err(error) => return Err(error),
        };
        let task = task(&self.services, reason)?;
        let request = Request::new(self.services.metadata, sender, OneVec::from([task]));
        let request = Arc::new(request.into_operation(operation));
        loop {
            let permit = match self.try_acquire(&mut mode) {
                Some(permit) => permit,
                None => self.permit(&mode).await?,
            };
            match self.accept(&request, permit, &mut None, &denied, Instant::now())? {
                Accepted::Waiting(answer) => {
                    let closed = |_| Err(GroupError::first(self.why_closed()));
                    let answered = answer.await.unwrap_or_else(closed);
                    return answered.map(drop).map_err(|ended| *ended.error);
                }
                Accepted::Later(other) => drop(other.await),
            }
        }
    }
}

/// Returns the stand-in for the command of an operation.
fn task(services: &Services, reason: Option<String>) -> Result<Task, Error> {
    let received_at = decode::received(services, &STAND_IN)?;
    let id = unwind::catch(|| services.ids.generate());
    let id = id.ok_or(Error::Panicked { command: STAND_IN.key })?;
    let payload = Json::empty_object();
    Ok(Task {
        id,
        parent: None,
        action: &STAND_IN,
        aggregate_id: AggregateId::new(services.metadata.namespace, Uuid::nil()),
        command: Arc::new(()),
        args: payload.clone(),
        payload_hash: fluvius_store::__private::hash(&payload),
        payload,
        if_match: None,
        received_at,
        allowed_because: reason.map(Box::from).map(OnceLock::from).unwrap_or_default(),
    })
}
