//! The rate of reading a filled log: by a subscription, and by a plain loop over the same pages.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use banking_domain::{AccountEvent, TransactionManagerDomain};
use bench_common::{Plan, cpu_time, report, selected};
use fluvius_core::subscriptions::Start;
use fluvius_core::{Domain, DomainContext, DynStore, EventRecord, LogQuery, Store};

use super::seen::Seen;
use super::{ACCOUNT_COUNT, PARTITION_COUNT, clients, subscribe};
use crate::bank::Typed;

/// The default number of events. `BENCH_EVENTS` overrides it.
const EVENT_COUNT: u64 = 200_000;

/// The rows of a page of the plain loop, as many as the largest page of a subscription.
const PAGE_ROWS: usize = 1_000;

/// The time without a further event after which the part fails.
const STALL_TIME: Duration = Duration::from_secs(10);

/// The name of the subscription.
const NAME: &str = "reading";

/// The sides of a round. The first one is the reference.
const SIDES: [Side; 3] = [Side::Loop, Side::Subscription(1), Side::Subscription(64)];

#[derive(Clone, Copy)]
enum Side {
    /// The plain loop.
    Loop,
    /// A subscription with this maximum of deliveries in flight.
    Subscription(usize),
}

impl Side {
    fn name(self) -> String {
        match self {
            Self::Loop => "loop".to_owned(),
            Self::Subscription(max_in_flight) => format!("max_in_flight={max_in_flight}"),
        }
    }
}

#[expect(clippy::expect_used, reason = "a count that is not that of the events is no figure")]
pub(super) async fn run<P>(plan: &Plan, store: &str, open: impl AsyncFn() -> (P, DynStore)) {
    let name = format!("fluvius/{store}");
    if !selected(&format!("subscription-read/{name}")) {
        return;
    }
    let wanted = std::env::var("BENCH_EVENTS").ok().and_then(|text| text.parse().ok());
    let events = wanted.unwrap_or(EVENT_COUNT).max(ACCOUNT_COUNT as u64);
    let (_place, store) = open().await;
    let filled = Filled::new(store, events).await;
    let mut rates = [const { Vec::new() }; SIDES.len()];
    let mut cpu_times = [const { Vec::new() }; SIDES.len()];
    // The first round warms up.
    for round in 0..=plan.repetitions {
        // Each round begins with another side.
        for number in (0..SIDES.len()).map(|number| (number + round) % SIDES.len()) {
            let side = SIDES[number];
            let seen = Arc::new(Seen::new());
            let (begun, cpu_begun) = (Instant::now(), cpu_time());
            filled.read(side, &seen, STALL_TIME).await.expect("each event is read");
            let time = begun.elapsed();
            let cpu_time = cpu_begun.zip(cpu_time()).map(|(begun, end)| end.saturating_sub(begun));
            filled.remove(side).await.expect("all events are acknowledged");
            if round > 0 {
                rates[number].push(events as f64 / time.as_secs_f64());
                cpu_times[number].extend(cpu_time.map(|time| time.as_secs_f64() * 1e6));
            }
        }
    }
    filled.bank.domain().shutdown().await;
    tell(&name, events, &rates, &cpu_times);
}

fn tell(name: &str, events: u64, rates: &[Vec<f64>], cpu_times: &[Vec<f64>]) {
    let kind = "subscription-read";
    for ((side, rates_of_side), cpu_times) in SIDES.into_iter().zip(rates).zip(cpu_times) {
        let name = format!("{name}/{}", side.name());
        let note = match side {
            Side::Loop => format!("{events} events, pages of {PAGE_ROWS} rows"),
            Side::Subscription(_) => format!(
                "{events} events, {PARTITION_COUNT} partitions, from the call of `run` until all \
                 acknowledgements are stored"
            ),
        };
        report(kind, &format!("{name}/rate"), "events/s", rates_of_side, &note);
        let per_event: Vec<f64> = cpu_times.iter().map(|micros| micros / events as f64).collect();
        let note = "the processor time of this process";
        report(kind, &format!("{name}/cpu"), "µs/event", &per_event, note);
        if let Side::Subscription(_) = side {
            let ratios = rates_of_side.iter().zip(&rates[0]).map(|(rate, bare)| rate / bare);
            let ratios: Vec<f64> = ratios.collect();
            report(kind, &format!("{name}/ratio"), "ratio", &ratios, "to the loop of its round");
        }
    }
}

/// A log that is read, again and again.
struct Filled {
    bank: Arc<Typed>,
    store: DynStore,
    events: u64,
}

