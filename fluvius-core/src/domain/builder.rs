//! Building a runtime: the settings of a domain, then all checks at once.

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

/// Sets up a [`DomainRuntime`].
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

    /// Sets the policy, which decides who may send which command. Without a policy every command is allowed, and the start-up
    /// log says so.
    pub fn policy(mut self, policy: impl Policy) -> Self {
        self.policy = Some(Box::new(policy));
        self
    }

    /// Adds a listener; listeners are told in the order in which they were added.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observers.push(Box::new(observer));
        self
    }

    /// The longest time of an action that sets no `timeout` of its own; 30 s unless set. It covers
    /// the actions that it invokes. [`build`](Self::build) refuses 0.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// The largest number of times that a command is decided while others keep changing its aggregates, before
    /// it ends in `conflict`: 32 times unless set.
    pub fn max_attempts(mut self, attempts: std::num::NonZeroU32) -> Self {
        self.settings.limits.max_attempts = attempts.get();
        self
    }

    /// The largest number of commands in work at once; 4,096 unless set. A further one waits for a
    /// place, or ends in `overloaded` where its session
    /// [does not wait](crate::Session::fail_fast).
    pub fn max_in_flight(mut self, commands: std::num::NonZeroU16) -> Self {
        self.settings.max_in_flight = commands.get().into();
        self
    }

    /// Sets the most bytes of the JSON text of a payload; 1 MiB unless set. A command with more ends in `too-large` before
    /// its payload is decoded. [`build`](Self::build) refuses 0.
    pub fn max_payload_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_payload_bytes = bytes;
        self
    }

    /// The largest number of units of work of one commit; 512 unless set.
    pub fn max_batch_units(mut self, units: std::num::NonZeroUsize) -> Self {
        self.settings.limits.max_batch_units = units.get();
        self
    }

    /// The largest size of the cached states of aggregates at rest, by estimate, in bytes; 64 MiB unless
    /// set. With 0 each command reads its aggregate from the store.
    pub fn cache_capacity(mut self, bytes: usize) -> Self {
        self.settings.limits.cache_capacity = bytes;
        self
    }

    /// The longest wait for a store that went away during a commit, before the command ends in
    /// `outcome-unknown`; 30 s unless set. With 0 the store is asked once.
    pub fn outcome_timeout(mut self, time: Duration) -> Self {
        self.settings.outcome_timeout = time;
        self
    }

    /// Sets whether rejected commands are recorded; `true` unless set. The
    /// answer to one that is not recorded is not given again under the same identifier.
    pub fn record_rejections(mut self, record: bool) -> Self {
        self.settings.record_rejections = record;
        self
    }

    /// Sets whether each state that a command leaves is read back from the JSON to be stored;
    /// `true` unless set.
    ///
    /// The value read back is cached, so every process decides on the same state, whatever serde
    /// leaves out. If a state, or an event's arguments or data, cannot be read back, the command
    /// ends in `invalid-state` and nothing is stored. Cost: one state is decoded for each aggregate type
    /// that a command changes.
    pub fn read_back(mut self, read_back: bool) -> Self {
        self.settings.read_back = read_back;
        self
    }

    /// Sets the headers of a context that are recorded; replaces the usual list: `idempotency-key`,
    /// `if-match`, `traceparent`, `user-agent`, `x-request-id`.
    pub fn recorded_headers<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.settings.recorded_headers = names.into_iter().map(str::to_ascii_lowercase).collect();
        self
    }

    /// Plants a fault that tests of the runtime must find.
    #[cfg(feature = "__test_seams")]
    #[doc(hidden)]
    pub fn plant(mut self, mutant: crate::mutants::Mutant) -> Self {
        self.settings.limits.mutant = Some(mutant);
        self
    }

    /// Sets the inspector of the states that actions leave.
    #[doc(hidden)]
    pub fn inspector(mut self, inspector: Arc<dyn Inspector>) -> Self {
        self.settings.inspector = Some(inspector);
        self
    }

    /// Sets the source of times.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Sets the source of identifiers.
    pub fn id_generator(mut self, ids: impl IdGenerator) -> Self {
        self.ids = Arc::new(ids);
        self
    }

    /// Builds the runtime. It works on the tokio runtime in which this is called, which needs time
    /// enabled and must live as long as the domain is used.
    ///
    /// # Errors
    /// [`BuildError::NoRuntime`] outside of a tokio runtime;
    /// [`BuildError::Domain`] with every collision between the aggregate types;
    /// [`BuildError::Setting`] where a setting is out of range;
    /// [`BuildError::Store`] where the store does not take the domain.
    pub async fn build(self) -> Result<DomainRuntime, BuildError> {
        let home =
            Home::current().ok_or(BuildError::NoRuntime { namespace: self.metadata.namespace })?;
        let registry = Registry::build(self.metadata, self.aggregates)?;
        if self.settings.timeout.is_zero() {
            return Err(BuildError::Setting {
                namespace: self.metadata.namespace,
                setting: "timeout",
                range: "more than 0, since an action that waits for anything would always be out of time",
            });
        }
        if self.settings.max_payload_bytes == 0 {
            return Err(BuildError::Setting {
                namespace: self.metadata.namespace,
                setting: "max_payload_bytes",
                range: "more than 0, since every command would be too large",
            });
        }
        let resources: Vec<&'static str> = registry.resources().collect();
        let claimed = self.store.register_domain(self.metadata.namespace, &resources).await;
        let failed = |source| BuildError::Store { namespace: self.metadata.namespace, source };
        claimed.map_err(failed)?;
        for resource in resources {
            let aggregate = registry.aggregate(resource);
            let indexes = aggregate.map_or(&[][..], |aggregate| aggregate.indexes);
            let fields: Vec<Field> = indexes.iter().map(Field::from).collect();
            self.store.declare_indexes(resource, &fields).await.map_err(failed)?;
        }
        self.log_start();
        Ok(DomainRuntime::new(Processor::new(Services {
            metadata: self.metadata,
            registry,
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
                    "a linked aggregate belongs to no domain: name it in `#[domain(aggregates(..))]`"
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
