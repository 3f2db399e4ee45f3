//! A clock that a test controls.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};

use fluvius_core::Clock;

/// A clock that changes only by [`set`](Self::set), which may also set it back. Clones share the
/// time.
///
/// # Examples
///
/// ```
/// use fluvius_core::Clock;
/// use fluvius_testing::FixedClock;
///
/// let clock = FixedClock::at("2026-01-01T00:00:00Z".parse().unwrap());
/// let same = clock.clone();
/// clock.set("2026-01-02T00:00:00Z".parse().unwrap());
/// assert_eq!(same.now().to_rfc3339(), "2026-01-02T00:00:00+00:00");
/// ```
#[derive(Debug, Clone)]
pub struct FixedClock {
    now: Arc<Mutex<DateTime<Utc>>>,
}

impl FixedClock {
    /// Returns a clock at this time.
    pub fn at(now: DateTime<Utc>) -> Self {
        Self { now: Arc::new(Mutex::new(now)) }
    }

    /// Sets the time.
    pub fn set(&self, now: DateTime<Utc>) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }
}

impl Clock for FixedClock {
    fn now(&self) -> DateTime<Utc> {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
