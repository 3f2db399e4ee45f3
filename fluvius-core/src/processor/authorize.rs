//! Authorize: whether the command may go on, before anything is loaded.

use super::Environment;
use super::task::{Sender, Task};
use crate::error::Error;
use crate::policy::{PolicyRequest, Verdict};

/// Whether the action is allowed on the resource, the context can be kept, and the policy
/// agrees.
///
/// # Errors
/// `forbidden-resource`, `invalid-payload` (at `context`), `unauthorized`.
pub(crate) async fn check(
    environment: &Environment,
    sender: &Sender,
    task: &Task,
) -> Result<(), Error> {
    if !task.action.resources.contains(&task.root.resource.as_ref()) {
        return Err(Error::ForbiddenResource {
            command: task.action.key.to_owned(),
            resource: task.root.resource.clone().into_owned(),
            allowed: task.action.resources,
        });
    }
    if let Some(path) = unstorable(sender) {
        return Err(Error::InvalidPayload {
            command: task.action.key.to_owned(),
            path,
            message: "U+0000 cannot be stored".to_owned(),
        });
    }
    let Some(policy) = &environment.policy else {
        return Ok(());
    };
    let request = PolicyRequest::new(
        task.action,
        &task.root,
        task.id,
        &sender.context,
        task.command.as_ref(),
    );
    match policy.before_load(&request).await {
        Verdict::Allow => Ok(()),
        Verdict::Deny(reason) => {
            Err(Error::Unauthorized { command: task.action.key, root: task.root.clone(), reason })
        }
    }
}

/// The first part of the context that no store can keep.
fn unstorable(sender: &Sender) -> Option<String> {
    let record = &sender.record;
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
