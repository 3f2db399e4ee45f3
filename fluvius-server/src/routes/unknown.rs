//! Paths without a route.

use axum::extract::Request;
use axum::http::Method;
use fluvius_core::Error;

use crate::app::App;
use crate::input::params::short;
use crate::problem::{Problem, Scope, from_error};

/// Returns the problem of a path without a route: of an unknown command, or of an unknown path.
pub(crate) fn run(app: &App, request: &Request) -> Problem {
    let path = request.uri().path();
    let path = path.strip_prefix(app.settings.base_path.as_str()).unwrap_or(path);
    let mut names = path.split('/').skip(1);
    let domain =
        names.next().and_then(|name| app.domains.iter().find(|domain| domain.namespace() == name));
    let unknown = || Problem::new("not-found", "no route has this path");
    let (Some(domain), Some(resource)) = (domain, names.next()) else { return unknown() };
    if domain.descriptor(resource).is_none() {
        return unknown();
    }
    let key = names.last();
    let (Some(key), &Method::POST) = (key, request.method()) else { return unknown() };
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
            return Problem::new("not-found", detail);
        }
        None => Error::UnknownCommand { key: short(key), nearest: registry.nearest(key) },
    };
    from_error(&error, Scope { domain, command: None })
}
