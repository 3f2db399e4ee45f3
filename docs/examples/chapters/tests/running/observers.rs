//! An observer is notified of the events of a running domain.

// ANCHOR: observers
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use banking_domain::TransactionManagerDomain;
use fluvius::{Domain, DomainContext, MemoryStore, Observer, RuntimeEvent};
use guide_chapters::open_account;

/// Counts the events that were stored.
#[derive(Clone, Default)]
struct EventCount(Arc<AtomicU64>);

impl Observer for EventCount {
    fn on_event(&self, event: &RuntimeEvent<'_>) {
        if let RuntimeEvent::EventCommitted { .. } = event {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[tokio::test]
async fn an_observer_counts_the_stored_events() -> Result<(), Box<dyn std::error::Error>> {
    let count = EventCount::default();
    let domain = TransactionManagerDomain::builder(MemoryStore::new())
        .observer(count.clone())
        .build()
        .await?;
    let session = domain.session(DomainContext::create("desk"));

    open_account(&session, 0).await?;
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
    Ok(())
}
// ANCHOR_END: observers
