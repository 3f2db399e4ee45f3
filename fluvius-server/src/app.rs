//! The state that all routes of a server share, and the frame of each request.

use std::net::{IpAddr, SocketAddr};
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use fluvius_core::uuid::Uuid;
use fluvius_core::{DomainContext, ReadKind, ReadRequest, Transport};

use crate::auth::{Authenticated, ErasedAuthenticator, RequestHead};
use crate::client_address;
use crate::context;
use crate::host;
use crate::input::body;
use crate::mounted::Mounted;
use crate::operations::Caller;
use crate::problem::Problem;
use crate::rate_limit::{Buckets, Quota, SenderKey};
use crate::settings::Settings;
use crate::streams::{Permits, Tails};
use tokio::sync::watch;
use tower_http::cors::CorsLayer;

/// The state that all routes share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) domains: Vec<Arc<Mounted>>,
    pub(crate) authenticator: Option<Box<dyn ErasedAuthenticator>>,
    /// The OpenAPI document.
    pub(crate) document: String,
    /// Set if the server has no authenticator, and anonymous senders are not allowed.
    pub(crate) is_loopback_only: bool,
    /// Set once the process was asked to end.
    pub(crate) is_draining: AtomicBool,
    /// True once no further connection is accepted, and the streams end.
    pub(crate) ending: watch::Sender<bool>,
    /// The followers of the log that streams share.
    pub(crate) tails: Tails,
    /// The limits of the number of streams.
    pub(crate) permits: Permits,
    /// The limit of the requests of a sender.
    pub(crate) rate_limit: Option<Buckets>,
    /// The limit of the failed authentications of an address.
    pub(crate) failed_logins: Buckets,
    /// The layer that answers pages of other origins.
    pub(crate) cors: Option<CorsLayer>,
    pub(crate) settings: Settings,
}

/// A request to a route of a domain, with its sender.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) app: Arc<App>,
    caller: Caller,
    pub(crate) parts: Parts,
    /// The identifier in the path, if it is one.
    id: Option<Uuid>,
}

impl Deref for Call {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl App {
    /// Checks that a request is meant for this server, if the server trusts local programs only.
    ///
    /// # Errors
    /// `foreign-origin`.
    pub(crate) fn check_host(&self, headers: &HeaderMap) -> Result<(), Problem> {
        match self.is_loopback_only {
            true => host::check(headers, |authority| self.is_own_host(authority)),
            false => Ok(()),
        }
    }

    /// Returns the scheme and the authority of this server: those of the public URL, or else those
    /// that the request names.
    #[cfg(feature = "mcp")]
    pub(crate) fn origin(&self, headers: &HeaderMap) -> String {
        if let Some(url) = &self.settings.public_url {
            return url.join("");
        }
        let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
        format!("http://{}", host.unwrap_or("localhost"))
    }

    /// Returns true for the authority of this server.
    pub(crate) fn is_own_host(&self, authority: &str) -> bool {
        let public = self.settings.public_url.as_ref();
        host::is_loopback(authority)
            || public.is_some_and(|url| url.authority().eq_ignore_ascii_case(authority))
    }

    /// Makes `/readyz` answer 503.
    pub(crate) fn drain(&self) {
        self.is_draining.store(true, Ordering::Release);
    }

    /// Ends the streams.
    pub(crate) fn end(&self) {
        self.ending.send_replace(true);
    }

    /// Returns the receiver of the end.
    pub(crate) fn ending(&self) -> watch::Receiver<bool> {
        self.ending.subscribe()
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Acquire)
    }

    /// Runs the handler of a route of a domain, once the sender is authenticated.
    pub(crate) async fn call<F>(
        self: Arc<Self>,
        domain: Arc<Mounted>,
        request: Request,
        id: Option<Uuid>,
        handler: impl FnOnce(Call, Body) -> F,
    ) -> Response
    where
        F: Future<Output = Result<Response, Problem>>,
    {
        let (parts, body) = request.into_parts();
        let mut quota = None;
        let answered = match self.admitted(&parts).await {
            Ok((sender, admitted)) => {
                quota = admitted;
                let (app, caller) = (Arc::clone(&self), self.caller(domain, sender));
                handler(Call { app, caller, parts, id }, body).await
            }
            Err(problem) => Err(problem),
        };
        let base_path = &self.settings.base_path;
        let mut response = answered.unwrap_or_else(|problem| problem.into_response(base_path));
        if let (Some(buckets), Some(quota)) = (&self.rate_limit, quota) {
            buckets.write(quota, response.headers_mut());
        }
        response
    }

