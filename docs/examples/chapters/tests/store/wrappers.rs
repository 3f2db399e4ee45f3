//! A wrapper around a store delegates the methods that it does not change.

// ANCHOR: wrapper
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fluvius::{CommitOutcome, ContextRecord, MemoryStore, Store, UnitOfWork, delegate_store};
use uuid::Uuid;

/// A store that counts its batches.
struct Counting<S> {
    inner: S,
    batches: AtomicUsize,
}

impl<S: Store> Store for Counting<S> {
    async fn commit(&self, batch: Arc<[UnitOfWork]>) -> Vec<CommitOutcome> {
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.inner.commit(batch).await
    }

    delegate_store! { self => self.inner; except commit }
}

#[tokio::test]
async fn a_committed_batch_is_counted() {
    let store = Counting { inner: MemoryStore::new(), batches: AtomicUsize::new(0) };
    let context = ContextRecord::new(Uuid::new_v4(), "bank", "test");
    let unit = UnitOfWork::new(Arc::new(context));
    let outcomes = store.commit(Arc::new([unit])).await;
    assert!(matches!(outcomes[..], [CommitOutcome::Committed { .. }]));
    assert_eq!(store.batches.load(Ordering::Relaxed), 1);
}
// ANCHOR_END: wrapper
