//! A unit of writes to work rows, and its outcome.

use std::sync::Arc;

use super::row::{WorkKey, WorkRow};
use crate::error::StoreError;
use crate::json::Json;
use crate::record::{ActivityRecord, ContextRecord};

/// Writes to work rows that are stored together or not at all.
///
/// # Shape
/// `writes` is sorted by key and has no key twice. Each text of a key has up to
/// [`WorkKey::MAX_BYTES`] bytes, and no U+0000. The activities have the unit's context.
/// [`validate`](Self::validate) checks this.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct WorkUnit {
    /// The writes.
    pub writes: Vec<WorkWrite>,
    /// Rows of the activity log that are stored with the writes: the record of an operator's act.
    pub activities: Vec<Arc<ActivityRecord>>,
    /// The context of the activities.
    pub context: Option<Arc<ContextRecord>>,
}

/// A write to a work row.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct WorkWrite {
    /// The key of the row.
    pub key: WorkKey,
    /// The token that the row must have; `None` if it must be absent.
    pub expected: Option<u64>,
    /// The change of the row.
    pub change: WorkChange,
}

/// The change of a work row.
#[derive(Debug, Clone, PartialEq)]
pub enum WorkChange {
    /// The row only must be as expected.
    Keep,
    /// The row gets this content and a new token.
    Put(Json),
    /// The row is deleted.
    Delete,
}

impl WorkWrite {
    /// Creates the write of a content.
    pub const fn put(key: WorkKey, expected: Option<u64>, data: Json) -> Self {
        Self { key, expected, change: WorkChange::Put(data) }
    }

    /// Creates the deletion of a row with this token.
    pub const fn delete(key: WorkKey, expected: u64) -> Self {
        Self { key, expected: Some(expected), change: WorkChange::Delete }
    }

    /// Creates the check that a row has this token, or that it is absent.
    pub const fn keep(key: WorkKey, expected: Option<u64>) -> Self {
        Self { key, expected, change: WorkChange::Keep }
    }
}

impl WorkUnit {
    /// Creates a unit. The writes may be in any order.
    pub fn new(writes: impl IntoIterator<Item = WorkWrite>) -> Self {
        let mut writes: Vec<WorkWrite> = writes.into_iter().collect();
        writes.sort_by(|one, other| one.key.cmp(&other.key));
        Self { writes, activities: Vec::new(), context: None }
    }

    /// Adds an activity, with the context of its actor.
    #[must_use]
    pub fn with_activity(
        mut self,
        context: Arc<ContextRecord>,
        activity: Arc<ActivityRecord>,
    ) -> Self {
        self.context = Some(context);
        self.activities.push(activity);
        self
    }

    /// Checks the shape of the unit.
    ///
    /// # Errors
    /// Returns a permanent [`StoreError`] that names the fault.
    pub fn validate(&self) -> Result<(), StoreError> {
        let texts = self.writes.iter().flat_map(|write| {
            let WorkKey { kind, name, part } = &write.key;
            [kind, name, part]
        });
        for text in texts {
            if text.len() > WorkKey::MAX_BYTES || text.contains('\0') {
                return Err(malformed("a text of a key is too long, or has U+0000"));
            }
        }
        let is_sorted = self.writes.is_sorted_by(|one, other| one.key < other.key);
        let context = self.context.as_ref().map(|context| context.id);
        let is_of_context = self.activities.iter().all(|row| Some(row.context_id) == context);
        match (is_sorted, is_of_context) {
            (true, true) => Ok(()),
            (false, _) => Err(malformed("its writes are not in the order of their keys")),
            (true, false) => Err(malformed("an activity has another context than the unit")),
        }
    }

