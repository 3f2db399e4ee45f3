//! A batch in several calls: by the estimated size of its units, and once more without the units
//! that abort.

use std::ops::Range;

use fluvius_store::{CommitOutcome, UnitOfWork};

use super::params::{self, BatchParams};
use super::writer::{CallResult, CommitPath, Writer};

/// The largest number of update statements for one batch, before `commit_batch` stores the rest.
/// Each of them but the first is sent after version conflicts in the previous one.
const MAX_UPDATE_CALLS: usize = 4;

/// The largest number of bytes in one call: client and server keep several copies of them.
const MAX_PART_BYTES: usize = 64 * 1024 * 1024;

/// Splits consecutive sizes into parts of up to the given number of bytes. A larger size is a
/// separate part.
fn split(sizes: &[usize], max_bytes: usize) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let (mut first, mut bytes) = (0, 0_usize);
    for (index, size) in sizes.iter().enumerate() {
        if index > first && bytes.saturating_add(*size) > max_bytes {
            parts.push(first..index);
            (first, bytes) = (index, 0);
        }
        bytes = bytes.saturating_add(*size);
    }
    parts.push(first..sizes.len());
    parts
}

impl Writer {
    /// Commits a batch, in several parts if it is too large for one call.
    pub(crate) async fn commit(&self, batch: &[UnitOfWork]) -> Vec<CommitOutcome> {
        let sizes: Vec<usize> = batch.iter().map(UnitOfWork::estimated_bytes).collect();
        let mut outcomes: Vec<CommitOutcome> = Vec::with_capacity(batch.len());
        for part in split(&sizes, MAX_PART_BYTES) {
            let first = part.start;
            let units = &batch[part];
            let is_blocked =
                units.iter().any(|unit| aborted_dependency(unit, first, &outcomes).is_some());
            if is_blocked {
                // The units without an aborted dependency still commit.
                let found = units.iter().map(|_| None).collect();
                self.commit_one_by_one(batch, first, found, &mut outcomes).await;
            } else if sizes[first] > params::MAX_UNIT_BYTES {
                // The unit is a separate part.
                outcomes.push(CommitOutcome::Failed(params::too_large()));
            } else {
                self.commit_part(batch, first, units, &mut outcomes).await;
            }
        }
        outcomes
    }

    /// Commits units in one call. The earlier units that they depend on are committed.
    ///
    /// If the server reports aggregates that other processes have changed, the units that abort are
    /// found here, and the others are sent once more.
    async fn commit_part(
        &self,
        batch: &[UnitOfWork],
        first: usize,
        units: &[UnitOfWork],
        outcomes: &mut Vec<CommitOutcome>,
    ) {
        let mut found: Vec<Option<CommitOutcome>> = units.iter().map(|_| None).collect();
        // The indexes of the units that are sent, and copies of these units with their own indexes.
        let mut sent: Vec<usize> = (0..units.len()).collect();
        let mut rest: Option<Vec<UnitOfWork>> = None;
        let mut calls = 0;
        while !sent.is_empty() {
            calls += 1;
            let params = match &rest {
                Some(rest) => BatchParams::new(rest, 0),
                None => BatchParams::new(units, first),
            };
            let decided: Vec<Option<CommitOutcome>> =
                match self.call(&params, CommitPath::of(&params), calls < MAX_UPDATE_CALLS).await {
                    // A unit that PostgreSQL cannot keep must not fail the others.
                    CallResult::Failed(fault) if sent.len() > 1 && fault.is_row_error() => {
                        tracing::debug!(error = %fault, "committing the units one by one");
                        break;
                    }
                    CallResult::Conflicts(aborted) => aborted,
                    result => self.outcomes(&params, result).await.into_iter().map(Some).collect(),
                };
            let mut left = Vec::new();
            for (index, outcome) in sent.iter().zip(decided) {
                match outcome {
                    // Converts an index among the sent units to one of the batch.
                    Some(CommitOutcome::DependencyAborted { on }) => {
                        let on = first + sent.get(on).copied().unwrap_or(on);
                        found[*index] = Some(CommitOutcome::DependencyAborted { on });
                    }
                    Some(outcome) => found[*index] = Some(outcome),
                    None => left.push(*index),
                }
            }
            rest = Some(selected_units(units, first, &left));
            sent = left;
        }
        self.commit_one_by_one(batch, first, found, outcomes).await;
    }

    /// Commits each unit without an outcome in a separate call.
    async fn commit_one_by_one(
        &self,
        batch: &[UnitOfWork],
        first: usize,
        found: Vec<Option<CommitOutcome>>,
        outcomes: &mut Vec<CommitOutcome>,
    ) {
        for ((index, unit), found) in batch.iter().enumerate().skip(first).zip(found) {
            if let Some(outcome) = found {
                outcomes.push(outcome);
                continue;
            }
            let params = BatchParams::new(std::slice::from_ref(unit), index);
            let outcome = match aborted_dependency(unit, index, outcomes) {
                Some(on) if params.malformed.is_empty() => CommitOutcome::DependencyAborted { on },
                _ => {
                    let result = self.call(&params, CommitPath::of(&params), false).await;
                    let outcome = self.outcomes(&params, result).await.pop();
                    outcome.unwrap_or(CommitOutcome::InDoubt)
                }
            };
            outcomes.push(outcome);
        }
    }
}

/// Returns copies of some units, whose dependencies have the indexes of the copies. The units
/// before `first` that they depend on are committed.
fn selected_units(units: &[UnitOfWork], first: usize, selected: &[usize]) -> Vec<UnitOfWork> {
    let index_of = |on: &usize| selected.binary_search(&on.checked_sub(first)?).ok();
    let copy = |index: &usize| {
        let mut unit = units[*index].clone();
        unit.depends_on = unit.depends_on.iter().filter_map(index_of).collect();
        unit
    };
    selected.iter().map(copy).collect()
}

/// Returns the first unit before `first` that a unit depends on and that has not committed.
fn aborted_dependency(
    unit: &UnitOfWork,
    first: usize,
    outcomes: &[CommitOutcome],
) -> Option<usize> {
    let is_committed =
        |on: usize| matches!(outcomes.get(on), Some(CommitOutcome::Committed { .. }));
    unit.depends_on.iter().copied().find(|on| *on < first && !is_committed(*on))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_bounded_and_a_large_unit_is_alone() {
        assert_eq!(split(&[1, 2, 3], 6).as_slice(), std::slice::from_ref(&(0..3)));
        assert_eq!(split(&[1, 2, 4], 6), [0..2, 2..3]);
        assert_eq!(split(&[1, 100, 1], 6), [0..1, 1..2, 2..3]);
        assert_eq!(split(&[usize::MAX, usize::MAX], 6), [0..1, 1..2]);
        assert_eq!(split(&[100], 6).as_slice(), std::slice::from_ref(&(0..1)));
    }
}
