//! Group commit: commits a group of batches, and resolves a commit that failed.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

use fluvius_store::work::WorkOutcome;
use fluvius_store::{CommitOutcome, StoreError};

use super::thread::{Group, JobQueue, failed};
use super::transaction::{Batch, Jobs, TransactionResult, WriterConnection};
use crate::error::Fault;

/// The outcomes of a group: of the units of each batch, and of the units of each call.
pub(super) type Outcomes = (Vec<Vec<CommitOutcome>>, Vec<Vec<WorkOutcome>>);

impl JobQueue {
    /// Commits a group in one transaction, and answers its jobs. Returns true if the connection is
    /// still usable.
    pub(super) fn commit(&self, connection: &mut WriterConnection<'_>, group: Group) -> bool {
        let batches: Vec<Batch<'_>> = group.commits.iter().map(|commit| &*commit.batch).collect();
        let jobs = Jobs { batches: &batches, work: &group.work };
        let is_at_commit = Cell::new(false);
        let mut is_usable = true;
        let (outcomes, work) = match self.resolve_in_doubt(connection) {
            Err(error) => jobs.failed(&error),
            Ok(()) => {
                let commit = AssertUnwindSafe(|| connection.commit(jobs, &is_at_commit));
                match catch_unwind(commit) {
                    Ok(TransactionResult::Outcomes(outcomes)) => {
                        self.confirm(connection, outcomes, jobs)
                    }
                    Ok(TransactionResult::Nothing(fault)) => jobs.failed(&fault.into()),
                    Ok(TransactionResult::AtCommit(fault, planned)) => {
                        self.resolve_commit(connection, fault, planned, jobs)
                    }
                    Err(_) => {
                        is_usable = false;
                        let error =
                            StoreError::unavailable("the writer thread panicked: try again");
                        match is_at_commit.get() {
                            false => jobs.failed(&error),
                            true => jobs.interrupted(&error),
                        }
                    }
                }
            }
        };
        for (commit, outcomes) in group.commits.into_iter().zip(outcomes) {
            let _ = commit.answer.send(outcomes);
        }
        for (call, outcomes) in group.work.into_iter().zip(work) {
            let _ = call.answer.send(outcomes);
        }
        connection.roll_back() && is_usable
    }

    /// Returns the outcomes of committed units. They are in doubt if the file was lost during the
    /// commit.
    fn confirm(
        &self,
        connection: &WriterConnection<'_>,
        outcomes: Outcomes,
        jobs: Jobs<'_>,
    ) -> Outcomes {
        let Err(fault) = connection.check_files() else { return outcomes };
        let error = StoreError::from(fault);
        self.has_in_doubt.store(true, Ordering::Release);
        jobs.in_doubt(&outcomes, &error)
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
        planned: Outcomes,
        jobs: Jobs<'_>,
    ) -> Outcomes {
        let may_be_written = fault.may_be_written();
        let error = StoreError::from(fault);
        let overwritten = if may_be_written { connection.overwrite_wal_tail() } else { Ok(()) };
        match overwritten.and_then(|()| is_stored(connection, &planned, jobs)) {
            Ok(Some(true)) => planned,
            // An outcome that depends on an aborted unit of the group is not reported.
            Ok(Some(false)) => jobs.failed(&error),
            // Another process has changed the work rows since.
            Ok(None) => jobs.in_doubt(&planned, &error),
            // The commit stays in doubt until the end of the log is overwritten.
            Err(_) => {
                self.has_in_doubt.store(true, Ordering::Release);
                jobs.in_doubt(&planned, &error)
            }
        }
    }
}

/// Returns true if the transaction is stored, and `None` if the content does not tell. The first
/// unit with rows decides for all, or else the newest token and the first work row.
fn is_stored(
    connection: &WriterConnection<'_>,
    planned: &Outcomes,
    jobs: Jobs<'_>,
) -> Result<Option<bool>, Fault> {
    for (outcomes, batch) in planned.0.iter().zip(jobs.batches) {
        for (outcome, unit) in outcomes.iter().zip(*batch) {
            match outcome {
                CommitOutcome::Committed { first, .. } if unit.row_count() > 0 => {
                    return connection.is_stored(unit, *first).map(Some);
                }
                _ => {}
            }
        }
    }
    let tokens = planned.1.iter().flatten().filter_map(|outcome| match outcome {
        WorkOutcome::Stored { token } => Some(*token),
        _ => None,
    });
    let Some(token) = tokens.max() else { return Ok(Some(false)) };
    if connection.newest_token()? < token {
        return Ok(Some(false));
    }
    let puts = planned.1.iter().zip(jobs.work);
    match puts.filter_map(|(outcomes, call)| call.first_put(outcomes)).next() {
        Some((write, token)) if connection.is_put(write, token)? => Ok(Some(true)),
        _ => Ok(None),
    }
}

impl Jobs<'_> {
    /// Returns the outcomes of jobs of which nothing is stored.
    fn failed(self, error: &StoreError) -> Outcomes {
        let commits = self.batches.iter().map(|batch| failed(batch, error)).collect();
        (commits, self.work.iter().map(|call| call.failed(error)).collect())
    }

    /// Returns the outcomes of jobs whose transaction is in doubt.
    fn in_doubt(self, planned: &Outcomes, error: &StoreError) -> Outcomes {
        let commits = planned.0.iter().zip(self.batches);
        let work = planned.1.iter().zip(self.work);
        (
            commits.map(|(planned, batch)| in_doubt(planned, batch, error)).collect(),
            work.map(|(planned, call)| call.in_doubt(planned, error)).collect(),
        )
    }

    /// Returns the outcomes of jobs whose writer was lost during the COMMIT.
    fn interrupted(self, error: &StoreError) -> Outcomes {
        let commits = self.batches.iter().map(|batch| interrupted(batch, error)).collect();
        (commits, self.work.iter().map(|call| call.interrupted(error)).collect())
    }
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
