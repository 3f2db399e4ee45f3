//! The checks that a unit must pass before it is stored.

use std::sync::Arc;

use fluvius_core::{AggregateId, CommandStatus, CommitOutcome, StoreError, UnitOfWork};

use super::{Content, Naive};
use crate::mutant::Mutant;

impl Naive {
    pub(super) fn check_unit(
        &self,
        content: &Content,
        before: &Content,
        unit: &UnitOfWork,
        index: usize,
        outcomes: &[CommitOutcome],
    ) -> Option<CommitOutcome> {
        if !self.is(Mutant::MalformedUnchecked) && unit.validate(index).is_err() {
            let fault = self.failure("a malformed unit", Mutant::MalformedIsRetryable);
            return Some(CommitOutcome::Failed(fault));
        }
        if self.is(Mutant::ManyAggregatesFail) && unit.states.len() > 256 {
            return Some(CommitOutcome::Failed(StoreError::permanent("too many parameters")));
        }
        if self.is(Mutant::UnitsWithoutRowsUnchecked) && unit.row_count() == 0 {
            return None;
        }
        let mut reasons = [
            self.aborted(unit, outcomes),
            self.duplicate(content, before, unit),
            self.conflict(content, before, unit),
        ];
        match self.mutant {
            Some(Mutant::ConflictBeforeDuplicate) => reasons.swap(1, 2),
            Some(Mutant::DuplicateBeforeAbort) => reasons.swap(0, 1),
            _ => {}
        }
        reasons.into_iter().flatten().next()
    }

    fn aborted(&self, unit: &UnitOfWork, outcomes: &[CommitOutcome]) -> Option<CommitOutcome> {
        let is_committed = |on: &usize| match outcomes.get(*on) {
            Some(CommitOutcome::Committed { .. }) => true,
            Some(CommitOutcome::DependencyAborted { .. }) => self.is(Mutant::AbortsNotTransitive),
            _ => false,
        };
        let mut on = unit.depends_on.iter().find(|on| !is_committed(on));
        if self.is(Mutant::LastDependencyReported) {
            on = unit.depends_on.iter().rfind(|on| !is_committed(on));
        }
        if self.is(Mutant::AllLaterUnitsAbort)
            && let Some(on) = (0..outcomes.len()).find(|on| !is_committed(on))
        {
            return Some(CommitOutcome::DependencyAborted { on });
        }
        if self.is(Mutant::DependenciesIgnored) {
            return None;
        }
        on.map(|on| CommitOutcome::DependencyAborted { on: *on })
    }

    fn duplicate(
        &self,
        content: &Content,
        before: &Content,
        unit: &UnitOfWork,
    ) -> Option<CommitOutcome> {
        let content = match self.mutant {
            Some(Mutant::IdentifiersUnchecked) => return None,
            Some(Mutant::IdentifiersUncheckedInBatch) => before,
            _ => content,
        };
        let forgotten = self.is(Mutant::IdentifiersForgottenWhenClosed);
        for command in &unit.commands {
            if forgotten && !self.own().taken.contains(&command.id) {
                continue;
            }
            if content.taken.contains(&command.id) {
                return Some(CommitOutcome::Failed(StoreError::permanent(
                    "the identifier is taken",
                )));
            }
            let Some((mut row, mut context)) = content.command(command.id) else { continue };
            let is_free = match self.mutant {
                Some(Mutant::IdentifiersOfRejectionsFree) => {
                    row.record.status == CommandStatus::Rejected
                }
                Some(Mutant::IdentifiersOfInvokedFree) => row.record.parent.is_some(),
                _ => false,
            };
            if is_free {
                continue;
            }
            if self.is(Mutant::DuplicateReportsTheNewRow) {
                row.record = command.as_ref().clone();
                context = Arc::clone(&unit.context);
            }
            return Some(CommitOutcome::DuplicateCommand { command: Box::new(row), context });
        }
        None
    }

    fn conflict(
        &self,
        content: &Content,
        before: &Content,
        unit: &UnitOfWork,
    ) -> Option<CommitOutcome> {
        if self.is(Mutant::VersionsUnchecked) {
            return None;
        }
        let is_stale = |aggregate_id: &AggregateId, version: u64| {
            let row = content.states.get(aggregate_id);
            let mut stored = row.map_or(0, |row| row.version);
            if self.is(Mutant::ClosedAggregatesAreAbsent)
                && row.is_some_and(|row| row.closed_at.is_some())
            {
                stored = 0;
            }
            let is_read = !unit.states.iter().any(|state| state.aggregate_id == *aggregate_id);
            let is_unchecked = self.is(Mutant::ReadAggregatesUnchecked) && is_read
                || self.is(Mutant::AbsentAggregatesUnchecked) && version == 0;
            stored != version && !is_unchecked
        };
        let mut stale = unit.expected.iter().filter(|one| is_stale(&one.aggregate_id, one.version));
        let first = match self.is(Mutant::LastStaleAggregateReported) {
            true => stale.next_back()?,
            false => stale.next()?,
        };
        let content = if self.is(Mutant::StaleRowFromBeforeTheBatch) { before } else { content };
        let row = content.states.get(&first.aggregate_id).cloned();
        let row = row.filter(|_| !self.is(Mutant::StaleRowNotReported));
        Some(CommitOutcome::VersionConflict {
            aggregate_id: first.aggregate_id.clone(),
            stored: row.map(Box::new),
        })
    }
}
