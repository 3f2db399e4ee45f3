//! Health: `/livez` tells that the process runs, `/readyz` that it answers requests.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use fluvius_core::AggregateId;
use fluvius_core::uuid::Uuid;
use serde_json::{Value, json};

use crate::app::App;
use crate::mounted::Mounted;
use crate::problem::Problem;

/// Maximum time for the stores to answer.
const TIMEOUT: Duration = Duration::from_secs(2);

pub(crate) async fn live(_: Arc<App>, _: Request) -> Result<Response, Problem> {
    Ok(ok())
}

/// Answers 200 if each store answers and the server is not shutting down.
pub(crate) async fn ready(app: Arc<App>, _: Request) -> Result<Response, Problem> {
    if app.is_draining() {
        return Err(Problem::new("shutting-down", "the server is shutting down"));
    }
    for domain in &app.domains {
        if !is_ready(domain).await {
            let detail = format!("the store of `{}` does not answer", domain.namespace());
            return Err(Problem::new("store-unavailable", detail));
        }
    }
    Ok(ok())
}

/// Returns true if the store of a domain answers.
pub(super) async fn is_ready(domain: &Mounted) -> bool {
    let resource = domain.runtime.registry().resources().next().unwrap_or_default();
    let statemgr = domain.runtime.statemgr();
    let probe = AggregateId::new(resource, Uuid::nil());
    let read = tokio::time::timeout(TIMEOUT, statemgr.find_record(&probe)).await;
    matches!(read, Ok(Ok(_)))
}

/// Returns the numbers of partitions that are not worked on, and of parked deliveries; `null` if
/// the store does not answer.
pub(super) async fn subscriptions(domain: &Mounted) -> Value {
    let health = tokio::time::timeout(TIMEOUT, domain.runtime.health()).await;
    let Ok(Ok(health)) = health else { return Value::Null };
    json!({
        "unowned": health.unowned.len(),
        "stopped": health.stopped.len(),
        "stuck": health.stuck.len(),
        "parked": health.parked,
    })
}

pub(super) fn ok() -> Response {
    let mut response = "{\"status\":\"ok\"}".into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
