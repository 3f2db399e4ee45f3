//! Where identifiers come from.
//!
//! Nothing is ordered by an identifier, and no time is read out of one: events of a root are
//! ordered by version, logs by position.

use uuid::{Builder, Uuid, Version};

use crate::clock::since_epoch;

/// A source of fresh identifiers.
pub trait Ids: Send + Sync + 'static {
    /// An identifier that this source has not given before.
    fn next(&self) -> Uuid;
}

/// UUIDs of version 7 (RFC 9562): fresh ones lie side by side in an index. Those of one millisecond are in no order.
#[derive(Debug, Clone, Copy, Default)]
pub struct TimeOrderedIds;

impl Ids for TimeOrderedIds {
    fn next(&self) -> Uuid {
        // `Uuid::now_v7` counts up within a millisecond besides, under a lock of the whole process.
        let random = Uuid::new_v4().as_u128() & (u128::MAX >> 48);
        let id = since_epoch().as_millis() << 80 | random;
        Builder::from_u128(id).with_version(Version::SortRand).into_uuid()
    }
}

/// The identifier of a command's event: each has one at the most, and it is the same in every
/// attempt. As far as the command's is time-ordered, so is this.
pub(crate) fn of_event(command: Uuid) -> Uuid {
    /// Any number would do that leaves version, variant and time alone.
    const EVENT: u128 = 0x2a65_7665_6e74_732a;
    Uuid::from_u128(command.as_u128() ^ EVENT)
}

/// The identifier of the command that a rule sends with `invoke`: the same in every attempt.
pub(crate) fn invoked(parent: Uuid, number: u32) -> Uuid {
    Uuid::new_v5(&parent, number.to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use uuid::Variant;

    use super::*;

    #[test]
    fn fresh_identifiers_are_of_version_7_and_tell_their_millisecond() {
        let before = since_epoch().as_millis();
        let ids: HashSet<Uuid> = (0..1_000).map(|_| TimeOrderedIds.next()).collect();
        let after = since_epoch().as_millis();
        assert_eq!(ids.len(), 1_000);
        for id in ids {
            assert_eq!((id.get_version_num(), id.get_variant()), (7, Variant::RFC4122));
            assert!((before..=after).contains(&(id.as_u128() >> 80)), "{id}");
        }
    }
}
