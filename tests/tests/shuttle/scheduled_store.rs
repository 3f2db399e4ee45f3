//! A store with a scheduling point before each call.

use fluvius_core::__private::test_seams::Scheduler;
use fluvius_core::{MemoryStore, Store, delegate_store};

use crate::schedules::Shuttle;

/// The memory store, which itself has no scheduling point: its mutex is held across no `.await`.
#[derive(Debug, Clone)]
pub struct ScheduledStore(pub MemoryStore);

impl ScheduledStore {
    fn scheduled(&self) -> &MemoryStore {
        Shuttle.point();
        &self.0
    }
}

impl Store for ScheduledStore {
    delegate_store! { self => *self.scheduled() }
}
