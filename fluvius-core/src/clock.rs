//! Where times come from. One type in the whole API: UTC, cut to microseconds.

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
    #[expect(clippy::disallowed_methods, reason = "this is the one place that may")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// Cuts a time to the precision that every store keeps.
pub(crate) fn to_microseconds(time: DateTime<Utc>) -> DateTime<Utc> {
    time.trunc_subsecs(6)
}
