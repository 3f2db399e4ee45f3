//! The generation of ids.
//!
//! Ids define no order and no time: the events of an aggregate are ordered by version, logs by
//! position.

use std::time::Duration;

use uuid::{Builder, Uuid, Version};

use crate::clock::since_epoch;

/// A generator of unique ids.
pub trait IdGenerator: Send + Sync + 'static {
    /// Returns an id that this generator has not returned before.
    fn generate(&self) -> Uuid;
}

/// UUIDs of version 7 (RFC 9562), so that recent ids are adjacent in an index. Ids of the same
/// millisecond are unordered.
#[derive(Debug, Clone, Copy, Default)]
pub struct UuidV7;

impl IdGenerator for UuidV7 {
    fn generate(&self) -> Uuid {
        // `Uuid::now_v7` also counts within a millisecond, under a process-wide lock.
        let random = Uuid::new_v4().as_u128() & (u128::MAX >> 48);
        let id = since_epoch().as_millis() << 80 | random;
        Builder::from_u128(id).with_version(Version::SortRand).into_uuid()
    }
}

/// Returns the id of a command's event. A command has at most one event, whose id is the same in
/// every attempt. It is as time-ordered as the command's id.
pub(crate) fn of_event(command: Uuid) -> Uuid {
    /// An arbitrary constant that leaves version, variant and time unchanged.
    const EVENT: u128 = 0x2a65_7665_6e74_732a;
    Uuid::from_u128(command.as_u128() ^ EVENT)
}

/// The version of an invoked command's id, and the marker in its third and fourth groups.
const INVOKED: u128 = 0x8ca1_a1ed << 48;

/// The bits of the third and fourth groups.
const INVOKED_MASK: u128 = 0xffff_ffff << 48;

/// Returns the id of a command that an action invokes: the same in every attempt.
///
/// It is a UUID of version 8 (RFC 9562). Its third and fourth groups are the marker `8ca1-a1ed`,
/// which includes version and variant. The other 96 bits are a BLAKE3 hash of the parent's id and
/// the number of the invocation.
pub fn invoked(parent: Uuid, number: u32) -> Uuid {
    let mut hasher = blake3::Hasher::new_derive_key("fluvius: the id of an invoked command");
    hasher.update(parent.as_bytes()).update(&number.to_be_bytes());
    let mut hash = [0; 16];
    hasher.finalize_xof().fill(&mut hash);
    Uuid::from_u128(u128::from_be_bytes(hash) & !INVOKED_MASK | INVOKED)
}

/// Returns a pause between half of a bound and the bound, so that callers with different seeds do
/// not act in step. It is the same for the same seed and number.
pub(crate) fn jittered(bound: Duration, seed: Uuid, number: u32) -> Duration {
    let hash = *invoked(seed, number).as_bytes();
    let half = bound / 2;
    // In steps of 1/1024.
    half + half / 1_024 * u32::from(u16::from_le_bytes([hash[14], hash[15]]) % 1_024)
}

/// Returns true if an id has the marker of an invoked command, which a sender may not use.
pub(crate) fn is_invoked(id: Uuid) -> bool {
    id.as_u128() & INVOKED_MASK == INVOKED
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use uuid::Variant;

    use super::*;

    #[test]
    fn ids_of_invoked_commands_are_marked_and_distinct() {
        let parents: Vec<Uuid> = (0..100).map(|_| UuidV7.generate()).collect();
        let ids: HashSet<Uuid> = parents
            .iter()
            .flat_map(|parent| (1..=10).map(|number| invoked(*parent, number)))
            .collect();
        assert_eq!(ids.len(), 1_000);
        for id in ids {
            assert_eq!((id.get_version_num(), id.get_variant()), (8, Variant::RFC4122));
            assert_eq!(&id.to_string()[14..23], "8ca1-a1ed");
            assert!(is_invoked(id));
        }
        assert!(!parents.iter().any(|parent| is_invoked(*parent)));
        assert!(!is_invoked(Uuid::new_v5(&parents[0], b"1")));
    }

    #[test]
    fn id_of_an_invoked_command_is_stable() {
        assert_eq!(
            invoked(Uuid::from_u128(1), 1).to_string(),
            "f11aceb2-319c-8ca1-a1ed-d12eeb19b012"
        );
    }

    #[test]
    fn fresh_ids_are_uuid_v7_with_their_millisecond() {
        let before = since_epoch().as_millis();
        let ids: HashSet<Uuid> = (0..1_000).map(|_| UuidV7.generate()).collect();
        let after = since_epoch().as_millis();
        assert_eq!(ids.len(), 1_000);
        for id in ids {
            assert_eq!((id.get_version_num(), id.get_variant()), (7, Variant::RFC4122));
            assert!((before..=after).contains(&(id.as_u128() >> 80)), "{id}");
        }
    }
}
