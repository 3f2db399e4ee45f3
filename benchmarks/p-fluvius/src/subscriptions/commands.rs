//! The rate of commands without a subscription, with a running one, and with a stopped one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bench_common::{Plan, report, selected};
use fluvius_core::DynStore;
use fluvius_core::subscriptions::Start;

use super::seen::Seen;
use super::{CLIENT_COUNT, clients, lag, subscribe};
use crate::bank::Typed;

/// The default time of sending, in milliseconds. `BENCH_SUBSCRIPTION_MS` overrides it.
const TIME_MS: u64 = 2_000;

/// The time without a further event after which the part fails.
const STALL_TIME: Duration = Duration::from_secs(10);

/// The sides of a round. The first one is the reference.
const SIDES: [Side; 3] = [Side::Without, Side::Running, Side::Stopped];

const NAMES: [&str; 3] = ["without", "running", "stopped"];

#[derive(Clone, Copy)]
enum Side {
    /// There is no subscription.
    Without,
    /// A subscription is worked on.
    Running,
    /// A subscription exists, and is not worked on.
    Stopped,
}

#[derive(Default)]
struct Figures {
    rates: [Vec<f64>; SIDES.len()],
    deliveries: Vec<f64>,
    catch_up_ms: Vec<f64>,
}

#[expect(clippy::expect_used, reason = "a count that is not that of the events is no figure")]
pub(super) async fn run<P>(plan: &Plan, store: &str, open: impl AsyncFn() -> (P, DynStore)) {
    let name = format!("fluvius/{store}");
    if !selected(&format!("subscription-commands/{name}")) {
        return;
    }
    let time = std::env::var("BENCH_SUBSCRIPTION_MS").ok().and_then(|text| text.parse().ok());
    let time = Duration::from_millis(time.unwrap_or(TIME_MS));
    let mut figures = Figures::default();
    // The first round warms up.
    for round in 0..=plan.repetitions {
        let mut of_round = Figures::default();
        // Each round begins with another side.
        for number in (0..SIDES.len()).map(|number| (number + round) % SIDES.len()) {
            let side = SIDES[number];
            let (_place, store) = open().await;
            let bank = bank(store).await;
            send(&bank, side, time, &mut of_round).await.expect("each event is delivered");
            bank.domain().shutdown().await;
        }
        if round > 0 {
            figures.add(of_round);
        }
    }
    figures.tell(&name);
    let [without, ..] = &figures.rates;
    let rate = without.iter().sum::<f64>() / without.len().max(1) as f64 / 2.0;
    let mut lags = lag::Figures::default();
    for _ in 0..plan.repetitions {
        let (_place, store) = open().await;
        let bank = bank(store).await;
        lag::measure(&bank, rate, time, &mut lags).await.expect("each event is delivered");
        bank.domain().shutdown().await;
    }
    lags.tell(&name, rate);
}

/// Opens the bank over a fresh store, with its accounts.
#[expect(clippy::expect_used, reason = "a new store takes every domain")]
async fn bank(store: DynStore) -> Arc<Typed> {
    let bank = Arc::new(Typed::over(store).await.expect("the domain is built"));
    clients::open_accounts(&bank).await;
    bank
}

/// Measures one side.
///
/// # Errors
/// A text, if the number of delivered events is not that of the commands.
async fn send(
    bank: &Arc<Typed>,
    side: Side,
    time: Duration,
    figures: &mut Figures,
) -> Result<(), String> {
    let seen = Arc::new(Seen::new());
    let subscription = match side {
        Side::Without => None,
        Side::Running | Side::Stopped => {
            let marked = Arc::clone(&seen);
            let mark = move |delivery: &super::AccountDelivery| {
                marked.mark(delivery.record().position);
            };
            let subscription = subscribe(bank, "beside-commands", Start::Now, 1, mark).await;
            Some(subscription.map_err(|error| error.to_string())?)
        }
    };
    if let (Side::Stopped, Some(subscription)) = (side, &subscription) {
        subscription.stop().await;
    }
    let begun = Instant::now();
    let answered = clients::send_for(bank, time).await;
    let (ended, delivered) = (Instant::now(), seen.distinct());
    let seconds = (ended - begun).as_secs_f64();
    figures.rates[side as usize].push(answered as f64 / seconds);
    let (Side::Running, Some(subscription)) = (side, subscription) else { return seen.check(0) };
    figures.deliveries.push(delivered as f64 / seconds);
    seen.wait(answered, STALL_TIME).await?;
    figures.catch_up_ms.push(ended.elapsed().as_secs_f64() * 1e3);
    subscription.stop().await;
    seen.check(answered)
}

impl Figures {
    fn add(&mut self, round: Self) {
        for (all, rates) in self.rates.iter_mut().zip(round.rates) {
            all.extend(rates);
        }
        self.deliveries.extend(round.deliveries);
        self.catch_up_ms.extend(round.catch_up_ms);
    }

    fn tell(&self, name: &str) {
        let kind = "subscription-commands";
        for (side, rates) in NAMES.into_iter().zip(&self.rates) {
            let note = format!("1,000 accounts, {CLIENT_COUNT} clients");
            report(kind, &format!("{name}/{side}/rate"), "commands/s", rates, &note);
        }
        for (side, rates) in NAMES.into_iter().zip(&self.rates).skip(1) {
            let ratios = rates.iter().zip(&self.rates[0]).map(|(rate, without)| rate / without);
            let ratios: Vec<f64> = ratios.collect();
            let note = "to the side without a subscription of its round";
            report(kind, &format!("{name}/{side}/ratio"), "ratio", &ratios, note);
        }
        let note = "while commands are sent";
        let name_of = |what: &str| format!("{name}/running/{what}");
        report(kind, &name_of("deliveries"), "events/s", &self.deliveries, note);
        let note = "from the last answer until the last event is delivered";
        report(kind, &name_of("catch_up"), "ms", &self.catch_up_ms, note);
    }
}
