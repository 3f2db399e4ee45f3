//! Notifications of commits among the processes over one schema: `NOTIFY` without a payload. They
//! use a separate connection, so that no commit waits for one.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio_postgres::{AsyncMessage, Client};

use crate::connection::Connector;
use crate::error::Fault;

/// The shortest time between two notifications of one store.
const MIN_INTERVAL: Duration = Duration::from_millis(20);

/// The pause before a lost connection is opened again.
const RECONNECT_PAUSE: Duration = Duration::from_secs(1);

/// Sends and receives notifications.
#[derive(Debug)]
pub(crate) struct Notifications {
    connector: Connector,
    shared: Arc<Shared>,
    task: OnceLock<AbortHandle>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Notified after a commit of this store.
    committed_here: Notify,
    /// Notified after a commit of another store.
    committed_elsewhere: Arc<Notify>,
}

impl Notifications {
    pub(crate) fn new(connector: Connector) -> Self {
        Self { connector, shared: Arc::default(), task: OnceLock::new() }
    }

    /// Notifies other stores of a commit. Does not wait.
    pub(crate) fn notify(&self) {
        self.start();
        self.shared.committed_here.notify_one();
    }

    /// Waits for a notification of another store that is received after this call.
    pub(crate) fn changed(&self) -> impl Future<Output = ()> + Send + use<> {
        self.start();
        // The wait begins here, not with the first poll.
        Arc::clone(&self.shared.committed_elsewhere).notified_owned()
    }

    fn start(&self) {
        self.task.get_or_init(|| {
            let (connector, shared) = (self.connector.clone(), Arc::clone(&self.shared));
            let task = self.connector.runtime.spawn(async move {
                loop {
                    if let Err(fault) = run_connection(&connector, &shared).await {
                        tracing::debug!(error = %fault, "no notifications are sent or received");
                    }
                    tokio::time::sleep(RECONNECT_PAUSE).await;
                }
            });
            task.abort_handle()
        });
    }
}

impl Drop for Notifications {
    fn drop(&mut self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }
}

/// Sends and receives notifications until the connection is lost.
async fn run_connection(connector: &Connector, shared: &Shared) -> Result<(), Fault> {
    let (client, mut connection) = connector.connect_raw().await?;
    // The server process behind this connection, whose own notifications are ignored.
    let own = OnceLock::new();
    let mut receiving = pin!(async {
        while let Some(message) = poll_fn(|cx| connection.poll_message(cx)).await {
            match message? {
                AsyncMessage::Notification(notification)
                    if own.get() != Some(&notification.process_id()) =>
                {
                    shared.committed_elsewhere.notify_waiters();
                }
                _ => {}
            }
        }
        Ok::<(), Fault>(())
    });
    let channel = &connector.endpoint.options.schema;
    let mut sending = pin!(send(channel, shared, &client, &own));
    tokio::select! {
        ended = &mut receiving => ended,
        ended = &mut sending => ended,
    }
}

async fn send(
    channel: &str,
    shared: &Shared,
    client: &Client,
    own: &OnceLock<i32>,
) -> Result<(), Fault> {
    let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await?.try_get(0)?;
    own.get_or_init(|| pid);
    // A notification may be lost in a crash of the server.
    let setup = format!("SET synchronous_commit = off; LISTEN \"{channel}\"");
    client.batch_execute(&setup).await?;
    // Commits during the time without a connection.
    shared.committed_elsewhere.notify_waiters();
    loop {
        shared.committed_here.notified().await;
        client.batch_execute(&format!("NOTIFY \"{channel}\"")).await?;
        tokio::time::sleep(MIN_INTERVAL).await;
    }
}
