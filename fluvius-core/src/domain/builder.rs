//! The builder of a runtime: collects the settings of a domain, and checks all of them at once.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use super::DomainRuntime;
use crate::clock::{Clock, SystemClock};
use crate::id_generator::{IdGenerator, UuidV7};
use crate::model::{AggregateDescriptor, BuildError, DomainMetadata, Inspector, Registry};
use crate::observability::{Metrics, Outages};
use crate::observer::Observer;
use crate::policy::{ErasedPolicy, Policy};
use crate::processor::{Processor, Services, Settings};
use crate::scheduler::Limits;
use crate::sync::{Home, Notify};
use fluvius_store::query::Field;
use fluvius_store::{DynStore, Store};

/// A builder for a [`DomainRuntime`].
///
/// # Examples
///
/// ```
/// # use fluvius_core::{Domain, MemoryStore};
/// # async fn run<D: Domain>() -> Result<(), fluvius_core::BuildError> {
/// let domain = D::builder(MemoryStore::new())
///     .timeout(std::time::Duration::from_secs(5))
///     .record_rejections(false)
///     .build()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "call `build`"]
pub struct RuntimeBuilder {
    metadata: &'static DomainMetadata,
    aggregates: &'static [&'static AggregateDescriptor],
    store: DynStore,
    policy: Option<Box<dyn ErasedPolicy>>,
    observers: Vec<Box<dyn Observer>>,
    clock: Box<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
    settings: Settings,
}