    /// Returns the first write whose row is not as expected, with that row.
    ///
    /// `stored` returns the row of a key. Every store decides by this function, or by the same
    /// rule.
    pub fn stale(
        &self,
        mut stored: impl FnMut(&WorkKey) -> Option<WorkRow>,
    ) -> Option<(WorkKey, Option<WorkRow>)> {
        self.writes.iter().find_map(|write| {
            let row = stored(&write.key);
            let token = row.as_ref().map(|row| row.token);
            (token != write.expected).then(|| (write.key.clone(), row))
        })
    }
}

fn malformed(fault: &str) -> StoreError {
    StoreError::permanent(format!("malformed unit of work rows: {fault}"))
}

/// The outcome of a [`WorkUnit`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum WorkOutcome {
    /// The unit is stored.
    Stored {
        /// The new token of every row that the unit has put.
        token: u64,
    },
    /// A row is not as expected; nothing of the unit is stored.
    Stale {
        /// The key of the row; of several, the first.
        key: WorkKey,
        /// The row, including the writes of earlier units of the call; `None` if it is absent.
        found: Option<Box<WorkRow>>,
    },
    /// The store failed, or the unit is malformed; nothing is stored. If the store rejects a row,
    /// all units of the call may fail.
    Failed(StoreError),
    /// The store was lost during the write: either the whole unit is stored, or nothing. It may
    /// still be stored later. To find out, write the unit again: it is stored, and the first write
    /// never will be, or a row is not as expected any more.
    InDoubt,
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::aggregate_id::AggregateId;

    fn key(part: &str) -> WorkKey {
        WorkKey::new("partition", "mailer", part)
    }

    #[test]
    fn writes_are_sorted_and_have_no_key_twice() {
        let unit = WorkUnit::new([WorkWrite::keep(key("b"), None), WorkWrite::delete(key("a"), 3)]);
        assert_eq!(unit.writes[0].key, key("a"));
        unit.validate().unwrap();
        let twice =
            WorkUnit::new([WorkWrite::keep(key("a"), None), WorkWrite::delete(key("a"), 3)]);
        let error = twice.validate().unwrap_err();
        assert!(!error.is_retryable() && error.to_string().contains("order of their keys"));
    }

    #[test]
    fn long_texts_and_null_characters_are_rejected() {
        let of = |part: &str| WorkUnit::new([WorkWrite::keep(key(part), None)]).validate();
        of(&"x".repeat(WorkKey::MAX_BYTES)).unwrap();
        for part in ["x".repeat(WorkKey::MAX_BYTES + 1), "a\0".to_owned()] {
            let error = of(&part).unwrap_err();
            assert!(!error.is_retryable() && error.to_string().contains("too long"), "{error}");
        }
    }

    #[test]
    fn activity_needs_the_context_of_its_unit() {
        let context = Arc::new(ContextRecord::new(Uuid::from_u128(1), "bank", String::new()));
        let of = |context_id| {
            let target = AggregateId::new("bank", Uuid::nil());
            let row = ActivityRecord::new(Uuid::nil(), target, context_id, Uuid::nil(), "reset");
            WorkUnit::new([]).with_activity(Arc::clone(&context), Arc::new(row))
        };
        of(context.id).validate().unwrap();
        of(Uuid::from_u128(2)).validate().unwrap_err();
    }

    #[test]
    fn first_row_that_differs_makes_a_unit_stale() {
        let row = |key: &WorkKey| {
            let data = Json::empty_object();
            (key.part != "c").then(|| {
                WorkRow::new(key.clone(), 7, data, chrono::DateTime::<chrono::Utc>::MIN_UTC)
            })
        };
        let check = |writes: Vec<WorkWrite>| WorkUnit::new(writes).stale(row).map(|(key, _)| key);
        assert_eq!(check(vec![WorkWrite::keep(key("a"), Some(7))]), None);
        assert_eq!(check(vec![WorkWrite::keep(key("c"), None)]), None);
        let writes = vec![
            WorkWrite::keep(key("a"), Some(7)),
            WorkWrite::keep(key("b"), None),
            WorkWrite::delete(key("c"), 7),
        ];
        assert_eq!(check(writes), Some(key("b")));
    }
}
