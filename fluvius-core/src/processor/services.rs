//! The services of a running domain, shared by all stages and commands.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::task::Sender;
use crate::clock::{self, Clock};
use crate::id_generator::IdGenerator;
use crate::model::{DomainContext, DomainMetadata, Inspector, Registry};
use crate::observability::{Metrics, Outages};
use crate::observer::{Observer, RuntimeEvent};
use crate::policy::ErasedPolicy;
use crate::scheduler::Limits;
use crate::sync::{Home, Notify};
use crate::unwind;
use fluvius_store::DynStore;

pub(crate) struct Services {
    pub(crate) metadata: &'static DomainMetadata,
    pub(crate) registry: Arc<Registry>,
    pub(crate) store: DynStore,
    pub(crate) policy: Option<Box<dyn ErasedPolicy>>,
    pub(crate) observers: Vec<Box<dyn Observer>>,
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) ids: Arc<dyn IdGenerator>,
    pub(crate) metrics: Metrics,
    /// Notified of each commit, to wake the followers of a log.
    pub(crate) committed: Arc<Notify>,
    /// The tokio runtime of the domain, for the tasks that callers share.
    pub(crate) home: Home,
    /// Number of waits for a lease that have reached their bound.
    pub(crate) lease_timeouts: AtomicU64,
    pub(crate) outages: Arc<Outages>,
    pub(crate) settings: Settings,
}

/// The settings of a runtime.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) timeout: Duration,
    pub(crate) outcome_timeout: Duration,
    pub(crate) max_in_flight: usize,
    pub(crate) max_payload_bytes: usize,
    pub(crate) limits: Limits,
    pub(crate) record_rejections: bool,
    pub(crate) recorded_headers: Vec<String>,
    /// Set if states are read back from the JSON to be stored.
    pub(crate) read_back: bool,
    /// The inspector of the states that actions leave, for tests.
    pub(crate) inspector: Option<Arc<dyn Inspector>>,
}

impl Services {
    /// Returns the current time of the domain's clock.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        clock::to_microseconds(self.clock.now())
    }

    /// Returns a sender with a context of its own.
    pub(crate) fn sender(&self, context: DomainContext) -> Sender {
        let recorded = &self.settings.recorded_headers;
        let headers = context.headers.iter().filter(|(name, _)| recorded.contains(name));
        let headers = headers.map(|(name, value)| (name.clone(), value.clone())).collect();
        let record = context.record(self.ids.generate(), self.metadata, headers);
        Sender::new(context, record)
    }

    /// Notifies all observers. If one panics, the panic is logged and the others are still
    /// notified.
    pub(crate) fn notify(&self, event: &RuntimeEvent<'_>) {
        for observer in &self.observers {
            if unwind::catch(|| observer.on_event(event)).is_none() {
                tracing::error!(domain = self.metadata.namespace, "an observer panicked");
            }
        }
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services")
            .field("domain", &self.metadata.namespace)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
