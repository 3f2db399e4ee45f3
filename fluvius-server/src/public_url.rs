//! The URL of a server for its clients.

use axum::http::Uri;

/// A URL of a scheme and an authority: `https://bank.example`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PublicUrl {
    scheme: String,
    authority: String,
}

impl PublicUrl {
    /// Reads a URL. Its path is set by `base_path`, so it has none here.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https"))?;
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
        let has_path = !matches!(uri.path(), "" | "/") || uri.query().is_some();
        (!has_path)
            .then(|| Self { scheme: scheme.to_owned(), authority: authority.as_str().to_owned() })
    }

    /// Returns the host with its port.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// Returns the URL of a path on the server.
    pub(crate) fn join(&self, path: &str) -> String {
        let Self { scheme, authority } = self;
        format!("{scheme}://{authority}{path}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_scheme_and_authority_are_allowed() {
        let url = PublicUrl::parse("https://bank.example:8443/").unwrap();
        assert_eq!(url.authority(), "bank.example:8443");
        assert_eq!(url.join("/api"), "https://bank.example:8443/api");
        for odd in ["", "bank.example", "ftp://x", "https://a@b", "https://x/path", "https://x/?q"]
        {
            assert_eq!(PublicUrl::parse(odd), None, "{odd}");
        }
    }
}
