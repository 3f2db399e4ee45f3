//! The pages that the `type` of a problem names.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};

use crate::app::{App, json as answer};
use crate::problem::{self, CODES, Problem};

/// The cache directive of the pages, which change with the program only.
const CACHE: &str = "public, max-age=300";

/// Answers with all codes.
pub(crate) async fn list(app: Arc<App>, _: Request) -> Result<Response, Problem> {
    let mut pages: Vec<Value> = CODES.iter().map(|code| framework_page(&app, code)).collect();
    for domain in &app.domains {
        let codes = domain.rejections();
        pages.extend(codes.iter().map(|code| domain_page(&app, domain.namespace(), code)));
    }
    Ok(answer(&json!({ "problems": pages }), CACHE))
}

/// Answers with the page of a code of the framework.
pub(crate) async fn of_framework(app: Arc<App>, request: Request) -> Result<Response, Problem> {
    let code = last_name(&request).and_then(problem::find);
    let code = code.ok_or_else(unknown)?;
    Ok(page(&request, &framework_page(&app, code)))
}

/// Answers with the page of an author's code.
pub(crate) async fn of_domain(app: Arc<App>, request: Request) -> Result<Response, Problem> {
    let mut names = request.uri().path().rsplit('/');
    let (code, namespace) = (names.next().unwrap_or_default(), names.next().unwrap_or_default());
    let domain = app.domains.iter().find(|domain| domain.namespace() == namespace);
    let code = domain.and_then(|domain| domain.rejection(None, code)).ok_or_else(unknown)?;
    let namespace = domain.map_or("", |domain| domain.namespace());
    Ok(page(&request, &domain_page(&app, namespace, &code)))
}

fn framework_page(app: &App, code: &problem::ProblemCode) -> Value {
    json!({
        "type": format!("{}/problems/{}", app.settings.base_path, code.code),
        "code": code.code,
        "title": code.title,
        "status": code.status,
        "retry": code.retry,
        "description": code.docs,
    })
}

fn domain_page(app: &App, namespace: &str, code: &fluvius_core::RejectionCode) -> Value {
    json!({
        "type": format!("{}/problems/{namespace}/{}", app.settings.base_path, code.code),
        "code": "rejected",
        "rejection": code.code,
        "title": problem::title(code.code),
        "status": code.status,
        "retry": problem::Retry::NewKey,
        "detail": code.message,
        "description": code.docs,
    })
}

/// Answers with HTML if the client prefers it, as a browser does, else with JSON.
fn page(request: &Request, page: &Value) -> Response {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    if !accept.is_some_and(|accept| accept.contains("text/html")) {
        return answer(page, CACHE);
    }
    let text = |name: &str| escaped(page[name].as_str().unwrap_or_default());
    let (title, code, description) = (text("title"), text("code"), text("description"));
    let status = page["status"].as_u64().unwrap_or_default();
    let retry = text("retry");
    let body = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title></head>\
         <body><main><h1>{title}</h1><p>{description}</p><dl><dt>Code</dt><dd>{code}</dd>\
         <dt>Status</dt><dd>{status}</dd><dt>Retry</dt><dd>{retry}</dd></dl></main></body></html>\n"
    );
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(CACHE));
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    );
    response
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

fn last_name(request: &Request) -> Option<&str> {
    request.uri().path().rsplit('/').next()
}

fn unknown() -> Problem {
    Problem::new("not-found", "no problem has this code")
}
