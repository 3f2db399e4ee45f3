//! The harness's memory store behind the trait of cqrs-es. The MemStore of cqrs-es prints two lines
//! per command and checks no versions.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use cqrs_es::{Aggregate, AggregateContext, AggregateError, EventEnvelope, EventStore};

use crate::account::{Account, AccountEvent, Insufficient};

type Streams = Arc<RwLock<HashMap<String, Vec<EventEnvelope<Account>>>>>;

#[derive(Default, Clone)]
pub(crate) struct QuietMemory(Streams);

pub(crate) struct Loaded {
    id: String,
    account: Account,
    pub(crate) sequence: usize,
}

impl AggregateContext<Account> for Loaded {
    fn aggregate(&mut self) -> &mut Account {
        &mut self.account
    }
}

impl QuietMemory {
    /// Replaces the events of an account.
    pub(crate) fn fill(&self, id: &str, events: Vec<EventEnvelope<Account>>) {
        self.0.write().unwrap().insert(id.into(), events);
    }
}

impl EventStore<Account> for QuietMemory {
    type AC = Loaded;

    async fn load_events(
        &self,
        id: &str,
    ) -> Result<Vec<EventEnvelope<Account>>, AggregateError<Insufficient>> {
        Ok(self.0.read().unwrap().get(id).cloned().unwrap_or_default())
    }

    async fn load_aggregate(&self, id: &str) -> Result<Loaded, AggregateError<Insufficient>> {
        let mut loaded = Loaded { id: id.into(), account: Account::default(), sequence: 0 };
        if let Some(events) = self.0.read().unwrap().get(id) {
            for event in events {
                loaded.sequence = event.sequence;
                loaded.account.apply(event.payload.clone());
            }
        }
        Ok(loaded)
    }

    async fn commit(
        &self,
        events: Vec<AccountEvent>,
        loaded: Loaded,
        metadata: HashMap<String, String>,
    ) -> Result<Vec<EventEnvelope<Account>>, AggregateError<Insufficient>> {
        let mut streams = self.0.write().unwrap();
        let stream = streams.entry(loaded.id.clone()).or_default();
        if stream.len() != loaded.sequence {
            return Err(AggregateError::AggregateConflict);
        }
        let new: Vec<_> = events
            .into_iter()
            .enumerate()
            .map(|(index, payload)| EventEnvelope {
                aggregate_id: loaded.id.clone(),
                sequence: loaded.sequence + index + 1,
                payload,
                metadata: metadata.clone(),
            })
            .collect();
        stream.extend(new.iter().cloned());
        Ok(new)
    }
}
