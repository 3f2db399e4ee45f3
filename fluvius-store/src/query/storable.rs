//! Names that no store can hold. No row has such a name, so a read by one finds nothing.
//!
//! The core replaces it by another name that no row has. Stores differ in their errors for a name
//! that they cannot hold. A statement that several callers share must not fail because of one such
//! name.

use std::borrow::Cow;

use uuid::Uuid;

use super::{LogQuery, RealmFilter};
use crate::aggregate_id::AggregateId;

/// Returns true if a store can hold the name.
fn is_storable(name: &str) -> bool {
    !name.contains('\0')
}

impl AggregateId {
    /// Returns true if a store can hold the aggregate.
    #[doc(hidden)]
    pub fn is_storable(&self) -> bool {
        is_storable(&self.resource)
    }

    /// Returns the id, or a replacement that a store can look up and that has no row: no resource
    /// has an empty name.
    #[doc(hidden)]
    pub fn storable(&self) -> Cow<'_, Self> {
        match self.is_storable() {
            true => Cow::Borrowed(self),
            false => Cow::Owned(Self::new("", Uuid::nil())),
        }
    }
}

impl RealmFilter {
    /// Returns true if a store can hold a row of this realm.
    #[doc(hidden)]
    pub fn is_storable(&self) -> bool {
        match self {
            Self::All | Self::Only(None) => true,
            Self::Only(Some(realm)) => is_storable(realm),
        }
    }
}

impl LogQuery {
    /// Returns the query, or a replacement that a store can run and that finds nothing either.
    #[doc(hidden)]
    pub fn storable(&self) -> Cow<'_, Self> {
        let is_storable = self.aggregate_id.as_ref().is_none_or(AggregateId::is_storable);
        if is_storable && self.realm.is_storable() {
            return Cow::Borrowed(self);
        }
        let aggregate_id = Some(AggregateId::new("", Uuid::nil()));
        Cow::Owned(Self { aggregate_id, realm: RealmFilter::All, ..*self })
    }
}
