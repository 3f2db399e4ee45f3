//! The effect of group commit: one hot account, 64 clients, and a store with commits of one
//! millisecond.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bench_common::{Plan, matrix, report, selected, wants_store};
use fluvius_core::MemoryStore;

use crate::bank::Typed;
use crate::counting_store::{CountingStore, Counts};

/// The time of a commit, in addition to the memory store's own time.
const COMMIT_TIME: Duration = Duration::from_millis(1);

/// The batches of the opening, which is not measured: one unit in one batch.
const OPENING_BATCHES: usize = 1;

/// Runs the case of the matrix, and reports the mean batch of each of its rounds.
#[expect(clippy::expect_used, reason = "a new store takes every domain")]
pub(crate) async fn run(plan: &Plan) {
    if !wants_store("memory") || !selected("fluvius/memory(1 ms a commit)/hot-slow") {
        return;
    }
    let plan = Plan {
        cases: vec![(1, 64)],
        // A round of 2,000 commands would have only a few dozen batches.
        commands_n1: 20_000,
        ..plan.clone()
    };
    let counts: RefCell<Vec<Arc<Counts>>> = RefCell::default();
    matrix("fluvius", "memory(1 ms a commit)", "hot-slow", &plan, |_, _| {
        let store = CountingStore::over(MemoryStore::new(), COMMIT_TIME);
        counts.borrow_mut().push(store.counts());
        async { Typed::over(store).await.expect("the domain is built") }
    })
    .await;
    let means: Vec<f64> = counts.borrow().iter().skip(1).map(|counts| mean_batch(counts)).collect();
    let note = "one account, 64 clients, a store that sleeps 1 ms in each commit; the rounds after \
                the one that warms up";
    report("hot-slow", "fluvius/hot-slow/mean_batch", "units/commit", &means, note);
}

fn mean_batch(counts: &Counts) -> f64 {
    let batches = counts.batches.load(Ordering::Relaxed).saturating_sub(OPENING_BATCHES);
    let units = counts.units.load(Ordering::Relaxed).saturating_sub(OPENING_BATCHES);
    units as f64 / batches.max(1) as f64
}
