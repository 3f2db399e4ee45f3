//! A clock that a test sets.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};

use fluvius_core::Clock;

/// A clock that stands still until it is set; clones are the same clock. It may be set back.
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
    /// A clock that stands at this time.
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
