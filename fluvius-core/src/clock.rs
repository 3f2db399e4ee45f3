//! Where times come from. One type in the whole API: UTC, cut to microseconds.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, SubsecRound, Utc};

/// A source of the time of receipt.
pub trait Clock: Send + Sync + 'static {
    /// The time now. The runtime cuts it to microseconds.
    fn now(&self) -> DateTime<Utc>;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        i64::try_from(since_epoch().as_micros())
            .ok()
            .and_then(DateTime::from_timestamp_micros)
            .unwrap_or(DateTime::UNIX_EPOCH)
    }
}

/// The time of the machine's clock since 1970; none where that stands before it.
#[expect(clippy::disallowed_methods, reason = "this is the one place that may")]
pub(crate) fn since_epoch() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// Cuts a time to the precision that every store keeps.
pub(crate) fn to_microseconds(time: DateTime<Utc>) -> DateTime<Utc> {
    if time.timestamp_subsec_nanos().is_multiple_of(1_000) { time } else { time.trunc_subsecs(6) }
}
