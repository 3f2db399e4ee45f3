//! The route `/mcp`: each request stands alone, and its answer is JSON.
//!
//! The server keeps no session and opens no stream, so a shutdown has none to end.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, get, on};
use fluvius_core::Transport;
use http_body_util::{BodyExt, Full};
use rmcp::model::{ClientJsonRpcMessage, ErrorData, JsonRpcError};
use rmcp::transport::StreamableHttpService;
use rmcp::transport::streamable_http_server::StreamableHttpServerConfig;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;

use super::handler::Handler;
use super::raw_payload::RawPayload;
use super::resource_metadata;
use super::toolbox::Toolbox;
use crate::app::{App, NO_STORE, json};
use crate::auth::Authenticated;
use crate::host;
use crate::input::{accept, body};
use crate::problem::{INTERNAL_DETAIL, Problem};

/// The path of the route, after the base path.
pub(super) const PATH: &str = "/mcp";

/// The size of a message besides its payload, in bytes.
const ENVELOPE: usize = 16 << 10;

type Service = StreamableHttpService<Handler, NeverSessionManager>;

/// Returns the route of the tools, and those of the metadata of the protected resource that it is.
pub(crate) fn routes(app: &Arc<App>, toolbox: &Arc<Toolbox>) -> Router {
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        // Both are checked as on other routes, and the body is limited before.
        .disable_allowed_hosts()
        .disable_allowed_origins()
        .with_max_request_body_bytes(usize::MAX);
    let handler = Handler::new(app, toolbox);
    let sessions = Arc::new(NeverSessionManager::default());
    let service = Service::new(move || Ok(handler.clone()), sessions, config);
    let max_bytes = max_message(app, toolbox);
    let of_app = Arc::clone(app);
    let calls = on(MethodFilter::POST, move |request: Request| {
        let (app, service) = (Arc::clone(&of_app), service.clone());
        async move { answer(&app, &service, request, max_bytes).await }
    });
    let base_path = &app.settings.base_path;
    let mut router = Router::new().route(&format!("{base_path}{PATH}"), calls);
    for path in resource_metadata::paths(base_path) {
        let app = Arc::clone(app);
        let metadata = get(move |headers: HeaderMap| {
            let found = check_host(&app, &headers);
            let found = found.and_then(|()| resource_metadata::document(&app, &headers));
            let answer = found.map(|document| json(&document, NO_STORE));
            let base_path = &app.settings.base_path;
            std::future::ready(answer.unwrap_or_else(|problem| problem.into_response(base_path)))
        });
        router = router.route(&path, metadata);
    }
    router
}

/// Returns the maximum size of a message in bytes.
pub(super) fn max_message(app: &App, toolbox: &Toolbox) -> usize {
    toolbox.max_payload(app.settings.body_limit).saturating_add(ENVELOPE)
}

/// Checks that a request is meant for this server. Without an authenticator, the frame of the
/// server has checked it, unless all hosts are allowed.
///
/// # Errors
/// `foreign-origin`.
fn check_host(app: &App, headers: &HeaderMap) -> Result<(), Problem> {
    match app.authenticator {
        Some(_) => host::check(headers, |authority| app.is_own_host(authority)),
        None => Ok(()),
    }
}

/// Answers a message.
async fn answer(app: &App, service: &Service, request: Request, max_bytes: usize) -> Response {
    let (parts, body) = request.into_parts();
    let mut quota = None;
    let answered = async {
        check_host(app, &parts.headers)?;
        let mut sender = match app.authenticate(&parts).await {
            Ok(sender) => sender,
            Err(problem) => return Err(resource_metadata::challenge(app, &parts.headers, problem)),
        };
        sender.context = sender.context.with_transport(Transport::Mcp);
        quota = app.admit(&sender.context, &parts)?;
        run(app, service, sender, parts, body, max_bytes).await
    };
    let answered = answered.await;
    let mut response =
        answered.unwrap_or_else(|problem| problem.into_response(&app.settings.base_path));
    if let (Some(buckets), Some(quota)) = (&app.rate_limit, quota) {
        buckets.write(quota, response.headers_mut());
    }
    response
}

async fn run(
    app: &App,
    service: &Service,
    sender: Authenticated,
    mut parts: Parts,
    body: Body,
    max_bytes: usize,
) -> Result<Response, Problem> {
    accept::check(&parts.headers, "application/json")?;
    let text = body::read(&parts.headers, body, max_bytes, app.settings.body_timeout).await?;
    if serde_json::from_str::<ClientJsonRpcMessage>(&text).is_err() {
        return Ok(invalid_request());
    }
    // A client must accept both forms, but all answers are JSON.
    let both = HeaderValue::from_static("application/json, text/event-stream");
    parts.headers.insert(header::ACCEPT, both);
    parts.extensions.insert(sender);
    let (text, payload) = RawPayload::take(text);
    if let Some(payload) = payload {
        parts.extensions.insert(payload);
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    let request = Request::from_parts(parts, Full::<Bytes>::from(text));
    let mut response = completed(service.handle(request).await.map(Body::new)).await?;
    let no_store = HeaderValue::from_static(NO_STORE);
    response.headers_mut().insert(header::CACHE_CONTROL, no_store);
    Ok(response)
}

/// Returns the answer to a body that is JSON, but no message of the protocol.
fn invalid_request() -> Response {
    let error = ErrorData::invalid_request("the body is not a message of JSON-RPC", None);
    let body = json(&JsonRpcError::new(None, error), NO_STORE);
    (StatusCode::BAD_REQUEST, body).into_response()
}

/// Returns an answer of the protocol, or the problem of an error that is plain text.
async fn completed(response: Response) -> Result<Response, Problem> {
    let status = response.status();
    let content_type = response.headers().get(header::CONTENT_TYPE);
    let is_json = content_type.is_some_and(|value| value == "application/json");
    if is_json || !(status.is_client_error() || status.is_server_error()) {
        return Ok(response);
    }
    if status.is_server_error() {
        return Err(Problem::new("panicked", INTERNAL_DETAIL));
    }
    let body = response.into_body().collect().await;
    let body = body.map(|body| body.to_bytes()).unwrap_or_default();
    Err(Problem::parameter(String::from_utf8_lossy(&body)))
}
