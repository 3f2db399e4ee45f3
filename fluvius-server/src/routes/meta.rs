//! The description of a domain, and the OpenAPI document of the server.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::Response;

use crate::app::{App, Call, PRIVATE, json};
use crate::input::accept;
use crate::input::params::Params;
use crate::problem::Problem;
use crate::settings::Document;

/// Answers with the description of the domain.
pub(crate) async fn describe(call: Call) -> Result<Response, Problem> {
    accept::check(call.headers(), "application/json")?;
    Params::read(call.parts.uri.query())?.finish()?;
    Ok(json(&call.domain.description, PRIVATE))
}

/// Answers with the OpenAPI document.
pub(crate) async fn document(app: Arc<App>, request: Request) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    match app.settings.document {
        Document::Off => return Err(Problem::new("not-found", "the document is switched off")),
        Document::Public => {}
        Document::Authenticated => {
            app.authenticate(&parts).await?;
        }
    }
    accept::check(&parts.headers, "application/json")?;
    Params::read(parts.uri.query())?.finish()?;
    let mut response = Response::new(Body::from(app.document.clone()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(PRIVATE));
    Ok(response)
}