    /// Identifies the sender of a request, and counts the request.
    ///
    /// # Errors
    /// As [`authenticate`](Self::authenticate) and [`admit`](Self::admit).
    async fn admitted(&self, parts: &Parts) -> Result<(Authenticated, Option<Quota>), Problem> {
        let sender = self.authenticate(parts).await?;
        let quota = self.admit(&sender.context, parts)?;
        Ok((sender, quota))
    }

    /// Returns the sender of a request, at the domain that it is for.
    pub(crate) fn caller(&self, domain: Arc<Mounted>, sender: Authenticated) -> Caller {
        let Settings { request_timeout, page_bounds, .. } = self.settings;
        Caller { domain, sender, request_timeout, page_bounds }
    }

    /// Counts a request of a sender.
    ///
    /// # Errors
    /// `rate-limited`.
    pub(crate) fn admit(
        &self,
        context: &DomainContext,
        parts: &Parts,
    ) -> Result<Option<Quota>, Problem> {
        let Some(buckets) = &self.rate_limit else { return Ok(None) };
        let key = SenderKey::new(context, self.client_address(parts));
        let quota = buckets.take(&key, Instant::now());
        match quota.is_admitted() {
            true => Ok(Some(quota)),
            false => Err(buckets.problem(quota)),
        }
    }

    /// Returns the address of the client; `None` if another program serves the router.
    pub(crate) fn client_address(&self, parts: &Parts) -> Option<IpAddr> {
        let ConnectInfo(peer) = parts.extensions.get::<ConnectInfo<SocketAddr>>()?;
        let trusted = &self.settings.trusted_proxies;
        Some(client_address::of_client(&parts.headers, peer.ip(), trusted))
    }

    /// Identifies the sender of a request.
    ///
    /// # Errors
    /// `unauthenticated`; `rate-limited` after too many failures of the address.
    pub(crate) async fn authenticate(&self, parts: &Parts) -> Result<Authenticated, Problem> {
        let mut sender = match &self.authenticator {
            Some(authenticator) => {
                // An address that guesses credentials is stopped before they are checked.
                let address = SenderKey::Address(self.client_address(parts));
                let failures = self.failed_logins.peek(&address, Instant::now());
                if !failures.is_admitted() {
                    return Err(self.failed_logins.problem(failures));
                }
                let head = RequestHead::new(parts);
                authenticator.authenticate(&head).await.map_err(|error| {
                    self.failed_logins.take(&address, Instant::now());
                    Problem::new("unauthenticated", error.to_string())
                        .with_header(header::WWW_AUTHENTICATE, error.challenge())
                })?
            }
            None => Authenticated::new(DomainContext::create("http")),
        };
        sender.context = sender.context.with_transport(Transport::Http);
        if let Some(trace) = context::trace_id(&parts.headers) {
            sender.context = sender.context.with_correlation(trace);
        }
        Ok(sender)
    }
}

impl Call {
    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }

    /// Returns the address of the client; `None` if another program serves the router.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.app.client_address(&self.parts)
    }

    /// Asks the policy for a read: of a resource, and of the id in the path where there is one.
    ///
    /// # Errors
    /// `permission-denied`, or the fault of the policy; `not-found` as [`id`](Self::id).
    pub(crate) async fn may_read(
        &self,
        kind: ReadKind,
        resource: Option<&'static str>,
    ) -> Result<(), Problem> {
        let mut request = ReadRequest::new(kind);
        request.resource = resource;
        if matches!(kind, ReadKind::State | ReadKind::History | ReadKind::Command) {
            request.id = Some(self.id()?);
        }
        self.caller.may_read(&request).await
    }

    /// Returns the identifier in the path.
    ///
    /// # Errors
    /// `not-found` if it is no UUID in its canonical form.
    pub(crate) fn id(&self) -> Result<Uuid, Problem> {
        self.id.ok_or_else(|| {
            Problem::new("not-found", "an identifier is a UUID with hyphens, in lower case")
        })
    }

    /// Reads the body as JSON text.
    ///
    /// # Errors
    /// As [`body::read`].
    pub(crate) async fn json(&self, body: Body, max_bytes: usize) -> Result<String, Problem> {
        body::read(&self.parts.headers, body, max_bytes, self.app.settings.body_timeout).await
    }
}

/// Returns an answer of JSON with a cache directive.
pub(crate) fn json(value: &impl serde::Serialize, cache: &'static str) -> Response {
    // Only a map with other keys than texts fails, and no answer has one.
    json_text(serde_json::to_string(value).unwrap_or_default(), cache)
}

/// Returns an answer of JSON text with a cache directive.
pub(crate) fn json_text(text: String, cache: &'static str) -> Response {
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}

/// The cache directive of answers to commands.
pub(crate) const NO_STORE: &str = "no-store";
/// The cache directive of reads: a private cache asks again, with the etag.
pub(crate) const PRIVATE: &str = "private, no-cache";
