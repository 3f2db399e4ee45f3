//! A panic in code of authors or integrators ends its command, and nothing else.
//!
//! One panic is planted in each trait method and each destructor that an author or an integrator writes. Afterwards
//! other senders, the same aggregate and the shutdown still work.

use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use fluvius_core::verify::verify;
use fluvius_core::{
    ActionContext, AggregateId, Authorization, Clock, ContextError, Domain, DomainContext,
    DomainRuntime, IdGenerator, MemoryStore, Observer, Policy, PolicyRequest, PolicyState,
    Rejection, RuntimeEvent, Session, SimpleRejection, SystemClock, UnitOfWork, UuidV7, aggregate,
};
use metrics::{
    Counter, CounterFn, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tracing::{Subscriber, span};
use uuid::Uuid;

use fluvius_tests::faulty_store::{HookedStore, StoreCall};

/// Code with a planted panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
enum Trap {
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

const TRAPS: [Trap; 28] = [
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
static SET: AtomicUsize = AtomicUsize::new(0);

/// Panics once at this trap, if it is active.
fn spring(trap: Trap) {
    let is_set = !std::thread::panicking()
        && SET.compare_exchange(trap as usize, 0, Ordering::SeqCst, Ordering::SeqCst).is_ok();
    assert!(!is_set, "planted: {trap:?}");
}

#[derive(Debug)]
struct Mine {
    count: i64,
}

#[derive(Serialize, Deserialize)]
struct MineData {
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
struct Charge(i64);

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
struct Full;

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
    fn lay_mine() -> Result<Self, SimpleRejection> {
        Ok(Self { count: 0 })
    }

    #[action(evt_key = "mine-charged")]
    fn charge_mine(&mut self, charge: Charge) -> Result<(), SimpleRejection> {
        spring(Trap::Action);
        self.count += charge.0;
        Ok(())
    }

    #[action(evt_key = "mine-charged-later")]
    async fn charge_later(
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
    fn fill_mine(&mut self) -> Result<(), Full> {
        Err(Full)
    }
}

#[derive(Domain)]
#[domain(aggregates(Mine))]
struct MineDomain;

struct TrapClock;

impl Clock for TrapClock {
    fn now(&self) -> DateTime<Utc> {
        spring(Trap::ClockNow);
        SystemClock.now()
    }
}

struct TrapIdGenerator;

impl IdGenerator for TrapIdGenerator {
    fn generate(&self) -> Uuid {
        spring(Trap::IdGeneratorGenerate);
        UuidV7.generate()
    }
}

/// A policy that denies by the source of the context.
struct TrapPolicy;

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

struct TrapListener;

impl Observer for TrapListener {
    fn on_event(&self, _: &RuntimeEvent<'_>) {
        spring(Trap::ObserverOnEvent);
    }

    fn before_commit(&self, _: &UnitOfWork) -> Result<(), SimpleRejection> {
        spring(Trap::ObserverBeforeCommit);
        Ok(())
    }
}

struct TrapRecorder;

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
struct TrapSubscriber;

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
fn spring_in_store(call: StoreCall) {
    match call {
        StoreCall::Commit => spring(Trap::StoreCommit),
        StoreCall::Load => spring(Trap::StoreLoad),
        StoreCall::Command => spring(Trap::StoreCommand),
        StoreCall::Rows(_) => {}
    }
}

/// Timeout above the duration of anything here.
const HANGS_AFTER: Duration = Duration::from_secs(20);

async fn within<F: Future>(what: impl fmt::Debug, future: F) -> F::Output {
    match tokio::time::timeout(HANGS_AFTER, future).await {
        Ok(output) => output,
        Err(_) => panic!("hangs: {what:?}"),
    }
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

async fn build(store: &MemoryStore) -> DomainRuntime {
    let builder = MineDomain::builder(HookedStore::new(store.clone(), spring_in_store))
        .clock(TrapClock)
        .id_generator(TrapIdGenerator)
        .policy(TrapPolicy)
        .observer(TrapListener)
        .cache_capacity(0);
    metrics::with_local_recorder(&TrapRecorder, || {
        futures_util::FutureExt::now_or_never(builder.build())
    })
    .expect("the memory store is ready at once")
    .unwrap()
}

/// Commands that together run all code with a trap.
async fn provoke(trap: Trap, sessions: &[Session; 3]) -> Vec<Cow<'static, str>> {
    let mut codes = Vec::new();
    let [session, denied, denied_late] = sessions.clone();
    let mut ended = |result: Result<(), fluvius_core::Error>| {
        codes.push(Cow::from(
            result.as_ref().map_or_else(fluvius_core::Error::framework_code, |()| "applied"),
        ));
        // The caller owns the author's error, so the caller runs its destructor.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(result)));
    };
    let bundle = session
        .aggregate(AggregateId::new("mine", id(1)))
        .create_command("charge-mine", serde_json::json!({ "charge": 1 }));
    match bundle {
        Err(error) => ended(Err(error)),
        // Twice, so that the second is looked up in the log.
        Ok(bundle) => {
            for _ in 0..2 {
                ended(session.process_command(bundle.clone()).await.map(drop));
            }
        }
    }
    ended(session.send(id(1), ChargeMine { charge: Charge(1) }).await.map(drop));
    ended(session.send(id(1), ChargeLater { charge: Charge(1) }).await.map(drop));
    ended(session.send(id(1), FillMine {}).await.map(drop));
    if trap == Trap::DenialIds {
        // Armed last, since ids are generated for commands too.
        let denied_command = denied_late.send(id(1), FillMine {}).with_id(id(7_000));
        SET.store(Trap::IdGeneratorGenerate as usize, Ordering::SeqCst);
        ended(denied_command.await.map(drop));
        let denied_command = denied.send(id(1), FillMine {}).with_id(id(7_001));
        SET.store(Trap::IdGeneratorGenerate as usize, Ordering::SeqCst);
        ended(denied_command.await.map(drop));
    }
    codes
}

async fn check(trap: Trap) {
    let store = MemoryStore::new();
    let domain = build(&store).await;
    let session = |source: &str| domain.session(DomainContext::create(source));
    let sessions = [session("victim"), session("denied"), session("denied late")];
    let other = session("other");
    for number in 1..=8 {
        other.send(id(number), LayMine {}).await.unwrap();
    }
    let sender = {
        let sessions = sessions.clone();
        tokio::spawn(async move {
            if trap != Trap::DenialIds {
                SET.store(trap as usize, Ordering::SeqCst);
            }
            provoke(trap, &sessions).await
        })
    };
    let codes = within(trap, sender).await.unwrap_or_else(|panic| panic!("{trap:?}: {panic}"));
    assert_eq!(SET.swap(0, Ordering::SeqCst), 0, "{trap:?} has not panicked");
    for code in &codes {
        let is_allowed =
            ["applied", "rejected", "panicked", "outcome-unknown", "permission-denied"];
        assert!(is_allowed.contains(&code.as_ref()), "{trap:?}: {codes:?}");
    }
    let failed =
        codes.iter().filter(|code| matches!(code.as_ref(), "panicked" | "outcome-unknown"));
    let most = if trap == Trap::DenialIds { 2 } else { 1 };
    assert!(failed.count() <= most, "{trap:?}: {codes:?}");
    let session = other;
    for number in 1..=8 {
        let sent = session.send(id(number), ChargeMine { charge: Charge(1) }).into_future();
        within(trap, sent).await.unwrap_or_else(|error| panic!("{trap:?}: {error}"));
    }
    within(trap, domain.shutdown()).await;
    let report = verify(&store).await.unwrap();
    assert!(report.is_sound(), "{trap:?}: {report}");
}

/// One trap is active at a time, and panics are expected.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn run_each(worker_threads: Option<usize>) {
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut builder = match worker_threads {
        Some(count) => {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            builder.worker_threads(count);
            builder
        }
        None => tokio::runtime::Builder::new_current_thread(),
    };
    for trap in TRAPS {
        let runtime = builder.enable_all().build().unwrap();
        let dispatch = tracing::Dispatch::new(TrapSubscriber);
        // A subscriber of this thread alone: traps on worker threads are not reached.
        let is_of_subscriber =
            matches!(trap, Trap::SubscriberSpan | Trap::SubscriberEnter | Trap::SubscriberClose);
        if worker_threads.is_some() && is_of_subscriber {
            continue;
        }
        tracing::dispatcher::with_default(&dispatch, || runtime.block_on(check(trap)));
    }
}

#[test]
fn a_panic_ends_its_command_alone() {
    run_each(None);
}

#[test]
fn a_panic_ends_its_command_alone_with_worker_threads() {
    run_each(Some(2));
}
