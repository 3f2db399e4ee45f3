//! What a claim expects of a fate.

use super::case_failure::{CaseFailure, CaseResult, ensure, same};
use super::store_dump::state;
use crate::context::ContextRecord;
use crate::log_entry::LogEntry;
use crate::root::AggregateRoot;
use crate::state::StateRecord;
use crate::store::CommitOutcome;
use crate::unit_of_work::UnitOfWork;

/// The unit is stored; the position of its first row.
pub(super) fn committed(what: &str, fate: &CommitOutcome) -> Result<u64, CaseFailure> {
    match fate {
        CommitOutcome::Committed { first, .. } => Ok(*first),
        fate => Err(unexpected(what, "committed", fate)),
    }
}

/// The unit expected another version of this root, whose row is this one.
pub(super) fn stale(
    what: &str,
    fate: &CommitOutcome,
    root: &AggregateRoot,
    row: Option<&StateRecord>,
) -> CaseResult {
    match fate {
        CommitOutcome::VersionConflict { root: found, stored } => {
            same(&format!("{what}: the stale root"), root, found)?;
            let stored = stored.as_ref().map(|stored| state(StateRecord::clone(stored)));
            let row = row.map(|row| state(row.clone()));
            same(&format!("{what}: the row of the stale root"), &row, &stored)
        }
        fate => Err(unexpected(what, "stale", fate)),
    }
}

/// An identifier of the unit is that of this command, which was stored at this position by this
/// unit.
pub(super) fn known(
    what: &str,
    fate: &CommitOutcome,
    unit: &UnitOfWork,
    index: usize,
    position: u64,
) -> CaseResult {
    match fate {
        CommitOutcome::DuplicateCommand { command, context } => {
            let expected = LogEntry { position, record: unit.commands[index].as_ref().clone() };
            same(&format!("{what}: the known row"), &expected, command)?;
            same::<ContextRecord>(&format!("{what}: its context"), &unit.context, context)
        }
        fate => Err(unexpected(what, "known", fate)),
    }
}

/// The unit fell on this one.
pub(super) fn fell(what: &str, fate: &CommitOutcome, on: usize) -> CaseResult {
    match fate {
        CommitOutcome::DependencyAborted { on: found } => {
            same(&format!("{what}: on which unit it fell"), &on, found)
        }
        fate => Err(unexpected(what, "fell", fate)),
    }
}

/// The unit has failed for good.
pub(super) fn failed(what: &str, fate: &CommitOutcome) -> CaseResult {
    match fate {
        CommitOutcome::Failed(error) => {
            ensure!(!error.is_retryable(), "{what}: another try is said to help");
            Ok(())
        }
        fate => Err(unexpected(what, "failed", fate)),
    }
}

fn unexpected(what: &str, expected: &str, found: &CommitOutcome) -> CaseFailure {
    let found: String = format!("{found:?}").chars().take(300).collect();
    CaseFailure::new(format!("{what}: expected {expected}, found {found}"))
}
