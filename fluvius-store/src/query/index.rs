//! A field by which an aggregate type is often asked for, as a constant of its descriptor.

use super::{Field, Kind};

/// A field of the state for which a store may keep an index.
///
/// Declared in `#[aggregate(index(..))]`. What a query gives does not depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FieldIndex {
    /// The names that lead to it, with dots between them.
    pub path: &'static str,
    /// As what it is read.
    pub kind: Kind,
}

impl From<&FieldIndex> for Field {
    fn from(index: &FieldIndex) -> Self {
        Self::at(index.path.split('.'), index.kind)
    }
}
