//! A lease on an aggregate.

use std::fmt;

/// An advisory lease of a process on a contended aggregate. It ends when the value is dropped; see
/// [`Store::acquire_lease`](super::Store::acquire_lease).
pub struct Lease {
    _held: Box<dyn Send + Sync>,
}

impl Lease {
    /// Creates a lease that drops `held`, which releases it in the store.
    pub fn new(held: impl Send + Sync + 'static) -> Self {
        Self { _held: Box::new(held) }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").finish_non_exhaustive()
    }
}
