//! The routes of the Python original: `POST /{domain}:{command}/{resource}/{id}`, with `:new` as
//! the id of a creating command. They are not in the OpenAPI document.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use serde_json::Value;

use super::commands::{self, Route};
use super::table::Table;
use super::{command_routes, send};
use crate::app::{App, Call};
use crate::mounted::Mounted;
use crate::problem::Problem;

/// Adds the routes of a domain.
pub(super) fn add(table: &mut Table, app: &Arc<App>, domain: &Arc<Mounted>) {
    let namespace = domain.namespace();
    for route in command_routes(domain) {
        let id = if route.has_id { "{id}" } else { ":new" };
        let path = format!("/{namespace}:{}/{}/{id}", route.action.key, route.resource);
        let handler = move |call, body| run(call, body, route);
        table.add(&path, send(app, domain, handler));
    }
}

async fn run(call: Call, body: Body, route: Route) -> Result<Response, Problem> {
    commands::run(call, body, route).await.map_err(with_original_members)
}

/// Adds the members of the original's errors: the code, the message and the data.
fn with_original_members(mut problem: Problem) -> Problem {
    let code = match (&problem.rejection, &problem.unlisted) {
        (Some((_, rejection)), _) => rejection.code.to_owned(),
        (None, Some((_, code))) => code.clone(),
        (None, None) => problem.code.code.to_owned(),
    };
    let detail = problem.detail.clone();
    let path = problem.path.clone();
    problem.extra.insert("errcode".to_owned(), code.into());
    problem.extra.insert("errmesg".to_owned(), detail.into());
    if let Some(path) = path {
        problem
            .extra
            .insert("errdata".to_owned(), serde_json::json!({ "path": Value::from(path) }));
    }
    problem
}
