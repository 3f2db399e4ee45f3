//! The work rows.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::tables::{Tables, append};
use crate::work::{
    Announcement, Incarnation, WorkChange, WorkKey, WorkOutcome, WorkPage, WorkQuery, WorkRow,
    WorkUnit,
};

/// The work rows, and the processes that work on them.
#[derive(Debug)]
pub(super) struct Work {
    incarnation: Incarnation,
    rows: BTreeMap<WorkKey, WorkRow>,
    /// The newest token.
    token: u64,
    /// The announced processes. An announcement that was dropped has ended.
    processes: BTreeMap<Uuid, Weak<()>>,
}

impl Default for Work {
    fn default() -> Self {
        Self {
            incarnation: Incarnation { store: Uuid::new_v4(), copy: Uuid::new_v4() },
            rows: BTreeMap::new(),
            token: 0,
            processes: BTreeMap::new(),
        }
    }
}

impl Work {
    pub(super) fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    pub(super) fn announce(&mut self, process: Uuid) -> Announcement {
        let alive = Arc::new(());
        self.processes.retain(|_, process| process.strong_count() > 0);
        self.processes.insert(process, Arc::downgrade(&alive));
        Announcement::new(alive)
    }

    pub(super) fn ended(&self, processes: &[Uuid]) -> Vec<Uuid> {
        let is_alive = |process: &Uuid| {
            self.processes.get(process).is_some_and(|process| process.strong_count() > 0)
        };
        processes.iter().filter(|process| !is_alive(process)).copied().collect()
    }
}

impl Tables {
    pub(super) fn work_page(&self, query: &WorkQuery) -> WorkPage {
        let rows = self.work.rows.values().filter(|row| query.admits(&row.key));
        WorkPage::new(rows.take(query.limit).cloned().collect(), query.now, self.position)
    }

    pub(super) fn write_work(
        &mut self,
        units: &[WorkUnit],
        now: DateTime<Utc>,
    ) -> Vec<WorkOutcome> {
        units.iter().map(|unit| self.write_work_unit(unit, now)).collect()
    }

    fn write_work_unit(&mut self, unit: &WorkUnit, now: DateTime<Utc>) -> WorkOutcome {
        if let Err(fault) = unit.validate() {
            return WorkOutcome::Failed(fault);
        }
        let rows = &mut self.work.rows;
        if let Some((key, found)) = unit.stale(|key| rows.get(key).cloned()) {
            return WorkOutcome::Stale { key, found: found.map(Box::new) };
        }
        self.work.token += 1;
        let token = self.work.token;
        for write in &unit.writes {
            match &write.change {
                WorkChange::Keep => {}
                WorkChange::Put(data) => {
                    let row = WorkRow::new(write.key.clone(), token, data.clone(), now);
                    rows.insert(write.key.clone(), row);
                }
                WorkChange::Delete => drop(rows.remove(&write.key)),
            }
        }
        if let Some(context) = &unit.context {
            self.contexts.entry(context.id).or_insert_with(|| Arc::clone(context));
        }
        for activity in &unit.activities {
            append(&mut self.position, &mut self.activities, activity);
        }
        WorkOutcome::Stored { token }
    }
}
