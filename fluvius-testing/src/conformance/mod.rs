//! The conformance suite: what every store must keep, as tests that a store's author calls with
//! one macro.
//!
//! ```
//! use fluvius_core::MemoryStore;
//!
//! fluvius_testing::store_conformance!(async { MemoryStore::new() });
//! # fn main() {}
//! ```
//!
//! Each claim is one test, with a fresh store and a tokio runtime of its own. The claims are those
//! of [`Store`](fluvius_core::Store): a claim that fails tells what the store did and what it should have
//! done. The suite opens several handles over one content, lets them commit at the same time, and
//! closes and opens them again.
//!
//! A store that can go away, or fail in the middle, shows this in tests of its own: the suite
//! never breaks anything.

mod case_failure;
mod cases;
mod draft;
mod dyn_store;
mod harness;
mod macros;
mod outcomes;
mod query_fixture;
mod sample_aggregate;
mod store_dump;

use std::future::Future;
use std::time::Duration;

use futures_core::future::BoxFuture;

pub use case_failure::{CaseFailure, CaseResult};
pub use harness::Harness;

/// How long a claim may take: longer means that the store hangs.
const MAX_CASE_TIME: Duration = Duration::from_secs(120);

/// How many threads a claim has: those that commit at the same time are at work at the same time.
const WORKER_THREADS: usize = 2;

/// One claim of the contract of [`Store`](fluvius_core::Store).
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    name: &'static str,
    check: for<'a> fn(&'a Harness) -> BoxFuture<'a, CaseResult>,
}

impl Claim {
    /// What is claimed, as the name of a test.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Whether it holds of a store with an empty content.
    ///
    /// # Errors
    /// What the store did, and what it should have done.
    pub async fn check(&self, harness: &Harness) -> CaseResult {
        (self.check)(harness).await
    }
}

/// Checks one claim in a tokio runtime of its own, and waits for it, but no longer than this.
///
/// # Errors
/// What the store did, and what it should have done; that it panicked, or hangs.
///
/// # Panics
/// Inside of an asynchronous task: it blocks.
pub fn check(
    claim: Claim,
    time_max: Duration,
    harness: impl Future<Output = Harness> + Send + 'static,
) -> CaseResult {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .enable_all()
        .build()?;
    let claimed = runtime.spawn(async move { claim.check(&harness.await).await });
    let ended = runtime.block_on(async { tokio::time::timeout(time_max, claimed).await });
    // A store that hangs must not hang the test.
    runtime.shutdown_background();
    match ended {
        Ok(Ok(checked)) => checked,
        Ok(Err(panicked)) => Err(CaseFailure::new(panicked.to_string())),
        Err(_) => Err(CaseFailure::new(format!("it has not ended after {time_max:?}"))),
    }
}

/// Checks the claim of this name; what the tests of [`store_conformance!`] do.
///
/// # Panics
/// Where it does not hold.
///
/// [`store_conformance!`]: crate::store_conformance
#[doc(hidden)]
#[track_caller]
pub fn run(name: &str, harness: impl Future<Output = Harness> + Send + 'static) {
    let claim = CLAIMS.iter().find(|claim| claim.name == name);
    let checked = match claim {
        Some(claim) => check(*claim, MAX_CASE_TIME, harness),
        None => Err(CaseFailure::new("there is no such claim")),
    };
    if let Err(broken) = checked {
        panic!("`{name}` does not hold: {broken}");
    }
}

/// All claims, in the order in which they are best mended.
pub const CLAIMS: &[Claim] = crate::__fluvius_store_claims!([crate::__fluvius_store_claim_list]);
