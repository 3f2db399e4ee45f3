//! What stands between a store and its server: it cuts them off from each other in the middle of a commit, or is silent.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

/// Where a commit is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cut {
    /// Nothing of the call comes to the server.
    BeforeCall,
    /// A part of the call does.
    WithinCall,
    /// All of it does, and nobody waits for what comes of it.
    AfterCall,
    /// The server has answered, and nothing of it comes back.
    BeforeAnswer,
    /// A part of the answer does.
    WithinAnswer,
    /// The client is cut off, and all of the call comes to the server, which is not told that the client is gone.
    HalfClosed,
    /// The client is cut off, and all of the call comes to the server a while later.
    Late,
}

/// How much later a call comes.
pub(crate) const LATE: Duration = Duration::from_millis(30);

/// How long a server is not told that its client is gone.
const NOT_TOLD: Duration = Duration::from_secs(2);

impl Cut {
    pub(crate) const ALL: [Self; 7] = [
        Self::BeforeCall,
        Self::WithinCall,
        Self::AfterCall,
        Self::BeforeAnswer,
        Self::WithinAnswer,
        Self::HalfClosed,
        Self::Late,
    ];
}

/// Listens on a port of its own, and hands on to a socket of a server.
#[derive(Debug, Clone)]
pub(crate) struct Proxy {
    port: u16,
    /// What is done to the next commit.
    next: Arc<Mutex<Option<Cut>>>,
    /// How often it was cut: each cut ends every connection.
    cuts: watch::Sender<usize>,
    is_silent: watch::Sender<bool>,
    /// The number of connections so far, and of the first ones that stay silent.
    count: Arc<AtomicUsize>,
    silenced: Arc<AtomicUsize>,
    refuses: Arc<AtomicBool>,
}

impl Proxy {
    pub(crate) async fn start(socket: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let proxy = Self {
            port,
            next: Arc::default(),
            cuts: watch::Sender::new(0),
            is_silent: watch::Sender::new(false),
            count: Arc::default(),
            silenced: Arc::default(),
            refuses: Arc::default(),
        };
        let of_connections = proxy.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                of_connections.count.fetch_add(1, Ordering::SeqCst);
                if of_connections.refuses.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(server) = UnixStream::connect(&socket).await else { continue };
                tokio::spawn(of_connections.clone().hand_on(client, server));
            }
        });
        proxy
    }

    pub(crate) fn url(&self) -> String {
        format!("host=127.0.0.1 port={} user=postgres dbname=postgres sslmode=disable", self.port)
    }

    /// Cuts the next commit that comes, or no more.
    pub(crate) fn cut_next(&self, cut: impl Into<Option<Cut>>) {
        *self.next.lock().unwrap() = cut.into();
    }

    /// Hands nothing on any more, without closing anything; or all that it has kept back.
    pub(crate) fn be_silent(&self, is_silent: bool) {
        self.is_silent.send_replace(is_silent);
    }

    /// Stops forwarding on the existing connections; new ones work as before.
    pub(crate) fn silence_those_that_are_there(&self) {
        self.silenced.store(self.connection_count(), Ordering::SeqCst);
    }

    /// Closes all connections, and each new one, as long as it refuses.
    pub(crate) fn refuse(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::SeqCst);
        self.cuts.send_modify(|count| *count += 1);
    }

    /// Returns the number of connections so far.
    pub(crate) fn connection_count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    /// Waits until it has cut so often.
    pub(crate) async fn wait_for(&self, cuts: usize) {
        self.cuts.subscribe().wait_for(|count| *count >= cuts).await.unwrap();
    }

    /// Hands on until an end closes, or something is cut.
    async fn hand_on(self, mut client: TcpStream, mut server: UnixStream) {
        let mut seen = self.cuts.subscribe();
        let number = self.connection_count();
        let (mut from_client, mut from_server) = (vec![0; 1 << 16], vec![0; 1 << 16]);
        let mut calls: Vec<Vec<u8>> = Vec::new();
        let mut cut = None;
        loop {
            tokio::select! {
                biased;
                _ = seen.changed() => return,
                read = server.read(&mut from_server) => {
                    let Some(bytes) = some(read, &from_server) else { return };
                    self.wait_out_silence().await;
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
                    let Some(bytes) = some(read, &from_client) else { return };
                    self.wait_out_silence().await;
                    if calls.iter().any(|call| at(bytes, call).is_some()) {
                        cut = cut.or_else(|| self.next.lock().unwrap().take());
                    }
                    calls.extend(PREPARED.iter().flat_map(|sql| calls_of(sql, bytes)));
                    if let Some(Cut::HalfClosed | Cut::Late) = cut {
                        let after = if cut == Some(Cut::Late) { LATE } else { Duration::ZERO };
                        tokio::spawn(go_on(server, bytes.to_vec(), after));
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
        // It is gone before that is told.
        drop(client);
        self.cuts.send_modify(|count| *count += 1);
    }

    async fn wait_out_silence(&self) {
        self.is_silent.subscribe().wait_for(|is_silent| !is_silent).await.unwrap();
    }
}

/// Hands a call on to a server whose client is gone, and does not tell it so.
async fn go_on(mut server: UnixStream, call: Vec<u8>, after: Duration) {
    tokio::time::sleep(after).await;
    if server.write_all(&call).await.is_ok() {
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(NOT_TOLD, server.read_to_end(&mut answer)).await;
    }
}

/// How the statements begin that store a batch.
const PREPARED: [&[u8]; 2] = [b"SELECT * FROM commit_batch(", b"-- Commits a batch"];

/// How calls begin on this connection, where these bytes prepare them: with the name of no portal, and with that of the
/// statement.
fn calls_of(sql: &[u8], bytes: &[u8]) -> Vec<Vec<u8>> {
    let begins = bytes.windows(sql.len()).enumerate().filter(|(_, window)| *window == sql);
    let name = |place: usize| bytes[..place - 1].rsplit(|byte| *byte == b's').next();
    let names = begins.filter_map(|(place, _)| name(place));
    names.map(|name| [b"\0s", name, b"\0"].concat()).collect()
}

fn at(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn some(read: std::io::Result<usize>, buffer: &[u8]) -> Option<&[u8]> {
    read.ok().filter(|count| *count > 0).map(|count| &buffer[..count])
}
