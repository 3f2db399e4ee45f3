//! Rows and units for the tests of the scheduler's parts.

use std::sync::Arc;

use chrono::DateTime;
use uuid::Uuid;

use fluvius_store::AggregateId;
use fluvius_store::{Actor, ContextRecord, ETag, Json, StateRecord, Transport, UnitOfWork};

pub(crate) fn aggregate_id(number: u128) -> AggregateId {
    AggregateId::new("thing", Uuid::from_u128(number))
}

/// JSON of `len` bytes.
pub(crate) fn json(len: usize) -> Json {
    Json::from_trusted(format!("\"{}\"", "x".repeat(len - 2)))
}

/// A row of an aggregate, whose data has `data_len` bytes.
pub(crate) fn row(number: u128, version: u64, data_len: usize) -> StateRecord {
    let time = DateTime::UNIX_EPOCH;
    StateRecord {
        aggregate_id: aggregate_id(number),
        version,
        etag: ETag::new(version, Uuid::from_u128(number)),
        revision: 1,
        data: json(data_len),
        created_at: time,
        created_by: None,
        updated_at: time,
        updated_by: None,
        closed_at: None,
        realm: None,
    }
}

/// A unit without rows.
pub(crate) fn unit() -> UnitOfWork {
    UnitOfWork::new(Arc::new(ContextRecord {
        id: Uuid::nil(),
        domain: "scheduler".into(),
        revision: 1,
        transport: Transport::InProcess,
        source: String::new(),
        headers: std::collections::BTreeMap::new(),
        actor: Actor::default(),
        roles: Vec::new(),
        realm: None,
        correlation: None,
        causation: None,
    }))
}
