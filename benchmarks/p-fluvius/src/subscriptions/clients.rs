//! The clients: the commands of the workload on all accounts, by tasks in a closed loop.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bench_common::{BankCommand, OPENING, Rng, account_id, next_command};
use rust_decimal::Decimal;
use tokio::task::JoinSet;

use super::{ACCOUNT_COUNT, CLIENT_COUNT};
use crate::bank::Typed;

/// Opens all accounts.
#[expect(clippy::expect_used, reason = "without its accounts there is nothing to measure")]
pub(super) async fn open_accounts(bank: &Arc<Typed>) {
    let next = Arc::new(AtomicUsize::new(0));
    let mut clients = JoinSet::new();
    for _ in 0..CLIENT_COUNT {
        let (bank, next) = (Arc::clone(bank), Arc::clone(&next));
        clients.spawn(async move {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= ACCOUNT_COUNT {
                    return;
                }
                let open = BankCommand::Open(Decimal::from(OPENING));
                bank.send(account_id(index), open).await.expect("an account is opened");
            }
        });
    }
    while let Some(ended) = clients.join_next().await {
        ended.expect("a client ends");
    }
}

/// Sends this number of commands.
pub(super) async fn send_count(bank: &Arc<Typed>, count: u64) {
    let left = Arc::new(AtomicU64::new(count));
    let take = |left: u64| left.checked_sub(1);
    send(bank, move || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()).await;
}

/// Sends commands for a time. Returns the number of answers.
pub(super) async fn send_for(bank: &Arc<Typed>, time: Duration) -> u64 {
    let end = Instant::now() + time;
    send(bank, move || Instant::now() < end).await
}

/// Sends commands while `goes_on` returns true. Returns the number of answers.
#[expect(clippy::expect_used, reason = "no command of the workload is rejected")]
async fn send(bank: &Arc<Typed>, goes_on: impl Fn() -> bool + Clone + Send + 'static) -> u64 {
    let mut clients = JoinSet::new();
    for client in 0..CLIENT_COUNT {
        let (bank, goes_on) = (Arc::clone(bank), goes_on.clone());
        clients.spawn(async move {
            let (mut rng, mut answered) = (Rng::new(client as u64 + 1), 0);
            while goes_on() {
                let (id, command) = next(&mut rng);
                bank.send(id, command).await.expect("a command is applied");
                answered += 1;
            }
            answered
        });
    }
    let mut answered = 0;
    while let Some(ended) = clients.join_next().await {
        answered += ended.expect("a client ends");
    }
    answered
}

/// Returns the next command, and its account.
pub(super) fn next(rng: &mut Rng) -> (bench_common::Uuid, BankCommand) {
    let account = rng.below(u32::try_from(ACCOUNT_COUNT).unwrap_or(u32::MAX));
    (account_id(account as usize), next_command(rng))
}
