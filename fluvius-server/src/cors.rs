//! Cross-origin requests: the origins whose pages may call the server.
//!
//! # Source
//! WHATWG Fetch, section 3.3 (CORS protocol).

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use crate::build_error::BuildError;
use crate::public_url::PublicUrl;

/// The headers of answers that a page may read.
const EXPOSED: [&str; 10] = [
    "deprecation",
    "etag",
    "idempotent-replayed",
    "link",
    "location",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
    "sunset",
    "x-request-id",
];

/// Time for which a browser keeps the permission.
const MAX_AGE: Duration = Duration::from_secs(600);

/// Returns the layer for these origins; `None` without any.
///
/// # Errors
/// The first text that is no origin.
pub(crate) fn layer(origins: &[String]) -> Result<Option<CorsLayer>, BuildError> {
    if origins.is_empty() {
        return Ok(None);
    }
    let mut allowed = Vec::with_capacity(origins.len());
    for origin in origins {
        let value = PublicUrl::parse(origin).filter(|_| !origin.ends_with('/'));
        let value = value.and_then(|_| HeaderValue::from_str(origin).ok());
        allowed.push(value.ok_or_else(|| BuildError::origin(origin))?);
    }
    let headers = [
        header::AUTHORIZATION,
        header::CONTENT_TYPE,
        header::ACCEPT,
        header::IF_MATCH,
        header::IF_NONE_MATCH,
        HeaderName::from_static("idempotency-key"),
        HeaderName::from_static("last-event-id"),
        HeaderName::from_static("traceparent"),
        HeaderName::from_static("x-request-id"),
    ];
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::list(allowed))
        .allow_methods([Method::GET, Method::HEAD, Method::POST])
        .allow_headers(AllowHeaders::list(headers))
        .expose_headers(EXPOSED.map(HeaderName::from_static))
        .max_age(MAX_AGE);
    Ok(Some(layer))
}
