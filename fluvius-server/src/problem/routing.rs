//! The router's own errors as problems: no error answer has an empty body or another media type.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use super::{MEDIA_TYPE, Problem};

/// Replaces an error answer that is no problem by one. Its headers are kept, such as `Allow`. An
/// answer of JSON is complete: it is an error of JSON-RPC.
pub(crate) fn complete(response: Response, base_path: &str) -> Response {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let content_type = response.headers().get(header::CONTENT_TYPE);
    let is_complete = |value: &HeaderValue| value == MEDIA_TYPE || value == "application/json";
    if !is_error || content_type.is_some_and(is_complete) {
        return response;
    }
    let (parts, _) = response.into_parts();
    let mut answer = of_status(status).into_response(base_path);
    *answer.status_mut() = status;
    for (name, value) in &parts.headers {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            answer.headers_mut().entry(name).or_insert_with(|| value.clone());
        }
    }
    answer
}

/// Returns the problem of an error that the router or a layer has answered.
fn of_status(status: StatusCode) -> Problem {
    match status {
        StatusCode::NOT_FOUND => Problem::new("not-found", "No route has this path."),
        StatusCode::METHOD_NOT_ALLOWED => {
            Problem::new("method-not-allowed", "The header `Allow` lists the methods of the route.")
        }
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new("too-large", "The body is too large."),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            Problem::new("unsupported-media-type", "Send `application/json`.")
        }
        status if status.is_client_error() => {
            Problem::parameter(status.canonical_reason().unwrap_or("invalid request"))
        }
        _ => Problem::new("panicked", super::INTERNAL_DETAIL),
    }
}
