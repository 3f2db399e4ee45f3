//! The settings of a server, as data.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use fluvius_core::LogReader;

use crate::client_address::Network;
use crate::public_url::PublicUrl;

/// The settings of a server.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Maximum size of a body in bytes.
    pub(crate) body_limit: usize,
    /// Maximum time for the body of a request to arrive.
    pub(crate) body_timeout: Duration,
    /// Maximum time from the acceptance of a command to its answer.
    pub(crate) request_timeout: Duration,
    /// The bounds of a page.
    pub(crate) page_bounds: PageBounds,
    /// The prefix of all paths: empty, or `/api`.
    pub(crate) base_path: String,
    /// The readers of the OpenAPI document.
    pub(crate) document: Document,
    /// The URL of the server for its clients, without the base path: `https://bank.example`.
    pub(crate) public_url: Option<PublicUrl>,
    /// The proxies that tell the address of the client.
    pub(crate) trusted_proxies: Vec<Network>,
    /// Set if the routes of the Python original are served too.
    pub(crate) compat_upstream: bool,
    /// The renderer of the metrics, if the program has one.
    pub(crate) metrics: Option<MetricsRenderer>,
    /// Set if each request leaves a record in the log of the program.
    pub(crate) access_log: bool,
}

/// The bounds of a page of a query or a log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageBounds {
    /// Maximum number of scanned rows.
    pub(crate) scan_limit: usize,
    /// Maximum time, after which no further part of the page is read.
    pub(crate) scan_time: Duration,
}

impl PageBounds {
    /// Returns a reader of a log whose pages have these bounds.
    pub(crate) fn of_log(self, log: LogReader) -> LogReader {
        log.scan_limit(self.scan_limit).scan_time(self.scan_time)
    }
}

/// The readers of the OpenAPI document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Document {
    /// Each authenticated sender; every sender if the server has no authenticator.
    #[default]
    Authenticated,
    /// Every sender, also one without credentials.
    Public,
    /// No sender: the route answers 404.
    Off,
}

/// A function that renders the metrics of the process.
#[derive(Clone)]
pub(crate) struct MetricsRenderer(Arc<dyn Fn() -> String + Send + Sync>);

impl MetricsRenderer {
    pub(crate) fn new(render: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self(Arc::new(render))
    }

    pub(crate) fn render(&self) -> String {
        (self.0)()
    }
}

impl fmt::Debug for MetricsRenderer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MetricsRenderer")
    }
}
