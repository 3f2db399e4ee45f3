//! The routes of a server: which path has which handler.
//!
//! Every path of a domain is literal, from its registry; only identifiers are parameters. So the
//! table itself knows which commands exist, and the OpenAPI document lists the same ones.
//!
//! A request passes one table and one frame. A chain of layers would box a future and clone a
//! service in each, which is more than half of the work of a command.

mod atomic;
mod command_status;
mod commands;
mod compat;
mod dry_run;
mod encoding;
mod event_stream;
mod events;
mod frame;
mod health;
mod history;
mod meta;
mod metrics;
mod problem_pages;
mod query;
mod states;
mod table;
mod unknown;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Method;
use axum::middleware;
use axum::response::Response;
use fluvius_core::{Lifecycle, ReadKind};
use tower_layer::Layer;
use tower_service::Service;

use crate::app::{App, Call};
use crate::mounted::Mounted;
use crate::problem::Problem;
use table::{Endpoint, Table};

pub(crate) use atomic::MAX_COMMANDS;
pub(crate) use commands::Route;
pub(crate) use metrics::operations;

/// The routes of a server, each in the frame of a request.
pub(crate) struct Routes {
    app: Arc<App>,
    table: Table,
    /// Further routes, and the answer to a path without a route.
    others: Router,
}

impl Routes {
    /// Creates the routes of a server, with other routes inside their frame.
    pub(crate) fn new(app: &Arc<App>, others: Router) -> Self {
        let mut table = Table::new(&app.settings.base_path);
        table.add("/livez", app_route(app, health::live));
        table.add("/readyz", app_route(app, health::ready));
        table.add("/metrics", app_route(app, metrics::run));
        table.add("/openapi.json", app_route(app, meta::document));
        table.add("/problems", app_route(app, problem_pages::list));
        table.add("/problems/{code}", app_route(app, problem_pages::of_framework));
        table.add("/problems/{domain}/{code}", app_route(app, problem_pages::of_domain));
        for domain in &app.domains {
            add_domain(&mut table, app, domain);
            if app.settings.compat_upstream {
                compat::add(&mut table, app, domain);
            }
        }
        let unknown = {
            let app = Arc::clone(app);
            move |request: Request| {
                let problem = unknown::run(&app, &request);
                std::future::ready(problem.into_response(&app.settings.base_path))
            }
        };
        let others = others.layer(middleware::from_fn(frame::keep_route)).fallback(unknown);
        Self { app: Arc::clone(app), table, others }
    }

    /// Answers a request.
    pub(crate) async fn answer(&self, request: Request) -> Response {
        match &self.app.cors {
            None => frame::run(self, request).await,
            Some(cors) => {
                let Ok(response) = cors.layer(frame::Framed(self)).call(request).await;
                response
            }
        }
    }

    /// Returns the routes as a router, for an application of your own.
    pub(crate) fn into_router(self) -> Router {
        let routes = Arc::new(self);
        Router::new().fallback(move |request: Request| {
            let routes = Arc::clone(&routes);
            async move { routes.answer(request).await }
        })
    }
}

/// Adds the routes of a domain.
fn add_domain(table: &mut Table, app: &Arc<App>, domain: &Arc<Mounted>) {
    let namespace = domain.namespace();
    let mut add = |path: &str, endpoint| table.add(&format!("/{namespace}{path}"), endpoint);
    add("/meta", read(app, domain, ReadKind::Description, None, meta::describe));
    add("/events", read(app, domain, ReadKind::Events, None, events::run));
    add("/atomic", send(app, domain, atomic::run));
    add("/commands/{id}", read(app, domain, ReadKind::Command, None, command_status::run));
    for resource in domain.runtime.registry().resources() {
        let query = move |call| query::run(call, resource);
        let state = move |call| states::run(call, resource);
        let history = move |call| history::run(call, resource);
        let named = Some(resource);
        add(&format!("/{resource}"), read(app, domain, ReadKind::Query, named, query));
        add(&format!("/{resource}/{{id}}"), read(app, domain, ReadKind::State, named, state));
        add(
            &format!("/{resource}/{{id}}/history"),
            read(app, domain, ReadKind::History, named, history),
        );
    }
    for route in command_routes(domain) {
        let handler = move |call, body| commands::run(call, body, route);
        add(&route.path(), send(app, domain, handler));
    }
}

/// Returns the routes of a domain's commands: one per action and resource, and for a creating
/// action a further one without an identifier.
pub(crate) fn command_routes(domain: &Mounted) -> Vec<Route> {
    let mut routes = Vec::new();
    for action in domain.runtime.registry().actions() {
        for resource in action.resources {
            routes.push(Route { resource, action, has_id: true });
            if action.lifecycle == Lifecycle::Create {
                routes.push(Route { resource, action, has_id: false });
            }
        }
    }
    routes
}

/// Returns a route that reads from a domain. Its handler runs once the sender is authenticated and
/// the policy allows the read.
fn read<H, F>(
    app: &Arc<App>,
    domain: &Arc<Mounted>,
    kind: ReadKind,
    resource: Option<&'static str>,
    handler: H,
) -> Endpoint
where
    H: Fn(Call) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response, Problem>> + Send + 'static,
{
    let (app, domain) = (Arc::clone(app), Arc::clone(domain));
    Endpoint::new(Method::GET, move |request, id| {
        let handler = handler.clone();
        let authorized = move |call: Call, _| async move {
            call.may_read(kind, resource).await?;
            handler(call).await
        };
        Arc::clone(&app).call(Arc::clone(&domain), request, id, authorized)
    })
}

/// Returns a route that sends commands to a domain. Its handler runs once the sender is
/// authenticated.
fn send<H, F>(app: &Arc<App>, domain: &Arc<Mounted>, handler: H) -> Endpoint
where
    H: Fn(Call, Body) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response, Problem>> + Send + 'static,
{
    let (app, domain) = (Arc::clone(app), Arc::clone(domain));
    Endpoint::new(Method::POST, move |request, id| {
        Arc::clone(&app).call(Arc::clone(&domain), request, id, handler.clone())
    })
}

/// Returns a route of the server itself.
fn app_route<H, F>(app: &Arc<App>, handler: H) -> Endpoint
where
    H: Fn(Arc<App>, Request) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response, Problem>> + Send + 'static,
{
    let app = Arc::clone(app);
    Endpoint::new(Method::GET, move |request, _| {
        let (app, handler) = (Arc::clone(&app), handler.clone());
        async move {
            let answered = handler(Arc::clone(&app), request).await;
            answered.unwrap_or_else(|problem| problem.into_response(&app.settings.base_path))
        }
    })
}
