//! Loads of single aggregates, in batches: the next read serves the loads that arrive during a
//! read.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fluvius_store::off_runtime;
use fluvius_store::{AggregateId, StateRecord, StoreError};
use tokio::sync::oneshot;
use tokio_postgres::Row;

use crate::pool::ReadPool;
use crate::read;
use crate::runtime::{self, StoreRuntime};

/// The largest number of aggregates in one read.
const MAX_AGGREGATES: usize = 256;

/// The time after which a read counts as slow. Later loads use another connection instead of
/// waiting for it.
const SLOW_READ: Duration = Duration::from_millis(200);

/// The largest number of concurrent reads.
const MAX_READS: usize = 4;

/// The row of an aggregate. The caller decodes it, since decoding a large state takes time.
type Found = Result<Row, StoreError>;

/// Batches the loads of a store.
#[derive(Debug)]
pub(crate) struct LoadBatcher {
    runtime: StoreRuntime,
    pool: ReadPool,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    loads: Vec<(AggregateId, oneshot::Sender<Found>)>,
    /// The number of reading tasks, and of those without a slow read: up to one.
    task_count: usize,
    prompt_count: usize,
}

impl LoadBatcher {
    pub(crate) fn new(runtime: StoreRuntime, pool: ReadPool) -> Self {
        Self { runtime, pool, queue: Mutex::default() }
    }

    /// Loads an aggregate, as it is after this call.
    pub(crate) async fn load(
        self: &Arc<Self>,
        aggregate_id: &AggregateId,
    ) -> Result<Option<StateRecord>, StoreError> {
        let (sender, found) = oneshot::channel();
        self.queue().loads.push((aggregate_id.clone(), sender));
        self.start_task();
        let row = off_runtime(found).await.unwrap_or_else(|_| Err(runtime::ended()))?;
        Ok(read::state(&row)?)
    }

    /// Starts a task that reads the queued loads, unless there is one that is not slow.
    fn start_task(self: &Arc<Self>) {
        let mut queue = self.queue();
        if queue.prompt_count > 0 || queue.task_count >= MAX_READS {
            return;
        }
        queue.task_count += 1;
        queue.prompt_count += 1;
        drop(queue);
        // A separate task, since other callers wait for the same read.
        let task = Task { batcher: Arc::clone(self), is_prompt: true, is_done: false };
        self.runtime.spawn(task.run());
    }

    async fn read(&self, loads: Vec<(AggregateId, oneshot::Sender<Found>)>) {
        let (aggregate_ids, senders): (Vec<_>, Vec<_>) = loads.into_iter().unzip();
        let fault = match read::snapshot_rows(&self.pool, &aggregate_ids).await {
            Ok(rows) => {
                for (sender, row) in senders.into_iter().zip(rows) {
                    drop(sender.send(Ok(row)));
                }
                return;
            }
            Err(fault) => fault,
        };
        let error = StoreError::from(fault);
        // One of the aggregates may be the cause of a permanent failure.
        let concerns_all = aggregate_ids.len() == 1 || error.is_retryable();
        for (sender, aggregate_id) in senders.into_iter().zip(&aggregate_ids) {
            let row = match concerns_all {
                true => Err(error.clone()),
                false => self.read_alone(aggregate_id).await,
            };
            drop(sender.send(row));
        }
    }

    async fn read_alone(&self, aggregate_id: &AggregateId) -> Found {
        let rows = read::snapshot_rows(&self.pool, std::slice::from_ref(aggregate_id)).await?;
        let row = rows.into_iter().next();
        row.ok_or_else(|| StoreError::permanent("the server has returned no row for an aggregate"))
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A task that reads the queued loads.
struct Task {
    batcher: Arc<LoadBatcher>,
    is_prompt: bool,
    is_done: bool,
}

impl Task {
    async fn run(mut self) {
        while let Some(loads) = self.next() {
            let batcher = Arc::clone(&self.batcher);
            let mut read = std::pin::pin!(batcher.read(loads));
            tokio::select! {
                () = &mut read => continue,
                () = tokio::time::sleep(SLOW_READ) => {}
            }
            self.mark_slow();
            read.await;
        }
    }

    /// Returns the loads that this task reads next. If there are none, the task is done.
    fn next(&mut self) -> Option<Vec<(AggregateId, oneshot::Sender<Found>)>> {
        let mut queue = self.batcher.queue();
        // The other callers no longer wait.
        queue.loads.retain(|(_, sender)| !sender.is_closed());
        let count = queue.loads.len().min(MAX_AGGREGATES);
        if count == 0 || (!self.is_prompt && queue.prompt_count > 0) {
            // Under the same lock, so that a later load starts another task.
            queue.task_count -= 1;
            queue.prompt_count -= usize::from(self.is_prompt);
            self.is_done = true;
            return None;
        }
        if !self.is_prompt {
            (self.is_prompt, queue.prompt_count) = (true, queue.prompt_count + 1);
        }
        Some(queue.loads.drain(..count).collect())
    }

    /// Lets another task read the queued loads.
    fn mark_slow(&mut self) {
        if std::mem::replace(&mut self.is_prompt, false) {
            self.batcher.queue().prompt_count -= 1;
        }
        if !self.batcher.queue().loads.is_empty() {
            self.batcher.start_task();
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        let mut queue = self.batcher.queue();
        queue.task_count -= 1;
        queue.prompt_count -= usize::from(self.is_prompt);
        // The runtime has ended, so the queued loads fail.
        queue.loads.clear();
    }
}
