//! The identity of an aggregate: the name of its resource and a UUID.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::excerpt::{self, excerpt};

/// The id of an aggregate: the name of its resource and its identifier.
///
/// # Examples
///
/// ```
/// use fluvius_store::AggregateId;
/// use uuid::Uuid;
///
/// let aggregate_id = AggregateId::new("bank-account", Uuid::nil());
/// assert_eq!(aggregate_id.to_string(), "bank-account/00000000-0000-0000-0000-000000000000");
/// ```
#[derive(Debug, Clone, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AggregateId {
    /// The resource name, in kebab case. Any text is accepted; the domain defines which resources
    /// exist.
    pub resource: Cow<'static, str>,
    /// The identifier: any UUID.
    #[serde(rename = "identifier")]
    pub id: Uuid,
}

impl AggregateId {
    /// Creates an id from a resource name and an identifier.
    pub fn new(resource: impl Into<Cow<'static, str>>, id: Uuid) -> Self {
        Self { resource: resource.into(), id }
    }

    /// Returns the partition of the aggregate among `count` partitions, from 0.
    ///
    /// It depends on the UUID alone, so aggregates of several resources with one UUID are in one
    /// partition. It stays the same across processes, machines and releases. A program that sends
    /// the commands of a partition to one process avoids version conflicts between processes.
    ///
    /// # Source
    /// The first eight bytes of the [BLAKE3] hash of the UUID's 16 bytes, as a big-endian number,
    /// modulo `count`.
    ///
    /// [BLAKE3]: https://github.com/BLAKE3-team/BLAKE3-specs
    ///
    /// # Examples
    ///
    /// ```
    /// use std::num::NonZeroU32;
    ///
    /// use fluvius_store::AggregateId;
    /// use uuid::Uuid;
    ///
    /// let account = AggregateId::new("bank-account", Uuid::from_u128(1));
    /// let count = NonZeroU32::new(4).expect("four processes");
    /// assert_eq!(account.partition(count), 2);
    /// ```
    pub fn partition(&self, count: NonZeroU32) -> u32 {
        let hash = blake3::hash(self.id.as_bytes());
        let first = hash.as_bytes()[..8].iter().fold(0, |hash, byte| hash << 8 | u64::from(*byte));
        // The remainder is less than `count`.
        u32::try_from(first % u64::from(count.get())).unwrap_or(0)
    }
}

impl PartialEq for AggregateId {
    /// Compares the identifiers first, since that is where two aggregates usually differ.
    fn eq(&self, other: &Self) -> bool {
        let (resource, other_resource) = (self.resource.as_ref(), other.resource.as_ref());
        // Most names are the same constant, whose text need not be compared.
        self.id == other.id
            && (std::ptr::eq(resource, other_resource) || resource == other_resource)
    }
}

impl Hash for AggregateId {
    /// Hashes only the identifier: aggregates of different resources rarely share one.
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Faster than the bytes of `Uuid`, which are hashed as a slice with its length.
        state.write_u128(self.id.as_u128());
    }
}

impl fmt::Display for AggregateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The resource may come from a sender, and this text is part of errors.
        write!(f, "{}/{}", excerpt(&self.resource, excerpt::NAME), self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(id: u128, count: u32) -> u32 {
        let aggregate_id = AggregateId::new("bank-account", Uuid::from_u128(id));
        aggregate_id.partition(NonZeroU32::new(count).unwrap())
    }

    #[test]
    fn partitions_stay_the_same_across_releases() {
        let found: Vec<u32> = (0..8).map(|id| partition(id, 16)).collect();
        // Computed with another implementation of BLAKE3.
        assert_eq!(found, [11, 10, 14, 1, 12, 11, 9, 13]);
        assert_eq!(partition(u128::MAX, u32::MAX), 2_155_454_573);
        let other = AggregateId::new("customer", Uuid::from_u128(1));
        assert_eq!(other.partition(NonZeroU32::new(16).unwrap()), partition(1, 16));
    }

    #[test]
    fn partitions_have_about_the_same_size() {
        for count in [1, 2, 3, 4, 7, 16] {
            let mut sizes = vec![0_u32; count as usize];
            for id in 0..10_000 {
                sizes[partition(id, count) as usize] += 1;
            }
            let mean = 10_000 / count;
            assert!(sizes.iter().all(|size| size.abs_diff(mean) < 120), "{count}: {sizes:?}");
        }
    }
}
