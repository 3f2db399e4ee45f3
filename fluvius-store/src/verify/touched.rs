//! The aggregates with events in a range, each checked once.

use std::collections::HashSet;

use super::aggregates::Fold;
use super::{Range, Verification};
use crate::aggregate_id::AggregateId;
use crate::dyn_store::ErasedStore;
use crate::error::StoreError;
use crate::record::EventRecord;

/// Maximum number of remembered aggregates.
const MAX_REMEMBERED: usize = 4_096;

/// The check of the aggregates with events in a range. The events come in the order of positions.
pub(super) struct Touched {
    range: Range,
    /// The aggregates checked last.
    remembered: HashSet<AggregateId>,
    /// Set if some checked aggregates are no longer remembered.
    has_forgotten: bool,
}

impl Touched {
    pub(super) fn new(range: Range) -> Self {
        Self { range, remembered: HashSet::new(), has_forgotten: false }
    }

    /// Checks the aggregate of an event, unless an earlier event in the range has caused it.
    pub(super) async fn check(
        &mut self,
        store: &dyn ErasedStore,
        event: &EventRecord,
        report: &mut Verification,
    ) -> Result<(), StoreError> {
        let (aggregate_id, version) = (&event.aggregate_id, event.version);
        if self.remembered.contains(aggregate_id) {
            return Ok(());
        }
        if self.remembered.len() >= MAX_REMEMBERED {
            self.remembered.clear();
            self.has_forgotten = true;
        }
        self.remembered.insert(aggregate_id.clone());
        if self.has_forgotten && version > 1 {
            // Only the first event in the range causes a check.
            let previous = store.history(aggregate_id, version - 1, version - 1).await?;
            if previous.iter().any(|previous| previous.position >= self.range.first) {
                return Ok(());
            }
        }
        // The check of the logs reports an event without a row.
        if let Some(row) = store.load(aggregate_id).await? {
            report.aggregates += 1;
            Fold::in_range(&row, version, self.range).run(store, report).await?;
        }
        Ok(())
    }
}
