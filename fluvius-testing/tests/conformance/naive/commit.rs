//! Ways to commit that are wrong under concurrency.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fluvius_core::{CommitOutcome, UnitOfWork};

use super::{Content, Naive};
use crate::mutant::Mutant;

impl Naive {
    /// Checks a copy, waits, and then writes to the current content.
    pub(super) async fn commit_early(&self, batch: &[UnitOfWork]) -> Vec<CommitOutcome> {
        let mut copy = self.content().clone();
        let outcomes = self.apply(&mut copy, batch);
        pause().await;
        let mut content = self.content();
        let is_due = |unit: &UnitOfWork, content: &Content| {
            let is_known = unit.commands.iter().any(|one| content.command(one.id).is_some());
            if is_known && !self.is(Mutant::IdentifiersCheckedEarly) {
                return false;
            }
            unit.expected.iter().all(|expected| {
                let stored =
                    content.states.get(&expected.aggregate_id).map_or(0, |row| row.version);
                let is_read =
                    !unit.states.iter().any(|state| state.aggregate_id == expected.aggregate_id);
                stored == expected.version
                    || self.is(Mutant::CheckedEarly)
                    || self.is(Mutant::ReadAggregatesCheckedEarly) && is_read
                    || self.is(Mutant::AbsentAggregatesCheckedEarly) && expected.version == 0
            })
        };
        if !batch.iter().zip(&outcomes).all(|(unit, outcome)| {
            !matches!(outcome, CommitOutcome::Committed { .. })
                || !unit.depends_on.is_empty()
                || is_due(unit, &content)
        }) {
            // Another commit came first. Apply the batch to the current content.
            return self.apply(&mut content, batch);
        }
        let mut written = Vec::new();
        for (unit, outcome) in batch.iter().zip(outcomes) {
            written.push(match outcome {
                CommitOutcome::Committed { .. } => self.write(&mut content, unit),
                outcome => outcome,
            });
        }
        written
    }

    /// Publishes the new content in two steps. Writers exclude each other.
    pub(super) async fn commit_in_steps(&self, batch: &[UnitOfWork]) -> Vec<CommitOutcome> {
        let _writer = self.place.writer.lock().await;
        let before = self.content().clone();
        let mut after = before.clone();
        let outcomes = self.apply(&mut after, batch);
        let mut first_step = after.clone();
        match self.mutant {
            Some(Mutant::HalfUnitsShown) => {
                let shown = before.rows.len() + (after.rows.len() - before.rows.len()) / 2;
                first_step.rows.truncate(shown);
            }
            Some(Mutant::LastRowsShownLater) => {
                // Hides the second event and the message of a transfer.
                let shown = after.rows.len().saturating_sub(2).max(before.rows.len());
                first_step.rows.truncate(shown);
            }
            Some(Mutant::LogShownLater | Mutant::DroppedCommitLeavesHalf) => {
                first_step.rows = before.rows;
            }
            _ => first_step = before,
        }
        *self.content() = first_step;
        pause().await;
        *self.content() = after;
        outcomes
    }

    /// Reserves positions first, and writes the rows later, so other commits may overtake it.
    pub(super) async fn commit_reserved(&self, batch: &[UnitOfWork]) -> Vec<CommitOutcome> {
        let count: usize = batch.iter().map(UnitOfWork::row_count).sum();
        let first = {
            let mut content = self.content();
            content.position += count as u64;
            content.position - count as u64
        };
        // A large batch takes longer.
        tokio::time::sleep(Duration::from_micros(200) * u32::try_from(batch.len()).unwrap()).await;
        let mut content = self.content();
        let newest = std::mem::replace(&mut content.position, first);
        let outcomes = self.apply(&mut content, batch);
        content.position = newest.max(content.position);
        outcomes
    }

    /// Locks the aggregates in the order of the batch.
    pub(super) async fn commit_locked(&self, batch: &[UnitOfWork]) -> Vec<CommitOutcome> {
        let mut held = BTreeMap::new();
        for unit in batch {
            for expected in &unit.expected {
                if held.contains_key(&expected.aggregate_id) {
                    continue;
                }
                let lock = {
                    let mut locks = self.place.locks.lock().unwrap();
                    Arc::clone(locks.entry(expected.aggregate_id.clone()).or_default())
                };
                held.insert(expected.aggregate_id.clone(), lock.lock_owned().await);
                tokio::task::yield_now().await;
            }
        }
        self.apply(&mut self.content(), batch)
    }
}

pub(super) async fn pause() {
    tokio::time::sleep(Duration::from_micros(300)).await;
}
