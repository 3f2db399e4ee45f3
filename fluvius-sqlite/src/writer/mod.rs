//! The writer: one thread with the only connection that writes.
//!
//! The jobs that wait at the end of a transaction form the next one (group commit). The writer does
//! not wait for further jobs. It runs no actions, and reads only for a store in memory.

mod cache;
mod dictionary;
mod domains;
mod group_commit;
mod indexes;
mod overlay;
mod rows;
mod thread;
mod transaction;
mod validate;
mod work;
mod write_lease;

#[cfg(test)]
pub(crate) mod tests;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};

use fluvius_store::query::Field;
use fluvius_store::work::Incarnation;
use fluvius_store::{CommitOutcome, StoreError, UnitOfWork};
use tokio::sync::oneshot;

use crate::connection::{OpenGuard, ReadJob};
use crate::database_path::DatabasePath;
use crate::error::{store_closed, thread_lost};
use thread::{ThreadHandle, spawn};
pub(crate) use work::WorkCall;

/// A request to the writer.
pub(crate) enum Job {
    Commit(Commit),
    RegisterDomain {
        domain: String,
        resources: Vec<&'static str>,
        answer: oneshot::Sender<Result<(), StoreError>>,
    },
    /// Declares the fields of a resource, if any are given, and does a part of the remaining work.
    /// The answer is true if more may remain.
    DeclareIndexes {
        resource: String,
        fields: Option<Vec<Field>>,
        answer: oneshot::Sender<Result<bool, StoreError>>,
    },
    /// Writes work rows.
    WriteWork(WorkCall),
    /// Returns the incarnation.
    Incarnation(oneshot::Sender<Result<Incarnation, StoreError>>),
    /// Resolves a commit that is in doubt.
    ResolveInDoubt(oneshot::Sender<Result<(), StoreError>>),
    /// Reads, for a store in memory.
    Read(ReadJob),
    /// Checkpoints the write-ahead log, as far as no reader needs it.
    Checkpoint(oneshot::Sender<()>),
}

/// A batch, and the receiver of its outcomes.
pub(crate) struct Commit {
    pub(crate) batch: Arc<[UnitOfWork]>,
    pub(crate) answer: oneshot::Sender<Vec<CommitOutcome>>,
}

/// The handle of the writer's thread.
#[derive(Debug)]
pub(crate) struct Writer {
    database: Arc<DatabasePath>,
    handle: Mutex<ThreadHandle>,
    has_in_doubt: Arc<AtomicBool>,
}

impl Writer {
    /// Opens the store's connection in a thread of its own.
    pub(crate) async fn start(database: Arc<DatabasePath>) -> Result<Self, StoreError> {
        let has_in_doubt = Arc::new(AtomicBool::new(false));
        let (opened, is_opened) = oneshot::channel();
        let handle = spawn(Arc::clone(&database), Arc::clone(&has_in_doubt), Some(opened))?;
        is_opened.await.map_err(|_| thread_lost())??;
        Ok(Self { database, handle: Mutex::new(handle), has_in_doubt })
    }

    /// Sends a job. If the thread has ended, starts another one.
    pub(crate) fn send(&self, job: Job) -> Result<(), StoreError> {
        let mut handle = self.handle();
        let open = handle.open.as_ref().ok_or_else(store_closed)?;
        let Err(mpsc::SendError(job)) = open.jobs.send(job) else { return Ok(()) };
        if self.database.file.is_none() {
            return Err(StoreError::permanent("the store in memory is lost with its thread"));
        }
        *handle = spawn(Arc::clone(&self.database), Arc::clone(&self.has_in_doubt), None)?;
        handle.open.as_ref().ok_or_else(store_closed)?.jobs.send(job).map_err(|_| thread_lost())
    }

    /// Accepts no more jobs. The thread closes the file after its remaining jobs, once the other
    /// threads have closed it.
    pub(crate) fn end(&self) {
        self.handle().open = None;
    }

    /// Waits until the file is closed, after [`end`](Self::end).
    pub(crate) async fn closed(&self) -> Result<(), StoreError> {
        let mut closed = self.handle().closed.clone();
        let ended = closed.wait_for(Option::is_some).await;
        ended.map_or_else(|_| Err(thread_lost()), |ended| ended.clone().unwrap_or(Ok(())))
    }

    /// Returns the file, unless the store is in memory.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.database.file.as_deref()
    }

    /// Returns true if a commit is in doubt.
    pub(crate) fn has_in_doubt(&self) -> bool {
        self.has_in_doubt.load(Ordering::Acquire)
    }

    /// Returns the guard for another thread that opens the file.
    pub(crate) fn open_guard(&self) -> Result<OpenGuard, StoreError> {
        Ok(self.handle().open.as_ref().ok_or_else(store_closed)?.open_guard.clone())
    }

    /// Ends the thread, to simulate its loss.
    #[cfg(test)]
    fn lose(&self) {
        let (jobs, _) = mpsc::channel();
        if let Some(open) = &mut self.handle().open {
            open.jobs = jobs;
        }
    }

    fn handle(&self) -> MutexGuard<'_, ThreadHandle> {
        self.handle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
