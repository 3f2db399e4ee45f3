use super::super::fixtures::{aggregate_id, row};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

fn absent(number: u128) -> Arc<CachedVersion> {
    Arc::new(CachedVersion::loaded(aggregate_id(number), None))
}

#[test]
fn least_recently_used_aggregate_is_evicted() {
    let mut versions = VersionCache::new(3 * ENTRY_OVERHEAD_BYTES);
    for number in 1..=3 {
        versions.insert_loaded(absent(number));
    }
    assert!(versions.newest(&aggregate_id(1)).is_some());
    versions.insert_loaded(absent(4));
    let known: Vec<bool> =
        (1..=4).map(|number| versions.newest(&aggregate_id(number)).is_some()).collect();
    assert_eq!(known, [true, false, true, true]);
    assert_eq!(versions.bytes, 3 * ENTRY_OVERHEAD_BYTES);
}

#[test]
fn pending_version_stays_until_its_unit_aborts() {
    let mut versions = VersionCache::new(0);
    let pending = Arc::new(CachedVersion::pending(aggregate_id(1), None));
    versions.install(7, 1, &pending);
    versions.insert_loaded(absent(2));
    assert!(versions.newest(&aggregate_id(2)).is_none(), "there is no room for an idle aggregate");
    assert_eq!(versions.pending_unit(&pending), Some(7));
    assert!(versions.is_newest(&pending));
    versions.abort(7, &aggregate_id(1));
    assert!(versions.newest(&aggregate_id(1)).is_none());
    assert_eq!(versions.bytes, 0);
}

#[test]
fn versions_above_an_aborted_one_are_removed() {
    let mut versions = VersionCache::new(10_000);
    let durable = versions.insert_loaded(absent(1));
    let [first, second] = [(); 2].map(|()| Arc::new(CachedVersion::pending(aggregate_id(1), None)));
    versions.install(1, 1, &first);
    versions.install(2, 2, &second);
    assert!(Arc::ptr_eq(&versions.newest(&aggregate_id(1)).unwrap(), &second));
    versions.abort(1, &aggregate_id(1));
    assert!(Arc::ptr_eq(&versions.newest(&aggregate_id(1)).unwrap(), &durable));
    assert!(!versions.is_newest(&second));
}

fn counted(versions: &VersionCache) -> (usize, usize) {
    let idle = versions.chains.values().filter(|chain| chain.pending.is_empty()).count();
    (versions.chains.values().map(VersionChain::bytes).sum(), idle)
}

#[test]
fn eviction_does_not_revisit_aggregates_in_flight() {
    const ROOTS: u128 = 1_000;
    let mut versions = VersionCache::new(0);
    let install = |versions: &mut VersionCache, number: u128, unit: UnitNumber| {
        let cached =
            Arc::new(CachedVersion::pending(aggregate_id(number), Some(row(number, unit + 1, 2))));
        versions.install(unit, unit, &cached);
        cached
    };
    let mut in_flight: VecDeque<(UnitNumber, Arc<CachedVersion>)> = (0..ROOTS)
        .zip(0..)
        .map(|(number, unit)| (unit, install(&mut versions, number, unit)))
        .collect();
    for round in 0..10_000 {
        let (unit, cached) = in_flight.pop_front().unwrap();
        versions.commit(unit, &cached);
        let next = unit + UnitNumber::try_from(ROOTS).unwrap();
        in_flight.push_back((next, install(&mut versions, round % ROOTS, next)));
    }
    assert!(versions.visited < 30_000, "{} aggregates for 10,000 commits", versions.visited);
}

