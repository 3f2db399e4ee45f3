//! A TCP proxy for PostgreSQL that cuts connections during a call, or holds data back.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

/// The moment of a cut within a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cut {
    /// The server receives nothing of the call.
    BeforeCall,
    /// The server receives a part of the call.
    WithinCall,
    /// The server receives the call, and its connection is closed before it replies.
    AfterCall,
    /// The server has replied, and the client receives nothing.
    BeforeAnswer,
    /// The client receives a part of the reply.
    WithinAnswer,
    /// The client is cut off. The server receives the call, and its connection stays open.
    HalfClosed,
    /// The client is cut off. The server receives the call after [`Cut::DELAY`].
    Late,
}

/// The time that the connection to a server stays open after the cut of its client.
const HALF_CLOSED_TIME: Duration = Duration::from_secs(2);

impl Cut {
    /// The delay of a late call.
    pub const DELAY: Duration = Duration::from_millis(30);

    /// All cuts.
    pub const ALL: [Self; 7] = [
        Self::BeforeCall,
        Self::WithinCall,
        Self::AfterCall,
        Self::BeforeAnswer,
        Self::WithinAnswer,
        Self::HalfClosed,
        Self::Late,
    ];
}

/// The cuts so far. Each cut ends every connection that exists at that moment.
#[derive(Debug, Clone, Copy, Default)]
struct Cuts {
    count: usize,
    /// The number of the newest connection that was ended.
    ended: usize,
}

/// A proxy that listens on a port of its own and forwards to the socket of a server. Clones share
/// it.
#[derive(Debug, Clone)]
pub struct Proxy {
    port: u16,
    /// The beginnings of the statements whose calls are cut.
    statements: &'static [&'static str],
    /// The cut of the next call.
    next: Arc<Mutex<Option<Cut>>>,
    cuts: watch::Sender<Cuts>,
    holds_back: watch::Sender<bool>,
    /// The number of connections so far, and of the oldest ones that are silenced.
    count: Arc<AtomicUsize>,
    silenced: Arc<AtomicUsize>,
    refuses: Arc<AtomicBool>,
}

