//! The memory store's commit, per unit of work. The units of a real run are committed again, in
//! batches, to a fresh store.

use std::sync::Arc;
use std::time::{Duration, Instant};

use banking_domain::DepositMoney;
use criterion::Criterion;
use fluvius_core::{CommitOutcome, MemoryStore, Store, UnitOfWork};

use crate::bank::{self, NullObserver, account_id, amount};
use crate::probe_store::ProbeStore;

/// The number of commands in the run.
const COMMAND_COUNT: u64 = 6_400;

#[expect(clippy::expect_used, reason = "a deposit to an open account succeeds")]
pub(crate) fn measure(criterion: &mut Criterion) {
    let runtime = bank::runtime();
    let units = runtime.block_on(async {
        let store = ProbeStore::keeping_units();
        let session = bank::open(store.clone(), None::<NullObserver>).await;
        for index in 0..COMMAND_COUNT {
            let deposit = DepositMoney { amount: amount() };
            session.send(account_id(index), deposit).await.expect("a deposit");
        }
        store.with(|seen| seen.units.take()).unwrap_or_default()
    });
    let mut group = criterion.benchmark_group("memory-commit");
    for size in [1_usize, 64] {
        let batches: Vec<Arc<[UnitOfWork]>> = units.chunks(size).map(Arc::from).collect();
        group.bench_function(format!("a-unit-in-batches-of-{size}"), |b| {
            b.iter_custom(|count| runtime.block_on(replay(&batches, count)));
        });
    }
    group.finish();
}

/// Commits at least `count` units, and returns the time of `count` of them.
async fn replay(batches: &[Arc<[UnitOfWork]>], count: u64) -> Duration {
    let (mut done, mut time) = (0_u64, Duration::ZERO);
    while done < count {
        let store = MemoryStore::new();
        let start = Instant::now();
        for batch in batches {
            let outcomes = store.commit(Arc::clone(batch)).await;
            assert!(
                matches!(outcomes[..], [CommitOutcome::Committed { .. }, ..]),
                "the units fit \
                together"
            );
            done += outcomes.len() as u64;
            if done >= count {
                break;
            }
        }
        time += start.elapsed();
    }
    time.mul_f64(count as f64 / done as f64)
}
