//! What every stage of a domain may use; the same for all commands.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::Metrics;
use crate::clock::Clock;
use crate::domain::Meta;
use crate::ids::Ids;
use crate::policy::ErasedPolicy;
use crate::registry::Registry;
use crate::sequencer::Limits;
use crate::signal::{Listener, Signal};
use crate::store::ErasedStore;
use crate::sync::Notify;

pub(crate) struct Environment {
    pub(crate) meta: &'static Meta,
    pub(crate) registry: Registry,
    pub(crate) store: Arc<dyn ErasedStore>,
    pub(crate) policy: Option<Box<dyn ErasedPolicy>>,
    pub(crate) listeners: Vec<Box<dyn Listener>>,
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) ids: Box<dyn Ids>,
    pub(crate) metrics: Metrics,
    /// Tells those who follow a log that something was stored.
    pub(crate) committed: Arc<Notify>,
    pub(crate) settings: Settings,
}

/// What the builder of a runtime sets.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) deadline: Duration,
    pub(crate) settle_time: Duration,
    pub(crate) command_count_max: usize,
    pub(crate) limits: Limits,
    pub(crate) record_refusals: bool,
    pub(crate) recorded_headers: Vec<String>,
    /// Looks at what actions leave, for a test.
    #[cfg(feature = "testing")]
    pub(crate) inspector: Option<crate::testing::inspector::Inspector>,
}

impl Environment {
    /// Tells every listener; one that panics is logged, and the others are told all the same.
    pub(crate) fn tell(&self, signal: &Signal<'_>) {
        for listener in &self.listeners {
            let told = std::panic::AssertUnwindSafe(|| listener.signal(signal));
            if std::panic::catch_unwind(told).is_err() {
                tracing::error!(domain = self.meta.namespace, "a listener panicked");
            }
        }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("domain", &self.meta.namespace)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
