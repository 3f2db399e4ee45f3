//! Loads of single aggregates: those that come while one is under way are read together by the next.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fluvius_core::off_runtime;
use fluvius_core::{AggregateId, StateRecord, StoreError};
use tokio::sync::oneshot;
use tokio_postgres::Row;

use crate::home::{self, Home};
use crate::read;
use crate::readers::Readers;

/// The largest number of aggregates that are read together.
const ROOT_COUNT_MAX: usize = 256;

/// If a read takes longer, the loads behind it do not wait for it: they are read over another
/// connection.
const PATIENCE: Duration = Duration::from_millis(200);

/// The largest number of reads under way.
const READ_COUNT_MAX: usize = 4;

/// The row as the server gives it; the caller decodes it, since a large state takes its time.
type Found = Result<Row, StoreError>;

/// The loads of a store.
#[derive(Debug)]
pub(crate) struct Loads {
    home: Home,
    readers: Readers,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    loads: Vec<(AggregateId, oneshot::Sender<Found>)>,
    /// The number of tasks that read, and of those within `PATIENCE`: one, unless all are slow.
    task_count: usize,
    prompt_count: usize,
}

impl Loads {
    pub(crate) fn new(home: Home, readers: Readers) -> Self {
        Self { home, readers, waiting: Mutex::default() }
    }

    /// The row of an aggregate, as it is after this was called.
    pub(crate) async fn load(
        self: &Arc<Self>,
        aggregate_id: &AggregateId,
    ) -> Result<Option<StateRecord>, StoreError> {
        let (sender, found) = oneshot::channel();
        self.waiting().loads.push((aggregate_id.clone(), sender));
        self.begin();
        let row = off_runtime(found).await.unwrap_or_else(|_| Err(home::ended()))?;
        Ok(read::state(&row)?)
    }

    /// Starts a task that reads the waiting loads, unless there is one already.
    fn begin(self: &Arc<Self>) {
        let mut waiting = self.waiting();
        if waiting.prompt_count > 0 || waiting.task_count >= READ_COUNT_MAX {
            return;
        }
        waiting.task_count += 1;
        waiting.prompt_count += 1;
        drop(waiting);
        // A task of its own: the caller may go away, and others wait for the same read.
        let task = Task { loads: Arc::clone(self), is_prompt: true, is_done: false };
        self.home.spawn(task.run());
    }

    async fn read(&self, loads: Vec<(AggregateId, oneshot::Sender<Found>)>) {
        let (aggregate_ids, senders): (Vec<_>, Vec<_>) = loads.into_iter().unzip();
        let fault = match read::snapshot_rows(&self.readers, &aggregate_ids).await {
            Ok(rows) => {
                for (sender, row) in senders.into_iter().zip(rows) {
                    drop(sender.send(Ok(row)));
                }
                return;
            }
            Err(fault) => fault,
        };
        let error = StoreError::from(fault);
        // A permanent failure may be caused by one of them.
        let is_of_all = aggregate_ids.len() == 1 || error.is_retryable();
        for (sender, aggregate_id) in senders.into_iter().zip(&aggregate_ids) {
            let row = match is_of_all {
                true => Err(error.clone()),
                false => self.read_alone(aggregate_id).await,
            };
            drop(sender.send(row));
        }
    }

    async fn read_alone(&self, aggregate_id: &AggregateId) -> Found {
        let rows = read::snapshot_rows(&self.readers, std::slice::from_ref(aggregate_id)).await?;
        let row = rows.into_iter().next();
        row.ok_or_else(|| StoreError::permanent("the server has given no row for an aggregate"))
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A task that reads the waiting loads.
struct Task {
    loads: Arc<Loads>,
    is_prompt: bool,
    is_done: bool,
}

impl Task {
    async fn run(mut self) {
        while let Some(loads) = self.next() {
            let all = Arc::clone(&self.loads);
            let mut read = std::pin::pin!(all.read(loads));
            tokio::select! {
                () = &mut read => continue,
                () = tokio::time::sleep(PATIENCE) => {}
            }
            self.be_slow();
            read.await;
        }
    }

    /// Returns the loads that this task reads next. If there are none, the task is done.
    fn next(&mut self) -> Option<Vec<(AggregateId, oneshot::Sender<Found>)>> {
        let mut waiting = self.loads.waiting();
        // The callers of the others do not wait any more.
        waiting.loads.retain(|(_, sender)| !sender.is_closed());
        let count = waiting.loads.len().min(ROOT_COUNT_MAX);
        if count == 0 || (!self.is_prompt && waiting.prompt_count > 0) {
            // Under the same lock: a later load starts a task of its own.
            waiting.task_count -= 1;
            waiting.prompt_count -= usize::from(self.is_prompt);
            self.is_done = true;
            return None;
        }
        if !self.is_prompt {
            (self.is_prompt, waiting.prompt_count) = (true, waiting.prompt_count + 1);
        }
        Some(waiting.loads.drain(..count).collect())
    }

    /// Lets another task read the waiting loads.
    fn be_slow(&mut self) {
        if std::mem::replace(&mut self.is_prompt, false) {
            self.loads.waiting().prompt_count -= 1;
        }
        if !self.loads.waiting().loads.is_empty() {
            self.loads.begin();
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        let mut waiting = self.loads.waiting();
        waiting.task_count -= 1;
        waiting.prompt_count -= usize::from(self.is_prompt);
        // The runtime has ended: no load is read any more, and the waiting ones fail.
        waiting.loads.clear();
    }
}
