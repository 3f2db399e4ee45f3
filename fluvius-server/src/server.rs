//! The builder of a server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use axum::Router;
use fluvius_core::DomainRuntime;

use crate::app::App;
use crate::auth::{Authenticator, ErasedAuthenticator};
use crate::build_error::{BuildError, check_names};
use crate::client_address::Network;
use crate::cors;
#[cfg(feature = "mcp")]
use crate::mcp::{self, Toolbox};
use crate::mounted::Mounted;
use crate::openapi;
use crate::public_url::PublicUrl;
use crate::rate_limit::{Buckets, RateLimit};
use crate::routes::Routes;
use crate::settings::{Document, MetricsRenderer, PageBounds, Settings};
use crate::streams::{Permits, Tails};
use tokio::sync::watch;

/// Default size limit of a body: 1 MiB.
const BODY_LIMIT: usize = 1 << 20;

/// Default limit of the rows that are scanned for a page.
const SCAN_LIMIT: usize = 20_000;

/// Default limit of the time of a page.
const SCAN_TIME: Duration = Duration::from_millis(100);

/// The limit of the failed authentications of an address.
const FAILED_LOGINS: RateLimit = RateLimit::per_minute(30);

/// An HTTP server for domains, before it is built.
///
/// # Examples
///
/// ```no_run
/// use fluvius_core::DomainRuntime;
/// use fluvius_server::Server;
///
/// # async fn run(domain: DomainRuntime) -> Result<(), Box<dyn std::error::Error>> {
/// Server::new().mount(domain).serve("127.0.0.1:8080").await?;
/// # Ok(())
/// # }
/// ```
///
/// As a part of another application:
///
/// ```
/// use fluvius_core::DomainRuntime;
/// use fluvius_server::Server;
///
/// # fn run(domain: DomainRuntime) -> Result<axum::Router, Box<dyn std::error::Error>> {
/// let router = Server::new().mount(domain).allow_anonymous().into_router()?;
/// # Ok(router)
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a server does nothing until `serve` or `into_router` is called"]
pub struct Server {
    pub(crate) domains: Vec<DomainRuntime>,
    authenticator: Option<Box<dyn ErasedAuthenticator>>,
    pub(crate) is_anonymous: bool,
    pub(crate) drain_delay: Duration,
    pub(crate) drain_timeout: Duration,
    public_url: Option<String>,
    rate_limit: Option<RateLimit>,
    cors: Vec<String>,
    pub(crate) operations: Option<SocketAddr>,
    settings: Settings,
    /// Set unless the server shall have no tools.
    pub(crate) has_tools: bool,
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

impl Server {
    /// Creates a server without domains.
    pub fn new() -> Self {
        Self {
            domains: Vec::new(),
            authenticator: None,
            is_anonymous: false,
            drain_delay: Duration::ZERO,
            drain_timeout: Duration::from_secs(25),
            public_url: None,
            rate_limit: None,
            cors: Vec::new(),
            operations: None,
            settings: Settings {
                body_limit: BODY_LIMIT,
                body_timeout: Duration::from_secs(30),
                request_timeout: Duration::from_secs(60),
                page_bounds: PageBounds { scan_limit: SCAN_LIMIT, scan_time: SCAN_TIME },
                base_path: String::new(),
                document: Document::default(),
                public_url: None,
                trusted_proxies: Vec::new(),
                compat_upstream: false,
                metrics: None,
                access_log: true,
            },
            has_tools: cfg!(feature = "mcp"),
        }
    }

    /// Adds a domain, whose routes begin with its namespace.
    pub fn mount(mut self, domain: DomainRuntime) -> Self {
        self.domains.push(domain);
        self
    }

    /// Sets the authenticator. Without one, [`serve`](Self::serve) listens on the loopback
    /// interface only.
    pub fn authenticate(mut self, authenticator: impl Authenticator) -> Self {
        self.authenticator = Some(Box::new(authenticator));
        self
    }

