//! Identifiers that count.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

use crate::ids::Ids;

/// Identifiers that count from a first number; clones share the count.
///
/// # Examples
///
/// ```
/// use fluvius_core::Ids;
/// use fluvius_core::testing::CountedIds;
///
/// let ids = CountedIds::from(100);
/// assert_eq!(ids.next().as_u128(), 100);
/// assert_eq!(ids.clone().next().as_u128(), 101);
/// ```
#[derive(Debug, Clone)]
pub struct CountedIds {
    next: Arc<AtomicU64>,
}

impl From<u64> for CountedIds {
    fn from(first: u64) -> Self {
        Self { next: Arc::new(AtomicU64::new(first)) }
    }
}

impl Ids for CountedIds {
    fn next(&self) -> Uuid {
        Uuid::from_u128(self.next.fetch_add(1, Ordering::Relaxed).into())
    }
}