#[test]
fn version_size_is_its_overhead_and_twice_its_data() {
    let cached = CachedVersion::loaded(aggregate_id(1), Some(row(1, 1, 100)));
    assert_eq!(bytes_of(&cached), ENTRY_OVERHEAD_BYTES + 200);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn bytes_and_idle_count_match_the_chains_and_stay_bounded(
        steps in vec((0..6_u128, 2..902_usize, 0..12_u8, any::<Index>()), 300),
    ) {
        let mut versions = VersionCache::new(6_000);
        // The pending units of each aggregate with their versions, oldest first.
        let mut pending: Vec<(UnitNumber, Arc<CachedVersion>)> = Vec::new();
        let mut version = 0;
        for (unit, (number, data_len, step, which)) in (0..).zip(steps) {
            version += 1;
            match step {
                0..3 => {
                    let loaded = CachedVersion::loaded(
                        aggregate_id(number),
                        Some(row(number, version, data_len)),
                    );
                    versions.insert_loaded(Arc::new(loaded));
                }
                3..7 => {
                    let record = row(number, version, data_len);
                    let cached =
                        Arc::new(CachedVersion::pending(aggregate_id(number), Some(record)));
                    versions.install(unit, unit, &cached);
                    pending.push((unit, cached));
                }
                // Earlier units of the batch on the same aggregate commit too.
                7..9 if !pending.is_empty() => {
                    let (unit, cached) = pending.remove(which.index(pending.len()));
                    pending.retain(|(other, of)| {
                        *other > unit || of.aggregate_id != cached.aggregate_id
                    });
                    versions.commit(unit, &cached);
                    assert!(cached.is_durable());
                }
                9 if !pending.is_empty() => {
                    let (unit, cached) = pending.remove(which.index(pending.len()));
                    pending.retain(|(other, of)| {
                        *other < unit || of.aggregate_id != cached.aggregate_id
                    });
                    versions.abort(unit, &cached.aggregate_id);
                }
                10 => {
                    versions
                        .overwrite(&aggregate_id(number), Some(row(number, version, data_len)));
                    pending.retain(|(_, of)| of.aggregate_id != aggregate_id(number));
                }
                11 if which.index(10) < 3 => versions.clear_durable(),
                _ => {}
            }
            let tracked = (versions.bytes, versions.idle_count);
            assert_eq!(tracked, counted(&versions), "step {unit}");
            // Pending versions stay, whatever their size.
            versions.evict();
            let is_idle = |chain: &VersionChain| chain.pending.is_empty();
            assert!(versions.bytes <= 6_000 || !versions.chains.values().any(is_idle));
            let newest = |aggregate_id| {
                pending.iter().rfind(|(_, cached)| cached.aggregate_id == aggregate_id)
            };
            for number in 0..6 {
                let Some((unit, cached)) = newest(aggregate_id(number)) else { continue };
                assert!(versions.is_newest(cached), "unit {unit}");
                assert_eq!(versions.pending_unit(cached), Some(*unit));
            }
        }
    }
}

#[test]
fn clearing_removes_durable_versions_and_keeps_pending_ones() {
    let mut versions = VersionCache::new(10_000);
    versions.insert_loaded(absent(1));
    versions.insert_loaded(absent(2));
    let pending = Arc::new(CachedVersion::pending(aggregate_id(2), None));
    versions.install(1, 1, &pending);
    versions.clear_durable();
    assert!(versions.newest(&aggregate_id(1)).is_none());
    assert!(Arc::ptr_eq(&versions.newest(&aggregate_id(2)).unwrap(), &pending));
    versions.abort(1, &aggregate_id(2));
    assert!(versions.newest(&aggregate_id(2)).is_none(), "the version below it was cleared");
}

#[test]
fn foreign_write_causes_four_revalidations() {
    let mut versions = VersionCache::new(10_000);
    let loaded =
        |version| Arc::new(CachedVersion::loaded(aggregate_id(1), Some(row(1, version, 2))));
    versions.insert_loaded(loaded(1));
    assert!(versions.overwrite(&aggregate_id(1), Some(row(1, 2, 2))), "the row is new");
    assert_eq!(
        versions.newest(&aggregate_id(1)).unwrap().version(),
        2,
        "the store has just returned it"
    );
    assert!(versions.newest(&aggregate_id(1)).is_none());
    assert_eq!(versions.insert_loaded(loaded(5)).version(), 5, "another process has changed it");
    for _ in 0..REVALIDATIONS {
        assert!(versions.newest(&aggregate_id(1)).is_none());
        versions.insert_loaded(loaded(5));
    }
    assert!(versions.newest(&aggregate_id(1)).is_some());
    assert_eq!(versions.insert_loaded(loaded(4)).version(), 5, "a newer one was loaded before");
}
