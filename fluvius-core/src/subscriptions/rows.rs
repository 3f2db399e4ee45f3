//! The work rows of subscriptions: their keys and their contents.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use fluvius_store::json::{self, Json};
use fluvius_store::work::{WorkKey, WorkRow};
use fluvius_store::{AggregateId, ResumeToken, StoreError};

/// The kind of the row of a subscription.
pub(super) const SUBSCRIPTION: &str = "subscription";
/// The kind of the rows of partitions.
pub(super) const PARTITION: &str = "partition";
/// The kind of the rows of processes.
pub(super) const PROCESS: &str = "process";
/// The kind of the rows of parked deliveries.
pub(super) const PARKED: &str = "parked";
/// The kind of the rows of deliveries that an operator has skipped.
pub(super) const SKIPPED: &str = "skipped";

/// A subscription.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct SubscriptionData {
    /// Number of partitions.
    pub(super) partitions: u32,
    /// The copy of the store in which the checkpoints are valid.
    pub(super) copy: Uuid,
}

/// A partition of a subscription.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct PartitionData {
    /// The place up to which the partition is done.
    pub(super) checkpoint: ResumeToken,
    /// The process that works on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) owner: Option<Uuid>,
    /// The obstacle to its work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) trouble: Option<Trouble>,
}

/// An obstacle to the work on a partition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Trouble {
    /// The kind of the obstacle.
    pub(super) kind: TroubleKind,
    /// The position of the delivery.
    pub(super) position: u64,
    /// The error, or a description.
    pub(super) error: String,
    /// Number of attempts of the delivery that have failed.
    pub(super) attempts: u32,
    /// The time at which it was first seen.
    pub(super) since: DateTime<Utc>,
    /// The event that the program does not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) unknown: Option<EventShape>,
}

/// The kind of an obstacle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum TroubleKind {
    /// A delivery has failed and is repeated.
    Retrying,
    /// A delivery is unanswered for a long time.
    Stuck,
    /// A delivery that the program cannot decode has stopped the partition.
    Stopped,
    /// An event needs a newer program.
    ProgramTooOld,
}

/// The stored shape of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EventShape {
    pub(super) resource: String,
    pub(super) event: String,
    pub(super) revision: u32,
}

/// A process, with the subscriptions that it serves.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct ProcessData {
    /// By the full name of the subscription.
    pub(super) serves: BTreeMap<String, Fitness>,
    /// Set if the store can tell that it has ended.
    #[serde(default)]
    pub(super) is_announced: bool,
}

/// The fitness of a process for a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Fitness {
    /// It knows all events that it has seen.
    Current,
    /// It has seen an event that it does not know.
    Outdated,
}

/// A parked delivery, and the later ones of its aggregate that wait for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ParkedData {
    /// The aggregate.
    #[serde(flatten)]
    pub(super) aggregate_id: AggregateId,
    /// The position of the delivery that has failed.
    pub(super) position: u64,
    /// Its last error.
    pub(super) error: String,
    /// Number of its attempts.
    pub(super) attempts: u32,
    /// The time of its last attempt.
    pub(super) parked_at: DateTime<Utc>,
    /// The position up to which the deliveries of the aggregate are done.
    pub(super) done: u64,
    /// Set if the later deliveries of the aggregate do not wait.
    #[serde(default)]
    pub(super) is_alone: bool,
    /// Set if an operator wants a further attempt.
    #[serde(default)]
    pub(super) is_retried: bool,
}

/// A delivery that an operator has skipped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct SkippedData {
    /// The aggregate.
    #[serde(flatten)]
    pub(super) aggregate_id: AggregateId,
}

/// Returns the name of a subscription in the keys of its rows.
pub(super) fn full_name(domain: &str, name: &str) -> String {
    format!("{domain}/{name}")
}

pub(super) fn subscription_key(full_name: &str) -> WorkKey {
    WorkKey::new(SUBSCRIPTION, full_name, "")
}

pub(super) fn partition_key(full_name: &str, number: u32) -> WorkKey {
    WorkKey::new(PARTITION, full_name, format!("{number:04}"))
}

pub(super) fn process_key(domain: &str, process: Uuid) -> WorkKey {
    WorkKey::new(PROCESS, domain, process.to_string())
}

/// Returns the key of a row about one delivery, of the kind [`PARKED`] or [`SKIPPED`].
pub(super) fn delivery_key(kind: &str, full_name: &str, number: u32, position: u64) -> WorkKey {
    WorkKey::new(kind, full_name, format!("{number:04}/{position:020}"))
}

/// Returns the number of the partition in the key of its row.
pub(super) fn partition_of(key: &WorkKey) -> Option<u32> {
    key.part.split('/').next()?.parse().ok()
}

/// Returns the position in the key of a row about one delivery.
pub(super) fn position_of(key: &WorkKey) -> Option<u64> {
    key.part.split_once('/')?.1.parse().ok()
}

/// Decodes the content of a row.
pub(super) fn decode<T: DeserializeOwned>(row: &WorkRow) -> Result<T, StoreError> {
    row.data.decode().map_err(|error| {
        let WorkKey { kind, name, part, .. } = &row.key;
        let message = format!("the work row `{kind}` of `{name}`, part `{part}`, is not readable");
        StoreError::permanent(message).with_source(error)
    })
}

/// Encodes the content of a row.
#[expect(clippy::expect_used, reason = "these types have text and numbers only")]
pub(super) fn encode<T: Serialize>(data: &T) -> Json {
    json::encode(data).expect("a work row encodes as JSON")
}

/// Returns an error text that every store can keep.
pub(super) fn storable(error: &str) -> String {
    /// Maximum length of a stored error, in characters.
    const MAX_LENGTH: usize = 2_000;
    error.chars().take(MAX_LENGTH).map(|c| if c == '\0' { '\u{FFFD}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_by_partition_and_position() {
        let key = |number, position| delivery_key(PARKED, "bank/mailer", number, position);
        assert!(key(2, 9) < key(2, 10) && key(2, u64::MAX) < key(10, 0));
        assert!(partition_key("bank/mailer", 9) < partition_key("bank/mailer", 10));
        let key = key(7, u64::MAX);
        assert_eq!((partition_of(&key), position_of(&key)), (Some(7), Some(u64::MAX)));
        assert_eq!(partition_of(&partition_key("bank/mailer", 12)), Some(12));
    }

    #[test]
    fn error_is_shortened_and_has_no_null_character() {
        assert_eq!(storable("a\0b"), "a\u{FFFD}b");
        assert_eq!(storable(&"é".repeat(3_000)).chars().count(), 2_000);
    }
}
