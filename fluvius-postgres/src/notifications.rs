//! Hints that something was stored, among the processes over one schema: `NOTIFY` without a payload, on a connection of
//! its own, so that no commit waits for it.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio_postgres::{AsyncMessage, Client};

use crate::connect::Connector;
use crate::error::Fault;

/// The shortest time between two hints of one store.
const PAUSE: Duration = Duration::from_millis(20);

/// How long a connection that was lost is not opened again.
const PAUSE_AFTER_LOSS: Duration = Duration::from_secs(1);

/// Gives and takes hints.
#[derive(Debug)]
pub(crate) struct Hints {
    connector: Connector,
    shared: Arc<Shared>,
    task: OnceLock<AbortHandle>,
}

#[derive(Debug, Default)]
struct Shared {
    /// This store has stored something since its last hint.
    stored_here: Notify,
    /// Another one has.
    stored_elsewhere: Arc<Notify>,
}

impl Hints {
    pub(crate) fn new(connector: Connector) -> Self {
        Self { connector, shared: Arc::default(), task: OnceLock::new() }
    }

    /// Something was stored over this store. It waits for nothing.
    pub(crate) fn give(&self) {
        self.start();
        self.shared.stored_here.notify_one();
    }

    /// Waits for a hint of another store that comes after this was called.
    pub(crate) fn take(&self) -> impl Future<Output = ()> + Send + use<> {
        self.start();
        // What it waits for begins here, not with the first poll.
        Arc::clone(&self.shared.stored_elsewhere).notified_owned()
    }

    fn start(&self) {
        self.task.get_or_init(|| {
            let (connector, shared) = (self.connector.clone(), Arc::clone(&self.shared));
            let task = self.connector.home.spawn(async move {
                loop {
                    if let Err(fault) = pass(&connector, &shared).await {
                        tracing::debug!(error = %fault, "no hints come or go");
                    }
                    tokio::time::sleep(PAUSE_AFTER_LOSS).await;
                }
            });
            task.abort_handle()
        });
    }
}

impl Drop for Hints {
    fn drop(&mut self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }
}

/// Passes hints on for as long as the connection lasts.
async fn pass(connector: &Connector, shared: &Shared) -> Result<(), Fault> {
    let (client, mut connection) = connector.connect_raw().await?;
    // Whoever gave a hint himself has no need of it.
    let own = OnceLock::new();
    let mut taking = pin!(async {
        while let Some(message) = poll_fn(|cx| connection.poll_message(cx)).await {
            match message? {
                AsyncMessage::Notification(hint) if own.get() != Some(&hint.process_id()) => {
                    shared.stored_elsewhere.notify_waiters();
                }
                _ => {}
            }
        }
        Ok::<(), Fault>(())
    });
    let channel = &connector.place.options.schema;
    let mut giving = pin!(give(channel, shared, &client, &own));
    tokio::select! {
        ended = &mut taking => ended,
        ended = &mut giving => ended,
    }
}

async fn give(
    channel: &str,
    shared: &Shared,
    client: &Client,
    own: &OnceLock<i32>,
) -> Result<(), Fault> {
    let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await?.try_get(0)?;
    own.get_or_init(|| pid);
    // A hint that is lost in a crash of the server is none.
    let setup = format!("SET synchronous_commit = off; LISTEN \"{channel}\"");
    client.batch_execute(&setup).await?;
    // What was stored while nobody listened.
    shared.stored_elsewhere.notify_waiters();
    loop {
        shared.stored_here.notified().await;
        client.batch_execute(&format!("NOTIFY \"{channel}\"")).await?;
        tokio::time::sleep(PAUSE).await;
    }
}
