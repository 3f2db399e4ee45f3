//! The share of each process in the partitions of a subscription.
//!
//! Every process decides for itself, from the same rows. If two claim one partition, its token
//! decides. So clocks and stale rows cost time, never correctness.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::rows::Fitness;

/// A partition as its row shows it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PartitionView {
    pub(super) number: u32,
    pub(super) owner: Option<Uuid>,
    /// Set if this process can continue at the checkpoint.
    pub(super) is_known: bool,
}

/// The next steps of a process.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Plan {
    pub(super) claims: Vec<u32>,
    /// The partitions to be given up.
    pub(super) releases: Vec<u32>,
}

/// Returns the number of partitions that this process should own, among the live processes that
/// serve the subscription.
///
/// The shares differ by one at most. Outdated processes get none as long as another one lives.
pub(super) fn share(count: u32, me: Uuid, processes: &BTreeMap<Uuid, Fitness>) -> u32 {
    let has_current = processes.values().any(|fitness| *fitness == Fitness::Current);
    let counts = |fitness: &Fitness| !has_current || *fitness == Fitness::Current;
    let sharing: Vec<&Uuid> =
        processes.iter().filter(|(_, fitness)| counts(fitness)).map(|(id, _)| id).collect();
    let Some(index) = sharing.iter().position(|id| **id == me) else { return 0 };
    let total = u32::try_from(sharing.len()).unwrap_or(u32::MAX);
    let extra = u32::try_from(index).unwrap_or(u32::MAX) < count % total;
    count / total + u32::from(extra)
}

/// Returns the partitions to be claimed and given up.
///
/// `leaving` are own partitions that are being given up already.
pub(super) fn plan(
    me: Uuid,
    share: u32,
    partitions: &[PartitionView],
    is_alive: impl Fn(Uuid) -> bool,
    is_leaving: impl Fn(u32) -> bool,
) -> Plan {
    let share = usize::try_from(share).unwrap_or(usize::MAX);
    let mine = |seen: &&PartitionView| seen.owner == Some(me) && !is_leaving(seen.number);
    let owned: Vec<u32> = partitions.iter().filter(mine).map(|seen| seen.number).collect();
    let is_free =
        |seen: &&PartitionView| seen.owner.is_none_or(|owner| owner != me && !is_alive(owner));
    let free = partitions.iter().filter(is_free).filter(|seen| seen.is_known);
    // Processes that claim at the same time begin at different partitions.
    let count = partitions.len().max(1);
    let offset = usize::try_from(me.as_u128() % count as u128).unwrap_or(0);
    let mut free: Vec<u32> = free.map(|seen| seen.number).collect();
    free.sort_by_key(|number| (*number as usize + count - offset) % count);
    let claims = free.into_iter().take(share.saturating_sub(owned.len())).collect();
    let releases = owned.into_iter().skip(share).collect();
    Plan { claims, releases }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn process(number: usize) -> Uuid {
        Uuid::from_u128(number as u128 * 0x9e37_79b9 + 1)
    }

    fn seen(owners: &[Option<Uuid>]) -> Vec<PartitionView> {
        let seen = owners.iter().zip(0..);
        seen.map(|(owner, number)| PartitionView { number, owner: *owner, is_known: true })
            .collect()
    }

    /// Lets all live processes act in turn on the same rows, as long as anything changes. Returns
    /// the number of rounds.
    fn settle(owners: &mut [Option<Uuid>], alive: &BTreeSet<Uuid>) -> usize {
        let processes = alive.iter().map(|id| (*id, Fitness::Current)).collect();
        let count = u32::try_from(owners.len()).unwrap();
        for round in 0.. {
            let before = owners.to_vec();
            for &me in alive {
                let own = share(count, me, &processes);
                let plan = plan(me, own, &seen(owners), |id| alive.contains(&id), |_| false);
                for number in plan.claims {
                    owners[number as usize] = Some(me);
                }
                for number in plan.releases {
                    owners[number as usize] = None;
                }
            }
            if before == owners {
                return round;
            }
        }
        unreachable!()
    }

    proptest! {
        #[test]
        fn partitions_are_shared_evenly(
            count in 1..40_usize,
            owners in prop::collection::vec(0..8_usize, 40),
            alive in prop::collection::btree_set(1..8_usize, 1..7),
        ) {
            // Process 0 is none, and those not in `alive` have ended.
            let mut owners: Vec<Option<Uuid>> = owners[..count]
                .iter()
                .map(|&number| (number > 0).then(|| process(number)))
                .collect();
            let alive: BTreeSet<Uuid> = alive.into_iter().map(process).collect();
            let rounds = settle(&mut owners, &alive);
            prop_assert!(rounds <= 3, "{} rounds", rounds);
            for id in &alive {
                let owned = owners.iter().filter(|owner| **owner == Some(*id)).count();
                prop_assert!(owned == count / alive.len() || owned == count.div_ceil(alive.len()));
            }
        }

        #[test]
        fn shares_add_up(count in 0..2_000_u32, ids in 1..50_usize) {
            let processes: BTreeMap<Uuid, Fitness> =
                (0..ids).map(|number| (process(number), Fitness::Current)).collect();
            let sum: u32 = processes.keys().map(|id| share(count, *id, &processes)).sum();
            prop_assert_eq!(sum, count);
        }
    }

    #[test]
    fn outdated_process_shares_only_if_no_other_lives() {
        let [old, new] = [process(1), process(2)];
        let both = BTreeMap::from([(old, Fitness::Outdated), (new, Fitness::Current)]);
        assert_eq!((share(16, old, &both), share(16, new, &both)), (0, 16));
        let alone = BTreeMap::from([(old, Fitness::Outdated)]);
        assert_eq!(share(16, old, &alone), 16);
    }

    #[test]
    fn partition_with_an_unknown_event_is_not_claimed() {
        let mut partitions = seen(&[None, None]);
        partitions[1].is_known = false;
        let plan = plan(process(1), 2, &partitions, |_| true, |_| false);
        assert_eq!(plan, Plan { claims: vec![0], releases: vec![] });
    }
}
