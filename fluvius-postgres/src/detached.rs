//! Commits whose callers were dropped. They run to their end, and a look-up of one of their
//! commands waits for it.

use std::sync::{Arc, Mutex, PoisonError};

use fluvius_store::UnitOfWork;
use fluvius_store::uuid::Uuid;
use tokio::sync::watch;

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
        let Some(commit) = self.commit.take() else { return };
        let mut commits = self.detached.commits();
        commits.retain(|commit| commit.running.has_changed().is_ok());
        commits.push(commit);
    }
}