impl Filled {
    /// Fills a store by commands. The events of the accounts are mixed, as in a log of production.
    #[expect(clippy::expect_used, reason = "a new store takes every domain")]
    async fn new(store: DynStore, events: u64) -> Self {
        let bank = Typed::over(store.clone()).await.expect("the domain is built");
        let bank = Arc::new(bank);
        clients::open_accounts(&bank).await;
        clients::send_count(&bank, events.saturating_sub(ACCOUNT_COUNT as u64)).await;
        Self { bank, store, events }
    }

    /// Reads all events, and counts them in `seen`.
    ///
    /// # Errors
    /// A text, if the number of distinct events is not that of the log.
    async fn read(&self, side: Side, seen: &Arc<Seen>, stall_time: Duration) -> Result<(), String> {
        match side {
            Side::Loop => self.read_pages(seen).await?,
            Side::Subscription(max_in_flight) => {
                let marked = Arc::clone(seen);
                let start = Start::Beginning;
                let subscription =
                    subscribe(&self.bank, NAME, start, max_in_flight, move |delivery| {
                        black_box(delivery.event());
                        marked.mark(delivery.record().position);
                    });
                let subscription = subscription.await.map_err(|error| error.to_string())?;
                let waited = seen.wait(self.events, stall_time).await;
                subscription.stop().await;
                waited?;
            }
        }
        seen.check(self.events)
    }

    async fn read_pages(&self, seen: &Seen) -> Result<(), String> {
        // The query of the subscription.
        let domain = TransactionManagerDomain::METADATA.namespace.to_owned();
        let mut query = LogQuery::all().domain(domain).limit(PAGE_ROWS);
        query.scan_limit = LogQuery::SCAN_LIMIT;
        loop {
            let page = self.store.read_log::<EventRecord>(&query).await;
            let page = page.map_err(|error| error.to_string())?;
            for row in &page.rows {
                let event = AccountEvent::try_from(&row.record);
                black_box(event.map_err(|error| error.to_string())?);
                seen.mark(row.position);
            }
            if page.is_last() {
                return Ok(());
            }
            query.after = page.scanned_to;
        }
    }

    /// Removes the subscription of a side.
    ///
    /// # Errors
    /// A text, if an event is not acknowledged.
    async fn remove(&self, side: Side) -> Result<(), String> {
        if let Side::Loop = side {
            return Ok(());
        }
        let subscriptions = self.bank.domain().subscriptions();
        let list = subscriptions.list().await.map_err(|error| error.to_string())?;
        let found = list.iter().find(|status| status.name == NAME).ok_or("no subscription")?;
        let waiting: usize = found.partitions.iter().map(|partition| partition.waiting).sum();
        if waiting > 0 || !found.parked.is_empty() {
            return Err(format!("{waiting} waiting, {} parked", found.parked.len()));
        }
        let context = DomainContext::create("benchmark");
        subscriptions.remove(&context, NAME).await.map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use fluvius_core::{AnyRecord, LogKind, LogPage, MemoryStore, StoreError, delegate_store};

    use super::*;

    const EVENTS: u64 = 1_100;

    /// A store whose log lacks the event at one position.
    struct Lossy {
        inner: MemoryStore,
        lost: u64,
    }

    impl Store for Lossy {
        async fn log(
            &self,
            kind: LogKind,
            query: &LogQuery,
        ) -> Result<LogPage<AnyRecord>, StoreError> {
            let mut page = self.inner.log(kind, query).await?;
            page.rows.retain(|row| row.position != self.lost);
            Ok(page)
        }

        delegate_store! { self => self.inner; except log }
    }

    async fn check(lost: impl Fn(u64) -> u64, expected: Result<(), &str>) {
        let store = MemoryStore::new();
        let filled = Filled::new(DynStore::new(store.clone()), EVENTS).await;
        let page = store.read_log::<EventRecord>(&LogQuery::all()).await.unwrap();
        let last = page.rows.last().unwrap().position;
        filled.bank.domain().shutdown().await;
        let store = DynStore::new(Lossy { inner: store, lost: lost(last) });
        let bank = Arc::new(Typed::over(store.clone()).await.unwrap());
        let filled = Filled { bank, store, events: EVENTS };
        for side in SIDES {
            let seen = Arc::new(Seen::new());
            let read = filled.read(side, &seen, Duration::from_millis(300)).await;
            assert_eq!(read, expected.map_err(str::to_owned));
            filled.remove(side).await.unwrap();
        }
        filled.bank.domain().shutdown().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn all_events_are_read_by_each_side() {
        check(|_| 0, Ok(())).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_event_that_is_not_delivered_is_a_failure() {
        let error = Err("1099 distinct events in place of 1100, 0 repeated");
        check(|last| last, error).await;
        check(|last| last / 2 / 2 * 2, error).await;
    }
}
