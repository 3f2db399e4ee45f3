//! The plan of a batch: applies the rule to each command in turn, starting from the stored
//! accounts.

use std::collections::{BTreeMap, HashMap};

use bench_common::Uuid;

use super::rows::{CommandRow, EventRow, StateRow, Stored, time};
use crate::by_hand::command::{CommitOutcome, Job, change, decide, json};

/// The rows of a batch, and its answers once the rows are written.
pub(super) struct Plan<'j> {
    pub(super) fates: Vec<CommitOutcome>,
    pub(super) commands: Vec<CommandRow<'j>>,
    pub(super) events: Vec<EventRow<'j>>,
    /// The changed accounts after the batch, sorted.
    pub(super) changed: BTreeMap<Uuid, Stored>,
    /// The number of positions that the batch takes.
    pub(super) row_count: i64,
}

impl<'j> Plan<'j> {
    /// Creates the plan of a batch. Commands with an outcome in `told` have no rows.
    pub(super) fn of(
        batch: &'j [Job],
        told: &HashMap<Uuid, CommitOutcome>,
        stored: &HashMap<Uuid, Stored>,
        context_id: Uuid,
    ) -> Result<Self, String> {
        let mut plan = Self {
            fates: Vec::with_capacity(batch.len()),
            commands: Vec::with_capacity(batch.len()),
            events: Vec::with_capacity(batch.len()),
            changed: BTreeMap::new(),
            row_count: 0,
        };
        for job in batch {
            if let Some(fate) = told.get(&job.id) {
                plan.fates.push(fate.clone());
                continue;
            }
            let before = plan.changed.get(&job.account).or_else(|| stored.get(&job.account));
            let decided = decide(job.command, before.map(|stored| &stored.account));
            plan.row_count += 1;
            let position = plan.row_count;
            plan.commands.push(CommandRow::of(job, position, context_id, decided.as_ref().err()));
            let Ok(account) = decided else {
                plan.fates.push(CommitOutcome::Rejected);
                continue;
            };
            let data = json(&account).map_err(|error| format!("{error:?}"))?;
            let received_at = time(job.received_at);
            let version = before.map_or(0, |before| before.version);
            let change = change(version, &account, &data);
            let after = Stored {
                version: version + 1,
                created_at: before.map_or(received_at, |before| before.created_at),
                updated_at: before.map_or(received_at, |before| before.updated_at.max(received_at)),
                command_id: job.id,
                account,
                data,
            };
            plan.row_count += 1;
            plan.events.push(EventRow::of(job, plan.row_count, &after, change));
            plan.changed.insert(job.account, after);
            plan.fates.push(CommitOutcome::Applied);
        }
        Ok(plan)
    }

    /// Returns the rows of the changed accounts that are `wanted`.
    pub(super) fn states<'p>(
        &'p self,
        wanted: impl Fn(&Uuid) -> bool + 'p,
    ) -> impl Iterator<Item = StateRow> + 'p {
        let changed = self.changed.iter().filter(move |(id, _)| wanted(id));
        changed.map(|(id, stored)| StateRow::of(*id, stored))
    }
}

/// Returns the accounts of a batch, sorted and without duplicates.
pub(super) fn accounts(batch: &[Job]) -> Vec<Uuid> {
    let mut ids: Vec<Uuid> = batch.iter().map(|job| job.account).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
