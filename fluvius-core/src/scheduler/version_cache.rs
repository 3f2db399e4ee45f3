//! The newest versions of the aggregates in flight, and a bounded cache of those of idle
//! aggregates.

use std::collections::VecDeque;
use std::sync::Arc;

use hashlink::LinkedHashMap;

use super::cached_version::CachedVersion;
use super::{CommandSeq, UnitNumber};
use fluvius_store::{AggregateId, StateRecord};

/// Estimated size of a cached version in addition to its data: names, audit fields, and parts of
/// the decoded value.
const ENTRY_OVERHEAD_BYTES: usize = 512;

/// Unchanged re-reads required before a cached version is trusted again after a foreign write.
/// Until then an idle aggregate is read from the store: further foreign writes are likely, and a
/// read costs less than an aborted decision.
const REVALIDATIONS: u8 = 4;

/// The version chains of the known aggregates.
#[derive(Debug)]
pub(crate) struct VersionCache {
    /// In order of use, the least recently used first.
    chains: LinkedHashMap<AggregateId, VersionChain, foldhash::fast::RandomState>,
    bytes: usize,
    max_bytes: usize,
    /// Number of idle aggregates.
    idle_count: usize,
    /// Number of aggregates that evictions have visited so far.
    #[cfg(test)]
    visited: usize,
}

/// The versions of one aggregate: the last durable one and, above it, admitted ones that are not
/// yet durable, oldest first.
#[derive(Debug, Default)]
struct VersionChain {
    durable: Option<Arc<CachedVersion>>,
    pending: VecDeque<(UnitNumber, Arc<CachedVersion>)>,
    /// Number of further re-reads, while the aggregate is idle, before its cached version is
    /// trusted.
    revalidations_left: u8,
    /// Set if the version was just loaded, and no command has been decided on it since.
    is_fresh: bool,
}

impl VersionChain {
    fn newest(&self) -> Option<&Arc<CachedVersion>> {
        self.pending.back().map(|(_, version)| version).or(self.durable.as_ref())
    }

    /// Creates a chain with a version that the store has returned.
    fn from_store(version: Arc<CachedVersion>, revalidations_left: u8) -> Self {
        Self {
            durable: Some(version),
            pending: VecDeque::new(),
            revalidations_left,
            is_fresh: true,
        }
    }

    fn position(&self, unit: UnitNumber) -> Option<usize> {
        self.pending.iter().position(|(number, _)| *number == unit)
    }

    fn bytes(&self) -> usize {
        let pending = self.pending.iter().map(|(_, version)| version);
        pending.chain(&self.durable).map(|version| bytes_of(version)).sum()
    }
}

fn bytes_of(version: &CachedVersion) -> usize {
    ENTRY_OVERHEAD_BYTES + 2 * version.record.as_ref().map_or(0, |record| record.data.len())
}

