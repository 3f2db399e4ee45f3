//! Clients that commit one unit after the other, and measure the time of each commit.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fluvius_core::{CommitOutcome, Store};
use fluvius_sqlite::SqliteStore;

use crate::units::{aggregate_id, context, unit};

/// The result of a load.
#[derive(Debug, Default)]
pub(crate) struct Load {
    pub(crate) committed: usize,
    pub(crate) others: Vec<String>,
    times: Vec<Duration>,
}

/// Commits from several clients at the same time, each on its own aggregate.
pub(crate) async fn run(store: &SqliteStore, clients: usize, time: Duration) -> Load {
    let end = Instant::now() + time;
    let clients = (0..clients).map(|_| tokio::spawn(client(store.clone(), end)));
    let mut load = Load::default();
    for client in clients.collect::<Vec<_>>() {
        let one = client.await.unwrap();
        load.committed += one.committed;
        load.others.extend(one.others);
        load.times.extend(one.times);
    }
    load.times.sort();
    load
}

async fn client(store: SqliteStore, end: Instant) -> Load {
    let (context, aggregate_id) = (context(), aggregate_id());
    let mut load = Load::default();
    let mut version = 0;
    while Instant::now() < end {
        let batch = Arc::from([unit(&context, &aggregate_id, version)]);
        let begun = Instant::now();
        for outcome in store.commit(batch).await {
            match outcome {
                CommitOutcome::Committed { .. } => {
                    load.committed += 1;
                    version += 1;
                }
                outcome => load.others.push(format!("{outcome:?}")),
            }
        }
        load.times.push(begun.elapsed());
    }
    load
}

impl Load {
    /// Returns the time within which 99 of 100 commits were answered.
    pub(crate) fn p99(&self) -> Duration {
        self.times.get(self.times.len() * 99 / 100).copied().unwrap_or_default()
    }

    pub(crate) fn max(&self) -> Duration {
        self.times.last().copied().unwrap_or_default()
    }
}
