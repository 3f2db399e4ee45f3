//! The lag of a subscription: the time from the answer to a command until the handler is called.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bench_common::{Rng, Uuid, report};
use fluvius_core::subscriptions::Start;
use tokio::task::JoinSet;

use super::{AccountDelivery, CLIENT_COUNT, clients, subscribe};
use crate::bank::Typed;

/// The time after the last command after which a missing delivery fails the part.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// The quantiles of each repetition.
#[derive(Default)]
pub(super) struct Figures {
    p50_ms: Vec<f64>,
    p99_ms: Vec<f64>,
    rates: Vec<f64>,
}

/// Sends commands at a rate, beside a subscription, and adds the quantiles of the lag.
///
/// # Errors
/// A text, if the number of delivered events is not that of the commands.
pub(super) async fn measure(
    bank: &Arc<Typed>,
    rate: f64,
    time: Duration,
    figures: &mut Figures,
) -> Result<(), String> {
    let calls: Arc<Mutex<HashMap<Uuid, Instant>>> = Arc::default();
    let called = Arc::clone(&calls);
    let handle = move |delivery: &AccountDelivery| {
        let id = delivery.record().record.command_id;
        called.lock().unwrap_or_else(PoisonError::into_inner).insert(id, Instant::now());
    };
    let subscription = subscribe(bank, "lag", Start::Now, 1, handle).await;
    let subscription = subscription.map_err(|error| error.to_string())?;
    let begun = Instant::now();
    let answers = send(bank, rate, time).await;
    let ended = Instant::now();
    let count = || calls.lock().unwrap_or_else(PoisonError::into_inner).len();
    while count() < answers.len() && ended.elapsed() < MAX_WAIT {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    subscription.stop().await;
    let calls = std::mem::take(&mut *calls.lock().unwrap_or_else(PoisonError::into_inner));
    if calls.len() != answers.len() {
        return Err(format!("{} delivered events of {} commands", calls.len(), answers.len()));
    }
    let mut lags = Vec::with_capacity(answers.len());
    for (id, answered) in &answers {
        let called = calls.get(id).ok_or("an event of a command was not delivered")?;
        // The handler may be called before the client's task goes on.
        lags.push(called.saturating_duration_since(*answered).as_secs_f64() * 1e3);
    }
    lags.sort_by(f64::total_cmp);
    let at = |percent: usize| lags.get(lags.len() * percent / 100).copied().unwrap_or(0.0);
    figures.p50_ms.push(at(50));
    figures.p99_ms.push(at(99));
    figures.rates.push(answers.len() as f64 / (ended - begun).as_secs_f64());
    Ok(())
}

/// Sends commands at a rate for a time. Returns their ids, with the times of the answers.
#[expect(clippy::expect_used, reason = "no command of the workload is rejected")]
async fn send(bank: &Arc<Typed>, rate: f64, time: Duration) -> Vec<(Uuid, Instant)> {
    let interval = Duration::from_secs_f64(CLIENT_COUNT as f64 / rate);
    let begun = Instant::now();
    let mut clients = JoinSet::new();
    for client in 0..CLIENT_COUNT {
        let bank = Arc::clone(bank);
        let mut due = begun + interval.mul_f64(client as f64 / CLIENT_COUNT as f64);
        clients.spawn(async move {
            let (mut rng, mut answers) = (Rng::new(client as u64 + 1), Vec::new());
            while due < begun + time {
                // If the client is late, it sends at once, so the rate is kept.
                if Instant::now() < due {
                    tokio::time::sleep_until(due.into()).await;
                }
                let (id, command) = clients::next(&mut rng);
                let id = bank.send(id, command).await.expect("a command is applied");
                answers.push((id, Instant::now()));
                due += interval;
            }
            answers
        });
    }
    let mut answers = Vec::new();
    while let Some(ended) = clients.join_next().await {
        answers.extend(ended.expect("a client ends"));
    }
    answers
}

impl Figures {
    pub(super) fn tell(&self, name: &str, rate: f64) {
        let kind = "subscription-commands";
        let note =
            format!("from a command's answer to the handler's call, at {rate:.0} commands/s");
        report(kind, &format!("{name}/lag/p50"), "ms", &self.p50_ms, &note);
        report(kind, &format!("{name}/lag/p99"), "ms", &self.p99_ms, &note);
        let note = "half of the rate without a subscription is aimed at";
        report(kind, &format!("{name}/lag/rate"), "commands/s", &self.rates, note);
    }
}