impl VersionCache {
    /// Creates an empty cache. Versions of idle aggregates take up to `max_bytes`, by estimate.
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            chains: LinkedHashMap::default(),
            bytes: 0,
            max_bytes,
            idle_count: 0,
            #[cfg(test)]
            visited: 0,
        }
    }

    /// Returns the newest version of an aggregate for a decision; `None` if it must be loaded.
    pub(crate) fn newest(&mut self, aggregate_id: &AggregateId) -> Option<Arc<CachedVersion>> {
        // `to_back` marks the chain as the most recently used one.
        let chain = self.chains.to_back(aggregate_id)?;
        let is_fresh = std::mem::take(&mut chain.is_fresh);
        if chain.revalidations_left > 0 && chain.pending.is_empty() && !is_fresh {
            return None;
        }
        chain.newest().map(Arc::clone)
    }

    /// Inserts a loaded version, and returns the newest one. That is another one if a command has
    /// inserted a newer version first.
    pub(crate) fn insert_loaded(&mut self, loaded: Arc<CachedVersion>) -> Arc<CachedVersion> {
        let mut revalidations_left = 0;
        if let Some(chain) = self.chains.to_back(&loaded.aggregate_id) {
            match chain.newest() {
                Some(newest)
                    if !chain.pending.is_empty() || newest.version() > loaded.version() =>
                {
                    return Arc::clone(newest);
                }
                Some(known) if known.is_same_row(&loaded) => {
                    let known = Arc::clone(known);
                    chain.revalidations_left = chain.revalidations_left.saturating_sub(1);
                    return known;
                }
                _ => revalidations_left = REVALIDATIONS,
            }
        }
        // Only the command that has loaded it decides on it. The next command reads the aggregate
        // again.
        let chain = VersionChain::from_store(Arc::clone(&loaded), revalidations_left);
        self.replace(&loaded.aggregate_id, VersionChain { is_fresh: false, ..chain });
        self.evict();
        loaded
    }

    /// Trusts the cached version of an aggregate that was just read under a lease.
    pub(crate) fn mark_trusted(&mut self, aggregate_id: &AggregateId) {
        if let Some(chain) = self.chains.get_mut(aggregate_id) {
            chain.revalidations_left = 0;
        }
    }

    /// Returns true if a version that was read is still the newest.
    ///
    /// If the aggregate is no longer cached, a durable version may still be the newest, and the
    /// commit checks its number. A version that never became durable is not, since another version
    /// may be stored under its number.
    pub(crate) fn is_newest(&self, read: &Arc<CachedVersion>) -> bool {
        match self.chains.get(&read.aggregate_id).and_then(VersionChain::newest) {
            Some(newest) => Arc::ptr_eq(newest, read),
            None => read.is_durable(),
        }
    }

    /// Returns the unit that writes a version; `None` if the version is durable.
    pub(crate) fn pending_unit(&self, read: &Arc<CachedVersion>) -> Option<UnitNumber> {
        if read.is_durable() {
            return None;
        }
        let chain = self.chains.get(&read.aggregate_id)?;
        let pending = chain.pending.iter().rev();
        pending.into_iter().find(|(_, version)| Arc::ptr_eq(version, read)).map(|(unit, _)| *unit)
    }

    /// Installs the version of an admitted unit on top of its chain.
    pub(crate) fn install(
        &mut self,
        unit: UnitNumber,
        seq: CommandSeq,
        version: &Arc<CachedVersion>,
    ) {
        version.set_seq(seq);
        self.bytes += bytes_of(version);
        let pending = (unit, Arc::clone(version));
        match self.chains.get_mut(&version.aggregate_id) {
            Some(chain) => {
                self.idle_count -= usize::from(chain.pending.is_empty());
                chain.pending.push_back(pending);
            }
            None => {
                let pending = VecDeque::from([pending]);
                let chain = VersionChain { pending, ..VersionChain::default() };
                self.chains.insert(version.aggregate_id.clone(), chain);
            }
        }
    }

    /// Marks the version of a committed unit as the durable one.
    pub(crate) fn commit(&mut self, unit: UnitNumber, version: &Arc<CachedVersion>) {
        let chain = self.chains.get_mut(&version.aggregate_id);
        let pending = chain.map(|chain| (chain.position(unit), chain));
        let Some((Some(index), chain)) = pending else {
            // The unit is committed although its version was removed, so the cached chain is wrong.
            return self.replace(&version.aggregate_id, VersionChain::default());
        };
        version.set_durable();
        for _ in 0..index {
            self.bytes -= chain.pending.pop_front().map_or(0, |(_, below)| bytes_of(&below));
        }
        chain.pending.pop_front();
        self.idle_count += usize::from(chain.pending.is_empty());
        let below = chain.durable.replace(Arc::clone(version));
        self.bytes -= below.map_or(0, |below| bytes_of(&below));
        self.evict();
    }

    /// Removes the version of an aborted unit, and every version above it.
    pub(crate) fn abort(&mut self, unit: UnitNumber, aggregate_id: &AggregateId) {
        let Some(chain) = self.chains.get_mut(aggregate_id) else { return };
        if let Some(index) = chain.position(unit) {
            let aborted = chain.pending.drain(index..);
            self.bytes -= aborted.map(|(_, version)| bytes_of(&version)).sum::<usize>();
            self.idle_count += usize::from(chain.pending.is_empty());
        }
        if chain.newest().is_none() {
            self.chains.remove(aggregate_id);
            self.idle_count -= 1;
        }
    }

    /// Overwrites an aggregate with the row that the store holds. Returns true if that row is new.
    pub(crate) fn overwrite(
        &mut self,
        aggregate_id: &AggregateId,
        stored: Option<StateRecord>,
    ) -> bool {
        let version = CachedVersion::loaded(aggregate_id.clone(), stored);
        let known = self.chains.get(aggregate_id).and_then(|chain| chain.durable.as_ref());
        // If the row is known, an earlier abort for the same foreign write has already reported it,
        // and later decisions depend on it.
        let is_new = known.is_none_or(|known| !known.is_same_row(&version));
        if is_new {
            self.replace(aggregate_id, VersionChain::from_store(Arc::new(version), REVALIDATIONS));
        }
        self.evict();
        is_new
    }

    /// Returns true if an aggregate has a version that is not yet durable.
    pub(crate) fn has_pending(&self, aggregate_id: &AggregateId) -> bool {
        self.chains.get(aggregate_id).is_some_and(|chain| !chain.pending.is_empty())
    }

    /// Removes all durable versions. Pending versions stay, since their commits check them.
    pub(crate) fn clear_durable(&mut self) {
        let mut kept = LinkedHashMap::default();
        self.bytes = 0;
        while let Some((aggregate_id, mut chain)) = self.chains.pop_front() {
            chain.durable = None;
            if !chain.pending.is_empty() {
                self.bytes += chain.bytes();
                kept.insert(aggregate_id, chain);
            }
        }
        self.chains = kept;
        self.idle_count = 0;
    }

    /// Replaces the chain of an aggregate. An empty chain is removed.
    fn replace(&mut self, aggregate_id: &AggregateId, chain: VersionChain) {
        self.bytes += chain.bytes();
        let before = match chain.newest() {
            Some(_) => {
                self.idle_count += usize::from(chain.pending.is_empty());
                self.chains.insert(aggregate_id.clone(), chain)
            }
            None => self.chains.remove(aggregate_id),
        };
        if let Some(before) = before {
            self.bytes -= before.bytes();
            self.idle_count -= usize::from(before.pending.is_empty());
        }
    }

    /// Evicts idle aggregates, the least recently used first, until the rest fits. Aggregates in
    /// flight stay; their number is bounded by the number of commands in flight.
    fn evict(&mut self) {
        // Without an idle aggregate there is nothing to evict, however many are in flight.
        while self.bytes > self.max_bytes && self.idle_count > 0 {
            #[cfg(test)]
            {
                self.visited += 1;
            }
            let Some((aggregate_id, chain)) = self.chains.pop_front() else { return };
            if chain.pending.is_empty() {
                self.bytes -= chain.bytes();
                self.idle_count -= 1;
            } else {
                // It is in flight, so it moves behind the idle ones.
                self.chains.insert(aggregate_id, chain);
            }
        }
    }
}

#[cfg(test)]
mod tests {
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
        assert!(
            versions.newest(&aggregate_id(2)).is_none(),
            "there is no room for an idle aggregate"
        );
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
        let [first, second] =
            [(); 2].map(|()| Arc::new(CachedVersion::pending(aggregate_id(1), None)));
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
            let cached = Arc::new(CachedVersion::pending(
                aggregate_id(number),
                Some(row(number, unit + 1, 2)),
            ));
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
        assert_eq!(
            versions.insert_loaded(loaded(5)).version(),
            5,
            "another process has changed it"
        );
        for _ in 0..REVALIDATIONS {
            assert!(versions.newest(&aggregate_id(1)).is_none());
            versions.insert_loaded(loaded(5));
        }
        assert!(versions.newest(&aggregate_id(1)).is_some());
        assert_eq!(versions.insert_loaded(loaded(4)).version(), 5, "a newer one was loaded before");
    }
}
