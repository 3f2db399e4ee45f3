//! The memory store with a probe of its commits.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use fluvius_core::{CommitOutcome, MemoryStore, Store, UnitOfWork, delegate_store};

/// The data recorded in commits.
#[derive(Default)]
pub(crate) struct Seen {
    /// The begin and the end of the last commit.
    pub(crate) commit: Option<(Instant, Instant)>,
    /// The committed units of work, if the probe keeps them.
    pub(crate) units: Option<Vec<UnitOfWork>>,
}

#[derive(Clone, Default)]
pub(crate) struct ProbeStore {
    inner: MemoryStore,
    seen: Arc<Mutex<Seen>>,
}

impl ProbeStore {
    /// Creates a store that keeps the units of work that it commits.
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
