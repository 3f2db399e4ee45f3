//! The header `Idempotency-Key`.
//!
//! # Source
//! IETF draft-ietf-httpapi-idempotency-key-header-07. The draft's key is a quoted string; a bare
//! key is accepted too, and both name the same command.

use axum::http::{HeaderMap, HeaderName};
use fluvius_core::DomainContext;
use fluvius_core::uuid::Uuid;

use crate::problem::Problem;

/// The name of the header.
pub(crate) const NAME: HeaderName = HeaderName::from_static("idempotency-key");

/// Maximum length of a key, in characters.
const MAX_LENGTH: usize = 255;

/// Returns the key of a request; `None` if it has none.
///
/// # Errors
/// `invalid-idempotency-key`.
pub(crate) fn read(
    headers: &HeaderMap,
    context: &DomainContext,
) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(NAME).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(invalid("the request has several keys"));
    }
    let text = value.to_str().map_err(|_| invalid("the key has other than ASCII characters"))?;
    check(unquoted(text.trim()), context).map(Some)
}

/// Checks a key.
///
/// # Errors
/// `invalid-idempotency-key`.
pub(crate) fn check(key: &str, context: &DomainContext) -> Result<String, Problem> {
    let is_visible = key.bytes().all(|byte| byte.is_ascii_graphic());
    if key.is_empty() || key.len() > MAX_LENGTH || !is_visible {
        return Err(invalid("a key has 1 to 255 visible ASCII characters"));
    }
    // The keys of all anonymous senders share one space, so they must not be guessed.
    if context.actor() == fluvius_core::Actor::default() && Uuid::try_parse(key).is_err() {
        return Err(invalid("the key of a sender without an actor is a random UUID"));
    }
    Ok(key.to_owned())
}

/// Returns the key without its quotes.
fn unquoted(text: &str) -> &str {
    text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text)
}

fn invalid(detail: &str) -> Problem {
    Problem::new("invalid-idempotency-key", detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn key(value: &str, context: &DomainContext) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(NAME, HeaderValue::from_str(value).ok()?);
        read(&headers, context).ok().flatten()
    }

    #[test]
    fn bare_and_quoted_key_are_one() {
        let sender = DomainContext::create("test").with_user(Uuid::from_u128(1));
        assert_eq!(key("order-77", &sender).as_deref(), Some("order-77"));
        assert_eq!(key("\"order-77\"", &sender).as_deref(), Some("order-77"));
        for invalid in ["", "\"\"", "two words", &"k".repeat(256)] {
            assert_eq!(key(invalid, &sender), None, "{invalid}");
        }
        assert_eq!(key(&"k".repeat(255), &sender).map(|key| key.len()), Some(255));
    }

    #[test]
    fn anonymous_sender_needs_a_uuid() {
        let anonymous = DomainContext::create("test");
        assert_eq!(key("order-77", &anonymous), None);
        assert!(key("0190163d-8694-739b-aea5-966c26f8ad92", &anonymous).is_some());
    }
}