impl RuntimeBuilder {
    #[doc(hidden)]
    pub fn new(
        metadata: &'static DomainMetadata,
        aggregates: &'static [&'static AggregateDescriptor],
        store: impl Store,
    ) -> Self {
        Self {
            metadata,
            aggregates,
            store: DynStore::new(store),
            policy: None,
            observers: Vec::new(),
            clock: Box::new(SystemClock),
            ids: Arc::new(UuidV7),
            settings: Settings {
                timeout: Duration::from_secs(30),
                outcome_timeout: Duration::from_secs(30),
                max_in_flight: 4096,
                max_payload_bytes: 1 << 20,
                limits: Limits {
                    max_batch_units: 512,
                    max_batch_bytes: 4 << 20,
                    cache_capacity: 64 << 20,
                    max_attempts: 32,
                    lease_from_conflict: 5,
                    #[cfg(feature = "__test_seams")]
                    mutant: None,
                },
                record_rejections: true,
                read_back: true,
                inspector: None,
                recorded_headers: [
                    "idempotency-key",
                    "if-match",
                    "traceparent",
                    "user-agent",
                    "x-request-id",
                ]
                .map(str::to_owned)
                .to_vec(),
            },
        }
    }

    /// Sets the policy, which decides which sender may send which command. Without a policy every
    /// command is allowed, and the runtime logs this at start-up.
    pub fn policy(mut self, policy: impl Policy) -> Self {
        self.policy = Some(Box::new(policy));
        self
    }

    /// Adds an observer. Observers are notified in the order of their addition.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observers.push(Box::new(observer));
        self
    }

    /// Sets the timeout of an action without a `timeout` of its own. Default: 30 s. It covers the
    /// actions that it invokes. [`build`](Self::build) fails if it is 0.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// Sets the maximum number of attempts of a command that end in a version conflict with another
    /// process. After that the command ends with `conflict`. Default: 32.
    pub fn max_attempts(mut self, attempts: std::num::NonZeroU32) -> Self {
        self.settings.limits.max_attempts = attempts.get();
        self
    }

    /// Sets the maximum number of commands in flight. Default: 4,096. A further command waits until
    /// one is answered, or fails with `overloaded` if its session [fails
    /// fast](crate::Session::fail_fast).
    pub fn max_in_flight(mut self, commands: std::num::NonZeroU16) -> Self {
        self.settings.max_in_flight = commands.get().into();
        self
    }

    /// Sets the maximum size of the JSON text of a payload, in bytes. Default: 1 MiB. A larger
    /// payload fails with `too-large` before it is decoded. The `body_limit` of an action replaces
    /// it. [`build`](Self::build) fails if it is 0.
    pub fn max_payload_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_payload_bytes = bytes;
        self
    }

    /// Sets the maximum number of units of work in one commit. Default: 512.
    pub fn max_batch_units(mut self, units: std::num::NonZeroUsize) -> Self {
        self.settings.limits.max_batch_units = units.get();
        self
    }

    /// Sets the maximum estimated size of the cached states of idle aggregates, in bytes. Default:
    /// 64 MiB. With 0, each command reads its aggregate from the store.
    pub fn cache_capacity(mut self, bytes: usize) -> Self {
        self.settings.limits.cache_capacity = bytes;
        self
    }

    /// Sets the maximum time to wait for a store that was lost during a commit. After that the
    /// command ends with `outcome-unknown`. Default: 30 s. With 0, the store is queried once.
    pub fn outcome_timeout(mut self, time: Duration) -> Self {
        self.settings.outcome_timeout = time;
        self
    }

    /// Enables the recording of rejected commands. Default: `true`. A rejection that is not
    /// recorded is not replayed for the same command id.
    pub fn record_rejections(mut self, record: bool) -> Self {
        self.settings.record_rejections = record;
        self
    }

    /// Enables the check that reads back each new state from the JSON to be stored. Default:
    /// `true`.
    ///
    /// The cache holds the value that was read back, so all processes decide on the same state,
    /// whatever serde omits. If a state, or an event's arguments or data, cannot be read back, the
    /// command ends with `invalid-state` and nothing is stored. Cost: decoding one state per
    /// aggregate that a command changes.
    pub fn read_back(mut self, read_back: bool) -> Self {
        self.settings.read_back = read_back;
        self
    }

    /// Sets the recorded headers of a context. Replaces the default list: `idempotency-key`,
    /// `if-match`, `traceparent`, `user-agent`, `x-request-id`.
    pub fn recorded_headers<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.settings.recorded_headers = names.into_iter().map(str::to_ascii_lowercase).collect();
        self
    }

    /// Plants a fault that the tests of the runtime must detect.
    #[cfg(feature = "__test_seams")]
    #[doc(hidden)]
    pub fn plant(mut self, mutant: crate::mutants::Mutant) -> Self {
        self.settings.limits.mutant = Some(mutant);
        self
    }

    /// Sets the number of version conflicts from which on a command requires a lease. Tests of
    /// leases set a small one.
    #[cfg(feature = "__test_seams")]
    #[doc(hidden)]
    pub fn lease_from_conflict(mut self, count: u32) -> Self {
        self.settings.limits.lease_from_conflict = count;
        self
    }

    /// Sets the inspector of the states that actions leave.
    #[doc(hidden)]
    pub fn inspector(mut self, inspector: Arc<dyn Inspector>) -> Self {
        self.settings.inspector = Some(inspector);
        self
    }

    /// Sets the clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Sets the generator of ids.
    pub fn id_generator(mut self, ids: impl IdGenerator) -> Self {
        self.ids = Arc::new(ids);
        self
    }

    /// Builds the runtime. It runs on the current tokio runtime, which must have time enabled and
    /// must live as long as the domain is used.
    ///
    /// # Errors
    /// [`BuildError::NoRuntime`] outside of a tokio runtime, and [`BuildError::NoTimers`] on one
    /// without timers; [`BuildError::Domain`] with all collisions between the aggregate types;
    /// [`BuildError::Setting`] if a setting is out of range; [`BuildError::Store`] if the store
    /// does not accept the domain.
    pub async fn build(self) -> Result<DomainRuntime, BuildError> {
        let namespace = self.metadata.namespace;
        let home = Home::current().ok_or(BuildError::NoRuntime { namespace })?;
        if !Home::has_timers() {
            return Err(BuildError::NoTimers { namespace });
        }
        let registry = Registry::build(self.metadata, self.aggregates)?;
        if self.settings.timeout.is_zero() {
            return Err(BuildError::Setting {
                namespace,
                setting: "timeout",
                range: "more than 0, since an action that waits for anything would always be out \
                    of time",
            });
        }
        if self.settings.max_payload_bytes == 0 {
            return Err(BuildError::Setting {
                namespace,
                setting: "max_payload_bytes",
                range: "more than 0, since every command would be too large",
            });
        }
        let resources: Vec<&'static str> = registry.resources().collect();
        let registered = self.store.register_domain(self.metadata.namespace, &resources).await;
        let failed = |source| BuildError::Store { namespace, source };
        registered.map_err(failed)?;
        for resource in resources {
            let aggregate = registry.aggregate(resource);
            let indexes = aggregate.map_or(&[][..], |aggregate| aggregate.indexes);
            let fields: Vec<Field> = indexes.iter().map(Field::from).collect();
            self.store.declare_indexes(resource, &fields).await.map_err(failed)?;
        }
        self.log_start();
        Ok(DomainRuntime::new(Processor::new(Services {
            metadata: self.metadata,
            registry: Arc::new(registry),
            store: self.store,
            policy: self.policy,
            observers: self.observers,
            clock: self.clock,
            outages: Arc::new(Outages::new(self.metadata.namespace, Arc::clone(&self.ids))),
            ids: self.ids,
            metrics: Metrics::new(self.metadata),
            committed: Arc::new(Notify::new()),
            home,
            lease_timeouts: AtomicU64::new(0),
            settings: self.settings,
        })))
    }

    fn log_start(&self) {
        let (domain, revision) = (self.metadata.namespace, self.metadata.revision);
        if self.policy.is_some() {
            tracing::info!(domain, revision, "domain started, with a policy");
        } else {
            tracing::warn!(
                domain,
                revision,
                "domain started without a policy: every command is allowed"
            );
        }
        #[cfg(feature = "inventory")]
        for aggregate in crate::model::registry::linked::orphans() {
            let ours = self.aggregates.iter().any(|own| own.type_name() == aggregate.type_name());
            if !ours {
                tracing::warn!(
                    aggregate = aggregate.type_name(),
                    place = %aggregate.location,
                    "a linked aggregate belongs to no domain: name it in \
                    `#[domain(aggregates(..))]`"
                );
            }
        }
    }
}

impl fmt::Debug for RuntimeBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuntimeBuilder")
            .field("domain", &self.metadata.namespace)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