impl Proxy {
    /// Starts a proxy to the socket of a server. Cuts apply to calls of prepared statements that
    /// begin with one of `statements`.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn start(socket: PathBuf, statements: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.unwrap_or_else(|error| panic!("no port is free: {error}"));
        let port = listener.local_addr().map_or(0, |address| address.port());
        let proxy = Self {
            port,
            statements,
            next: Arc::default(),
            cuts: watch::Sender::new(Cuts::default()),
            holds_back: watch::Sender::new(false),
            count: Arc::default(),
            silenced: Arc::default(),
            refuses: Arc::default(),
        };
        let of_connections = proxy.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let number = of_connections.count.fetch_add(1, Ordering::SeqCst) + 1;
                if of_connections.refuses.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(server) = UnixStream::connect(&socket).await else { continue };
                tokio::spawn(of_connections.clone().forward(client, server, number));
            }
        });
        proxy
    }

    /// Returns the address of the server through the proxy.
    pub fn url(&self) -> String {
        format!("host=127.0.0.1 port={} user=postgres dbname=postgres sslmode=disable", self.port)
    }

    /// Cuts the next call, or none.
    pub fn cut_next(&self, cut: impl Into<Option<Cut>>) {
        *self.next() = cut.into();
    }

    /// Holds back all data without closing a connection, or forwards it again.
    pub fn hold_back(&self, holds_back: bool) {
        self.holds_back.send_replace(holds_back);
    }

    /// Stops forwarding on the existing connections. New ones are not affected.
    pub fn silence_existing(&self) {
        self.silenced.store(self.connection_count(), Ordering::SeqCst);
    }

    /// Closes all connections, and each new one until it is called with `false`.
    pub fn refuse(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::SeqCst);
        self.end_connections(self.connection_count());
    }

    /// Returns the number of connections so far.
    pub fn connection_count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    /// Waits until this number of cuts has been made.
    pub async fn wait_for(&self, cuts: usize) {
        // The sender is part of the proxy, so it is not closed.
        let _ = self.cuts.subscribe().wait_for(|so_far| so_far.count >= cuts).await;
    }

    /// Ends the connections up to this number.
    fn end_connections(&self, ended: usize) {
        self.cuts.send_modify(|cuts| {
            cuts.count += 1;
            cuts.ended = cuts.ended.max(ended);
        });
    }

    fn next(&self) -> std::sync::MutexGuard<'_, Option<Cut>> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forwards data until either side closes the connection, or it is cut.
    async fn forward(self, mut client: TcpStream, mut server: UnixStream, number: usize) {
        let mut seen = self.cuts.subscribe();
        let (mut from_client, mut from_server) = (vec![0; 1 << 16], vec![0; 1 << 16]);
        let mut calls: Vec<Vec<u8>> = Vec::new();
        let mut cut = None;
        loop {
            tokio::select! {
                biased;
                () = async { let _ = seen.wait_for(|cuts| number <= cuts.ended).await; } => return,
                read = server.read(&mut from_server) => {
                    let Some(bytes) = received(read, &from_server) else { return };
                    self.released().await;
                    if number <= self.silenced.load(Ordering::SeqCst) {
                        std::future::pending::<()>().await;
                    }
                    let passed = match cut {
                        Some(Cut::BeforeAnswer) => 0,
                        Some(_) => bytes.len() / 2,
                        None => bytes.len(),
                    };
                    if client.write_all(&bytes[..passed]).await.is_err() {
                        return;
                    }
                    if cut.is_some() {
                        break;
                    }
                }
                read = client.read(&mut from_client) => {
                    let Some(bytes) = received(read, &from_client) else { return };
                    self.released().await;
                    if calls.iter().any(|call| contains(bytes, call)) {
                        cut = cut.or_else(|| self.next().take());
                    }
                    calls.extend(
                        self.statements.iter().flat_map(|sql| calls_of(sql.as_bytes(), bytes)),
                    );
                    if let Some(Cut::HalfClosed | Cut::Late) = cut {
                        let is_late = cut == Some(Cut::Late);
                        let after = if is_late { Cut::DELAY } else { Duration::ZERO };
                        tokio::spawn(deliver(server, bytes.to_vec(), after));
                        break;
                    }
                    let passed = match cut {
                        Some(Cut::BeforeCall) => 0,
                        Some(Cut::WithinCall) => bytes.len() / 2,
                        _ => bytes.len(),
                    };
                    if server.write_all(&bytes[..passed]).await.is_err() {
                        return;
                    }
                    if matches!(cut, Some(Cut::BeforeCall | Cut::WithinCall | Cut::AfterCall)) {
                        break;
                    }
                }
            }
        }
        // Close the connection before notifying waiters. The client may reconnect in between, and
        // this cut does not affect that connection.
        let ended = self.connection_count();
        drop(client);
        self.end_connections(ended);
    }

    /// Waits while data is held back.
    async fn released(&self) {
        let _ = self.holds_back.subscribe().wait_for(|holds_back| !holds_back).await;
    }
}

/// Delivers the call of a disconnected client to a server, and keeps its connection open.
async fn deliver(mut server: UnixStream, call: Vec<u8>, after: Duration) {
    tokio::time::sleep(after).await;
    if server.write_all(&call).await.is_ok() {
        let mut reply = Vec::new();
        let _ = tokio::time::timeout(HALF_CLOSED_TIME, server.read_to_end(&mut reply)).await;
    }
}

/// Returns the beginnings of the calls of a statement that these bytes prepare: the unnamed portal,
/// and the name of the statement.
fn calls_of(sql: &[u8], bytes: &[u8]) -> Vec<Vec<u8>> {
    let found = bytes.windows(sql.len()).enumerate().filter(|(_, window)| *window == sql);
    let name = |place: usize| bytes[..place - 1].rsplit(|byte| *byte == b's').next();
    let names = found.filter_map(|(place, _)| name(place));
    names.map(|name| [b"\0s", name, b"\0"].concat()).collect()
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn received(read: std::io::Result<usize>, buffer: &[u8]) -> Option<&[u8]> {
    read.ok().filter(|count| *count > 0).map(|count| &buffer[..count])
}
