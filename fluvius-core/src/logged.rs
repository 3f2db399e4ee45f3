//! A row as a log gives it back: with its position.

use std::ops::Deref;

use serde::Serialize;

/// A stored log row and its position.
///
/// Positions are one counter a store for all its logs; they rise in commit order, and gaps are
/// allowed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Logged<T> {
    /// The position.
    pub position: u64,
    /// The row.
    #[serde(flatten)]
    pub record: T,
}

impl<T> Deref for Logged<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.record
    }
}
