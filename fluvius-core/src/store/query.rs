//! Which rows of a log a reader asks for.

use crate::root::AggregateRoot;

/// Which rows of a log, and how many at the most.
///
/// # Shape
/// A row is given where all conditions hold; the first `limit` of them by position are. Any
/// numbers may be asked for: with a `limit` of 0 there are no rows, with `usize::MAX` all of them.
///
/// A command and an activity come from the realm of their own context, an event and a message
/// from that of the command that gave them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogQuery {
    /// Only rows of this root.
    pub root: Option<AggregateRoot>,
    /// Only rows whose command came from these realms.
    pub realm: RealmFilter,
    /// Only rows behind this position.
    pub after: u64,
    /// How many rows at the most.
    pub limit: usize,
}

/// Which realms a reader sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RealmFilter {
    /// All of them: the program's own view.
    All,
    /// Only this one; `None` is what has no realm.
    Only(Option<String>),
}

impl RealmFilter {
    /// Whether a row whose command came from this realm is seen.
    pub fn admits(&self, realm: Option<&str>) -> bool {
        match self {
            Self::All => true,
            Self::Only(only) => only.as_deref() == realm,
        }
    }
}
