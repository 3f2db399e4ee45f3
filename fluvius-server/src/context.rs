//! The parts of a sender's context that come from the request.

use axum::http::{HeaderMap, HeaderName};
use fluvius_core::uuid::Uuid;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Returns the trace id of a `traceparent`.
///
/// # Source
/// W3C Trace Context, section 3.2: `00-{trace id}-{parent id}-{flags}`.
pub(crate) fn trace_id(headers: &HeaderMap) -> Option<Uuid> {
    let text = headers.get(TRACEPARENT)?.to_str().ok()?;
    let mut parts = text.split('-');
    let (version, trace, parent) = (parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_valid = is_hex(version, 2)
        && version != "ff"
        && is_hex(trace, 32)
        && is_hex(parent, 16)
        && parts.next().is_some_and(|flags| is_hex(flags, 2));
    let id = Uuid::try_parse(trace).ok().filter(|_| is_valid)?;
    (!id.is_nil()).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn trace_id_is_read_from_valid_headers_only() {
        let of = |text: &'static str| {
            let headers = [("traceparent".parse().ok()?, HeaderValue::from_static(text))];
            trace_id(&headers.into_iter().collect())
        };
        let id = Uuid::from_u128(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_eq!(of("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), Some(id));
        for invalid in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(of(invalid), None, "{invalid}");
        }
    }
}
