//! Whole commands over the memory store: typed, from JSON by key, and rejected.

use std::future::Future;
use std::time::{Duration, Instant};

use banking_domain::{DepositMoney, WithdrawMoney};
use criterion::Criterion;
use fluvius_core::{AggregateId, Error, MemoryStore, Session};
use rust_decimal::Decimal;
use tokio::runtime::Runtime;

use crate::bank::{self, NullObserver, PAYLOAD, account_id, amount};

pub(crate) fn measure(criterion: &mut Criterion) {
    let runtime = bank::runtime();
    let mut group = criterion.benchmark_group("command");
    group.bench_function("typed", |b| {
        b.iter_custom(|count| time(&runtime, count, typed));
    });
    group.bench_function("by-key", |b| {
        b.iter_custom(|count| time(&runtime, count, by_key));
    });
    group.bench_function("refused", |b| {
        b.iter_custom(|count| time(&runtime, count, refused));
    });
    group.finish();
}

/// Returns the time of `count` commands of a spawned client on a fresh bank.
#[expect(clippy::expect_used, reason = "the client does not panic")]
fn time<F, Fut>(runtime: &Runtime, count: u64, send: F) -> Duration
where
    F: Fn(Session, u64) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send,
{
    runtime.block_on(async {
        let session = bank::open(MemoryStore::new(), None::<NullObserver>).await;
        let client = async move {
            let start = Instant::now();
            for index in 0..count {
                send(session.clone(), index).await;
            }
            start.elapsed()
        };
        tokio::spawn(client).await.expect("the client has ended")
    })
}

#[expect(clippy::expect_used, reason = "a deposit to an open account succeeds")]
async fn typed(session: Session, index: u64) {
    let deposit = DepositMoney { amount: amount() };
    session.send(account_id(index), deposit).await.expect("a deposit");
}

#[expect(clippy::expect_used, reason = "a deposit to an open account succeeds")]
async fn by_key(session: Session, index: u64) {
    let session = session.aggregate(AggregateId::new("bank-account", account_id(index)));
    let command = session.create_command("deposit-money", PAYLOAD).expect("a payload");
    session.process_command(command).await.expect("a deposit");
}

async fn refused(session: Session, index: u64) {
    let withdraw = WithdrawMoney { amount: Decimal::from(2_000_000_000) };
    let answer = session.send(account_id(index), withdraw).await;
    assert!(matches!(answer, Err(Error::Rejected { .. })), "there is not that much");
}
