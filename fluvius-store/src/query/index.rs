//! A field that queries often use, declared as a constant of an aggregate type's descriptor.

use serde::Serialize;

use super::{Field, Kind};

/// A field of the state that a store may index.
///
/// It is declared in `#[aggregate(index(..))]`. The result of a query does not depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct FieldIndex {
    /// The names of its path, separated by dots.
    pub path: &'static str,
    /// The kind of its values.
    pub kind: Kind,
}

impl From<&FieldIndex> for Field {
    fn from(index: &FieldIndex) -> Self {
        Self::at(index.path.split('.'), index.kind)
    }
}
