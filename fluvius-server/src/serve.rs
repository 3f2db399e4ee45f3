//! Serving: the listener, the deadlines of connections, and the shutdown.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::Response;
#[cfg(feature = "mcp")]
use fluvius_core::{Actor, DomainContext};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::task::JoinSet;

use crate::app::App;
use crate::build_error::BuildError;
#[cfg(feature = "mcp")]
use crate::mcp::{self, Toolbox};
use crate::routes::{self, Routes};
use crate::server::{self, Server};

/// Maximum time for the head of a request to arrive.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum size of the head of a request in bytes.
const MAX_HEAD_BYTES: usize = 32 << 10;
/// The pause after a failed `accept`, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The error that ended a server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The server cannot be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The address cannot be listened on.
    #[error("cannot listen on the address")]
    Listen(#[source] io::Error),
    /// A server without an authenticator listens on the loopback interface only.
    #[error(
        "the server has no authenticator, so it cannot listen on {address}: call `authenticate`, \
         or `allow_anonymous` if every sender may do everything that the policy allows"
    )]
    NotLoopback {
        /// The address.
        address: SocketAddr,
    },
}

impl Server {
    /// Serves until the process is asked to end (`SIGTERM`, or an interrupt), then answers the
    /// requests in flight and shuts the domains down.
    ///
    /// # Errors
    /// [`ServeError`], before the first request is accepted.
    ///
    /// # Cancellation
    /// Dropping the future closes the listener and all connections. Accepted commands continue.
    pub async fn serve(self, address: impl ToSocketAddrs) -> Result<(), ServeError> {
        let listener = TcpListener::bind(address).await.map_err(ServeError::Listen)?;
        self.serve_until(listener, signalled()).await
    }

    /// Serves on a listener until a future completes.
    ///
    /// # Errors
    /// As [`serve`](Self::serve).
    ///
    /// # Cancellation
    /// As [`serve`](Self::serve).
    pub async fn serve_until(
        self,
        listener: TcpListener,
        ended: impl Future<Output = ()> + Send,
    ) -> Result<(), ServeError> {
        let address = listener.local_addr().map_err(ServeError::Listen)?;
        if !self.has_authenticator() && !self.is_anonymous {
            if !address.ip().is_loopback() {
                return Err(ServeError::NotLoopback { address });
            }
            tracing::warn!(
                %address,
                "the server has no authenticator, so it answers requests for this machine only"
            );
        }
        let operations = match self.operations {
            Some(address) => Some(TcpListener::bind(address).await.map_err(ServeError::Listen)?),
            None => None,
        };
        let (drain_delay, drain_timeout) = (self.drain_delay, self.drain_timeout);
        let domains = self.domains.clone();
        let has_tools = self.has_tools;
        let app = self.into_app()?;
        let operations = operations.map(|listener| serve_operations(&app, listener));
        let routes = Arc::new(server::routes(&app, has_tools));
        tracing::info!(%address, "listening");
        let connections = accept_until(&app, &listener, &routes, drain_delay, ended).await;
        drop(listener);
        app.end();
        let drained = tokio::time::timeout(drain_timeout, connections.shutdown()).await;
        if drained.is_err() {
            tracing::warn!("requests were still in flight at the end of the drain timeout");
        }
        for domain in domains {
            domain.shutdown().await;
        }
        drop(operations);
        Ok(())
    }

    /// Offers the tools on standard input and output until the input ends or the process is asked
    /// to end, then shuts the domains down. All calls have the context that the program gives, with
    /// the transport `mcp`; an authenticator is not asked.
    ///
    /// The output must have messages only: a program writes its logs to standard error.
    ///
    /// # Errors
    /// [`ServeError::Build`].
    ///
    /// # Cancellation
    /// Dropping the future ends the calls in flight. Accepted commands continue.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use fluvius_core::uuid::Uuid;
    /// use fluvius_core::{DomainContext, DomainRuntime};
    /// use fluvius_server::Server;
    ///
    /// # async fn run(domain: DomainRuntime) -> Result<(), Box<dyn std::error::Error>> {
    /// let ada = DomainContext::create("desktop").with_user(Uuid::from_u128(1));
    /// Server::new().mount(domain).serve_mcp_stdio(ada).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "mcp")]
    pub async fn serve_mcp_stdio(mut self, sender: DomainContext) -> Result<(), ServeError> {
        self.has_tools = true;
        let domains = self.domains.clone();
        let app = self.into_app()?;
        let toolbox = Arc::new(Toolbox::new(&app.domains, sender.actor() != Actor::default()));
        tokio::select! {
            () = mcp::serve(&app, &toolbox, sender) => {}
            () = signalled() => {}
        }
        for domain in domains {
            domain.shutdown().await;
        }
        Ok(())
    }
}

/// Serves the listener for operators until the set is dropped.
fn serve_operations(app: &Arc<App>, listener: TcpListener) -> JoinSet<()> {
    let (app, mut served) = (Arc::clone(app), JoinSet::new());
    let router = routes::operations(&app);
    served.spawn(async move {
        let connections = GracefulShutdown::new();
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let service = TowerToHyperService::new(router.clone());
                    serve_connection(service, &connections, stream);
                }
                Err(error) => pause_after(&error).await,
            }
        }
    });
    served
}

/// Accepts connections until `ended` completes and the delay has passed.
async fn accept_until(
    app: &Arc<App>,
    listener: &TcpListener,
    routes: &Arc<Routes>,
    drain_delay: Duration,
    ended: impl Future<Output = ()>,
) -> GracefulShutdown {
    let connections = GracefulShutdown::new();
    let draining = async {
        ended.await;
        app.drain();
        tokio::time::sleep(drain_delay).await;
    };
    let mut draining = std::pin::pin!(draining);
    loop {
        tokio::select! {
            biased;
            () = &mut draining => return connections,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let routes = Arc::clone(routes);
                    let service = service_fn(move |request| {
                        answer(Arc::clone(&routes), peer, request)
                    });
                    serve_connection(service, &connections, stream);
                }
                Err(error) => pause_after(&error).await,
            },
        }
    }
}

/// Answers a request of a connection.
async fn answer(
    routes: Arc<Routes>,
    peer: SocketAddr,
    mut request: hyper::Request<Incoming>,
) -> Result<Response, Infallible> {
    request.extensions_mut().insert(ConnectInfo(peer));
    Ok(routes.answer(request.map(Body::new)).await)
}

fn serve_connection<S>(service: S, connections: &GracefulShutdown, stream: TcpStream)
where
    S: HttpService<Incoming, ResBody = Body, Error = Infallible> + Send + 'static,
    S::Future: Send,
{
    // Answers are small; waiting to combine packets would delay them.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let watched = connections.watch(connection);
    tokio::spawn(async move {
        // The client has gone, or sent no HTTP: there is no one to answer.
        if let Err(error) = watched.await {
            tracing::debug!(error = %error, "a connection ended with an error");
        }
    });
}

/// Waits after a failed `accept`, unless only the accepted connection failed.
async fn pause_after(error: &io::Error) {
    if !is_of_connection(error) {
        tracing::warn!(error = %error, "cannot accept a connection");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}

/// Returns true for an error of the accepted connection, not of the listener.
fn is_of_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};

    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Waits until the process is asked to end.
async fn signalled() {
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminated = async {
        use tokio::signal::unix::{SignalKind, signal};

        match signal(SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    tokio::select! {
        () = interrupted => {}
        () = terminated => {}
    }
}
