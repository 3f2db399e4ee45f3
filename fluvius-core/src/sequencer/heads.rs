//! The heads of the roots in work, and a bounded cache of those at rest.

use std::collections::VecDeque;
use std::sync::Arc;

use hashlink::LinkedHashMap;

use super::{Ticket, UnitNumber};
use crate::processor::Head;
use crate::root::AggregateRoot;
use crate::state::StateRecord;

/// What a cached head costs beside its data: names, audit fields, the decoded value's own parts.
const HEAD_OVERHEAD_BYTES: usize = 512;

/// How often a root at rest is read from the store, and found as it was known, before what is known
/// of it is trusted again. It is read where another process has changed it meanwhile: then that is
/// likely to go on, and a read costs less than a decision that falls.
const DOUBT_MAX: u8 = 4;

/// The newest head of each root that is known, with what it stands on.
#[derive(Debug)]
pub(crate) struct Heads {
    /// Least recently used first.
    chains: LinkedHashMap<AggregateRoot, Chain, foldhash::fast::RandomState>,
    bytes: usize,
    bytes_max: usize,
    /// Number of idle roots.
    resting_count: usize,
    /// Number of roots that evictions have looked at so far.
    #[cfg(test)]
    looked_at: usize,
}

/// The heads of one root: the stored one, and above it those that are admitted and not yet
/// durable, oldest first.
#[derive(Debug, Default)]
struct Chain {
    durable: Option<Arc<Head>>,
    pending: VecDeque<(UnitNumber, Arc<Head>)>,
    /// How often it is to be read again while nothing on it is in work.
    doubt: u8,
    /// Whether the store has told it just now, and nobody has decided on it since.
    is_fresh: bool,
}

impl Chain {
    fn newest(&self) -> Option<&Arc<Head>> {
        self.pending.back().map(|(_, head)| head).or(self.durable.as_ref())
    }

    /// A head as the store has told it.
    fn told(head: Arc<Head>, doubt: u8) -> Self {
        Self { durable: Some(head), pending: VecDeque::new(), doubt, is_fresh: true }
    }

    fn position(&self, unit: UnitNumber) -> Option<usize> {
        self.pending.iter().position(|(number, _)| *number == unit)
    }

    fn bytes(&self) -> usize {
        let pending = self.pending.iter().map(|(_, head)| head);
        pending.chain(&self.durable).map(|head| bytes_of(head)).sum()
    }
}

fn bytes_of(head: &Head) -> usize {
    HEAD_OVERHEAD_BYTES + 2 * head.record.as_ref().map_or(0, |record| record.data.len())
}

