//! The header `Accept`.
//!
//! # Source
//! RFC 9110, section 12.5.1.

use axum::http::{HeaderMap, header};

use crate::problem::{MEDIA_TYPE, Problem};

/// Checks that the client accepts an answer of this media type, or at least its problems.
///
/// # Errors
/// `not-acceptable`.
pub(crate) fn check(headers: &HeaderMap, media_type: &str) -> Result<(), Problem> {
    let mut accepted = headers.get_all(header::ACCEPT).iter().peekable();
    if accepted.peek().is_none() {
        return Ok(());
    }
    let ranges =
        accepted.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    for range in ranges {
        if admits(range, media_type) || admits(range, MEDIA_TYPE) {
            return Ok(());
        }
    }
    Err(Problem::new("not-acceptable", format!("the answer is `{media_type}`")))
}

/// Returns true if the client names this media type, so that it asks for a special form of the
/// answer.
pub(crate) fn prefers(headers: &HeaderMap, media_type: &str) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut ranges = accepted.flat_map(|value| value.split(','));
    ranges.any(|range| !range.trim_start().starts_with('*') && admits(range, media_type))
}

/// Returns true if a media range with parameters admits a media type.
fn admits(range: &str, media_type: &str) -> bool {
    let mut parts = range.split(';').map(str::trim);
    let range = parts.next().unwrap_or_default();
    let is_excluded = parts.any(|parameter| {
        let quality = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="));
        quality.is_some_and(|quality| quality.trim().parse() == Ok(0.0_f32))
    });
    if is_excluded {
        return false;
    }
    let main = media_type.split('/').next().unwrap_or_default();
    range == "*/*"
        || range.eq_ignore_ascii_case(media_type)
        || range.strip_suffix("/*").is_some_and(|range| range.eq_ignore_ascii_case(main))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn ranges_and_qualities_decide() {
        let accepts = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::ACCEPT, HeaderValue::from_static(value));
            }
            check(&headers, "application/json").is_ok()
        };
        assert!(accepts(&[]));
        for accepted in [
            "*/*",
            "application/*",
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/problem+json",
            "text/html, application/json;q=0.1",
        ] {
            assert!(accepts(&[accepted]), "{accepted}");
        }
        for refused in ["text/html", "", "application/json;q=0", "application/jsonp", "text/*"] {
            assert!(!accepts(&[refused]), "{refused}");
        }
        assert!(accepts(&["text/html", "*/*;q=0.8"]));
    }
}
