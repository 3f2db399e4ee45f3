//! The announcement of a process.

use std::fmt;

/// The announcement that a process is alive. It ends when the value is dropped, and when the
/// process ends; see [`Store::announce`](crate::Store::announce).
pub struct Announcement {
    _held: Box<dyn Send + Sync>,
}

impl Announcement {
    /// Creates an announcement that drops `held`, which withdraws it in the store.
    pub fn new(held: impl Send + Sync + 'static) -> Self {
        Self { _held: Box::new(held) }
    }
}

impl fmt::Debug for Announcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Announcement").finish_non_exhaustive()
    }
}
