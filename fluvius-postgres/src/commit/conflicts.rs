//! The units of a batch that abort, derived from the aggregates that another process has changed.
//!
//! The server reports these aggregates, and stores nothing. The units that abort are found here, so
//! that the others are sent once more by the same statement. The result is that of `commit_batch`:
//! each unit is checked against the versions that the units before it leave.

use std::collections::HashMap;

use fluvius_store::{AggregateId, CommitOutcome, StateRecord};

use super::params::{BatchParams, number};

/// Returns the outcome of each unit that aborts, and `None` for a unit that may commit.
///
/// `stored` has the states of the aggregates that are not at their first versions, by number. The
/// batch has no malformed unit and no command id twice. Returns `None` if the outcomes need more
/// than these states; then `commit_batch` finds them.
pub(super) fn aborted_units(
    params: &BatchParams<'_>,
    stored: &HashMap<i32, StateRecord>,
) -> Option<Vec<Option<CommitOutcome>>> {
    // By aggregate: the version that the units so far leave, and true if one of them has written
    // it.
    let mut versions: HashMap<&AggregateId, (u64, bool)> = HashMap::new();
    let mut outcomes: Vec<Option<CommitOutcome>> = Vec::with_capacity(params.batch.len());
    for (index, unit) in params.batch.iter().enumerate() {
        let aborted = |on: &usize| outcomes.get(*on).is_some_and(Option::is_some);
        let dependencies = params.dependencies(number(index));
        if let Some(on) = dependencies.into_iter().find(aborted) {
            outcomes.push(Some(CommitOutcome::DependencyAborted { on }));
            continue;
        }
        let mut conflict = None;
        for expected in &unit.expected {
            let found = params.aggregate_ids.binary_search(&&expected.aggregate_id).ok()?;
            let row = stored.get(&number(found));
            let first = || match row {
                Some(row) => row.version,
                None => u64::try_from(params.first_versions[found]).unwrap_or(0),
            };
            let (version, is_written) =
                *versions.entry(&expected.aggregate_id).or_insert_with(|| (first(), false));
            if version != expected.version {
                // The outcome has the stored state, which must be known.
                let row = row.filter(|_| !is_written)?;
                conflict = Some(CommitOutcome::VersionConflict {
                    aggregate_id: expected.aggregate_id.clone(),
                    stored: Some(Box::new(row.clone())),
                });
                break;
            }
        }
        if conflict.is_none() {
            for state in &unit.states {
                versions.insert(&state.aggregate_id, (state.version, true));
            }
        }
        outcomes.push(conflict);
    }
    Some(outcomes)
}
