//! Waiting for a lock that another program holds.

use std::hash::{BuildHasher, RandomState};
use std::thread;
use std::time::{Duration, Instant};

/// The first wait is this long, and each is longer, up to the other.
const WAIT_FIRST: Duration = Duration::from_micros(200);
const WAIT_MAX: Duration = Duration::from_millis(5);

/// Who has waited for so long looks often again: one at full load leaves only short pauses.
const PATIENCE: Duration = Duration::from_millis(100);

/// A handler for SQLite that tries again until this time is over.
///
/// It waits a random part of a time that grows, so that two programs which are at full load fall
/// out of step: SQLite's own handler waits the same times in both.
pub(crate) fn handler(time_max: Duration) -> impl FnMut(i32) -> bool + Send + 'static {
    let random = RandomState::new();
    let mut begun = Instant::now();
    let mut drawn: u64 = 0;
    move |count| {
        if count == 0 {
            begun = Instant::now();
        }
        let waited = begun.elapsed();
        if waited >= time_max {
            return false;
        }
        drawn = drawn.wrapping_add(1);
        let growing = WAIT_FIRST * (1 << count.clamp(0, 8)).min(25);
        let bound = if waited < PATIENCE { growing } else { WAIT_FIRST * 2 };
        let parts = u32::try_from(random.hash_one(drawn) % 1000).unwrap_or(0);
        thread::sleep(WAIT_FIRST.max(bound.min(WAIT_MAX) * parts / 1000));
        true
    }
}
