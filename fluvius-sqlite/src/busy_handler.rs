//! The busy handler: waits for a lock that another connection holds.

use std::hash::{BuildHasher, RandomState};
use std::thread;
use std::time::{Duration, Instant};

/// Bounds of one wait. Waits grow from the first to the second.
const MIN_WAIT: Duration = Duration::from_micros(200);
const MAX_WAIT: Duration = Duration::from_millis(5);

/// Time after which the handler polls at short intervals again: a program at full load leaves only
/// short pauses.
const BACKOFF_TIME: Duration = Duration::from_millis(100);

/// Returns a busy handler for SQLite that retries until `timeout` is over.
///
/// Waits have random lengths, so that two programs at full load do not stay in step. SQLite's own
/// handler waits for the same times in both.
pub(crate) fn busy_handler(timeout: Duration) -> impl FnMut(i32) -> bool + Send + 'static {
    let random = RandomState::new();
    let mut begun = Instant::now();
    let mut drawn: u64 = 0;
    move |count| {
        if count == 0 {
            begun = Instant::now();
        }
        let waited = begun.elapsed();
        if waited >= timeout {
            return false;
        }
        drawn = drawn.wrapping_add(1);
        let growing = MIN_WAIT * (1 << count.clamp(0, 8)).min(25);
        let bound = if waited < BACKOFF_TIME { growing } else { MIN_WAIT * 2 };
        let thousandths = u32::try_from(random.hash_one(drawn) % 1000).unwrap_or(0);
        thread::sleep(MIN_WAIT.max(bound.min(MAX_WAIT) * thousandths / 1000));
        true
    }
}
