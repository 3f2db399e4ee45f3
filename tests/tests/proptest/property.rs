//! The runner of properties: random cases from a reproducible seed.

use std::future::Future;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::process::Command;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use fluvius_core::Clock;
use fluvius_tests::seeds;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use tokio::runtime::Runtime;

/// Maximal time to shrink a failing case, in milliseconds.
const MAX_SHRINK_TIME: u32 = 30_000;

/// Checks a property on `cases` random values, or on `FLUVIUS_CASES` if that is more.
pub(crate) fn check<S: Strategy>(
    name: &str,
    cases: u32,
    strategy: S,
    property: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    let seed = seeds::seed().unwrap_or_else(|| RandomState::new().build_hasher().finish());
    let config = config(cases);
    let cases = config.cases;
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    if let Err(error) = TestRunner::new_with_rng(config, rng).run(&strategy, property) {
        panic!(
            "{error}\nseed: {seed}, commit: {}\n\
             again: FLUVIUS_SEED={seed} FLUVIUS_CASES={cases} cargo test -p fluvius-tests --test \
             proptest {name}",
            commit(),
        );
    }
}

/// Returns the settings of a property. No files are kept, since the seed reproduces a case.
pub(crate) fn config(cases: u32) -> Config {
    let wanted = seeds::number("FLUVIUS_CASES").and_then(|cases| u32::try_from(cases).ok());
    Config {
        cases: wanted.unwrap_or(0).max(cases),
        failure_persistence: None,
        max_shrink_time: MAX_SHRINK_TIME,
        max_shrink_iters: 100_000,
        ..Config::default()
    }
}

/// Runs an asynchronous case on this thread, always in the same runtime: it drives the connections
/// of stores.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: Runtime = runtime();
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}

/// Returns a current-thread runtime.
pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A clock that advances by a millisecond per read, so that two runs see the same times.
#[derive(Debug, Default)]
pub(crate) struct Ticks(AtomicI64);

impl Clock for Ticks {
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::milliseconds(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

fn commit() -> String {
    let output = Command::new("git").args(["rev-parse", "HEAD"]).output();
    let found = output.ok().filter(|output| output.status.success());
    let text = found.and_then(|output| String::from_utf8(output.stdout).ok());
    text.map_or_else(|| "unknown".to_owned(), |text| text.trim().to_owned())
}
