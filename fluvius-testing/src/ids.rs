//! Sequential ids.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

use fluvius_core::IdGenerator;

/// Returns the id of a command that an action invokes. `number` counts the invocations of one
/// action from 1.
///
/// # Examples
///
/// ```
/// use fluvius_testing::invoked_id;
///
/// let id = invoked_id(uuid::Uuid::from_u128(1), 1);
/// assert_eq!(id, invoked_id(uuid::Uuid::from_u128(1), 1));
/// assert_eq!(&id.to_string()[14..23], "8ca1-a1ed");
/// ```
pub fn invoked_id(parent: Uuid, number: u32) -> Uuid {
    fluvius_core::__private::kit::invoked(parent, number)
}

/// An id generator that counts up from a first number. Clones share the counter.
///
/// # Examples
///
/// ```
/// use fluvius_core::IdGenerator;
/// use fluvius_testing::SequentialIds;
///
/// let ids = SequentialIds::from(100);
/// assert_eq!(ids.generate().as_u128(), 100);
/// assert_eq!(ids.clone().generate().as_u128(), 101);
/// ```
#[derive(Debug, Clone)]
pub struct SequentialIds {
    next: Arc<AtomicU64>,
}

impl From<u64> for SequentialIds {
    fn from(first: u64) -> Self {
        Self { next: Arc::new(AtomicU64::new(first)) }
    }
}

impl IdGenerator for SequentialIds {
    fn generate(&self) -> Uuid {
        Uuid::from_u128(self.next.fetch_add(1, Ordering::Relaxed).into())
    }
}
