//! A domain over a memory store, and helpers to send it commands.

use chrono::{DateTime, Utc};
use fluvius_core::{
    AggregateId, CommandBundle, Domain, DomainContext, DomainRuntime, Error, MemoryStore, Session,
};
use serde_json::Value;
use uuid::Uuid;

use crate::store_snapshot::{StoreSnapshot, Trail, check_rejected};

pub const fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

pub fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A memory store, a domain over it, and a session without a realm.
pub struct Fixture {
    pub store: MemoryStore,
    pub domain: DomainRuntime,
    pub session: Session,
}

impl Fixture {
    /// Builds a domain over a new memory store.
    pub async fn new<D: Domain>() -> Self {
        let store = MemoryStore::new();
        let domain = D::runtime(store.clone()).await.unwrap();
        let session = domain.session(DomainContext::create("test"));
        Self { store, domain, session }
    }

    pub async fn snapshot(&self) -> StoreSnapshot {
        StoreSnapshot::of(&self.store).await
    }

    pub fn command(&self, aggregate_id: &AggregateId, key: &str, payload: Value) -> CommandBundle {
        command(&self.session, aggregate_id, key, payload)
    }

    /// Sends a command by key that is applied, and returns the response's data.
    pub async fn apply(&self, aggregate_id: &AggregateId, key: &str, payload: Value) -> Value {
        let command = self.command(aggregate_id, key, payload);
        self.session.process_command(command).await.unwrap().data.to_value()
    }

    /// Sends a command by key that ends in an error, and checks the rows that it leaves.
    pub async fn reject(
        &self,
        aggregate_id: &AggregateId,
        key: &str,
        payload: Value,
        trail: Trail<'_>,
    ) -> Error {
        check_rejected(&self.store, &self.session, self.command(aggregate_id, key, payload), trail)
            .await
    }
}

pub fn command(
    session: &Session,
    aggregate_id: &AggregateId,
    key: &str,
    payload: Value,
) -> CommandBundle {
    session.aggregate(aggregate_id.clone()).create_command(key, payload).unwrap()
}

/// Checks the code and the text of an error.
#[track_caller]
pub fn check_error(error: &Error, code: &str, text: &str) {
    assert_eq!((error.code(), error.to_string().as_str()), (code, text));
}

/// Returns the text and the debug text of an error and of its sources.
pub fn error_texts(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut source = error.source();
    while let Some(error) = source {
        text += &format!(" {error} {error:?}");
        source = error.source();
    }
    text
}
