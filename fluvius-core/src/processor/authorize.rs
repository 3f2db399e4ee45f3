//! Authorize: whether the command may go on, before anything is loaded.

use std::pin::pin;

use tracing::Instrument;

use super::deadline::within;
use super::environment::Environment;
use super::job::Request;
use super::spans;
use super::task::{Sender, Task};
use crate::error::Error;
use crate::policy::{ErasedPolicy, PolicyRequest, Verdict};
use crate::signal::Signal;
use crate::unwind::{self, Guarded};

/// Whether the action is allowed on the resource, the context can be kept, and the policy
/// agrees. The denial of a policy is recorded with the next batch: see `attempt::denied`.
///
/// # Errors
/// `forbidden-resource`, `invalid-payload` (at `context`), `unauthorized`; `panicked` and
/// `timed-out` of the policy.
pub(crate) async fn run(
    environment: &Environment,
    request: &Request,
    task: &Task,
) -> Result<(), Error> {
    let sender = &request.sender;
    let span = spans::guarded(|| spans::authorize(&request.span));
    check(sender, task)?;
    if let Some(policy) = &environment.policy {
        // Boxed: most domains have no policy, and their commands shall not carry its future.
        let asked = ask(environment, policy.as_ref(), sender, task).instrument(span);
        let panicked = || Error::Panicked { command: task.action.key };
        Guarded::new(asked).await.ok_or_else(panicked)??;
    } else {
        unwind::catch(|| drop(span));
    }
    environment.tell(&Signal::CommandReady { id: task.id, action: task.action, root: &task.root });
    Ok(())
}

fn check(sender: &Sender, task: &Task) -> Result<(), Error> {
    if !task.action.resources.contains(&task.root.resource.as_ref()) {
        return Err(Error::ForbiddenResource {
            command: task.action.key.to_owned(),
            resource: task.root.resource.clone().into_owned(),
            allowed: task.action.resources,
        });
    }
    match &sender.unstorable {
        Some(path) => Err(Error::InvalidPayload {
            command: task.action.key.to_owned(),
            path: path.clone(),
            message: "U+0000 cannot be stored".to_owned(),
        }),
        None => Ok(()),
    }
}

async fn ask(
    environment: &Environment,
    policy: &dyn ErasedPolicy,
    sender: &Sender,
    task: &Task,
) -> Result<(), Error> {
    let command = task.action.key;
    let request = PolicyRequest::new(
        task.action,
        &task.root,
        task.id,
        &sender.context,
        task.command.as_ref(),
    );
    let after = environment.settings.deadline;
    let asked = pin!(Guarded::of(|| policy.before_load(&request)));
    match within(after, asked).await {
        Some(Some(Verdict::Allow)) => Ok(()),
        Some(Some(Verdict::Deny(reason))) => {
            Err(Error::Unauthorized { command, root: task.root.clone(), reason })
        }
        Some(None) => Err(Error::Panicked { command }),
        None => Err(Error::TimedOut { command, after }),
    }
}
