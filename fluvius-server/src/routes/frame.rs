//! The frame of every request: its id, the checks before its route, and the form of its answer.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use fluvius_core::uuid::Uuid;
use futures_core::future::BoxFuture;
use futures_util::FutureExt;
use tower_service::Service;

use super::table::{Endpoint, Route};
use super::{Routes, encoding, unknown};
use crate::app::App;
use crate::problem::{INTERNAL_DETAIL, Problem, complete};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Maximum length of a request id of the client.
const MAX_ID_LENGTH: usize = 128;

/// Runs a request.
pub(super) async fn run(routes: &Routes, request: Request) -> Response {
    let app = &*routes.app;
    let begun = app.settings.access_log.then(Instant::now);
    let base_path = app.settings.base_path.as_str();
    let id = request_id(app, request.headers());
    let method = request.method().clone();
    let trace = begun.and_then(|_| crate::context::trace_id(request.headers()));
    let encodings: Vec<HeaderValue> =
        request.headers().get_all(header::ACCEPT_ENCODING).iter().cloned().collect();
    let found = routes.table.find(request.uri().path());

    let response = match app.check_host(request.headers()) {
        Err(problem) => problem.into_response(base_path),
        // A panic is a fault of the server; the connection and the process go on.
        Ok(()) => match AssertUnwindSafe(routed(routes, found, request)).catch_unwind().await {
            Ok(response) => response,
            Err(_) => Problem::new("panicked", INTERNAL_DETAIL).into_response(base_path),
        },
    };
    let mut response = match is_options(&method, &response) {
        true => options(response),
        false => complete(response, base_path),
    };
    let other = response.extensions_mut().remove::<MatchedPath>();
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id.clone());
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers
        .entry(header::VARY)
        .or_insert(HeaderValue::from_static("authorization, accept, accept-encoding"));
    if let Some(begun) = begun {
        let route = found.map(|(route, _)| route.template.as_str());
        let route = route.or(other.as_ref().map(MatchedPath::as_str));
        // No query, body, person or token: only what the route and the answer tell.
        tracing::info!(
            method = method.as_str(),
            route = route.unwrap_or("(none)"),
            status = response.status().as_u16(),
            milliseconds = begun.elapsed().as_secs_f64() * 1_000.0,
            request_id = id.to_str().unwrap_or_default(),
            trace_id = trace.map(|trace| trace.simple().to_string()),
            "request"
        );
    }
    encoding::encode(encodings, response).await
}

/// Runs the route of a request.
async fn routed(
    routes: &Routes,
    found: Option<(&Route, Option<Uuid>)>,
    request: Request,
) -> Response {
    match found {
        Some((route, id)) if route.endpoint.admits(request.method()) => {
            route.endpoint.answer(request, id).await
        }
        Some((route, _)) => not_allowed(&routes.app, &route.endpoint, &request),
        None => {
            let Ok(response) = routes.others.clone().call(request).await;
            response
        }
    }
}

/// Returns the answer to a method that the path does not have.
fn not_allowed(app: &App, endpoint: &Endpoint, request: &Request) -> Response {
    // A misspelled command without an identifier has the path of a state, which is read by `GET`.
    let path = Some(request.uri().path()).filter(|_| request.method() == Method::POST);
    if let Some(problem) = path.and_then(|path| unknown::of_command(app, path)) {
        return problem.into_response(&app.settings.base_path);
    }
    let mut response = Response::default();
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(endpoint.allow()));
    response
}

/// The frame as a service, for a layer around it.
pub(super) struct Framed<'a>(pub(super) &'a Routes);

impl<'a> Service<Request> for Framed<'a> {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'a, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let routes = self.0;
        Box::pin(async move { Ok(run(routes, request).await) })
    }
}

/// Passes the route of a router inside on to the frame.
pub(super) async fn keep_route(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    if let Some(route) = route {
        response.extensions_mut().insert(route);
    }
    response
}

/// Returns the id of the client, if it is up to 128 visible ASCII characters, else a new one.
fn request_id(app: &App, headers: &HeaderMap) -> HeaderValue {
    let sent = headers.get(REQUEST_ID).filter(|value| {
        let bytes = value.as_bytes();
        (1..=MAX_ID_LENGTH).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
    });
    let drawn = || {
        let domain = app.domains.first()?;
        let id = domain.runtime.generate_id().hyphenated();
        HeaderValue::from_str(id.encode_lower(&mut Uuid::encode_buffer())).ok()
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
