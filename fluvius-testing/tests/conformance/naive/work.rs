//! The work rows of the naive store.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use fluvius_core::work::{
    Incarnation, WorkChange, WorkKey, WorkOutcome, WorkPage, WorkQuery, WorkRow, WorkUnit,
};
use fluvius_core::{AnyRecord, LogEntry};
use uuid::Uuid;

use super::{Content, Naive, pause};
use crate::mutant::Mutant;

#[derive(Debug, Clone, Default)]
pub(super) struct Work {
    rows: BTreeMap<WorkKey, WorkRow>,
    token: u64,
    pub(super) processes: BTreeSet<Uuid>,
}

impl Naive {
    pub(super) fn identity(&self) -> Incarnation {
        let copy = match self.is(Mutant::IncarnationPerHandle) {
            true => Uuid::new_v4(),
            false => Uuid::nil(),
        };
        Incarnation { store: Uuid::nil(), copy }
    }

    pub(super) fn work_page(&self, query: &WorkQuery) -> WorkPage {
        let content = self.shown();
        let after = |key: &WorkKey| query.after.as_ref().is_none_or(|after| key > after);
        let mut rows: Vec<WorkRow> = content
            .work
            .rows
            .into_values()
            .filter(|row| query.kinds.contains(&row.key.kind) && after(&row.key))
            .filter(|row| query.name.as_ref().is_none_or(|name| *name == row.key.name))
            .collect();
        if self.is(Mutant::WorkKeysOutOfOrder) {
            rows.sort_by(|one, other| one.key.part.cmp(&other.key.part));
        }
        rows.truncate(query.limit);
        WorkPage::new(rows, query.now, content.position)
    }

    pub(super) async fn write_all(
        &self,
        units: &[WorkUnit],
        now: DateTime<Utc>,
    ) -> Vec<WorkOutcome> {
        if self.is(Mutant::WorkCheckedEarly) {
            let mut copy = self.content().clone();
            let early: Vec<_> =
                units.iter().map(|unit| self.write_unit(&mut copy, unit, now)).collect();
            pause().await;
            self.content().work = copy.work;
            return early;
        }
        let mut content = self.content();
        let before = content.clone();
        let outcomes: Vec<_> =
            units.iter().map(|unit| self.write_unit(&mut content, unit, now)).collect();
        let is_stale = |outcome: &WorkOutcome| matches!(outcome, WorkOutcome::Stale { .. });
        if self.is(Mutant::StaleWorkFailsTheCall) && outcomes.iter().any(is_stale) {
            *content = before;
        }
        outcomes
    }

    fn write_unit(
        &self,
        content: &mut Content,
        unit: &WorkUnit,
        now: DateTime<Utc>,
    ) -> WorkOutcome {
        if let Err(fault) = unit.validate()
            && !self.is(Mutant::MalformedWorkStored)
        {
            return WorkOutcome::Failed(fault);
        }
        let before = content.work.clone();
        let token = before.token + 1;
        content.work.token = token;
        for write in &unit.writes {
            let key = self.folded(&write.key);
            let found = content.work.rows.get(&key).cloned();
            let is_expected = match (&found, write.expected) {
                (None, None) => true,
                (Some(_), None) => self.is(Mutant::WorkAbsenceUnchecked),
                (None, Some(_)) => false,
                (Some(row), Some(token)) => {
                    row.token == token || self.is(Mutant::WorkTokensUnchecked)
                }
            };
            if !is_expected {
                if !self.is(Mutant::StaleWorkLeavesRows) {
                    content.work = before;
                }
                return WorkOutcome::Stale { key: write.key.clone(), found: found.map(Box::new) };
            }
            let token = match self.is(Mutant::WorkTokensPerRow) {
                true => found.as_ref().map_or(1, |row| row.token + 1),
                false => token,
            };
            match &write.change {
                WorkChange::Keep => {
                    if let Some(row) = content.work.rows.get_mut(&key)
                        && self.is(Mutant::KeptWorkGetsToken)
                    {
                        row.token = token;
                    }
                }
                WorkChange::Put(data) => {
                    let written_at = match (self.is(Mutant::WorkTimesKept), found) {
                        (true, Some(row)) => row.written_at,
                        _ => now,
                    };
                    let row = WorkRow::new(key.clone(), token, data.clone(), written_at);
                    content.work.rows.insert(key, row);
                }
                WorkChange::Delete => drop(content.work.rows.remove(&key)),
            }
            if self.is(Mutant::WorkTokensPerRow) && unit.writes.len() == 1 {
                self.log_activities(content, unit);
                return WorkOutcome::Stored { token };
            }
        }
        self.log_activities(content, unit);
        WorkOutcome::Stored { token }
    }

    fn log_activities(&self, content: &mut Content, unit: &WorkUnit) {
        if self.is(Mutant::WorkActivityDropped) {
            return;
        }
        if let Some(context) = &unit.context {
            content.contexts.entry(context.id).or_insert_with(|| context.clone());
        }
        for activity in &unit.activities {
            content.position += 1;
            let record = AnyRecord::Activity(activity.as_ref().clone());
            content.rows.push(LogEntry { position: content.position, record });
        }
    }

    /// Returns the key under which a row is kept.
    fn folded(&self, key: &WorkKey) -> WorkKey {
        match self.is(Mutant::WorkKeysFolded) {
            true => WorkKey::new(key.kind.clone(), key.name.to_lowercase(), key.part.clone()),
            false => key.clone(),
        }
    }
}
