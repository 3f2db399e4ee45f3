//! The writer's cache of the file, valid as long as no other connection writes.

use std::collections::HashMap;
use std::sync::Arc;

use fluvius_store::uuid::Uuid;
use fluvius_store::{AggregateId, StateRecord};
use hashlink::LruCache;

use super::dictionary::Dictionary;
use super::indexes::Index;

pub(super) type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;
type Bounded<K, V> = LruCache<K, V, foldhash::fast::RandomState>;

/// Largest numbers of cached entries: about 30 MB.
const MAX_AGGREGATES: usize = 100_000;
const MAX_CONTEXTS: usize = 10_000;

/// The stored row of an aggregate.
#[derive(Debug, Clone)]
pub(super) struct Aggregate {
    pub(super) number: i64,
    pub(super) version: u64,
    /// The position of its last event.
    pub(super) event: i64,
    pub(super) creation: CreationInfo,
}

/// The columns of an aggregate outside of its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CreationInfo {
    pub(super) created_at: i64,
    pub(super) created_by: Option<Uuid>,
    pub(super) realm: Option<Arc<str>>,
}

impl CreationInfo {
    pub(super) fn of(state: &StateRecord) -> Self {
        Self {
            created_at: state.created_at.timestamp_micros(),
            created_by: state.created_by,
            realm: state.realm.clone(),
        }
    }

    pub(super) fn is_of(&self, state: &StateRecord) -> bool {
        self.created_at == state.created_at.timestamp_micros()
            && self.created_by == state.created_by
            && self.realm == state.realm
    }
}

/// Durable content of the file.
#[derive(Debug)]
pub(super) struct Cache {
    /// SQLite's `data_version` when the cache was filled.
    data_version: Option<i64>,
    /// The last assigned position.
    pub(super) position: Option<u64>,
    /// The largest command id. A larger one is new, as most time-ordered ids are.
    pub(super) newest_id: Option<Uuid>,
    pub(super) aggregates: Bounded<AggregateId, Aggregate>,
    pub(super) contexts: Bounded<Uuid, i64>,
    pub(super) dictionary: Dictionary,
    /// The declared fields of all resources.
    pub(super) indexes: Option<Arc<[Index]>>,
}

impl Cache {
    pub(super) fn new() -> Self {
        Self {
            data_version: None,
            position: None,
            newest_id: None,
            aggregates: LruCache::with_hasher(MAX_AGGREGATES, Default::default()),
            contexts: LruCache::with_hasher(MAX_CONTEXTS, Default::default()),
            dictionary: Dictionary::default(),
            indexes: None,
        }
    }

    /// Clears the cache.
    pub(super) fn clear(&mut self) {
        self.data_version = None;
        self.position = None;
        self.newest_id = None;
        self.aggregates.clear();
        self.contexts.clear();
        self.dictionary.clear();
        self.indexes = None;
    }

    /// Clears the cache if another connection has written since the last call. Returns true if one
    /// has.
    pub(super) fn refresh(&mut self, data_version: i64) -> bool {
        if self.dictionary.is_large() {
            self.dictionary.clear();
        }
        let before = self.data_version.replace(data_version);
        if before == Some(data_version) {
            return false;
        }
        self.clear();
        self.data_version = Some(data_version);
        before.is_some()
    }
}
