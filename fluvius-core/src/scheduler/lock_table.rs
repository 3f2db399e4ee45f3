//! The lock table: for each aggregate the command that may decide on it, and those that wait.

use std::collections::BTreeSet;

use super::CommandSeq;
use crate::collections::FastMap;
use fluvius_store::AggregateId;

/// The locks of the aggregates in flight.
#[derive(Debug, Default)]
pub(crate) struct LockTable {
    locks: FastMap<AggregateId, Lock>,
}

#[derive(Debug)]
struct Lock {
    holder: CommandSeq,
    /// Commands that wait for the lock, in order of acceptance.
    waiting: BTreeSet<CommandSeq>,
    /// Commands that wait for the release but do not want the lock.
    blocked: Vec<CommandSeq>,
}

/// The commands that continue after a lock was released.
#[derive(Debug, Default)]
pub(crate) struct Unlocked {
    /// The new holder of the lock.
    pub(crate) next: Option<CommandSeq>,
    /// Commands that waited for the release only.
    pub(crate) unblocked: Vec<CommandSeq>,
}

impl LockTable {
    /// Acquires the lock of an aggregate.
    ///
    /// # Errors
    /// The holder, if another command holds the lock. This command then waits in the queue of the
    /// lock.
    pub(crate) fn lock(
        &mut self,
        aggregate_id: &AggregateId,
        seq: CommandSeq,
    ) -> Result<(), CommandSeq> {
        match self.locks.get_mut(aggregate_id) {
            Some(lock) if lock.holder == seq => Ok(()),
            Some(lock) => {
                lock.waiting.insert(seq);
                Err(lock.holder)
            }
            None => {
                let lock = Lock { holder: seq, waiting: BTreeSet::new(), blocked: Vec::new() };
                self.locks.insert(aggregate_id.clone(), lock);
                Ok(())
            }
        }
    }

    /// Removes a command from the queue of a lock.
    pub(crate) fn cancel(&mut self, aggregate_id: &AggregateId, seq: CommandSeq) {
        if let Some(lock) = self.locks.get_mut(aggregate_id) {
            lock.waiting.remove(&seq);
        }
    }

    /// Waits for the release of a lock without a place in its queue. Returns false if the lock is
    /// free.
    pub(crate) fn wait_until_unlocked(
        &mut self,
        aggregate_id: &AggregateId,
        seq: CommandSeq,
    ) -> bool {
        match self.locks.get_mut(aggregate_id) {
            Some(lock) => {
                lock.blocked.push(seq);
                true
            }
            None => false,
        }
    }

    /// Releases a lock, and grants it to the oldest command in its queue.
    pub(crate) fn unlock(&mut self, aggregate_id: &AggregateId, seq: CommandSeq) -> Unlocked {
        let Some(lock) = self.locks.get_mut(aggregate_id) else { return Unlocked::default() };
        assert_eq!(lock.holder, seq, "only its holder releases a lock");
        let unblocked = std::mem::take(&mut lock.blocked);
        let next = lock.waiting.pop_first();
        match next {
            Some(next) => lock.holder = next,
            None => drop(self.locks.remove(aggregate_id)),
        }
        Unlocked { next, unblocked }
    }

    /// Returns the holder of the lock of an aggregate.
    pub(crate) fn holder(&self, aggregate_id: &AggregateId) -> Option<CommandSeq> {
        self.locks.get(aggregate_id).map(|lock| lock.holder)
    }

    /// Returns true if an older command waits for a lock.
    pub(crate) fn has_older_waiter(&self, aggregate_id: &AggregateId, seq: CommandSeq) -> bool {
        let waiting = self.locks.get(aggregate_id).and_then(|lock| lock.waiting.first());
        waiting.is_some_and(|first| *first < seq)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn lock_goes_to_the_oldest_waiter_and_idle_locks_are_removed() {
        let mut locks = LockTable::default();
        let aggregate_id = AggregateId::new("thing", Uuid::nil());
        assert_eq!(locks.lock(&aggregate_id, 5), Ok(()));
        for seq in [9, 6, 7] {
            assert_eq!(locks.lock(&aggregate_id, seq), Err(5));
        }
        locks.cancel(&aggregate_id, 6);
        assert!(locks.wait_until_unlocked(&aggregate_id, 1));
        assert!(
            locks.has_older_waiter(&aggregate_id, 8) && !locks.has_older_waiter(&aggregate_id, 7)
        );
        let unlocked = locks.unlock(&aggregate_id, 5);
        assert_eq!((unlocked.next, unlocked.unblocked), (Some(7), vec![1]));
        assert_eq!(locks.unlock(&aggregate_id, 7).next, Some(9));
        assert_eq!(locks.unlock(&aggregate_id, 9).next, None);
        assert!(locks.locks.is_empty());
        assert!(!locks.wait_until_unlocked(&aggregate_id, 1));
    }
}
