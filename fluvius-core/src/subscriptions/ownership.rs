//! The writes of the worker: claims of partitions, checkpoints, and the row of this process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use super::checkpoint::PartitionWrite;
use super::member::{Member, Slot};
use super::partition::Partition;
use super::rows::{self, Fitness, ParkedData, PartitionData, ProcessData, partition_of};
use super::serving::{guarded, warn};
use super::work_view::{WorkView, assign, ended_rows, left_over, reconcile};
use super::worker::{Done, Work};
use crate::sync::Instant;
use crate::unwind::Guarded;
use fluvius_store::work::{WorkOutcome, WorkPage, WorkQuery, WorkUnit, WorkWrite};
use fluvius_store::{Store, StoreError};

/// Pause after a write that has failed.
const WRITE_PAUSE: Duration = Duration::from_millis(500);

/// A unit of a write of work rows.
pub(super) enum UnitOf {
    /// The row of this process.
    Process,
    /// The row of another process, which has ended.
    EndedProcess,
    /// The row of a partition that this process owns and does not serve.
    LeftOver,
    /// The claim of a partition.
    Claim { name: Arc<str>, number: u32, data: PartitionData },
    /// The rows of a partition, which may be given up with them.
    Partition { name: Arc<str>, number: u32, is_released: bool, write: PartitionWrite },
    /// A partition that is given up before it was worked on.
    Unloaded { name: Arc<str>, number: u32 },
}

impl Work {
    /// Processes the work rows that were read, and begins the write that follows from it.
    pub(super) fn on_view(&mut self, view: Result<WorkView, StoreError>) {
        self.is_store_busy = false;
        let view = match view {
            Ok(view) => view,
            Err(error) => {
                // The store may come back as another copy.
                self.copy = None;
                return warn(self.domain, &error, "the work rows cannot be read");
            }
        };
        self.copy = Some(view.copy);
        let mut live = view.processes(self.domain);
        let own = rows::process_key(self.domain, self.process);
        self.process_token = view.page.rows.iter().find(|row| row.key == own).map(|row| row.token);
        live.insert(self.process, self.process_data());

        let mut units = Vec::new();
        let mut of = Vec::new();
        let mut to_load = Vec::new();
        let mut is_working = false;
        let id = self.next_id();
        for member in self.members.values_mut() {
            let tokens = reconcile(member, &view, self.process, id);
            if !tokens.is_empty() {
                to_load.push((Arc::clone(&member.full_name), tokens));
            }
            let assigned = assign(member, &view, self.process, &live);
            is_working |= assigned.wants_more || !member.slots.is_empty();
            for (number, token, data) in assigned.claims {
                let data = PartitionData { owner: Some(self.process), ..data };
                let key = rows::partition_key(&member.full_name, number);
                units.push(WorkUnit::new([WorkWrite::put(key, Some(token), rows::encode(&data))]));
                of.push(UnitOf::Claim { name: Arc::clone(&member.full_name), number, data });
            }
            member.report_lag(view.page.newest);
        }
        for (name, tokens) in to_load {
            self.load(name, tokens);
        }
        let is_served = |name: &str| self.members.contains_key(name);
        for (row, data) in left_over(&view, self.domain, self.process, is_served) {
            let data = rows::encode(&PartitionData { owner: None, ..data });
            units.push(WorkUnit::new([WorkWrite::put(row.key.clone(), Some(row.token), data)]));
            of.push(UnitOf::LeftOver);
        }
        // First, since the owner of a partition must be a live process. A process that wants
        // partitions must be seen by those that have more than their share.
        if is_working {
            units.insert(0, self.process_unit());
            of.insert(0, UnitOf::Process);
        }
        for row in ended_rows(&view, self.domain, &live) {
            units.push(WorkUnit::new([WorkWrite::delete(row.key.clone(), row.token)]));
            of.push(UnitOf::EndedProcess);
        }
        self.begin_write(units, of);
    }

    /// Returns the content of the row of this process.
    fn process_data(&self) -> ProcessData {
        let serves = self.members.values().filter(|member| member.stop_by.is_none());
        let serves = serves.map(|member| (member.full_name.to_string(), member.fitness)).collect();
        ProcessData { serves, is_announced: self.announcement.is_some() }
    }

    /// Returns the unit that renews the row of this process.
    fn process_unit(&self) -> WorkUnit {
        let data = rows::encode(&self.process_data());
        let key = rows::process_key(self.domain, self.process);
        WorkUnit::new([WorkWrite::put(key, self.process_token, data)])
    }

    /// Begins a write of these units, and of all partitions that have changed.
    pub(super) fn begin_write(&mut self, mut units: Vec<WorkUnit>, mut of: Vec<UnitOf>) {
        let (now, time) = (Instant::now(), self.time());
        for member in self.members.values_mut() {
            let name = Arc::clone(&member.full_name);
            let is_stopping = member.stop_by.is_some();
            let mut is_outdated = false;
            for (&number, slot) in &mut member.slots {
                match slot {
                    Slot::Ready(partition) => {
                        partition.note_stuck(now, time);
                        let meets_unknown = partition.has_reached_unknown();
                        is_outdated |= meets_unknown;
                        let is_released = meets_unknown || partition.is_released(now);
                        let owner = (!is_released).then_some(self.process);
                        if !partition.is_dirty(owner) {
                            partition.done_count = 0;
                            continue;
                        }
                        if is_released {
                            partition.lose();
                        }
                        let (unit, write) = partition.write(&name, number, owner);
                        let name = Arc::clone(&name);
                        units.push(unit);
                        of.push(UnitOf::Partition { name, number, is_released, write });
                    }
                    Slot::Loading { token, data } if is_stopping => {
                        let data = PartitionData { owner: None, ..data.clone() };
                        let key = rows::partition_key(&name, number);
                        let write = WorkWrite::put(key, Some(*token), rows::encode(&data));
                        units.push(WorkUnit::new([write]));
                        of.push(UnitOf::Unloaded { name: Arc::clone(&name), number });
                    }
                    Slot::Loading { .. } => {}
                }
            }
            if is_outdated {
                member.fitness = Fitness::Outdated;
            }
        }
        if units.is_empty() {
            return;
        }
        self.is_store_busy = true;
        let store = self.store.clone();
        let write = async move {
            let count = units.len();
            let written = Guarded::new(store.write_work(units.into(), time)).await;
            let outcomes = written.unwrap_or_else(|| vec![WorkOutcome::InDoubt; count]);
            Done::Wrote { began: now, outcomes, units: of }
        };
        self.pending.push(write.boxed());
    }

