//! The conformance suite: the store contract as tests, which one macro generates.
//!
//! ```
//! use fluvius_core::MemoryStore;
//!
//! fluvius_testing::store_conformance!(async { MemoryStore::new() });
//! # fn main() {}
//! ```
//!
//! Each case is one test with an empty store and its own tokio runtime. The cases check the
//! contract of [`Store`](fluvius_core::Store). A failed case reports the actual and the expected
//! behaviour. The suite opens several handles over one content, commits concurrently, and closes
//! and reopens them.
//!
//! The suite injects no faults. A store that can become unavailable or fail during a commit needs
//! its own tests for that.

mod case_failure;
mod cases;
mod draft;
mod handle;
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

/// Maximum time of a case, after which the store counts as hanging.
const MAX_CASE_TIME: Duration = Duration::from_secs(120);

/// Worker threads of a case, so that concurrent commits run in parallel.
const WORKER_THREADS: usize = 2;

/// One case of the conformance suite, which checks a part of the contract of
/// [`Store`](fluvius_core::Store).
#[derive(Debug, Clone, Copy)]
pub struct Case {
    name: &'static str,
    check: for<'a> fn(&'a Harness) -> BoxFuture<'a, CaseResult>,
}

impl Case {
    /// Returns the name of the case, which is also the name of its test.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Checks a store with an empty content.
    ///
    /// # Errors
    /// If the store violates the contract. The failure states the actual and the expected
    /// behaviour.
    pub async fn check(&self, harness: &Harness) -> CaseResult {
        (self.check)(harness).await
    }
}

/// Checks one case in its own tokio runtime, for up to `time_max`.
///
/// # Errors
/// If the store violates the contract, panics, or does not finish in time.
///
/// # Panics
/// If it is called within an async task, since it blocks.
pub fn check(
    case: Case,
    time_max: Duration,
    harness: impl Future<Output = Harness> + Send + 'static,
) -> CaseResult {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .enable_all()
        .build()?;
    let claimed = runtime.spawn(async move { case.check(&harness.await).await });
    let ended = runtime.block_on(async { tokio::time::timeout(time_max, claimed).await });
    // Does not wait for a store that hangs.
    runtime.shutdown_background();
    match ended {
        Ok(Ok(checked)) => checked,
        Ok(Err(panicked)) => Err(CaseFailure::new(panicked.to_string())),
        Err(_) => Err(CaseFailure::new(format!("it has not ended after {time_max:?}"))),
    }
}

/// Checks the case with this name. The tests of [`store_conformance!`] call it.
///
/// # Panics
/// If the case fails or does not exist.
///
/// [`store_conformance!`]: crate::store_conformance
#[doc(hidden)]
#[track_caller]
pub fn run(name: &str, harness: impl Future<Output = Harness> + Send + 'static) {
    let case = CASES.iter().find(|case| case.name == name);
    let checked = match case {
        Some(case) => check(*case, MAX_CASE_TIME, harness),
        None => Err(CaseFailure::new("there is no such case")),
    };
    if let Err(broken) = checked {
        panic!("`{name}` does not hold: {broken}");
    }
}

/// All cases, in the order in which failures are best fixed.
pub const CASES: &[Case] = crate::__fluvius_store_cases!([crate::__fluvius_store_case_list]);
