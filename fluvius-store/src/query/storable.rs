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
    /// Returns the query, or a replacement that a store can run and that finds the same rows.
    #[doc(hidden)]
    pub fn storable(&self) -> Cow<'_, Self> {
        let has_aggregate = self.aggregate_id.as_ref().is_none_or(AggregateId::is_storable);
        let has_domain = self.domain.as_deref().is_none_or(is_storable);
        if !(has_aggregate && has_domain && self.realm.is_storable()) {
            return Cow::Owned(Self {
                aggregate_id: Some(AggregateId::new("", Uuid::nil())),
                realm: RealmFilter::All,
                domain: None,
                keys: None,
                ..*self
            });
        }
        if self.keys.iter().flatten().all(|key| is_storable(key)) {
            return Cow::Borrowed(self);
        }
        let mut query = self.clone();
        query.keys.iter_mut().for_each(|keys| keys.retain(|key| is_storable(key)));
        Cow::Owned(query)
    }
}