    /// Allows a server without an authenticator on every interface, for every host and origin. Its
    /// senders have no actor and no realm.
    pub fn allow_anonymous(mut self) -> Self {
        self.is_anonymous = true;
        self
    }

    /// Sets the readers of the OpenAPI document. Default: [`Document::Authenticated`].
    pub fn document(mut self, readers: Document) -> Self {
        self.settings.document = readers;
        self
    }

    /// Sets the prefix of all paths: `/api`. Default: none.
    pub fn base_path(mut self, path: impl Into<String>) -> Self {
        self.settings.base_path = path.into().trim_end_matches('/').to_owned();
        self
    }

    /// Sets the URL of the server for its clients, without the base path: `https://bank.example`.
    /// The OpenAPI document names it, and a request for `/mcp` must name its host or the loopback
    /// interface. TLS is the task of the proxy in front of the server.
    pub fn public_url(mut self, url: impl Into<String>) -> Self {
        self.public_url = Some(url.into());
        self
    }

    /// Sets the proxies that are trusted to tell the address of the client, in `Forwarded` or
    /// `X-Forwarded-For`. Default: none, so the client is the peer of the connection.
    pub fn trusted_proxies(mut self, networks: impl IntoIterator<Item = Network>) -> Self {
        self.settings.trusted_proxies = networks.into_iter().collect();
        self
    }

    /// Sets the limit of the requests of each actor, or of each address of anonymous senders.
    /// Default: none. The failed authentications of an address are always limited, to 30 a minute.
    pub fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.rate_limit = Some(limit);
        self
    }

    /// Allows pages of these origins (`https://shop.example`) to call the server, without cookies.
    /// Default: none.
    pub fn cors<O: Into<String>>(mut self, origins: impl IntoIterator<Item = O>) -> Self {
        self.cors = origins.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the renderer of `/metrics`, in the text format of Prometheus. The recorder of the
    /// facade `metrics` is the program's choice.
    ///
    /// The route asks the policy for [`Operation::Metrics`](fluvius_core::Operation::Metrics).
    pub fn metrics(mut self, render: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.settings.metrics = Some(MetricsRenderer::new(render));
        self
    }

    /// Sets a second address to listen on, for operators: `/metrics` and `/readyz` with details,
    /// without credentials. It must be reachable from inside only.
    pub fn operations(mut self, address: SocketAddr) -> Self {
        self.operations = Some(address);
        self
    }

    /// Serves the routes of the Python original too: `POST /{domain}:{command}/{resource}/{id}`,
    /// with `:new` as the id of a creating command. Their problems have the members `errcode`,
    /// `errmesg` and `errdata` as well.
    pub fn compat_upstream(mut self) -> Self {
        self.settings.compat_upstream = true;
        self
    }

    /// Sets if each request leaves a record in the log of the program: its route, status, duration,
    /// request id and trace id. Default: yes.
    pub fn access_log(mut self, is_on: bool) -> Self {
        self.settings.access_log = is_on;
        self
    }

    /// Removes `/mcp`: the server offers no tools.
    #[cfg(feature = "mcp")]
    pub fn without_mcp(mut self) -> Self {
        self.has_tools = false;
        self
    }

    /// Sets the maximum size of a body in bytes. Default: 1 MiB. An action may have a limit of its
    /// own: `#[action(body_limit = ..)]`.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.settings.body_limit = bytes;
        self
    }

    /// Sets the maximum time for a body to arrive. Default: 30 s.
    pub fn body_timeout(mut self, timeout: Duration) -> Self {
        self.settings.body_timeout = timeout;
        self
    }

