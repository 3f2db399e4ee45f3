//! The announcements of processes: each is a lock of a session, which the server releases when the
//! session ends.

use std::time::Duration;

use fluvius_store::uuid::Uuid;
use fluvius_store::work::Announcement;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio_postgres::Client;

use crate::connection::Connector;
use crate::error::Fault;

/// The pause before a lost connection is opened again.
const RECONNECT_PAUSE: Duration = Duration::from_millis(500);

/// The interval of checks of the connection, which find a connection that was lost silently.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The longest wait for the first lock, and for the answer to a check.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The server finds a lost client within this number of seconds.
const KEEPALIVE: &str = "SET idle_session_timeout = 0; SET tcp_keepalives_idle = 5; \
    SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 2";

/// An announced process. Dropping it ends the session.
struct Announced(AbortHandle);

impl Drop for Announced {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Announces a process. Returns `None` if the server cannot be reached.
///
/// If the connection is lost, other processes see this one as ended until it has another one.
pub(crate) async fn announce(connector: &Connector, process: Uuid) -> Option<Announcement> {
    let (first, locked) = oneshot::channel();
    let task = connector.runtime.spawn({
        let connector = connector.clone();
        async move {
            let mut first = Some(first);
            loop {
                match lock(&connector, process).await {
                    Ok(client) => {
                        if let Some(first) = first.take() {
                            let _ = first.send(());
                        }
                        while is_alive(&client).await {
                            tokio::time::sleep(CHECK_INTERVAL).await;
                        }
                    }
                    Err(fault) => tracing::debug!(error = %fault, "a process is not announced"),
                }
                tokio::time::sleep(RECONNECT_PAUSE).await;
            }
        }
    });
    let announced = Announced(task.abort_handle());
    let locked = connector.runtime.timeout(TIMEOUT, locked).await;
    matches!(locked, Ok(Ok(()))).then(|| Announcement::new(announced))
}

async fn is_alive(client: &Client) -> bool {
    let checked = tokio::time::timeout(TIMEOUT, client.batch_execute("SELECT 1")).await;
    matches!(checked, Ok(Ok(())))
}

async fn lock(connector: &Connector, process: Uuid) -> Result<Client, Fault> {
    let setup = connector.endpoint.setup(connector.endpoint.options.statement_timeout);
    let client = connector.connect(format!("{setup}; {KEEPALIVE}")).await?;
    client.query_one("SELECT pg_advisory_lock(process_key($1))", &[&process]).await?;
    Ok(client)
}
