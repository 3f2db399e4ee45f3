//! Verified tokens, by their hash. A token itself is not kept.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Mutex, PoisonError};

use blake3::Hash;
use fluvius_core::chrono::{DateTime, TimeDelta, Utc};

use super::super::Authenticated;

/// Maximum time for which a token is not verified again.
const MAX_AGE: TimeDelta = TimeDelta::seconds(60);
/// Maximum number of tokens.
const MAX_TOKENS: usize = 10_000;

/// The senders of verified tokens. If the cache is full, the oldest entry gives way.
#[derive(Default)]
pub(super) struct TokenCache {
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    senders: HashMap<Hash, Entry>,
    /// The hashes, ordered by insertion.
    order: VecDeque<Hash>,
}

struct Entry {
    sender: Authenticated,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
}

impl TokenCache {
    /// Returns the sender of a token that was verified within the last minute and has not expired.
    pub(super) fn get(&self, token: &Hash, now: DateTime<Utc>) -> Option<Authenticated> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.senders.get(token)?;
        // The clock may be set back.
        (entry.from <= now && now < entry.until).then(|| entry.sender.clone())
    }

    /// Adds a token that was verified now.
    pub(super) fn insert(&self, token: Hash, sender: &Authenticated, now: DateTime<Utc>) {
        let last = now + MAX_AGE;
        let until = sender.expires_at.map_or(last, |expires_at| expires_at.min(last));
        if until <= now {
            return;
        }
        let entry = Entry { sender: sender.clone(), from: now, until };
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.senders.insert(token, entry).is_some() {
            return;
        }
        entries.order.push_back(token);
        if entries.order.len() > MAX_TOKENS
            && let Some(oldest) = entries.order.pop_front()
        {
            entries.senders.remove(&oldest);
        }
    }
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenCache")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fluvius_core::DomainContext;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn sender(name: &str, expires_at: DateTime<Utc>) -> Authenticated {
        Authenticated::new(DomainContext::create(name)).expires_at(expires_at)
    }

    #[test]
    fn tokens_are_kept_for_a_minute_or_until_they_expire() {
        let cache = TokenCache::default();
        let (long, short, late) = (blake3::hash(b"1"), blake3::hash(b"2"), blake3::hash(b"3"));
        cache.insert(long, &sender("long", at(3600)), at(0));
        cache.insert(short, &sender("short", at(10)), at(0));
        // Within the leeway of its expiry.
        cache.insert(late, &sender("late", at(-1)), at(0));
        assert!(cache.get(&late, at(0)).is_none());
        assert_eq!(cache.get(&short, at(9)).unwrap().context.source(), "short");
        assert!(cache.get(&short, at(10)).is_none());
        assert!(cache.get(&long, at(59)).is_some());
        assert!(cache.get(&long, at(60)).is_none());
        assert!(cache.get(&long, at(-1)).is_none(), "the clock was set back");
        cache.insert(long, &sender("long", at(3600)), at(70));
        assert!(cache.get(&long, at(71)).is_some());
    }

    #[test]
    fn number_of_tokens_is_bounded() {
        let cache = TokenCache::default();
        let hash = |number: usize| blake3::hash(&number.to_le_bytes());
        for number in 0..MAX_TOKENS + 500 {
            cache.insert(hash(number), &sender("", at(3600)), at(0));
        }
        let entries = cache.entries.lock().unwrap();
        assert_eq!((entries.senders.len(), entries.order.len()), (MAX_TOKENS, MAX_TOKENS));
        drop(entries);
        assert!(cache.get(&hash(499), at(1)).is_none());
        assert!(cache.get(&hash(500), at(1)).is_some());
        assert!(cache.get(&hash(MAX_TOKENS + 499), at(1)).is_some());
    }
}
