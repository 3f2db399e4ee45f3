//! The aggregate and the hooks with planted panics.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{DateTime, Utc};
use fluvius_core::{
    ActionContext, Authorization, Clock, ContextError, Domain, IdGenerator, Observer, Policy,
    PolicyRequest, PolicyState, Rejection, RuntimeEvent, SimpleRejection, SystemClock, UnitOfWork,
    UuidV7, aggregate,
};
use metrics::{
    Counter, CounterFn, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tracing::{Subscriber, span};
use uuid::Uuid;

use fluvius_tests::faulty_store::StoreCall;

/// Code with a planted panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Trap {
    StateClone = 1,
    StateSerialize,
    StateDeserialize,
    StateDrop,
    ArgumentClone,
    ArgumentSerialize,
    ArgumentDeserialize,
    ArgumentDrop,
    Action,
    AsyncAction,
    RejectionCode,
    RejectionDisplay,
    RejectionDrop,
    ClockNow,
    IdGeneratorGenerate,
    PolicyAuthorize,
    PolicyAuthorizeWithState,
    DenialIds,
    ObserverOnEvent,
    ObserverBeforeCommit,
    RecorderCounter,
    RecorderHistogram,
    SubscriberSpan,
    SubscriberEnter,
    SubscriberClose,
    StoreCommit,
    StoreLoad,
    StoreCommand,
}

pub(super) const TRAPS: [Trap; 28] = [
    Trap::StateClone,
    Trap::StateSerialize,
    Trap::StateDeserialize,
    Trap::StateDrop,
    Trap::ArgumentClone,
    Trap::ArgumentSerialize,
    Trap::ArgumentDeserialize,
    Trap::ArgumentDrop,
    Trap::Action,
    Trap::AsyncAction,
    Trap::RejectionCode,
    Trap::RejectionDisplay,
    Trap::RejectionDrop,
    Trap::ClockNow,
    Trap::IdGeneratorGenerate,
    Trap::PolicyAuthorize,
    Trap::PolicyAuthorizeWithState,
    Trap::DenialIds,
    Trap::ObserverOnEvent,
    Trap::ObserverBeforeCommit,
    Trap::RecorderCounter,
    Trap::RecorderHistogram,
    Trap::SubscriberSpan,
    Trap::SubscriberEnter,
    Trap::SubscriberClose,
    Trap::StoreCommit,
    Trap::StoreLoad,
    Trap::StoreCommand,
];

/// The active trap; 0 is none.
pub(super) static SET: AtomicUsize = AtomicUsize::new(0);

/// Panics once at this trap, if it is active.
pub(super) fn spring(trap: Trap) {
    let is_set = !std::thread::panicking()
        && SET.compare_exchange(trap as usize, 0, Ordering::SeqCst, Ordering::SeqCst).is_ok();
    assert!(!is_set, "planted: {trap:?}");
}

#[derive(Debug)]
pub(super) struct Mine {
    count: i64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct MineData {
    count: i64,
}

impl Clone for Mine {
    fn clone(&self) -> Self {
        spring(Trap::StateClone);
        Self { count: self.count }
    }
}

impl Serialize for Mine {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        spring(Trap::StateSerialize);
        MineData { count: self.count }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Mine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        spring(Trap::StateDeserialize);
        MineData::deserialize(deserializer).map(|data| Self { count: data.count })
    }
}

impl Drop for Mine {
    fn drop(&mut self) {
        spring(Trap::StateDrop);
    }
}

/// An argument with a trap in every method.
#[derive(Debug)]
pub(super) struct Charge(pub(super) i64);

impl Clone for Charge {
    fn clone(&self) -> Self {
        spring(Trap::ArgumentClone);
        Self(self.0)
    }
}

impl Serialize for Charge {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        spring(Trap::ArgumentSerialize);
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Charge {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        spring(Trap::ArgumentDeserialize);
        i64::deserialize(deserializer).map(Self)
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        spring(Trap::ArgumentDrop);
    }
}

#[derive(Debug)]
pub(super) struct Full;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        spring(Trap::RejectionDisplay);
        f.write_str("it is full")
    }
}

impl std::error::Error for Full {}

