//! Turns: commands of one root are decided one after the other, in the order of their coming.
//!
//! A turn saves commands from losing to each other; that they do not is checked at the commit.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Mutex as FairMutex, OwnedMutexGuard};

use crate::root::AggregateRoot;

/// The roots that have a turn out or a command waiting for one.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    roots: Mutex<HashMap<AggregateRoot, Arc<FairMutex<()>>>>,
}

impl Turns {
    /// Waits for the turn of one root.
    ///
    /// # Cancellation
    /// Dropping the future gives up the place in the queue.
    pub(crate) async fn take(self: &Arc<Self>, root: &AggregateRoot) -> Turn {
        let lock = {
            let mut roots = self.roots.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(roots.entry(root.clone()).or_default())
        };
        let mut turn = Turn {
            turns: Arc::clone(self),
            root: root.clone(),
            lock: Arc::clone(&lock),
            guard: None,
        };
        turn.guard = Some(lock.lock_owned().await);
        turn
    }

    /// Waits for the turns of several roots, always in the same order, so that two that want
    /// the same ones do not wait for each other.
    pub(crate) async fn take_all(
        self: &Arc<Self>,
        roots: impl Iterator<Item = &AggregateRoot>,
    ) -> Vec<Turn> {
        let sorted: BTreeSet<&AggregateRoot> = roots.collect();
        let mut turns = Vec::with_capacity(sorted.len());
        for root in sorted {
            turns.push(self.take(root).await);
        }
        turns
    }
}

/// The turn of one root, or a place in its queue; given back when dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    turns: Arc<Turns>,
    root: AggregateRoot,
    lock: Arc<FairMutex<()>>,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.guard = None;
        let mut roots = self.turns.roots.lock().unwrap_or_else(PoisonError::into_inner);
        // The map's own and this one: nobody else holds or awaits the turn.
        if Arc::strong_count(&self.lock) == 2 {
            roots.remove(&self.root);
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn nothing_is_kept_of_a_root_that_nobody_works_on() {
        let turns = Arc::new(Turns::default());
        let root = AggregateRoot::new("thing", Uuid::from_u128(1));
        let first = turns.take(&root).await;
        let mut waiting = Box::pin(turns.take(&root));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        drop(first);
        assert!(futures_util::poll!(&mut waiting).is_ready());
        let third = turns.take(&root).await;
        let gave_up = turns.take(&root);
        drop(gave_up);
        drop(third);
        assert!(turns.roots.lock().unwrap().is_empty());
    }
}
