//! A lease on an aggregate.

use std::fmt;

/// A process's advisory hold on a contended aggregate, until it is dropped; see
/// [`Store::acquire_lease`](super::Store::acquire_lease).
pub struct Lease {
    _held: Box<dyn Send + Sync>,
}

impl Lease {
    /// Creates a lease that is returned when `held` is dropped.
    pub fn new(held: impl Send + Sync + 'static) -> Self {
        Self { _held: Box::new(held) }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").finish_non_exhaustive()
    }
}
