//! A pooler that assigns a session per transaction, as PgBouncer with `pool_mode = transaction`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use fluvius_postgres::PostgresStore;
use fluvius_testing::servers::PrivateServer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};

/// The message of a server that is ready for a statement outside of a transaction.
const READY: &[u8] = b"Z\0\0\0\x05I";

/// Idle sessions; the most recently used one is assigned first.
type Idle = Arc<Mutex<Vec<UnixStream>>>;

/// Starts a pooler that assigns a session of the server to each transaction. Returns its address.
async fn start(socket: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let idle = Idle::default();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = UnixStream::connect(&socket).await.unwrap();
            tokio::spawn(serve(client, server, Arc::clone(&idle)));
        }
    });
    format!("postgres://postgres@127.0.0.1:{port}/postgres?sslmode=disable")
}

/// Serves a client. The first session answers its start-up message, and joins the idle ones.
async fn serve(mut client: TcpStream, server: UnixStream, idle: Idle) -> std::io::Result<()> {
    let mut next = Some(server);
    let mut bytes = vec![0; 1 << 16];
    loop {
        let count = client.read(&mut bytes).await?;
        // X: the client terminates, and its session remains open.
        if count == 0 || bytes[0] == b'X' {
            return Ok(());
        }
        let mut server = match next.take() {
            Some(server) => server,
            None => idle.lock().unwrap().pop().expect("a session for each transaction"),
        };
        server.write_all(&bytes[..count]).await?;
        // The session belongs to the client up to the end of the transaction.
        loop {
            tokio::select! {
                read = server.read(&mut bytes) => {
                    let count = read?;
                    client.write_all(&bytes[..count]).await?;
                    if count == 0 || bytes[..count].ends_with(READY) {
                        break;
                    }
                }
                read = client.readable() => {
                    read?;
                    let mut more = vec![0; 1 << 16];
                    match client.try_read(&mut more) {
                        Ok(0) => return Ok(()),
                        Ok(count) => server.write_all(&more[..count]).await?,
                        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                        Err(error) => return Err(error),
                    }
                }
            }
        }
        idle.lock().unwrap().push(server);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pooler_of_transactions_is_rejected() {
    let Some(server) = PrivateServer::start_with(&[]) else { return };
    let url = start(server.socket()).await;
    let error = PostgresStore::open(&url).await.unwrap_err();
    assert!(!error.is_retryable());
    let message = error.to_string();
    assert!(message.contains("assigns a session per transaction"), "{message}");
    assert!(message.contains("`pool_mode = session`"), "{message}");
    // Nothing was created.
    let made = "SELECT to_regnamespace('fluvius') IS NOT NULL";
    let made = crate::client(&server.url()).await.query_one(made, &[]).await.unwrap();
    assert!(!made.get::<_, bool>(0));
}
