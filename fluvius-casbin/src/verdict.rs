//! Verdicts, and the cache of the newest.

use std::sync::{Arc, Mutex, PoisonError};

use fluvius_core::Authorization;
use foldhash::fast::RandomState;
use hashlink::LruCache;

/// The decision of the rules, with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) is_allowed: bool,
    pub(crate) reason: Arc<str>,
}

impl Verdict {
    pub(crate) fn allowed(reason: impl Into<Arc<str>>) -> Self {
        Self { is_allowed: true, reason: reason.into() }
    }

    pub(crate) fn denied(reason: impl Into<Arc<str>>) -> Self {
        Self { is_allowed: false, reason: reason.into() }
    }
}

impl From<Verdict> for Authorization {
    fn from(verdict: Verdict) -> Self {
        match verdict.is_allowed {
            true => Self::allow_because(&*verdict.reason),
            false => Self::deny(&*verdict.reason),
        }
    }
}

/// The verdicts of one set of rules that were used last.
pub(crate) struct VerdictCache {
    verdicts: Mutex<LruCache<Vec<u8>, Verdict, RandomState>>,
}

impl VerdictCache {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { verdicts: Mutex::new(LruCache::with_hasher(capacity, RandomState::default())) }
    }

    /// Returns the verdict of a key, or else that of `decide`. The lock is not held meanwhile, so
    /// several requests may decide on the same key.
    pub(crate) fn get_or(&self, key: Vec<u8>, decide: impl FnOnce() -> Verdict) -> Verdict {
        if let Some(verdict) = self.locked(|verdicts| verdicts.get(&key).cloned()) {
            return verdict;
        }
        let verdict = decide();
        self.locked(|verdicts| {
            if verdicts.capacity() > 0 {
                verdicts.insert(key, verdict.clone());
            }
        });
        verdict
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.locked(|verdicts| verdicts.len())
    }

    fn locked<T>(&self, run: impl FnOnce(&mut LruCache<Vec<u8>, Verdict, RandomState>) -> T) -> T {
        run(&mut self.verdicts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cache_keeps_the_last_used_verdicts() {
        let cache = VerdictCache::new(2);
        let mut decided = Vec::new();
        for key in [1, 2, 1, 3, 1, 2] {
            cache.get_or(vec![key], || {
                decided.push(key);
                Verdict::allowed("always")
            });
            assert!(cache.len() <= 2);
        }
        assert_eq!(decided, [1, 2, 3, 2]);
    }

    #[test]
    fn cache_without_capacity_keeps_nothing() {
        let cache = VerdictCache::new(0);
        let mut count = 0;
        for _ in 0..3 {
            cache.get_or(vec![1], || {
                count += 1;
                Verdict::denied("never")
            });
        }
        assert_eq!((count, cache.len()), (3, 0));
    }
}
