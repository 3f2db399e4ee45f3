//! The fixture of scenarios and simulations: a domain over a memory store, with its own clock and
//! ids.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::block_on::{self, Time};
use super::inspector::StateInspector;
use super::{FixedClock, SequentialIds};
use fluvius_core::__private::Sealed;
use fluvius_core::{
    ActionDescriptor, Aggregate, AggregateDescriptor, BuildError, Domain, DomainContext,
    DomainMetadata, Lifecycle, RuntimeBuilder, Session,
};
use fluvius_store::{EventRecord, MemoryStore, Store};

/// The first generated id. Ids in the code of a test are below it.
pub(super) const FIRST_ID: u64 = 1_000_000;

/// The start time of a fixture.
pub(super) const BEGINNING: DateTime<Utc> = match DateTime::from_timestamp(1_767_225_600, 0) {
    Some(time) => time,
    None => DateTime::UNIX_EPOCH,
};

/// A function that configures the runtimes of a test.
pub(super) type Setup = Arc<dyn Fn(RuntimeBuilder) -> RuntimeBuilder + Send + Sync>;

/// A domain over an empty memory store.
#[derive(Clone)]
pub(super) struct Fixture {
    metadata: &'static DomainMetadata,
    aggregates: &'static [&'static AggregateDescriptor],
    pub(super) store: MemoryStore,
    pub(super) clock: FixedClock,
    pub(super) ids: SequentialIds,
    pub(super) inspector: StateInspector,
    setup: Setup,
}

impl Fixture {
    pub(super) fn of<D: Domain>() -> Self {
        Self {
            metadata: D::METADATA,
            aggregates: D::AGGREGATES,
            store: MemoryStore::new(),
            clock: FixedClock::at(BEGINNING),
            ids: SequentialIds::from(FIRST_ID),
            inspector: StateInspector::default(),
            setup: Arc::new(|builder| builder),
        }
    }

    /// Returns the same domain over an empty store, at this time.
    pub(super) fn fresh(&self, now: DateTime<Utc>) -> Self {
        Self {
            store: MemoryStore::new(),
            clock: FixedClock::at(now),
            ids: SequentialIds::from(FIRST_ID),
            inspector: StateInspector::default(),
            ..self.clone()
        }
    }

    /// Adds a function that configures the runtimes, after the existing ones.
    pub(super) fn set_up(
        &mut self,
        more: impl Fn(RuntimeBuilder) -> RuntimeBuilder + Send + Sync + 'static,
    ) {
        let before = Arc::clone(&self.setup);
        self.setup = Arc::new(move |builder| more(before(builder)));
    }

    /// Returns a builder over a store, with the given settings and then those of the test.
    pub(super) fn builder(
        &self,
        store: impl Store,
        settings: impl FnOnce(RuntimeBuilder) -> RuntimeBuilder,
    ) -> RuntimeBuilder {
        let builder = RuntimeBuilder::new(self.metadata, self.aggregates, store)
            .clock(self.clock.clone())
            .id_generator(self.ids.clone())
            .inspector(Arc::new(self.inspector.clone()));
        (self.setup)(settings(builder))
    }

    /// Runs a future in a session of a runtime, and shuts that runtime down.
    ///
    /// # Errors
    /// If the domain cannot be built.
    pub(super) fn in_session<T, F>(
        &self,
        context: &DomainContext,
        run: impl FnOnce(Session) -> F + Send,
    ) -> Result<T, BuildError>
    where
        T: Send,
        F: Future<Output = T>,
    {
        block_on::run(Time::Real, || async {
            let domain = self.builder(self.store.clone(), |builder| builder).build().await?;
            let value = run(domain.session(context.clone())).await;
            domain.shutdown().await;
            Ok(value)
        })
    }

    pub(super) fn metadata(&self) -> &'static DomainMetadata {
        self.metadata
    }

    /// Returns the aggregate type of a resource.
    pub(super) fn aggregate(&self, resource: &str) -> Option<&'static AggregateDescriptor> {
        let has = |one: &&&AggregateDescriptor| one.resources.contains(&resource);
        self.aggregates.iter().find(has).copied()
    }

    /// Returns the action with this command key.
    pub(super) fn action(&self, key: &str) -> Option<&'static ActionDescriptor> {
        let mut actions = self.aggregates.iter().flat_map(|aggregate| aggregate.actions);
        actions.find(|action| action.key == key).copied()
    }

    /// Tells if an event has closed its aggregate.
    pub(super) fn closes(&self, event: &EventRecord) -> bool {
        let aggregate = self.aggregate(&event.aggregate_id.resource);
        aggregate.into_iter().flat_map(|aggregate| aggregate.actions).any(|action| {
            action.lifecycle == Lifecycle::Close
                && action.event.is_some_and(|descriptor| descriptor.key == event.event)
        })
    }
}

impl fmt::Debug for Fixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fixture").field("domain", &self.metadata.namespace).finish_non_exhaustive()
    }
}

/// The domain of a single aggregate type.
pub(super) struct Only<A>(PhantomData<fn() -> A>);

impl<A: Aggregate> Sealed for Only<A> {}

impl<A: Aggregate> Domain for Only<A> {
    const METADATA: &'static DomainMetadata = &DomainMetadata {
        namespace: A::RESOURCE,
        title: A::RESOURCE,
        description: "One aggregate under test.",
        tags: &[],
        revision: 1,
        type_name: A::RESOURCE,
        location: A::LOCATION,
    };
    const AGGREGATES: &'static [&'static AggregateDescriptor] = &[A::DESCRIPTOR];
}
