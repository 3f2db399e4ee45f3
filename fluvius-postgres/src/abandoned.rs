//! Commits whose callers have gone away. They go on, and look-ups of their commands wait for their
//! end.

use std::sync::{Arc, Mutex, PoisonError};

use fluvius_core::UnitOfWork;
use fluvius_core::uuid::Uuid;
use tokio::sync::watch;

/// The commits of a store whose callers no longer wait.
#[derive(Debug, Default)]
pub(crate) struct Abandoned {
    commits: Mutex<Vec<Commit>>,
}

/// The batch of a commit, and a channel that closes when the commit has ended.
#[derive(Debug)]
struct Commit {
    batch: Arc<[UnitOfWork]>,
    running: watch::Receiver<()>,
}

impl Abandoned {
    /// Waits until no abandoned commit can store this command any more.
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
            // An error: the commit has ended.
            while running.changed().await.is_ok() {}
        }
    }

    fn commits(&self) -> std::sync::MutexGuard<'_, Vec<Commit>> {
        self.commits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A caller that waits for a commit.
pub(crate) struct Caller<'a> {
    abandoned: &'a Abandoned,
    commit: Option<Commit>,
}

impl<'a> Caller<'a> {
    /// Registers a caller. Drop the returned sender when the commit has ended.
    pub(crate) fn of(
        abandoned: &'a Abandoned,
        batch: &Arc<[UnitOfWork]>,
    ) -> (Self, watch::Sender<()>) {
        let (sender, running) = watch::channel(());
        let commit = Some(Commit { batch: Arc::clone(batch), running });
        (Self { abandoned, commit }, sender)
    }

    /// Notes that the caller has its answer.
    pub(crate) fn answered(mut self) {
        self.commit = None;
    }
}

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        let Some(commit) = self.commit.take() else { return };
        let mut commits = self.abandoned.commits();
        commits.retain(|commit| commit.running.has_changed().is_ok());
        commits.push(commit);
    }
}
