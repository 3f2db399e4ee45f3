//! A work row and its key.

use chrono::{DateTime, Utc};

use crate::json::Json;

/// The key of a work row: three texts, compared in this order by their code points.
///
/// # Examples
///
/// ```
/// use fluvius_store::work::WorkKey;
///
/// let first = WorkKey::new("partition", "bank/mailer", "000");
/// assert!(first < WorkKey::new("partition", "bank/mailer", "001"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct WorkKey {
    /// The kind of the row, such as `partition`.
    pub kind: String,
    /// The name that the row belongs to, such as that of a subscription.
    pub name: String,
    /// The part of the name, such as the number of a partition. May be empty.
    pub part: String,
}

impl WorkKey {
    /// Maximum length of each text, in bytes. The three fit into an entry of an index.
    pub const MAX_BYTES: usize = 512;

    /// Creates a key.
    pub fn new(kind: impl Into<String>, name: impl Into<String>, part: impl Into<String>) -> Self {
        Self { kind: kind.into(), name: name.into(), part: part.into() }
    }
}

/// A work row as it is stored.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct WorkRow {
    /// The key.
    pub key: WorkKey,
    /// Identifies the write that left the row as it is. It is above every token that was given
    /// before, to any row, even to one that has been deleted.
    pub token: u64,
    /// The content.
    pub data: Json,
    /// The time of the write, by the clock that [`WorkPage::now`](super::WorkPage::now) has too.
    pub written_at: DateTime<Utc>,
}

impl WorkRow {
    /// Creates a row, as a store has read it.
    pub const fn new(key: WorkKey, token: u64, data: Json, written_at: DateTime<Utc>) -> Self {
        Self { key, token, data, written_at }
    }
}
