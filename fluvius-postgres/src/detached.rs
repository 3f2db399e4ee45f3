//! Commits whose callers were dropped. They run to their end, and a look-up of one of their
//! commands waits for it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use fluvius_store::uuid::Uuid;
use fluvius_store::{CommitOutcome, UnitOfWork};
use tokio::sync::watch;

use crate::runtime::StoreRuntime;

/// The detached commits of a store.
#[derive(Debug, Default)]
pub(crate) struct DetachedCommits {
    commits: Mutex<Vec<Commit>>,
}

/// The batch of a commit, and a channel that closes when the commit has ended.
#[derive(Debug)]
struct Commit {
    batch: Arc<[UnitOfWork]>,
    running: watch::Receiver<()>,
}

impl DetachedCommits {
    /// Waits until all detached commits with this command have ended.
    pub(crate) async fn wait_for(&self, command: Uuid) {
        let found: Vec<_> = {
            let mut commits = self.commits();
            commits.retain(|commit| commit.running.has_changed().is_ok());
            let has_it = |commit: &&Commit| {
                commit.batch.iter().flat_map(|unit| &unit.commands).any(|row| row.id == command)
            };
            commits.iter().filter(has_it).map(|commit| commit.running.clone()).collect()
        };
        for mut running in found {
            // An error means that the commit has ended.
            while running.changed().await.is_ok() {}
        }
    }

    fn add(&self, commit: Commit) {
        let mut commits = self.commits();
        commits.retain(|commit| commit.running.has_changed().is_ok());
        commits.push(commit);
    }

    fn commits(&self) -> std::sync::MutexGuard<'_, Vec<Commit>> {
        self.commits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A caller that waits for a commit.
pub(crate) struct CommitCaller<'a> {
    detached: &'a DetachedCommits,
    commit: Option<Commit>,
}

impl<'a> CommitCaller<'a> {
    /// Returns the caller of a commit, and a sender to be dropped when the commit has ended.
    pub(crate) fn new(
        detached: &'a DetachedCommits,
        batch: &Arc<[UnitOfWork]>,
    ) -> (Self, watch::Sender<()>) {
        let (sender, running) = watch::channel(());
        let commit = Some(Commit { batch: Arc::clone(batch), running });
        (Self { detached, commit }, sender)
    }

    /// Ends the wait of a caller that has its outcomes.
    pub(crate) fn answered(mut self) {
        self.commit = None;
    }
}

impl Drop for CommitCaller<'_> {
    fn drop(&mut self) {
        if let Some(commit) = self.commit.take() {
            self.detached.add(commit);
        }
    }
}

/// A commit that its caller polls. If the caller is dropped before the end, the commit continues in
/// a task of the store.
///
/// A caller may also keep the commit without polling it. So the work must hold no lock of the store
/// while it waits.
pub(crate) struct InlineCommit<'a> {
    detached: &'a DetachedCommits,
    runtime: &'a StoreRuntime,
    batch: Arc<[UnitOfWork]>,
    work: Option<Pin<Box<dyn Future<Output = Vec<CommitOutcome>> + Send>>>,
}

impl<'a> InlineCommit<'a> {
    pub(crate) fn new(
        detached: &'a DetachedCommits,
        runtime: &'a StoreRuntime,
        batch: Arc<[UnitOfWork]>,
        work: impl Future<Output = Vec<CommitOutcome>> + Send + 'static,
    ) -> Self {
        Self { detached, runtime, batch, work: Some(Box::pin(work)) }
    }
}

impl Future for InlineCommit<'_> {
    type Output = Vec<CommitOutcome>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // After a panic or its end, the work is not polled again.
        let Some(mut work) = self.work.take() else { return Poll::Pending };
        let polled = work.as_mut().poll(cx);
        if polled.is_pending() {
            self.work = Some(work);
        }
        polled
    }
}

impl Drop for InlineCommit<'_> {
    fn drop(&mut self) {
        let Some(work) = self.work.take() else { return };
        let (sender, running) = watch::channel(());
        self.detached.add(Commit { batch: Arc::clone(&self.batch), running });
        self.runtime.spawn(async move {
            work.await;
            drop(sender);
        });
    }
}
