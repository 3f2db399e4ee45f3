//! The turn of a root across processes.

use std::fmt;

/// The turn of a root across processes, until it is dropped: [`Store::turn`](super::Store::turn).
pub struct StoreTurn {
    _held: Box<dyn Send + Sync>,
}

impl StoreTurn {
    /// A turn that is given back when `held` is dropped.
    pub fn new(held: impl Send + Sync + 'static) -> Self {
        Self { _held: Box::new(held) }
    }
}

impl fmt::Debug for StoreTurn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreTurn").finish_non_exhaustive()
    }
}
