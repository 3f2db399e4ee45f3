//! Group commit: commits a group of batches, and resolves a commit that failed.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

use fluvius_store::{CommitOutcome, StoreError};

use super::Commit;
use super::thread::{JobQueue, failed};
use super::transaction::{Batch, TransactionResult, WriterConnection};
use crate::error::Fault;

impl JobQueue {
    /// Commits the batches in one transaction, and answers them. Returns true if the connection is
    /// still usable.
    pub(super) fn commit(&self, connection: &mut WriterConnection<'_>, group: Vec<Commit>) -> bool {
        let batches: Vec<Batch<'_>> = group.iter().map(|commit| &*commit.batch).collect();
        let all_failed = |error: &StoreError| -> Vec<Vec<CommitOutcome>> {
            batches.iter().map(|batch| failed(batch, error)).collect()
        };
        let is_at_commit = Cell::new(false);
        let mut is_usable = true;
        let outcomes = match self.resolve_in_doubt(connection) {
            Err(error) => all_failed(&error),
            Ok(()) => {
                let commit = AssertUnwindSafe(|| connection.commit(&batches, &is_at_commit));
                match catch_unwind(commit) {
                    Ok(TransactionResult::Outcomes(outcomes)) => {
                        self.confirm(connection, outcomes, &batches)
                    }
                    Ok(TransactionResult::Nothing(fault)) => all_failed(&fault.into()),
                    Ok(TransactionResult::AtCommit(fault, planned)) => {
                        self.resolve_commit(connection, fault, planned, &batches)
                    }
                    Err(_) => {
                        is_usable = false;
                        let error =
                            StoreError::unavailable("the writer thread panicked: try again");
                        match is_at_commit.get() {
                            false => all_failed(&error),
                            true => {
                                batches.iter().map(|batch| interrupted(batch, &error)).collect()
                            }
                        }
                    }
                }
            }
        };
        for (commit, outcomes) in group.into_iter().zip(outcomes) {
            let _ = commit.answer.send(outcomes);
        }
        connection.roll_back() && is_usable
    }

    /// Returns the outcomes of committed units. They are in doubt if the file was lost during the
    /// commit.
    fn confirm(
        &self,
        connection: &WriterConnection<'_>,
        outcomes: Vec<Vec<CommitOutcome>>,
        batches: &[Batch<'_>],
    ) -> Vec<Vec<CommitOutcome>> {
        let Err(fault) = connection.check_files() else { return outcomes };
        let error = StoreError::from(fault);
        self.has_in_doubt.store(true, Ordering::Release);
        let planned = outcomes.iter().zip(batches);
        planned.map(|(planned, batch)| in_doubt(planned, batch, &error)).collect()
    }

    /// Rolls back a commit in doubt permanently, if there is one.
    pub(super) fn resolve_in_doubt(
        &self,
        connection: &mut WriterConnection<'_>,
    ) -> Result<(), StoreError> {
        if self.has_in_doubt.load(Ordering::Acquire) {
            connection.overwrite_wal_tail()?;
            self.has_in_doubt.store(false, Ordering::Release);
        }
        Ok(())
    }

    /// Returns the outcomes of units whose COMMIT failed.
    fn resolve_commit(
        &self,
        connection: &mut WriterConnection<'_>,
        fault: Fault,
        planned: Vec<Vec<CommitOutcome>>,
        batches: &[Batch<'_>],
    ) -> Vec<Vec<CommitOutcome>> {
        let may_be_written = fault.may_be_written();
        let error = StoreError::from(fault);
        let overwritten = if may_be_written { connection.overwrite_wal_tail() } else { Ok(()) };
        match overwritten.and_then(|()| is_stored(connection, &planned, batches)) {
            Ok(true) => planned,
            // An outcome that depends on an aborted unit of the group is not reported.
            Ok(false) => batches.iter().map(|batch| failed(batch, &error)).collect(),
            // The commit stays in doubt until the end of the log is overwritten.
            Err(_) => {
                self.has_in_doubt.store(true, Ordering::Release);
                let planned = planned.iter().zip(batches);
                planned.map(|(planned, batch)| in_doubt(planned, batch, &error)).collect()
            }
        }
    }
}

/// Returns true if the transaction is stored. The first unit with rows decides for all.
fn is_stored(
    connection: &WriterConnection<'_>,
    planned: &[Vec<CommitOutcome>],
    batches: &[Batch<'_>],
) -> Result<bool, Fault> {
    for (outcomes, batch) in planned.iter().zip(batches) {
        for (outcome, unit) in outcomes.iter().zip(*batch) {
            match outcome {
                CommitOutcome::Committed { first, .. } if unit.row_count() > 0 => {
                    return connection.is_stored(unit, *first);
                }
                _ => {}
            }
        }
    }
    Ok(false)
}

/// Returns the outcomes of a transaction that is in doubt.
fn in_doubt(planned: &[CommitOutcome], batch: Batch<'_>, error: &StoreError) -> Vec<CommitOutcome> {
    let outcomes = planned.iter().zip(failed(batch, error));
    outcomes
        .map(|(planned, failed)| match planned {
            CommitOutcome::Committed { .. } => CommitOutcome::InDoubt,
            _ => failed,
        })
        .collect()
}

/// Returns the outcomes of units whose writer was lost during the COMMIT.
fn interrupted(batch: Batch<'_>, error: &StoreError) -> Vec<CommitOutcome> {
    let well_formed = |outcome| match outcome {
        CommitOutcome::Failed(error) if error.is_retryable() => CommitOutcome::InDoubt,
        outcome => outcome,
    };
    failed(batch, error).into_iter().map(well_formed).collect()
}
