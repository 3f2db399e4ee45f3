//! Paths without a route.

use axum::extract::Request;
use axum::http::Method;
use fluvius_core::Error;
use fluvius_core::uuid::Uuid;

use crate::app::App;
use crate::input::params::short;
use crate::problem::{Problem, Scope, from_error};

/// Returns the problem of a path without a route: of an unknown command, or of an unknown path.
pub(crate) fn run(app: &App, request: &Request) -> Problem {
    let command = Some(request.uri().path()).filter(|_| request.method() == Method::POST);
    let problem = command.and_then(|path| of_command(app, path));
    problem.unwrap_or_else(|| Problem::new("not-found", "no route has this path"))
}

/// Returns the problem of a path that ends in a command, but is not the path of one.
pub(crate) fn of_command(app: &App, path: &str) -> Option<Problem> {
    let path = path.strip_prefix(app.settings.base_path.as_str()).unwrap_or(path);
    let mut names = path.split('/').skip(1);
    let namespace = names.next()?;
    let domain = app.domains.iter().find(|domain| domain.namespace() == namespace)?;
    let resource = names.next().filter(|resource| domain.descriptor(resource).is_some())?;
    let key = names.last().filter(|key| Uuid::try_parse(key).is_err())?;
    let registry = domain.runtime.registry();
    let error = match registry.find(key).filter(|action| !action.internal) {
        Some(action) if !action.resources.contains(&resource) => Error::ResourceNotAllowed {
            command: action.key.to_owned(),
            resource: resource.to_owned(),
            allowed: action.resources,
        },
        // The command exists, but the rest of the path is wrong.
        Some(action) => {
            let detail = format!(
                "the path of the command is `{}/{resource}/{{id}}/{}`",
                domain.path, action.key
            );
            return Some(Problem::new("not-found", detail));
        }
        None => Error::UnknownCommand { key: short(key), nearest: registry.nearest(key) },
    };
    Some(from_error(&error, Scope { domain, command: None }))
}
