//! Clocks. All times of the API have one type: UTC, truncated to microseconds.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};

/// A source of the time of receipt of commands.
pub trait Clock: Send + Sync + 'static {
    /// Returns the current time. The runtime truncates it to microseconds and clamps it to the
    /// years 1 to 9999. A leap second (`23:59:60`) becomes the last microsecond before it.
    fn now(&self) -> DateTime<Utc>;
}

/// The system clock.
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

/// Returns the time since 1970 by the system clock; zero if the clock is set before 1970.
#[expect(clippy::disallowed_methods, reason = "this is the one place that may")]
pub(crate) fn since_epoch() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// The earliest time that can be stored: the beginning of the year 1.
const EARLIEST: DateTime<Utc> = at(-62_135_596_800, 0);

/// The latest time that can be stored: the last microsecond of the year 9999.
const LATEST: DateTime<Utc> = at(253_402_300_799, 999_999_000);

const fn at(seconds: i64, nanoseconds: u32) -> DateTime<Utc> {
    match DateTime::from_timestamp(seconds, nanoseconds) {
        Some(time) => time,
        None => DateTime::UNIX_EPOCH,
    }
}

/// Converts a time to one that every store returns unchanged and every cursor can express. It is
/// truncated to microseconds and clamped to the years 1 to 9999. A leap second becomes the last
/// microsecond before it.
pub fn to_microseconds(time: DateTime<Utc>) -> DateTime<Utc> {
    let nanoseconds = time.timestamp_subsec_nanos();
    let is_kept = nanoseconds < 1_000_000_000 && nanoseconds.is_multiple_of(1_000);
    let time = if is_kept {
        time
    } else {
        // chrono represents a leap second as 1,000,000,000 nanoseconds or more.
        at(time.timestamp(), nanoseconds.min(999_999_999) / 1_000 * 1_000)
    };
    time.clamp(EARLIEST, LATEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(given: DateTime<Utc>, kept: &str) {
        let time = to_microseconds(given);
        assert_eq!(time, kept.parse::<DateTime<Utc>>().unwrap());
        assert_eq!(to_microseconds(time), time);
        let text = time.to_rfc3339();
        assert_eq!(text.parse::<DateTime<Utc>>().unwrap(), time, "{text}");
        let micros = time.timestamp_micros();
        assert_eq!(DateTime::from_timestamp_micros(micros), Some(time), "{text}");
    }

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn times_are_truncated_to_microseconds() {
        check(time("2026-01-02T03:04:05.123456789Z"), "2026-01-02T03:04:05.123456Z");
        check(time("1926-01-02T03:04:05.123456789Z"), "1926-01-02T03:04:05.123456Z");
        check(time("2026-01-02T03:04:05Z"), "2026-01-02T03:04:05Z");
    }

    #[test]
    fn leap_second_becomes_the_last_microsecond_before_it() {
        for leap in
            ["2016-12-31T23:59:60Z", "2016-12-31T23:59:60.5Z", "2016-12-31T23:59:60.999999999Z"]
        {
            check(time(leap), "2016-12-31T23:59:59.999999Z");
        }
        let leap = DateTime::from_timestamp(1_483_228_799, 1_000_000_000).unwrap();
        check(leap, "2016-12-31T23:59:59.999999Z");
    }

    #[test]
    fn times_are_clamped_to_the_years_1_to_9999() {
        check(DateTime::<Utc>::MIN_UTC, "0001-01-01T00:00:00Z");
        check(DateTime::<Utc>::MAX_UTC, "9999-12-31T23:59:59.999999Z");
        check(LATEST, "9999-12-31T23:59:59.999999Z");
        check(EARLIEST, "0001-01-01T00:00:00Z");
        let last = time("9999-12-31T23:59:59.999999999Z");
        check(last, "9999-12-31T23:59:59.999999Z");
    }
}
