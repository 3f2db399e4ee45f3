//! Rows and units for the scheduler's tests.

use std::sync::Arc;

use chrono::DateTime;
use uuid::Uuid;

use fluvius_store::AggregateId;
use fluvius_store::{ContextRecord, ETag, Json, StateRecord, UnitOfWork};

pub(crate) fn aggregate_id(number: u128) -> AggregateId {
    AggregateId::new("thing", Uuid::from_u128(number))
}

/// Returns JSON of `len` bytes.
pub(crate) fn json(len: usize) -> Json {
    Json::from_trusted(format!("\"{}\"", "x".repeat(len - 2)))
}

/// Returns a row of an aggregate, with `data_len` bytes of data.
pub(crate) fn row(number: u128, version: u64, data_len: usize) -> StateRecord {
    let time = DateTime::UNIX_EPOCH;
    StateRecord::new(
        aggregate_id(number),
        version,
        ETag::new(version, Uuid::from_u128(number)),
        json(data_len),
        time,
    )
}

/// Returns a unit without rows.
pub(crate) fn unit() -> UnitOfWork {
    UnitOfWork::new(Arc::new({
        let mut record = ContextRecord::new(Uuid::nil(), "scheduler", String::new());
        record.headers = std::collections::BTreeMap::new();
        record
    }))
}
