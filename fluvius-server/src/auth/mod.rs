//! Authentication: from the head of a request to the context of its sender.

#[cfg(feature = "jwt")]
pub(crate) mod jwt;

use std::fmt;

use axum::http::HeaderMap;
use axum::http::request::Parts;
use fluvius_core::DomainContext;
use fluvius_core::chrono::{DateTime, Utc};
use futures_core::future::BoxFuture;

/// An authenticator: identifies the sender of a request by its head.
///
/// Implementors write `async fn`; the futures must be `Send`.
///
/// # Examples
///
/// An authenticator of keys that the program knows:
///
/// ```
/// use fluvius_core::DomainContext;
/// use fluvius_core::uuid::Uuid;
/// use fluvius_server::{Authenticated, Authenticator, RequestHead, Unauthenticated};
///
/// struct ApiKeys;
///
/// impl Authenticator for ApiKeys {
///     async fn authenticate(
///         &self,
///         head: &RequestHead<'_>,
///     ) -> Result<Authenticated, Unauthenticated> {
///         match head.header("x-api-key") {
///             Some("correct horse battery staple") => {
///                 let context = DomainContext::create("batch job");
///                 Ok(Authenticated::new(context.with_user(Uuid::from_u128(1))))
///             }
///             _ => Err(Unauthenticated::new("ApiKey", "the header `X-Api-Key` has no valid key")),
///         }
///     }
/// }
/// ```
pub trait Authenticator: Send + Sync + 'static {
    /// Returns the sender of a request.
    ///
    /// # Errors
    /// [`Unauthenticated`]: the server answers with 401.
    fn authenticate(
        &self,
        head: &RequestHead<'_>,
    ) -> impl Future<Output = Result<Authenticated, Unauthenticated>> + Send;

    /// Returns the security scheme for the OpenAPI document, as its object in
    /// `components.securitySchemes`. The default is a bearer token.
    fn security_scheme(&self) -> fluvius_core::serde_json::Value {
        fluvius_core::serde_json::json!({ "type": "http", "scheme": "bearer" })
    }

    /// Returns the URLs of the authorization servers that issue the credentials, for clients that
    /// discover them (RFC 9728). The default is none.
    fn authorization_servers(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The head of a request.
#[derive(Debug, Clone, Copy)]
pub struct RequestHead<'a> {
    parts: &'a Parts,
}

impl<'a> RequestHead<'a> {
    pub(crate) fn new(parts: &'a Parts) -> Self {
        Self { parts }
    }

    /// Returns a header that is text, if it is sent exactly once.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        let mut values = self.parts.headers.get_all(name).iter();
        let value = values.next().filter(|_| values.next().is_none())?;
        value.to_str().ok()
    }

    /// Returns all headers.
    pub fn headers(&self) -> &'a HeaderMap {
        &self.parts.headers
    }

    /// Returns the token of `Authorization: Bearer ..`.
    pub fn bearer(&self) -> Option<&'a str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start())
    }

    /// Returns the method.
    pub fn method(&self) -> &'a str {
        self.parts.method.as_str()
    }

    /// Returns the path, with the base path of the server.
    pub fn path(&self) -> &'a str {
        self.parts.uri.path()
    }
}

/// The sender of a request.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Authenticated {
    /// The context of the sender's commands and reads. The server sets its transport, and its
    /// correlation id if the request has a `traceparent`.
    pub context: DomainContext,
    /// The end of the credentials' validity, which ends the streams of the sender too.
    pub expires_at: Option<DateTime<Utc>>,
}

impl Authenticated {
    /// Creates a sender whose credentials do not expire.
    pub fn new(context: DomainContext) -> Self {
        Self { context, expires_at: None }
    }

    /// Sets the end of the credentials' validity.
    #[must_use]
    pub fn expires_at(mut self, time: DateTime<Utc>) -> Self {
        self.expires_at = Some(time);
        self
    }
}

/// A request without valid credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Unauthenticated {
    challenge: String,
    detail: String,
}

impl Unauthenticated {
    /// Creates the error with the challenge of `WWW-Authenticate` and a text for the client, which
    /// must not quote the credentials.
    pub fn new(challenge: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { challenge: challenge.into(), detail: detail.into() }
    }

    /// Returns the value of `WWW-Authenticate`.
    pub fn challenge(&self) -> &str {
        &self.challenge
    }
}

/// The dyn-compatible form of [`Authenticator`].
pub(crate) trait ErasedAuthenticator: Send + Sync {
    fn authenticate<'a>(
        &'a self,
        head: &'a RequestHead<'a>,
    ) -> BoxFuture<'a, Result<Authenticated, Unauthenticated>>;

    fn security_scheme(&self) -> fluvius_core::serde_json::Value;

    #[cfg(feature = "mcp")]
    fn authorization_servers(&self) -> Vec<String>;
}

impl<A: Authenticator> ErasedAuthenticator for A {
    fn authenticate<'a>(
        &'a self,
        head: &'a RequestHead<'a>,
    ) -> BoxFuture<'a, Result<Authenticated, Unauthenticated>> {
        Box::pin(Authenticator::authenticate(self, head))
    }

    fn security_scheme(&self) -> fluvius_core::serde_json::Value {
        Authenticator::security_scheme(self)
    }

    #[cfg(feature = "mcp")]
    fn authorization_servers(&self) -> Vec<String> {
        Authenticator::authorization_servers(self)
    }
}

impl fmt::Debug for dyn ErasedAuthenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authenticator")
    }
}
