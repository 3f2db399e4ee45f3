//! The headers `Host` and `Origin`, against DNS rebinding and requests of foreign pages.
//!
//! A server without an authenticator trusts every local program, and a browser is one of them. So
//! it answers only requests that name the loopback interface.

use axum::http::{HeaderMap, header};

use crate::problem::Problem;

/// Checks that a request names a host of this server. If it comes from a page, the page must be of
/// one too.
///
/// # Errors
/// `foreign-origin`.
pub(crate) fn check(headers: &HeaderMap, is_own: impl Fn(&str) -> bool) -> Result<(), Problem> {
    let foreign = |name: &str| {
        let detail = format!("the header `{name}` names another site than this server");
        Err(Problem::new("foreign-origin", detail))
    };
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    if !host.is_some_and(&is_own) {
        return foreign("Host");
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let authority = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    match authority {
        Some((_, host)) if is_own(host) => Ok(()),
        _ => foreign("Origin"),
    }
}

/// Returns true for an authority on the loopback interface, with any port.
pub(crate) fn is_loopback(authority: &str) -> bool {
    if let Some(rest) = authority.strip_prefix('[') {
        let parts = rest.split_once(']');
        return parts.is_some_and(|(host, port)| host == "::1" && is_port(port));
    }
    let end = authority.find(':').unwrap_or(authority.len());
    let (host, port) = authority.split_at(end);
    let is_local = host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback());
    is_local && is_port(port)
}

/// Returns true for `:` and a port, or nothing.
fn is_port(text: &str) -> bool {
    text.is_empty() || text.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_authorities_are_recognized() {
        for own in ["localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:80", "[::1]", "[::1]:80"]
        {
            assert!(is_loopback(own), "{own}");
        }
        for foreign in [
            "",
            "example.org",
            "localhost.example.org",
            "127.0.0.1.example.org",
            "127.0.0.1:80@example.org",
            "[::1].example.org",
            "localhost:x",
            "0.0.0.0",
            "[::2]",
        ] {
            assert!(!is_loopback(foreign), "{foreign}");
        }
    }
}