    /// Processes the outcomes of a write.
    pub(super) fn wrote(&mut self, began: Instant, outcomes: Vec<WorkOutcome>, units: Vec<UnitOf>) {
        self.is_store_busy = false;
        let mut to_load: BTreeMap<Arc<str>, Vec<(u32, u64)>> = BTreeMap::new();
        let mut failure = None;
        for (outcome, unit) in outcomes.into_iter().zip(units) {
            match &outcome {
                WorkOutcome::Failed(error) => failure = Some(error.clone()),
                WorkOutcome::InDoubt => {
                    failure = Some(StoreError::unavailable("the store was lost during the write"));
                }
                _ => {}
            }
            match (unit, outcome) {
                (UnitOf::Process, WorkOutcome::Stored { token }) => {
                    self.process_token = Some(token);
                    self.renewed_at = Some(began);
                }
                (UnitOf::Claim { name, number, data }, WorkOutcome::Stored { token }) => {
                    if let Some(member) = self.members.get_mut(&name) {
                        member.slots.insert(number, Slot::Loading { token, data });
                        to_load.entry(name).or_default().push((number, token));
                    }
                }
                (UnitOf::Unloaded { name, number }, WorkOutcome::Stored { .. }) => {
                    if let Some(member) = self.members.get_mut(&name) {
                        member.slots.remove(&number);
                    }
                }
                (UnitOf::Partition { name, number, is_released, write }, outcome) => {
                    if let Some(member) = self.members.get_mut(&name) {
                        end_write(member, number, is_released, write, outcome);
                    }
                }
                // The next read shows the row.
                _ => {}
            }
        }
        if let Some(error) = failure {
            self.write_after = Some(Instant::now() + WRITE_PAUSE);
            warn(self.domain, &error, "checkpoints cannot be written: the write is repeated");
        }
        for (name, tokens) in to_load {
            self.load(name, tokens);
        }
    }

    /// Begins to read the parked deliveries of partitions.
    fn load(&mut self, name: Arc<str>, tokens: Vec<(u32, u64)>) {
        let query = WorkQuery::new(self.time(), [rows::PARKED, rows::SKIPPED]).name(&*name);
        let store = self.store.clone();
        let read = async move {
            let rows = guarded(store.work(&query)).await;
            Done::Loaded { name, tokens, rows }
        };
        self.pending.push(read.boxed());
    }

    /// Begins the work on partitions whose parked deliveries were read.
    pub(super) fn loaded(
        &mut self,
        name: &str,
        tokens: &[(u32, u64)],
        rows: Result<WorkPage, StoreError>,
    ) {
        let Some(member) = self.members.get_mut(name) else { return };
        let rows = match rows {
            Ok(rows) => rows.rows,
            Err(error) => {
                // The next read finds the partitions again.
                tokens.iter().for_each(|(number, _)| member.lose(*number));
                return warn(self.domain, &error, "parked deliveries cannot be read");
            }
        };
        for &(number, loaded) in tokens {
            let Some(Slot::Loading { token, data }) = member.slots.get(&number) else { continue };
            if *token != loaded {
                continue;
            }
            let mut partition = Partition::new(member.settings, *token, data.clone());
            for row in rows.iter().filter(|row| partition_of(&row.key) == Some(number)) {
                let Some(position) = rows::position_of(&row.key) else { continue };
                if row.key.kind == rows::SKIPPED {
                    partition.skipped.insert(position, row.token);
                } else if let Ok(data) = rows::decode::<ParkedData>(row) {
                    partition.add_hold(position, data, row.token);
                }
            }
            partition.release_by = member.stop_by;
            member.slots.insert(number, Slot::Ready(Box::new(partition)));
        }
    }

    /// Deletes the row of this process, as the last thing that the worker does.
    pub(super) async fn forget_process(&mut self) {
        let Some(token) = self.process_token else { return };
        let key = rows::process_key(self.domain, self.process);
        let unit = WorkUnit::new([WorkWrite::delete(key, token)]);
        // If this fails, the row expires.
        let _ = Guarded::new(self.store.write_work([unit].into(), self.time())).await;
    }
}

/// Ends the write of a partition.
fn end_write(
    member: &mut Member,
    number: u32,
    is_released: bool,
    write: PartitionWrite,
    outcome: WorkOutcome,
) {
    match outcome {
        WorkOutcome::Stored { token } => {
            if let Some(partition) = member.partition_mut(number) {
                partition.stored(write, token);
            }
            if is_released {
                member.lose(number);
            }
        }
        // Another process has it, or an operator has changed it.
        WorkOutcome::Stale { .. } => member.lose(number),
        // If the write in doubt is stored, the next one is stale.
        _ => {
            if let Some(partition) = member.partition_mut(number) {
                partition.not_stored(write);
            }
        }
    }
}
