//! A point in the history of an aggregate.

use std::fmt;

use chrono::{DateTime, Utc};

/// A point in the history of an aggregate: a version, or a time, which selects the last version at
/// or before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PointInTime {
    /// The version with this number.
    Version(u64),
    /// The last version whose event occurred at or before this time.
    Time(DateTime<Utc>),
}

impl From<u64> for PointInTime {
    fn from(version: u64) -> Self {
        Self::Version(version)
    }
}

impl From<DateTime<Utc>> for PointInTime {
    fn from(time: DateTime<Utc>) -> Self {
        Self::Time(time)
    }
}

impl fmt::Display for PointInTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(f, "version {version}"),
            Self::Time(time) => write!(f, "{}", time.to_rfc3339()),
        }
    }
}
