//! The running form of a domain.

use std::sync::Arc;

use uuid::Uuid;

use super::{LogReader, Session};
use crate::error::Error;
use crate::model::{DomainContext, DomainMetadata, Registry};
use crate::processor::Processor;
use crate::states::StateManager;
use crate::subscriptions::{Health, Subscribe, Subscriptions, Worker};
use fluvius_store::RealmFilter;

/// A domain that runs on a store. Cheap to clone; all clones share one runtime.
///
/// Its tasks run on the tokio runtime that it was built on. That runtime must have time enabled,
/// and must live as long as the domain is used. Once it has ended, every command ends with
/// `shutting-down`. Commands may be sent from any tokio runtime. A `current_thread` runtime makes
/// progress only while it blocks on a future. So build a domain for several runtimes on a
/// multi-threaded one.
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
    worker: Arc<Worker>,
}

impl DomainRuntime {
    pub(crate) fn new(processor: Arc<Processor>) -> Self {
        Self { worker: Worker::new(Arc::clone(&processor)), processor }
    }

    /// Returns the metadata of the domain.
    pub fn metadata(&self) -> &'static DomainMetadata {
        self.processor.services.metadata
    }

    /// Returns the aggregate types and actions of the domain.
    pub fn registry(&self) -> &Registry {
        &self.processor.services.registry
    }

    /// Creates a session for the commands of one sender. The session has one row in the context
    /// log, written with its first command.
    pub fn session(&self, context: DomainContext) -> Session {
        let sender = self.processor.services.sender(context);
        Session::new(Arc::clone(&self.processor), sender)
    }

    /// Returns a new id of the runtime's [`IdGenerator`](crate::IdGenerator).
    pub fn generate_id(&self) -> Uuid {
        self.processor.services.ids.generate()
    }

    /// Stops the subscriptions, and waits up to 5 s for the answers of their deliveries. Then it
    /// stops accepting commands, and waits until all accepted ones are answered. Further commands
    /// fail with `shutting-down`. Then the runtime releases its handle of the store
    /// ([`Store::release`](crate::Store::release)).
    ///
    /// If the program has no other handle of the store, the store is closed when this returns.
    /// Reads of this runtime's state managers and log readers then fail with `store-unavailable`.
    /// While the program keeps a clone of the store, they continue to work.
    ///
    /// # Cancellation
    /// If the future is dropped, the wait stops, but commands are still not accepted. The store is
    /// released by a further call, or when the runtime is dropped.
    pub async fn shutdown(&self) {
        self.worker.shut_down().await;
        self.processor.shut_down().await;
    }

    /// Returns a reader of the stored states of all realms.
    pub fn statemgr(&self) -> StateManager {
        let services = &self.processor.services;
        StateManager::new(services.store.clone(), Arc::clone(&services.registry), RealmFilter::All)
    }

    /// Returns a reader of the logs of all realms.
    pub fn log(&self) -> LogReader {
        LogReader::new(&self.processor.services, RealmFilter::All)
    }

    /// Returns a builder of a subscription: a named reader of the event log that stores its
    /// progress. Its name is kebab case, and each name is one subscription of the domain.
    pub fn subscribe(&self, name: &str) -> Subscribe {
        Subscribe::new(Arc::clone(&self.worker), name)
    }

    /// Returns the subscriptions of the domain, for operators.
    pub fn subscriptions(&self) -> Subscriptions {
        Subscriptions::new(Arc::clone(&self.worker))
    }

    /// Returns the health of the domain's work on its logs.
    ///
    /// # Errors
    /// `store-unavailable`, `store-error`.
    pub async fn health(&self) -> Result<Health, Error> {
        self.subscriptions().health().await
    }

    /// Returns the leases that this runtime holds or has requested.
    #[cfg(feature = "__test_seams")]
    #[doc(hidden)]
    pub fn lease_states(&self) -> Vec<crate::lease_cycles::LeaseState> {
        self.processor.shared().scheduler.lease_states()
    }

    /// Returns the number of waits for a lease that have reached their bound.
    #[cfg(feature = "__test_seams")]
    #[doc(hidden)]
    pub fn lease_timeout_count(&self) -> u64 {
        self.processor.services.lease_timeouts.load(std::sync::atomic::Ordering::Relaxed)
    }
}