impl Rejection for Full {
    fn code(&self) -> &str {
        spring(Trap::RejectionCode);
        "full"
    }
}

impl Drop for Full {
    fn drop(&mut self) {
        spring(Trap::RejectionDrop);
    }
}

#[aggregate(resource = "mine")]
impl Mine {
    #[action(evt_key = "mine-laid")]
    pub(super) fn lay_mine() -> Result<Self, SimpleRejection> {
        Ok(Self { count: 0 })
    }

    #[action(evt_key = "mine-charged")]
    pub(super) fn charge_mine(&mut self, charge: Charge) -> Result<(), SimpleRejection> {
        spring(Trap::Action);
        self.count += charge.0;
        Ok(())
    }

    #[action(evt_key = "mine-charged-later")]
    pub(super) async fn charge_later(
        &mut self,
        cx: &mut ActionContext,
        charge: Charge,
    ) -> Result<(), ContextError> {
        spring(Trap::AsyncAction);
        let _ = cx.find::<Self>(Uuid::from_u128(999)).await?;
        self.count += charge.0;
        Ok(())
    }

    #[action(evt_key = "mine-filled")]
    pub(super) fn fill_mine(&mut self) -> Result<(), Full> {
        Err(Full)
    }
}

#[derive(Domain)]
#[domain(aggregates(Mine))]
pub(super) struct MineDomain;

pub(super) struct TrapClock;

impl Clock for TrapClock {
    fn now(&self) -> DateTime<Utc> {
        spring(Trap::ClockNow);
        SystemClock.now()
    }
}

pub(super) struct TrapIdGenerator;

impl IdGenerator for TrapIdGenerator {
    fn generate(&self) -> Uuid {
        spring(Trap::IdGeneratorGenerate);
        UuidV7.generate()
    }
}

/// A policy that denies by the source of the context.
pub(super) struct TrapPolicy;

impl Policy for TrapPolicy {
    async fn authorize(&self, request: &PolicyRequest<'_>) -> Authorization {
        spring(Trap::PolicyAuthorize);
        if request.context.source() == "denied" {
            Authorization::deny("no")
        } else {
            Authorization::Allow
        }
    }

    async fn authorize_with_state(
        &self,
        request: &PolicyRequest<'_>,
        _: Option<&PolicyState<'_>>,
    ) -> Authorization {
        spring(Trap::PolicyAuthorizeWithState);
        if request.context.source() == "denied late" {
            Authorization::deny("no")
        } else {
            Authorization::Allow
        }
    }
}

pub(super) struct TrapListener;

impl Observer for TrapListener {
    fn on_event(&self, _: &RuntimeEvent<'_>) {
        spring(Trap::ObserverOnEvent);
    }

    fn before_commit(&self, _: &UnitOfWork) -> Result<(), SimpleRejection> {
        spring(Trap::ObserverBeforeCommit);
        Ok(())
    }
}

pub(super) struct TrapRecorder;

impl CounterFn for TrapRecorder {
    fn increment(&self, _: u64) {
        spring(Trap::RecorderCounter);
    }

    fn absolute(&self, _: u64) {}
}

impl HistogramFn for TrapRecorder {
    fn record(&self, _: f64) {
        spring(Trap::RecorderHistogram);
    }
}

impl Recorder for TrapRecorder {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(Arc::new(Self))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(Arc::new(Self))
    }
}

/// A subscriber that keeps nothing.
pub(super) struct TrapSubscriber;

impl Subscriber for TrapSubscriber {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        spring(Trap::SubscriberSpan);
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, _: &tracing::Event<'_>) {}

    fn enter(&self, _: &span::Id) {
        spring(Trap::SubscriberEnter);
    }

    fn exit(&self, _: &span::Id) {}

    fn try_close(&self, _: span::Id) -> bool {
        spring(Trap::SubscriberClose);
        true
    }
}

/// Traps in the calls of commands to a store.
pub(super) fn spring_in_store(call: StoreCall) {
    match call {
        StoreCall::Commit => spring(Trap::StoreCommit),
        StoreCall::Load => spring(Trap::StoreLoad),
        StoreCall::Command => spring(Trap::StoreCommand),
        StoreCall::Rows(_) => {}
    }
}
