//! Errors of the domain as problems.

use axum::http::{HeaderName, HeaderValue, header};
use fluvius_core::uuid::Uuid;
use fluvius_core::{Error, ErrorKind};

use super::{INTERNAL_DETAIL, Problem, Retry};
use crate::mounted::Mounted;

/// The header that marks an answer that was read from the log.
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The request that an error answers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) domain: &'a Mounted,
    /// The command, if the request was one.
    pub(crate) command: Option<CommandScope>,
}

/// The command that an error answers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CommandScope {
    pub(crate) id: Uuid,
    /// The key of its action; `None` for a group.
    pub(crate) action: Option<&'static str>,
    /// Set if the caller sent an idempotency key.
    pub(crate) has_key: bool,
}

/// Returns the problem of an error.
pub(crate) fn from_error(error: &Error, scope: Scope<'_>) -> Problem {
    let mut problem = Problem::new(error.framework_code(), detail(error));
    match error {
        Error::InvalidPayload { path, .. } => problem.path = Some(path.pointer()),
        Error::PreconditionFailed { version, etag, .. } => {
            problem.current = Some((*version, *etag));
        }
        Error::Rejected { code, .. } => set_rejection(&mut problem, code, scope),
        Error::GroupRejected { source, .. } => {
            if let Error::Rejected { code, .. } = source.as_ref() {
                set_rejection(&mut problem, code, scope);
                // The group has the status of its own code.
                if let Some((domain, rejection)) = problem.rejection.take() {
                    problem.unlisted = Some((domain, rejection.code.to_owned()));
                }
            }
        }
        _ => {}
    }
    if error.kind() == ErrorKind::Unavailable {
        problem = problem.with_header(header::RETRY_AFTER, "1");
    }
    if error.recorded().is_some_and(|recorded| recorded.replayed) {
        problem.headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
    let Some(command) = scope.command else {
        problem.retry = match problem.retry {
            Retry::NewKey => Retry::Never,
            retry => retry,
        };
        return problem;
    };
    problem.command_id = Some(command.id);
    let in_doubt = error.kind() == ErrorKind::InDoubt;
    if in_doubt && !command.has_key {
        // Without a key, a second request would be a second command.
        problem.retry = Retry::Never;
    }
    if in_doubt || error.kind() == ErrorKind::Rejected {
        let location = scope.domain.command_path(command.id);
        problem = problem.with_header(header::LOCATION, &location);
    }
    problem
}

/// Returns the text of an error. That of an internal error is fixed, since it may quote data of
/// the program.
fn detail(error: &Error) -> String {
    match error.kind() {
        ErrorKind::Fault => INTERNAL_DETAIL.to_owned(),
        ErrorKind::Unavailable if matches!(error, Error::StoreUnavailable { .. }) => {
            "The store is unreachable.".to_owned()
        }
        _ if matches!(error, Error::NoRuntime) => INTERNAL_DETAIL.to_owned(),
        _ => error.to_string(),
    }
}

fn set_rejection(problem: &mut Problem, code: &str, scope: Scope<'_>) {
    let namespace = scope.domain.namespace();
    let action = scope.command.and_then(|command| command.action);
    match scope.domain.rejection(action, code) {
        Some(rejection) => problem.rejection = Some((namespace, rejection)),
        None => problem.unlisted = Some((namespace, code.to_owned())),
    }
}
