//! The routes of a server: which path has which handler.
//!
//! Every path of a domain is literal, from its registry; only identifiers are parameters. So the
//! router itself knows which commands exist, and the OpenAPI document lists the same ones.

mod atomic;
mod command_status;
mod commands;
mod compat;
mod dry_run;
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
mod unknown;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware;
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, get, on};
use fluvius_core::{Lifecycle, ReadKind};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use tower_layer::Layer;

use crate::app::{App, Call};
use crate::mounted::Mounted;
use crate::problem::Problem;

pub(crate) use atomic::MAX_COMMANDS;
pub(crate) use commands::Route;
pub(crate) use metrics::operations;

/// Returns the router of a server, with other routes inside its frame.
pub(crate) fn router(app: &Arc<App>, others: Router) -> Router {
    let mut router = Router::new()
        .route("/livez", get(health::live))
        .route("/readyz", app_route(app, health::ready))
        .route("/metrics", app_route(app, metrics::run))
        .route("/openapi.json", app_route(app, meta::document))
        .route("/problems", app_route(app, problem_pages::list))
        .route("/problems/{code}", app_route(app, problem_pages::of_framework))
        .route("/problems/{domain}/{code}", app_route(app, problem_pages::of_domain));
    for domain in &app.domains {
        router = with_domain(router, app, domain);
    }
    if app.settings.compat_upstream {
        // A segment of the original's paths begins with a colon.
        router = router.without_v07_checks();
        for domain in &app.domains {
            router = compat::add(router, app, domain);
        }
    }
    let unknown = {
        let app = Arc::clone(app);
        move |request: Request| {
            let problem = unknown::run(&app, &request);
            std::future::ready(problem.into_response(&app.settings.base_path))
        }
    };
    let router = router.fallback(unknown.clone());
    let router = match app.settings.base_path.as_str() {
        "" => router,
        base_path => Router::new().nest(base_path, router).fallback(unknown),
    };
    let router = router.merge(others);
    let framed = Arc::clone(app);
    let frame =
        middleware::from_fn(move |request, next| frame::run(Arc::clone(&framed), request, next));
    // Around the whole router, which adds `Allow` after its own layers.
    let router = frame.layer(router.layer(middleware::from_fn(frame::keep_route)));
    let router = Router::new().fallback_service(router).layer(compression());
    let router = router.layer(middleware::map_response(frame::weaken_etag));
    match &app.cors {
        Some(cors) => router.layer(cors.clone()),
        None => router,
    }
}

/// Returns the layer that compresses answers from 1 KiB on, except streams.
fn compression() -> CompressionLayer<impl Predicate> {
    CompressionLayer::new()
        .gzip(true)
        .compress_when(SizeAbove::new(1_024).and(NotForContentType::SSE))
}

/// Adds the routes of a domain.
fn with_domain(mut router: Router, app: &Arc<App>, domain: &Arc<Mounted>) -> Router {
    let namespace = domain.namespace();
    router = router
        .route(
            &format!("/{namespace}/meta"),
            read(app, domain, ReadKind::Description, None, meta::describe),
        )
        .route(
            &format!("/{namespace}/events"),
            read(app, domain, ReadKind::Events, None, events::run),
        )
        .route(&format!("/{namespace}/atomic"), send(app, domain, atomic::run))
        .route(
            &format!("/{namespace}/commands/{{id}}"),
            read(app, domain, ReadKind::Command, None, command_status::run),
        );
    for resource in domain.runtime.registry().resources() {
        let path = format!("/{namespace}/{resource}");
        let query = move |call| query::run(call, resource);
        let state = move |call| states::run(call, resource);
        let history = move |call| history::run(call, resource);
        let named = Some(resource);
        router = router
            .route(&path, read(app, domain, ReadKind::Query, named, query))
            .route(&format!("{path}/{{id}}"), read(app, domain, ReadKind::State, named, state))
            .route(
                &format!("{path}/{{id}}/history"),
                read(app, domain, ReadKind::History, named, history),
            );
    }
    for route in command_routes(domain) {
        let handler = send(app, domain, move |call, body| commands::run(call, body, route));
        router = router.route(&format!("/{namespace}{}", route.path()), handler);
    }
    router
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
) -> MethodRouter
where
    H: Fn(Call) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response, Problem>> + Send + 'static,
{
    let (app, domain) = (Arc::clone(app), Arc::clone(domain));
    on(MethodFilter::GET, move |request: Request| {
        let handler = handler.clone();
        let authorized = move |mut call: Call, _| async move {
            call.may_read(kind, resource).await?;
            handler(call).await
        };
        Arc::clone(&app).call(Arc::clone(&domain), request, authorized)
    })
}

/// Returns a route that sends commands to a domain. Its handler runs once the sender is
/// authenticated.
fn send<H, F>(app: &Arc<App>, domain: &Arc<Mounted>, handler: H) -> MethodRouter
where
    H: Fn(Call, Body) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response, Problem>> + Send + 'static,
{
    let (app, domain) = (Arc::clone(app), Arc::clone(domain));
    on(MethodFilter::POST, move |request: Request| {
        Arc::clone(&app).call(Arc::clone(&domain), request, handler.clone())
    })
}

/// Returns a route of the server itself.
fn app_route<H, F>(app: &Arc<App>, handler: H) -> MethodRouter
where
    H: Fn(Arc<App>, Request) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response, Problem>> + Send + 'static,
{
    let app = Arc::clone(app);
    get(move |request: Request| {
        let (app, handler) = (Arc::clone(&app), handler.clone());
        async move {
            let answered = handler(Arc::clone(&app), request).await;
            answered.unwrap_or_else(|problem| problem.into_response(&app.settings.base_path))
        }
    })
}