    /// Sets the maximum time from the acceptance of a command to its answer, after which the answer
    /// is `outcome-unknown`. Default: 60 s.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.settings.request_timeout = timeout;
        self
    }

    /// Sets the maximum number of rows that are scanned for a page of a query or a log, including
    /// those that do not match. Default: 20,000; for a log at least the `limit` of its page. A page
    /// may then be short or empty, and has a `next`.
    pub fn scan_limit(mut self, rows: usize) -> Self {
        self.settings.page_bounds.scan_limit = rows;
        self
    }

    /// Sets the maximum time of a page of a query or of a log, after which the page ends as with
    /// [`scan_limit`](Self::scan_limit). Default: 100 ms.
    pub fn scan_time(mut self, time: Duration) -> Self {
        self.settings.page_bounds.scan_time = time;
        self
    }

    /// Sets the time between the signal to shut down and the end of accepting, in which `/readyz`
    /// answers 503, so that a load balancer stops sending. Default: none.
    pub fn drain_delay(mut self, delay: Duration) -> Self {
        self.drain_delay = delay;
        self
    }

    /// Sets the maximum time for requests in flight to be answered on shutdown. Default: 25 s.
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }

    /// Builds the router, for an application of your own.
    ///
    /// # Errors
    /// All faults at once: no domain, a reserved name, two domains with one namespace, a name of a
    /// tool that clients refuse, or neither an authenticator nor
    /// [`allow_anonymous`](Self::allow_anonymous).
    pub fn into_router(self) -> Result<Router, BuildError> {
        if self.authenticator.is_none() && !self.is_anonymous {
            return Err(BuildError::unauthenticated());
        }
        let has_tools = self.has_tools;
        Ok(routes(&self.into_app()?, has_tools).into_router())
    }

    pub(crate) fn has_authenticator(&self) -> bool {
        self.authenticator.is_some()
    }

    /// Builds the state that the routes share.
    pub(crate) fn into_app(mut self) -> Result<Arc<App>, BuildError> {
        let faults = if self.has_tools { tool_faults(&self.domains) } else { Vec::new() };
        check_names(&self.domains, faults)?;
        let base_path = &self.settings.base_path;
        if !(base_path.is_empty() || base_path.starts_with('/')) || base_path.contains(['{', '}']) {
            return Err(BuildError::base_path(base_path));
        }
        if let Some(url) = &self.public_url {
            let url = PublicUrl::parse(url).ok_or_else(|| BuildError::public_url(url))?;
            self.settings.public_url = Some(url);
        }
        let cors = cors::layer(&self.cors)?;
        let is_guarded = self.authenticator.is_some() || self.is_anonymous;
        let base_path = &self.settings.base_path;
        let mounted = |domain: DomainRuntime| Arc::new(Mounted::new(domain, base_path));
        let domains: Vec<Arc<Mounted>> = self.domains.into_iter().map(mounted).collect();
        let scheme = self.authenticator.as_ref().map(|each| each.security_scheme());
        let document = openapi::document(&domains, &self.settings, scheme.as_ref());
        Ok(Arc::new(App {
            domains,
            authenticator: self.authenticator,
            document: document.to_string(),
            is_loopback_only: !is_guarded,
            is_draining: AtomicBool::new(false),
            ending: watch::Sender::new(false),
            tails: Tails::default(),
            permits: Permits::default(),
            rate_limit: self.rate_limit.map(|limit| Buckets::new("actor", limit)),
            failed_logins: Buckets::new("failed-logins", FAILED_LOGINS),
            cors,
            settings: self.settings,
        }))
    }
}

/// Returns the routes of a server that is built, with the route of its tools if it has any.
pub(crate) fn routes(app: &Arc<App>, has_tools: bool) -> Routes {
    let others = if has_tools { tool_routes(app) } else { Router::new() };
    Routes::new(app, others)
}

#[cfg(feature = "mcp")]
fn tool_faults(domains: &[DomainRuntime]) -> Vec<String> {
    mcp::faults(domains)
}

#[cfg(feature = "mcp")]
fn tool_routes(app: &Arc<App>) -> Router {
    mcp::routes(app, &Arc::new(Toolbox::new(&app.domains, app.authenticator.is_some())))
}

#[cfg(not(feature = "mcp"))]
fn tool_faults(_: &[DomainRuntime]) -> Vec<String> {
    Vec::new()
}

#[cfg(not(feature = "mcp"))]
fn tool_routes(_: &Arc<App>) -> Router {
    Router::new()
}
