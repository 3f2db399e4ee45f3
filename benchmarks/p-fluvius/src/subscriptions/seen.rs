//! The count of the events that a reader has met.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The bound of the positions. An event beyond it is not counted, so the part fails.
const POSITION_COUNT: u64 = 1 << 26;

/// The pause between two looks at the count.
const PAUSE: Duration = Duration::from_millis(1);

/// The events that a reader has met, one bit per position.
pub(super) struct Seen {
    words: Vec<AtomicU64>,
    distinct: AtomicU64,
    repeated: AtomicU64,
}

impl Seen {
    pub(super) fn new() -> Self {
        let words = (0..POSITION_COUNT / 64).map(|_| AtomicU64::new(0)).collect();
        Self { words, distinct: AtomicU64::new(0), repeated: AtomicU64::new(0) }
    }

    /// Counts the event at a position.
    pub(super) fn mark(&self, position: u64) {
        let word = usize::try_from(position / 64).unwrap_or(usize::MAX);
        let Some(word) = self.words.get(word) else { return };
        let bit = 1 << (position % 64);
        let count = match word.fetch_or(bit, Ordering::Relaxed) & bit {
            0 => &self.distinct,
            _ => &self.repeated,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the number of distinct events so far.
    pub(super) fn distinct(&self) -> u64 {
        self.distinct.load(Ordering::Relaxed)
    }

    /// Waits until this many distinct events are counted.
    ///
    /// # Errors
    /// A text, if no further event comes for `stall_time`.
    pub(super) async fn wait(&self, count: u64, stall_time: Duration) -> Result<(), String> {
        let (mut last, mut idle) = (self.distinct(), Duration::ZERO);
        while last < count && idle < stall_time {
            tokio::time::sleep(PAUSE).await;
            let now = self.distinct();
            idle = if now == last { idle + PAUSE } else { Duration::ZERO };
            last = now;
        }
        if last < count { self.check(count) } else { Ok(()) }
    }

    /// Compares the number of distinct events with the expected one.
    ///
    /// # Errors
    /// A text, if they differ.
    pub(super) fn check(&self, count: u64) -> Result<(), String> {
        let (distinct, repeated) = (self.distinct(), self.repeated.load(Ordering::Relaxed));
        if distinct == count {
            return Ok(());
        }
        Err(format!("{distinct} distinct events in place of {count}, {repeated} repeated"))
    }
}
