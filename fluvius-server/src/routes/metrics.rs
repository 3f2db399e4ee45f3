//! The metrics of the process, and the details of its health, for operators.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use axum::routing::get;
use fluvius_core::Operation;
use serde_json::json;

use super::health;
use crate::app::{App, NO_STORE, json as answer};
use crate::problem::{Problem, Scope, from_error};

/// Returns the routes of the listener for operators, which asks for no credentials.
pub(crate) fn operations(app: &Arc<App>) -> Router {
    let of_metrics = |State(app): State<Arc<App>>| async move {
        render(&app).unwrap_or_else(|problem| problem.into_response(&app.settings.base_path))
    };
    Router::new()
        .route("/livez", get(|| std::future::ready(health::ok())))
        .route("/readyz", get(details))
        .route("/metrics", get(of_metrics))
        .with_state(Arc::clone(app))
}

/// Answers with the metrics, if the policy allows the sender the operation.
pub(crate) async fn run(app: Arc<App>, request: Request) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    let sender = app.authenticate(&parts).await?;
    for domain in &app.domains {
        let allowed = domain.session(&sender.context).may_operate(Operation::Metrics).await;
        allowed.map_err(|error| from_error(&error, Scope { domain, command: None }))?;
    }
    render(&app)
}

fn render(app: &App) -> Result<Response, Problem> {
    let Some(metrics) = &app.settings.metrics else {
        return Err(Problem::new("not-found", "the program has no renderer of metrics"));
    };
    let mut response = Response::new(Body::from(metrics.render()));
    let headers = response.headers_mut();
    // The text format of Prometheus, version 0.0.4.
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(NO_STORE));
    Ok(response)
}

/// Answers with the health of each domain. A subscription that is stopped does not make the server
/// unavailable, since it answers requests.
async fn details(State(app): State<Arc<App>>) -> Response {
    let mut domains = Vec::with_capacity(app.domains.len());
    for domain in &app.domains {
        let store = if health::is_ready(domain).await { "ok" } else { "unavailable" };
        let description = &domain.description;
        domains.push(json!({
            "namespace": description.namespace,
            "revision": description.revision,
            "store": store,
            "subscriptions": health::subscriptions(domain).await,
        }));
    }
    let is_ready = !app.is_draining() && domains.iter().all(|domain| domain["store"] == "ok");
    let status = if is_ready { "ok" } else { "unavailable" };
    let body = json!({ "status": status, "draining": app.is_draining(), "domains": domains });
    let mut response = answer(&body, NO_STORE);
    if !is_ready {
        *response.status_mut() = axum::http::StatusCode::SERVICE_UNAVAILABLE;
    }
    response
}
