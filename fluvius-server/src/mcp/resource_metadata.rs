//! The metadata of `/mcp` as a protected resource: where its tokens come from.
//!
//! # Source
//! RFC 9728, *OAuth 2.0 Protected Resource Metadata*.

use axum::http::{HeaderMap, HeaderValue, header};
use serde_json::{Value, json};

use super::http::PATH;
use crate::app::App;
use crate::problem::Problem;

/// The start of the path of the metadata.
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// Returns the paths of the metadata: that of RFC 9728 for `/mcp`, and that of the whole server,
/// which older clients read.
pub(super) fn paths(base_path: &str) -> [String; 2] {
    [format!("{WELL_KNOWN}{base_path}{PATH}"), WELL_KNOWN.to_owned()]
}

/// Returns the metadata.
///
/// # Errors
/// `not-found` if the server has no authenticator.
pub(super) fn document(app: &App, headers: &HeaderMap) -> Result<Value, Problem> {
    let authenticator = app.authenticator.as_ref();
    let authenticator = authenticator
        .ok_or_else(|| Problem::new("not-found", "the server has no authenticator"))?;
    let base_path = &app.settings.base_path;
    Ok(json!({
        "resource": format!("{}{base_path}{PATH}", app.origin(headers)),
        "authorization_servers": authenticator.authorization_servers(),
        "bearer_methods_supported": ["header"],
    }))
}

/// Adds the URL of the metadata to the challenge of a problem.
pub(super) fn challenge(app: &App, headers: &HeaderMap, mut problem: Problem) -> Problem {
    let [path, _] = paths(&app.settings.base_path);
    let value = problem.headers.get(header::WWW_AUTHENTICATE);
    let challenge = value.and_then(|value| value.to_str().ok()).unwrap_or("Bearer");
    let separator = if challenge.trim().contains(' ') { "," } else { "" };
    let url = format!("{}{path}", app.origin(headers));
    let text = format!("{challenge}{separator} resource_metadata=\"{url}\"");
    if let Ok(value) = HeaderValue::from_str(&text) {
        problem.headers.insert(header::WWW_AUTHENTICATE, value);
    }
    problem
}
