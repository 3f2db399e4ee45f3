//! Loads of single roots: those that come while one is under way are read together by the next.

use std::sync::{Arc, Mutex, PoisonError};

use fluvius_core::{AggregateRoot, StateRecord, StoreError};
use tokio::sync::oneshot;

use crate::read;
use crate::readers::Readers;

/// How many roots are read together at the most.
const ROOT_COUNT_MAX: usize = 256;

type Loaded = Result<Option<StateRecord>, StoreError>;

/// The loads that wait.
#[derive(Debug, Default)]
pub(crate) struct Loads {
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    loads: Vec<(AggregateRoot, oneshot::Sender<Loaded>)>,
    /// Whether a task reads what waits.
    is_read: bool,
}

impl Loads {
    /// The row of a root, as it is after this was called.
    pub(crate) async fn load(self: &Arc<Self>, readers: &Readers, root: &AggregateRoot) -> Loaded {
        let (sender, loaded) = oneshot::channel();
        let is_first = {
            let mut waiting = self.waiting();
            waiting.loads.push((root.clone(), sender));
            !std::mem::replace(&mut waiting.is_read, true)
        };
        if is_first {
            // A task of its own: whoever called may go away, and others wait for the same read.
            tokio::spawn(Arc::clone(self).read(readers.clone()));
        }
        loaded.await.unwrap_or_else(|_| Err(StoreError::unavailable("the store is closed")))
    }

    async fn read(self: Arc<Self>, readers: Readers) {
        loop {
            let loads = {
                let mut waiting = self.waiting();
                let count = waiting.loads.len().min(ROOT_COUNT_MAX);
                if count == 0 {
                    waiting.is_read = false;
                    return;
                }
                waiting.loads.drain(..count).collect::<Vec<_>>()
            };
            let (roots, senders): (Vec<_>, Vec<_>) = loads.into_iter().unzip();
            match read::snapshot(&readers, &roots).await {
                Ok(rows) => {
                    for (sender, row) in senders.into_iter().zip(rows) {
                        drop(sender.send(Ok(row)));
                    }
                }
                // One row that cannot be read is not the others' fault.
                Err(fault) if fault.is_of_what_is_read() && roots.len() > 1 => {
                    for (sender, root) in senders.into_iter().zip(&roots) {
                        let row = read::snapshot(&readers, std::slice::from_ref(root)).await;
                        let row = row.map(|mut rows| rows.pop().flatten());
                        drop(sender.send(row.map_err(StoreError::from)));
                    }
                }
                Err(fault) => {
                    let error = StoreError::from(fault);
                    for sender in senders {
                        drop(sender.send(Err(error.clone())));
                    }
                }
            }
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
