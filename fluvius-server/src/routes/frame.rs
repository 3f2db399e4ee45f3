//! The frame of every request: its id, the checks before its route, and the form of its answer.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::FutureExt;

use super::unknown;
use crate::app::App;
use crate::problem::{INTERNAL_DETAIL, Problem, complete};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Maximum length of a request id of the client.
const MAX_ID_LENGTH: usize = 128;

/// Runs a request.
pub(crate) async fn run(app: Arc<App>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let base_path = app.settings.base_path.as_str();
    let id = request_id(&app, request.headers());
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let trace = crate::context::trace_id(request.headers());

    let response = match app.check_host(request.headers()) {
        Err(problem) => problem.into_response(base_path),
        // A panic is a fault of the server; the connection and the process go on.
        Ok(()) => match AssertUnwindSafe(next.run(request)).catch_unwind().await {
            Ok(response) => response,
            Err(_) => Problem::new("panicked", INTERNAL_DETAIL).into_response(base_path),
        },
    };
    let mut response = match is_options(&method, &response) {
        true => options(response),
        false => completed(&app, &method, &path, response),
    };
    let route = response.extensions_mut().remove::<MatchedPath>();
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id.clone());
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers
        .entry(header::VARY)
        .or_insert(HeaderValue::from_static("authorization, accept, accept-encoding"));
    if app.settings.access_log {
        // No query, body, person or token: only what the route and the answer tell.
        tracing::info!(
            method = method.as_str(),
            route = route.as_ref().map_or("(none)", MatchedPath::as_str),
            status = response.status().as_u16(),
            milliseconds = begun.elapsed().as_secs_f64() * 1_000.0,
            request_id = id.to_str().unwrap_or_default(),
            trace_id = trace.map(|trace| trace.simple().to_string()),
            "request"
        );
    }
    response
}

/// Passes the route of a request on to the frame, which is outside of the router.
pub(crate) async fn keep_route(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    if let Some(route) = route {
        response.extensions_mut().insert(route);
    }
    response
}

/// Weakens the etag of a compressed answer, whose bytes are others (RFC 9110, section 8.8.3).
pub(crate) async fn weaken_etag(mut response: Response) -> Response {
    let headers = response.headers_mut();
    if headers.contains_key(header::CONTENT_ENCODING)
        && let Some(etag) = headers.get(header::ETAG).and_then(|value| value.to_str().ok())
        && !etag.starts_with("W/")
        && let Ok(weak) = HeaderValue::from_str(&format!("W/{etag}"))
    {
        headers.insert(header::ETAG, weak);
    }
    response
}

/// Returns the answer with the router's own errors as problems.
fn completed(app: &App, method: &Method, path: &str, response: Response) -> Response {
    let base_path = app.settings.base_path.as_str();
    // A misspelled command without an identifier has the path of a state, which is read by `GET`.
    let is_command = *method == Method::POST && response.status() == StatusCode::METHOD_NOT_ALLOWED;
    match is_command.then(|| unknown::of_command(app, path)).flatten() {
        Some(problem) => problem.into_response(base_path),
        None => complete(response, base_path),
    }
}

/// Returns the id of the client, if it is up to 128 visible ASCII characters, else a new one.
fn request_id(app: &App, headers: &HeaderMap) -> HeaderValue {
    let sent = headers.get(REQUEST_ID).filter(|value| {
        let bytes = value.as_bytes();
        (1..=MAX_ID_LENGTH).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
    });
    let drawn = || {
        let domain = app.domains.first()?;
        HeaderValue::from_str(&domain.runtime.generate_id().to_string()).ok()
    };
    sent.cloned().or_else(drawn).unwrap_or(HeaderValue::from_static("-"))
}

/// Returns true if the router has answered `OPTIONS` with the methods of the route.
fn is_options(method: &Method, response: &Response) -> bool {
    *method == Method::OPTIONS
        && response.status() == StatusCode::METHOD_NOT_ALLOWED
        && response.headers().contains_key(header::ALLOW)
}

fn options(response: Response) -> Response {
    let mut options = Response::default();
    *options.status_mut() = StatusCode::NO_CONTENT;
    let allowed = response.headers().get(header::ALLOW).and_then(|value| value.to_str().ok());
    let allowed = format!("{},OPTIONS", allowed.unwrap_or_default());
    if let Ok(allowed) = HeaderValue::from_str(&allowed) {
        options.headers_mut().insert(header::ALLOW, allowed);
    }
    options
}
