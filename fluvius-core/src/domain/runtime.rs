//! The running form of a domain.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{LogReader, Session};
use crate::model::{DomainContext, DomainMetadata, Registry};
use crate::processor::{Processor, Sender};
use crate::states::StateManager;
use fluvius_store::RealmFilter;

/// A domain at work over a store. Cheap to clone; clones are the same runtime.
///
/// It works in tasks of the tokio runtime in which it was built. That runtime needs time enabled, and must live as long
/// as the domain is used: once it has ended, every command ends in `shutting-down`. Commands may be sent from any tokio
/// runtime. A `current_thread` runtime does this work only while something runs in it, so build a domain that several
/// runtimes use in one with worker threads.
///
/// # Examples
///
/// ```
/// # use fluvius_core::{Domain, DomainContext, MemoryStore};
/// # async fn run<D: Domain>() -> Result<(), Box<dyn std::error::Error>> {
/// let domain = D::runtime(MemoryStore::new()).await?;
/// for action in domain.registry().actions() {
///     println!("{} on {}", action.key, action.resources.join(", "));
/// }
/// let session = domain.session(DomainContext::create("front desk"));
/// // .. commands ..
/// println!("{} events", domain.log().events().await?.rows.len());
/// domain.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct DomainRuntime {
    processor: Arc<Processor>,
}

impl DomainRuntime {
    pub(crate) fn new(processor: Arc<Processor>) -> Self {
        Self { processor }
    }

    /// What the domain says of itself.
    pub fn metadata(&self) -> &'static DomainMetadata {
        self.processor.services.metadata
    }

    /// The domain's aggregate types and actions.
    pub fn registry(&self) -> &Registry {
        &self.processor.services.registry
    }

    /// A session: the commands of one sender. It has one row in the context log, written with
    /// its first command.
    pub fn session(&self, context: DomainContext) -> Session {
        let services = &self.processor.services;
        let recorded = &services.settings.recorded_headers;
        let headers: BTreeMap<String, String> = context
            .headers
            .iter()
            .filter(|(name, _)| recorded.contains(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let record = context.record(services.ids.generate(), services.metadata, headers);
        let sender = Sender::new(context, record);
        Session::new(Arc::clone(&self.processor), sender)
    }

    /// Accepts no more commands, waits until all that were accepted are answered, and leaves
    /// the rest with `shutting-down`. Then it gives up its handle of the store
    /// ([`Store::release`](crate::Store::release)).
    ///
    /// If the program has no other handle of the store, the store is closed when this returns:
    /// state managers and log readers of this runtime then read `store-unavailable`. As long as
    /// the program keeps a clone of the store, they go on reading.
    ///
    /// # Cancellation
    /// If the future is dropped, the wait stops, but commands are still not accepted any more. The store is given up by
    /// a further call, or when the runtime is dropped.
    pub async fn shutdown(&self) {
        self.processor.shut_down().await;
    }

    /// The program's own view of the stored state: all realms.
    pub fn statemgr(&self) -> StateManager {
        StateManager::new(self.processor.services.store.clone(), RealmFilter::All)
    }

    /// The program's own view of the logs: all realms.
    pub fn log(&self) -> LogReader {
        LogReader::new(&self.processor.services, RealmFilter::All)
    }

    /// Returns the turns across processes that this runtime has, or has asked for.
    #[cfg(feature = "__test_seams")]
    #[doc(hidden)]
    pub fn lease_states(&self) -> Vec<crate::lease_states::LeaseState> {
        self.processor.shared().scheduler.lease_states()
    }

    /// Number of waits for a turn across processes that have reached their bound.
    #[cfg(feature = "__test_seams")]
    #[doc(hidden)]
    pub fn lease_timeout_count(&self) -> u64 {
        self.processor.services.lease_timeouts.load(std::sync::atomic::Ordering::Relaxed)
    }
}
