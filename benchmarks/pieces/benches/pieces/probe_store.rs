//! The memory store, with what the pieces need to see of its commits.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use fluvius_core::{CommitOutcome, MemoryStore, Store, UnitOfWork, delegate_store};

/// What happened in the commits.
#[derive(Default)]
pub(crate) struct Seen {
    /// When the last commit began and ended.
    pub(crate) commit: Option<(Instant, Instant)>,
    /// The units of work, where they are wanted.
    pub(crate) units: Option<Vec<UnitOfWork>>,
}

#[derive(Clone, Default)]
pub(crate) struct ProbeStore {
    inner: MemoryStore,
    seen: Arc<Mutex<Seen>>,
}

impl ProbeStore {
    /// One that keeps the units of work that it commits.
    pub(crate) fn keeping_units() -> Self {
        let probe = Self::default();
        probe.with(|seen| seen.units = Some(Vec::new()));
        probe
    }

    pub(crate) fn with<T>(&self, see: impl FnOnce(&mut Seen) -> T) -> T {
        see(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Store for ProbeStore {
    async fn commit(&self, batch: Arc<[UnitOfWork]>) -> Vec<CommitOutcome> {
        let start = Instant::now();
        let outcomes = self.inner.commit(Arc::clone(&batch)).await;
        let end = Instant::now();
        self.with(|seen| {
            seen.commit = Some((start, end));
            if let Some(units) = &mut seen.units {
                units.extend(batch.iter().cloned());
            }
        });
        outcomes
    }

    delegate_store! { self => self.inner; except commit }
}
