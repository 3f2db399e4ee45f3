//! What the writer knows of the file without asking it, as long as nobody else writes to it.

use std::collections::HashMap;
use std::sync::Arc;

use fluvius_core::uuid::Uuid;
use fluvius_core::{AggregateId, StateRecord};
use hashlink::LruCache;

use super::indexes::Index;
use super::names::Names;

pub(super) type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;
type Bounded<K, V> = LruCache<K, V, foldhash::fast::RandomState>;

/// How many of each are known at the most: about 30 MB.
const ROOT_COUNT_MAX: usize = 100_000;
const CONTEXT_COUNT_MAX: usize = 10_000;

/// An aggregate as it is stored.
#[derive(Debug, Clone)]
pub(super) struct Aggregate {
    pub(super) number: i64,
    pub(super) version: u64,
    /// The position of its last event.
    pub(super) event: i64,
    pub(super) birth: Birth,
}

/// What an aggregate's row beside its state holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Birth {
    pub(super) created_at: i64,
    pub(super) created_by: Option<Uuid>,
    pub(super) realm: Option<Arc<str>>,
}

impl Birth {
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

/// What is stored, and durable.
#[derive(Debug)]
pub(super) struct Cache {
    /// What SQLite said of the others' writes when this was filled.
    data_version: Option<i64>,
    /// The last position that was given.
    pub(super) position: Option<u64>,
    /// The largest identifier of a command: what is larger is not taken, which is so of most that
    /// are drawn by the time.
    pub(super) newest_id: Option<Uuid>,
    pub(super) aggregate_ids: Bounded<AggregateId, Aggregate>,
    pub(super) contexts: Bounded<Uuid, i64>,
    pub(super) names: Names,
    /// The fields of which values are kept.
    pub(super) indexes: Option<Arc<[Index]>>,
}

impl Cache {
    pub(super) fn new() -> Self {
        Self {
            data_version: None,
            position: None,
            newest_id: None,
            aggregate_ids: LruCache::with_hasher(ROOT_COUNT_MAX, Default::default()),
            contexts: LruCache::with_hasher(CONTEXT_COUNT_MAX, Default::default()),
            names: Names::default(),
            indexes: None,
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.data_version = None;
        self.position = None;
        self.newest_id = None;
        self.aggregate_ids.clear();
        self.contexts.clear();
        self.names.clear();
        self.indexes = None;
    }

    /// Forgets what may have changed, where another connection has written since the last time.
    /// Tells whether one has.
    pub(super) fn refresh(&mut self, data_version: i64) -> bool {
        if self.names.are_many() {
            self.names.clear();
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