impl Heads {
    /// No heads; those at rest may take so many bytes, by estimate.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            chains: LinkedHashMap::default(),
            bytes: 0,
            bytes_max,
            resting_count: 0,
            #[cfg(test)]
            looked_at: 0,
        }
    }

    /// The newest head of a root, if it is known, for a decision. `None`: it is to be loaded.
    pub(crate) fn newest(&mut self, root: &AggregateRoot) -> Option<Arc<Head>> {
        // `to_back` marks it as used just now.
        let chain = self.chains.to_back(root)?;
        let is_fresh = std::mem::take(&mut chain.is_fresh);
        if chain.doubt > 0 && chain.pending.is_empty() && !is_fresh {
            return None;
        }
        chain.newest().map(Arc::clone)
    }

    /// Adds a head that was loaded, and gives the newest: where somebody was quicker, theirs.
    pub(crate) fn offer(&mut self, loaded: Arc<Head>) -> Arc<Head> {
        let mut doubt = 0;
        if let Some(chain) = self.chains.to_back(&loaded.root) {
            match chain.newest() {
                Some(newest)
                    if !chain.pending.is_empty() || newest.version() > loaded.version() =>
                {
                    return Arc::clone(newest);
                }
                Some(known) if known.is_same_row(&loaded) => {
                    let known = Arc::clone(known);
                    chain.doubt = chain.doubt.saturating_sub(1);
                    return known;
                }
                _ => doubt = DOUBT_MAX,
            }
        }
        // It is the loader's alone: whoever comes next reads it anew.
        let chain = Chain { is_fresh: false, ..Chain::told(Arc::clone(&loaded), doubt) };
        self.replace(&loaded.root, chain);
        self.evict();
        loaded
    }

    /// The root was read just now, and nobody else is to change it for a while.
    pub(crate) fn trust(&mut self, root: &AggregateRoot) {
        if let Some(chain) = self.chains.get_mut(root) {
            chain.doubt = 0;
        }
    }

    /// Whether a head that was read is still the newest.
    ///
    /// Of a root that is known no longer, a head that was durable may be: the commit will tell
    /// by its version. One that never became durable is not, whatever its version: another may
    /// have been stored under the same number.
    pub(crate) fn is_newest(&self, read: &Arc<Head>) -> bool {
        match self.chains.get(&read.root).and_then(Chain::newest) {
            Some(newest) => Arc::ptr_eq(newest, read),
            None => read.is_durable(),
        }
    }

    /// The unit that a head waits for; `None`: it is durable.
    pub(crate) fn awaited(&self, read: &Arc<Head>) -> Option<UnitNumber> {
        if read.is_durable() {
            return None;
        }
        let chain = self.chains.get(&read.root)?;
        let pending = chain.pending.iter().rev();
        pending.into_iter().find(|(_, head)| Arc::ptr_eq(head, read)).map(|(unit, _)| *unit)
    }

    /// Puts the head of an admitted unit on top.
    pub(crate) fn put(&mut self, unit: UnitNumber, ticket: Ticket, head: &Arc<Head>) {
        head.set_ticket(ticket);
        self.bytes += bytes_of(head);
        let pending = (unit, Arc::clone(head));
        match self.chains.get_mut(&head.root) {
            Some(chain) => {
                self.resting_count -= usize::from(chain.pending.is_empty());
                chain.pending.push_back(pending);
            }
            None => {
                let chain = Chain { pending: VecDeque::from([pending]), ..Chain::default() };
                self.chains.insert(head.root.clone(), chain);
            }
        }
    }

    /// The unit is durable: its head is what the root stands on now.
    pub(crate) fn stand(&mut self, unit: UnitNumber, head: &Arc<Head>) {
        let chain = self.chains.get_mut(&head.root);
        let pending = chain.map(|chain| (chain.position(unit), chain));
        let Some((Some(index), chain)) = pending else {
            // Its head was taken back although it stands: what is known is not true.
            return self.replace(&head.root, Chain::default());
        };
        head.set_durable();
        for _ in 0..index {
            self.bytes -= chain.pending.pop_front().map_or(0, |(_, below)| bytes_of(&below));
        }
        chain.pending.pop_front();
        self.resting_count += usize::from(chain.pending.is_empty());
        let below = chain.durable.replace(Arc::clone(head));
        self.bytes -= below.map_or(0, |below| bytes_of(&below));
        self.evict();
    }

    /// The unit has fallen: its head goes, and every head above it.
    pub(crate) fn fall(&mut self, unit: UnitNumber, root: &AggregateRoot) {
        let Some(chain) = self.chains.get_mut(root) else { return };
        if let Some(index) = chain.position(unit) {
            let gone: usize = chain.pending.drain(index..).map(|(_, head)| bytes_of(&head)).sum();
            self.bytes -= gone;
            self.resting_count += usize::from(chain.pending.is_empty());
        }
        if chain.newest().is_none() {
            self.chains.remove(root);
            self.resting_count -= 1;
        }
    }

    /// The store has told what it holds: nothing else is true. Says whether that is news.
    pub(crate) fn correct(&mut self, root: &AggregateRoot, stored: Option<StateRecord>) -> bool {
        let head = Head::loaded(root.clone(), stored);
        let known = self.chains.get(root).and_then(|chain| chain.durable.as_ref());
        // Otherwise another unit that fell on the same change has told it before, and what is
        // decided since stands on it.
        let is_news = known.is_none_or(|known| !known.is_same_row(&head));
        if is_news {
            self.replace(root, Chain::told(Arc::new(head), DOUBT_MAX));
        }
        self.evict();
        is_news
    }

    /// Whether there is a head of a root that is not durable yet.
    pub(crate) fn is_in_work(&self, root: &AggregateRoot) -> bool {
        self.chains.get(root).is_some_and(|chain| !chain.pending.is_empty())
    }

    /// Forgets what the store was last seen to hold; what is in work is checked at its commit.
    pub(crate) fn forget_stored(&mut self) {
        let mut kept = LinkedHashMap::default();
        self.bytes = 0;
        while let Some((root, mut chain)) = self.chains.pop_front() {
            chain.durable = None;
            if !chain.pending.is_empty() {
                self.bytes += chain.bytes();
                kept.insert(root, chain);
            }
        }
        self.chains = kept;
        self.resting_count = 0;
    }

    /// Puts a chain in the place of what is known of a root; an empty one is none.
    fn replace(&mut self, root: &AggregateRoot, chain: Chain) {
        self.bytes += chain.bytes();
        let before = match chain.newest() {
            Some(_) => {
                self.resting_count += usize::from(chain.pending.is_empty());
                self.chains.insert(root.clone(), chain)
            }
            None => self.chains.remove(root),
        };
        if let Some(before) = before {
            self.bytes -= before.bytes();
            self.resting_count -= usize::from(before.pending.is_empty());
        }
    }

    /// Lets heads at rest go, the least recently used first, until the rest has room. Heads in
    /// work stay: their number is bounded by that of the commands in work.
    fn evict(&mut self) {
        // Without an idle root there is nothing to evict, however many are in flight.
        while self.bytes > self.bytes_max && self.resting_count > 0 {
            #[cfg(test)]
            {
                self.looked_at += 1;
            }
            let Some((root, chain)) = self.chains.pop_front() else { return };
            if chain.pending.is_empty() {
                self.bytes -= chain.bytes();
                self.resting_count -= 1;
            } else {
                // It is in flight, so it was used after the idle ones that come next.
                self.chains.insert(root, chain);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{root, row};
    use super::*;

    fn absent(number: u128) -> Arc<Head> {
        Arc::new(Head::loaded(root(number), None))
    }

    #[test]
    fn the_least_recently_used_goes_when_there_is_no_room() {
        let mut heads = Heads::new(3 * HEAD_OVERHEAD_BYTES);
        for number in 1..=3 {
            heads.offer(absent(number));
        }
        assert!(heads.newest(&root(1)).is_some());
        heads.offer(absent(4));
        let known: Vec<bool> =
            (1..=4).map(|number| heads.newest(&root(number)).is_some()).collect();
        assert_eq!(known, [true, false, true, true]);
        assert_eq!(heads.bytes, 3 * HEAD_OVERHEAD_BYTES);
    }

    #[test]
    fn a_head_in_work_stays_and_comes_down_when_its_unit_falls() {
        let mut heads = Heads::new(0);
        let pending = Arc::new(Head::in_work(root(1), None));
        heads.put(7, 1, &pending);
        heads.offer(absent(2));
        assert!(heads.newest(&root(2)).is_none(), "at rest there is no room");
        assert_eq!(heads.awaited(&pending), Some(7));
        assert!(heads.is_newest(&pending));
        heads.fall(7, &root(1));
        assert!(heads.newest(&root(1)).is_none());
        assert_eq!(heads.bytes, 0);
    }

    #[test]
    fn what_stands_above_a_fallen_head_goes_with_it() {
        let mut heads = Heads::new(10_000);
        let durable = heads.offer(absent(1));
        let [first, second] = [(); 2].map(|()| Arc::new(Head::in_work(root(1), None)));
        heads.put(1, 1, &first);
        heads.put(2, 2, &second);
        assert!(Arc::ptr_eq(&heads.newest(&root(1)).unwrap(), &second));
        heads.fall(1, &root(1));
        assert!(Arc::ptr_eq(&heads.newest(&root(1)).unwrap(), &durable));
        assert!(!heads.is_newest(&second));
    }

    #[cfg(feature = "testing")]
    fn counted(heads: &Heads) -> (usize, usize) {
        let resting = heads.chains.values().filter(|chain| chain.pending.is_empty()).count();
        (heads.chains.values().map(Chain::bytes).sum(), resting)
    }

    #[test]
    fn eviction_looks_at_no_root_in_work_again_and_again() {
        const ROOTS: u128 = 1_000;
        let mut heads = Heads::new(0);
        let put = |heads: &mut Heads, number: u128, unit: UnitNumber| {
            let head = Arc::new(Head::in_work(root(number), Some(row(number, unit + 1, 2))));
            heads.put(unit, unit, &head);
            head
        };
        let mut in_work: VecDeque<(UnitNumber, Arc<Head>)> = (0..ROOTS)
            .zip(0..)
            .map(|(number, unit)| (unit, put(&mut heads, number, unit)))
            .collect();
        for round in 0..10_000 {
            let (unit, head) = in_work.pop_front().unwrap();
            heads.stand(unit, &head);
            let next = unit + UnitNumber::try_from(ROOTS).unwrap();
            in_work.push_back((next, put(&mut heads, round % ROOTS, next)));
        }
        assert!(heads.looked_at < 30_000, "{} roots for 10,000 commits", heads.looked_at);
    }

    #[test]
    fn a_head_takes_its_overhead_and_twice_its_data() {
        let head = Head::loaded(root(1), Some(row(1, 1, 100)));
        assert_eq!(bytes_of(&head), HEAD_OVERHEAD_BYTES + 200);
    }

    #[cfg(feature = "testing")]
    #[test]
    fn whatever_is_done_the_bytes_are_those_of_the_heads_and_within_the_bound() {
        for seed in 0..200 {
            let mut rng = crate::testing::SeededRng::new(seed);
            let mut heads = Heads::new(6_000);
            // Each root's units in work, oldest first, with their heads.
            let mut pending: Vec<(UnitNumber, Arc<Head>)> = Vec::new();
            let mut version = 0;
            for unit in 0..300 {
                version += 1;
                let number = u128::from(rng.below(6));
                let data_len = 2 + usize::try_from(rng.below(900)).unwrap();
                match rng.below(12) {
                    0..3 => {
                        let loaded =
                            Head::loaded(root(number), Some(row(number, version, data_len)));
                        heads.offer(Arc::new(loaded));
                    }
                    3..7 => {
                        let record = row(number, version, data_len);
                        let head = Arc::new(Head::in_work(root(number), Some(record)));
                        heads.put(unit, unit, &head);
                        pending.push((unit, head));
                    }
                    // Of a batch, those before it on the same root stand with it.
                    7..9 if !pending.is_empty() => {
                        let index = usize::try_from(rng.below(pending.len() as u64)).unwrap();
                        let (unit, head) = pending.remove(index);
                        pending.retain(|(other, of)| *other > unit || of.root != head.root);
                        heads.stand(unit, &head);
                        assert!(head.is_durable());
                    }
                    9 if !pending.is_empty() => {
                        let index = usize::try_from(rng.below(pending.len() as u64)).unwrap();
                        let (unit, head) = pending.remove(index);
                        pending.retain(|(other, of)| *other < unit || of.root != head.root);
                        heads.fall(unit, &head.root);
                    }
                    10 => {
                        heads.correct(&root(number), Some(row(number, version, data_len)));
                        pending.retain(|(_, of)| of.root != root(number));
                    }
                    11 if rng.happens(300) => heads.forget_stored(),
                    _ => {}
                }
                let tracked = (heads.bytes, heads.resting_count);
                assert_eq!(tracked, counted(&heads), "seed {seed}, step {unit}");
                // What is in work stays, whatever it takes.
                heads.evict();
                let is_at_rest = |chain: &Chain| chain.pending.is_empty();
                assert!(heads.bytes <= 6_000 || !heads.chains.values().any(is_at_rest));
                let newest = |root| pending.iter().rfind(|(_, head)| head.root == root);
                for number in 0..6 {
                    let Some((unit, head)) = newest(root(number)) else { continue };
                    assert!(heads.is_newest(head), "seed {seed}, unit {unit}");
                    assert_eq!(heads.awaited(head), Some(*unit));
                }
            }
        }
    }

    #[test]
    fn what_the_store_held_is_forgotten_and_what_is_in_work_stays() {
        let mut heads = Heads::new(10_000);
        heads.offer(absent(1));
        heads.offer(absent(2));
        let pending = Arc::new(Head::in_work(root(2), None));
        heads.put(1, 1, &pending);
        heads.forget_stored();
        assert!(heads.newest(&root(1)).is_none());
        assert!(Arc::ptr_eq(&heads.newest(&root(2)).unwrap(), &pending));
        heads.fall(1, &root(2));
        assert!(heads.newest(&root(2)).is_none(), "what it stood on was forgotten");
    }

    #[test]
    fn a_root_that_was_found_changed_is_loaded_until_it_is_found_unchanged_four_times() {
        let mut heads = Heads::new(10_000);
        let loaded = |version| Arc::new(Head::loaded(root(1), Some(row(1, version, 2))));
        heads.offer(loaded(1));
        assert!(heads.correct(&root(1), Some(row(1, 2, 2))), "the store says so");
        assert_eq!(heads.newest(&root(1)).unwrap().version(), 2, "it is told just now");
        assert!(heads.newest(&root(1)).is_none());
        assert_eq!(heads.offer(loaded(5)).version(), 5, "somebody else is at it");
        for _ in 0..DOUBT_MAX {
            assert!(heads.newest(&root(1)).is_none());
            heads.offer(loaded(5));
        }
        assert!(heads.newest(&root(1)).is_some());
        assert_eq!(heads.offer(loaded(4)).version(), 5, "it was loaded before");
    }
}
