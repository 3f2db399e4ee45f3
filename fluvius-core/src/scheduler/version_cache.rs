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
    /// Number of units that aborted since one was committed.
    aborted_units: u32,
}

impl VersionChain {
    fn newest(&self) -> Option<&Arc<CachedVersion>> {
        self.pending.back().map(|(_, version)| version).or(self.durable.as_ref())
    }

    /// Creates a chain with a version that the store has returned.
    fn from_store(version: Arc<CachedVersion>, revalidations_left: u8) -> Self {
        Self { durable: Some(version), revalidations_left, is_fresh: true, ..Self::default() }
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
        chain.aborted_units = 0;
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
        chain.aborted_units = chain.aborted_units.saturating_add(1);
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
            let aborted_units = self.aborted_units(aggregate_id);
            let chain = VersionChain::from_store(Arc::new(version), REVALIDATIONS);
            self.replace(aggregate_id, VersionChain { aborted_units, ..chain });
        }
        self.evict();
        is_new
    }

    /// Returns the number of units of an aggregate that aborted since one was committed, as long as
    /// the aggregate is cached.
    pub(crate) fn aborted_units(&self, aggregate_id: &AggregateId) -> u32 {
        self.chains.get(aggregate_id).map_or(0, |chain| chain.aborted_units)
    }

    /// Returns true if an aggregate has a version that is not yet durable.
    pub(crate) fn has_pending(&self, aggregate_id: &AggregateId) -> bool {
        self.chains.get(aggregate_id).is_some_and(|chain| !chain.pending.is_empty())
    }

    /// Removes all durable versions. Pending versions are kept, since their commits check them.
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
    /// flight are kept; the number of commands in flight bounds their number.
    fn evict(&mut self) {
        // Aggregates in flight are not evicted.
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
mod tests;
