//! Committing a group of batches, and settling what a commit that failed has left.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

use fluvius_store::{CommitOutcome, StoreError};

use super::Commit;
use super::thread::{JobQueue, failed};
use super::transaction::{Batch, TransactionResult, WriterConnection};
use crate::error::Fault;

impl JobQueue {
    /// Commits the batches in one transaction, and answers. Tells whether the connection is still
    /// of use.
    pub(super) fn commit(&self, session: &mut WriterConnection<'_>, group: Vec<Commit>) -> bool {
        let batches: Vec<Batch<'_>> = group.iter().map(|commit| &*commit.batch).collect();
        let all_failed = |error: &StoreError| -> Vec<Vec<CommitOutcome>> {
            batches.iter().map(|batch| failed(batch, error)).collect()
        };
        let is_at_commit = Cell::new(false);
        let mut is_usable = true;
        let outcomes = match self.resolve_in_doubt(session) {
            Err(error) => all_failed(&error),
            Ok(()) => {
                let commit = AssertUnwindSafe(|| session.commit(&batches, &is_at_commit));
                match catch_unwind(commit) {
                    Ok(TransactionResult::Outcomes(outcomes)) => {
                        self.confirm(session, outcomes, &batches)
                    }
                    Ok(TransactionResult::Nothing(fault)) => all_failed(&fault.into()),
                    Ok(TransactionResult::AtCommit(fault, planned)) => {
                        self.resolve_commit(session, fault, planned, &batches)
                    }
                    Err(_) => {
                        is_usable = false;
                        let error = StoreError::unavailable(
                            "the writer of the store has panicked: try again",
                        );
                        match is_at_commit.get() {
                            false => all_failed(&error),
                            true => batches.iter().map(|batch| may_stand(batch, &error)).collect(),
                        }
                    }
                }
            }
        };
        for (commit, outcomes) in group.into_iter().zip(outcomes) {
            let _ = commit.answer.send(outcomes);
        }
        session.roll_back() && is_usable
    }

    /// Returns the outcomes of units that SQLite has committed, possibly into a file that is gone.
    fn confirm(
        &self,
        session: &WriterConnection<'_>,
        outcomes: Vec<Vec<CommitOutcome>>,
        batches: &[Batch<'_>],
    ) -> Vec<Vec<CommitOutcome>> {
        let Err(fault) = session.check_files() else { return outcomes };
        let error = StoreError::from(fault);
        self.has_in_doubt.store(true, Ordering::Release);
        let planned = outcomes.iter().zip(batches);
        planned.map(|(planned, batch)| unknown(planned, batch, &error)).collect()
    }

    /// Makes sure that a commit whose end is not known does not stand, if there is one.
    pub(super) fn resolve_in_doubt(
        &self,
        session: &mut WriterConnection<'_>,
    ) -> Result<(), StoreError> {
        if self.has_in_doubt.load(Ordering::Acquire) {
            session.overwrite_wal_tail()?;
            self.has_in_doubt.store(false, Ordering::Release);
        }
        Ok(())
    }

    /// The outcomes of units whose transaction SQLite would not commit.
    fn resolve_commit(
        &self,
        session: &mut WriterConnection<'_>,
        fault: Fault,
        planned: Vec<Vec<CommitOutcome>>,
        batches: &[Batch<'_>],
    ) -> Vec<Vec<CommitOutcome>> {
        let may_be_there = fault.may_be_written();
        let error = StoreError::from(fault);
        let sealed = if may_be_there { session.overwrite_wal_tail() } else { Ok(()) };
        match sealed.and_then(|()| is_stored(session, &planned, batches)) {
            Ok(true) => planned,
            // What was refused because of others in it is not known to be refused.
            Ok(false) => batches.iter().map(|batch| failed(batch, &error)).collect(),
            // Nobody knows before the end of the log has been written over.
            Err(_) => {
                self.has_in_doubt.store(true, Ordering::Release);
                let planned = planned.iter().zip(batches);
                planned.map(|(planned, batch)| unknown(planned, batch, &error)).collect()
            }
        }
    }
}

/// Whether a transaction stands; what holds of one of its units holds of all.
fn is_stored(
    session: &WriterConnection<'_>,
    planned: &[Vec<CommitOutcome>],
    batches: &[Batch<'_>],
) -> Result<bool, Fault> {
    for (outcomes, batch) in planned.iter().zip(batches) {
        for (outcome, unit) in outcomes.iter().zip(*batch) {
            match outcome {
                CommitOutcome::Committed { first, .. } if unit.row_count() > 0 => {
                    return session.is_stored(unit, *first);
                }
                _ => {}
            }
        }
    }
    Ok(false)
}

/// Fates of a transaction that may stand.
fn unknown(planned: &[CommitOutcome], batch: Batch<'_>, error: &StoreError) -> Vec<CommitOutcome> {
    let outcomes = planned.iter().zip(failed(batch, error));
    outcomes
        .map(|(planned, failed)| match planned {
            CommitOutcome::Committed { .. } => CommitOutcome::InDoubt,
            _ => failed,
        })
        .collect()
}

/// Fates of units that were at the commit when their writer was lost.
fn may_stand(batch: Batch<'_>, error: &StoreError) -> Vec<CommitOutcome> {
    let well_formed = |outcome| match outcome {
        CommitOutcome::Failed(error) if error.is_retryable() => CommitOutcome::InDoubt,
        outcome => outcome,
    };
    failed(batch, error).into_iter().map(well_formed).collect()
}
