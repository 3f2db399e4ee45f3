//! Assertions on commit outcomes.

use super::case_failure::{CaseFailure, CaseResult, ensure, same};
use super::store_dump::state;
use fluvius_store::{AggregateId, CommitOutcome, ContextRecord, LogEntry, StateRecord, UnitOfWork};

/// Asserts that the unit is committed. Returns the position of its first row.
pub(super) fn committed(what: &str, outcome: &CommitOutcome) -> Result<u64, CaseFailure> {
    match outcome {
        CommitOutcome::Committed { first, .. } => Ok(*first),
        outcome => Err(unexpected(what, "committed", outcome)),
    }
}

/// Asserts a version conflict on this aggregate, whose stored row is `row`.
pub(super) fn stale(
    what: &str,
    outcome: &CommitOutcome,
    aggregate_id: &AggregateId,
    row: Option<&StateRecord>,
) -> CaseResult {
    match outcome {
        CommitOutcome::VersionConflict { aggregate_id: found, stored } => {
            same(&format!("{what}: the stale aggregate"), aggregate_id, found)?;
            let stored = stored.as_ref().map(|stored| state(StateRecord::clone(stored)));
            let row = row.map(|row| state(row.clone()));
            same(&format!("{what}: the row of the stale aggregate"), &row, &stored)
        }
        outcome => Err(unexpected(what, "stale", outcome)),
    }
}

/// Asserts a duplicate of command `index` of `unit`, which is stored at this position.
pub(super) fn known(
    what: &str,
    outcome: &CommitOutcome,
    unit: &UnitOfWork,
    index: usize,
    position: u64,
) -> CaseResult {
    match outcome {
        CommitOutcome::DuplicateCommand { command, context } => {
            let expected = LogEntry { position, record: unit.commands[index].as_ref().clone() };
            same(&format!("{what}: the known row"), &expected, command)?;
            same::<ContextRecord>(&format!("{what}: its context"), &unit.context, context)
        }
        outcome => Err(unexpected(what, "known", outcome)),
    }
}

/// Asserts that the unit aborted because of its dependency `on`.
pub(super) fn aborted(what: &str, outcome: &CommitOutcome, on: usize) -> CaseResult {
    match outcome {
        CommitOutcome::DependencyAborted { on: found } => {
            same(&format!("{what}: on which unit it aborted"), &on, found)
        }
        outcome => Err(unexpected(what, "aborted", outcome)),
    }
}

/// Asserts that the unit failed permanently.
pub(super) fn failed(what: &str, outcome: &CommitOutcome) -> CaseResult {
    match outcome {
        CommitOutcome::Failed(error) => {
            ensure!(!error.is_retryable(), "{what}: another try is said to help");
            Ok(())
        }
        outcome => Err(unexpected(what, "failed", outcome)),
    }
}

fn unexpected(what: &str, expected: &str, found: &CommitOutcome) -> CaseFailure {
    let found: String = format!("{found:?}").chars().take(300).collect();
    CaseFailure::new(format!("{what}: expected {expected}, found {found}"))
}
