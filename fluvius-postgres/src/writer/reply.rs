//! What the commit function has told, as outcomes.

use std::collections::HashMap;
use std::sync::Arc;

use fluvius_core::{AggregateId, CommitOutcome, LogEntry, StateRecord, StoreError, UnitOfWork};
use tokio_postgres::Row;

use super::commit_params::{Draft, MALFORMED, SOUND};
use crate::error::Fault;
use crate::readers::Readers;
use crate::{read, rows};

/// The columns before those of an aggregate's row.
const BASE: usize = 0;
const FATES: usize = 1;
const OTHERS: usize = 2;
const CONTESTED: usize = 3;
const ROOT: usize = 4;
const STATE: usize = 5;

const FELL: i32 = 2;
const KNOWN: i32 = 3;
const STALE: i32 = 4;

/// What was told of a batch that was committed.
pub(crate) struct CommitReply {
    base: u64,
    /// One a unit: what became of it, and the number of what that is due to.
    numbers: Vec<i32>,
    others: Vec<i32>,
    /// The numbers of the aggregates whose turn another process has or waits for.
    contended: Vec<i32>,
    /// The rows that units were stale at, by the number of the aggregate.
    stored: HashMap<i32, StateRecord>,
}

impl CommitReply {
    /// What `commit_batch` has told; `None`: it wants all states of the batch, since some unit is not stored, and has
    /// written nothing.
    pub(crate) fn of_function(found: &[Row]) -> Result<Option<Self>, Fault> {
        let mut stored = HashMap::new();
        let mut told = None;
        for row in found {
            match row.try_get::<_, Option<i32>>(ROOT)? {
                Some(aggregate_id) => drop(stored.insert(aggregate_id, rows::state(row, STATE)?)),
                None => told = Some(row),
            }
        }
        let told = told.ok_or_else(|| Fault::damaged("commit_batch", "it has told no fates"))?;
        let Some(numbers) = told.try_get(FATES)? else { return Ok(None) };
        let others = told.try_get::<_, Option<Vec<i32>>>(OTHERS)?.unwrap_or_default();
        let contended = told.try_get::<_, Option<Vec<i32>>>(CONTESTED)?.unwrap_or_default();
        Ok(Some(Self { base: base(told.try_get(BASE)?)?, numbers, others, contended, stored }))
    }

    /// What the statement has told that stores changes; `None`: it has stored nothing.
    pub(crate) fn of_changes(found: &[Row], draft: &Draft<'_>) -> Result<Option<Self>, Fault> {
        let Some((told, stale)) = found.split_first() else { return Ok(None) };
        let mut stored = HashMap::new();
        for row in stale {
            stored.insert(row.try_get(ROOT - 1)?, rows::state(row, STATE - 1)?);
        }
        let are_wanted: Vec<bool> = told.try_get(1)?;
        let is_wanted = |aggregate_id: i32| {
            let place = usize::try_from(aggregate_id)
                .ok()
                .and_then(|aggregate_id| aggregate_id.checked_sub(1));
            place.and_then(|place| are_wanted.get(place)).copied().unwrap_or(false)
        };
        let (numbers, others) = draft
            .unit_aggregates()
            .map(
                |aggregate_id| {
                    if is_wanted(aggregate_id) { (SOUND, 0) } else { (STALE, aggregate_id) }
                },
            )
            .unzip();
        let contended = told.try_get(2)?;
        Ok(Some(Self { base: base(told.try_get(BASE)?)?, numbers, others, contended, stored }))
    }

    pub(crate) fn stored_units<'d>(
        &'d self,
        draft: &'d Draft<'_>,
    ) -> impl Iterator<Item = &'d UnitOfWork> {
        let units = self.numbers.iter().zip(draft.batch);
        units.filter(|(number, _)| **number == SOUND).map(|(_, unit)| unit)
    }

    /// The position of the last row that was stored, if any was.
    pub(crate) fn newest(&self, draft: &Draft<'_>) -> Option<i64> {
        let mut units = self.numbers.iter().zip(draft.batch).zip(&draft.offsets);
        // What a unit that is not stored would have taken stays a gap.
        let ((_, unit), offset) =
            units.rfind(|((number, unit), _)| **number == SOUND && unit.row_count() > 0)?;
        i64::try_from(self.base + offset + unit.row_count() as u64).ok()
    }
}

fn base(told: i64) -> Result<u64, Fault> {
    u64::try_from(told)
        .map_err(|_| Fault::damaged("commit_batch", format!("{told} is no position")))
}

/// The outcomes of a batch that was committed.
pub(crate) async fn read(
    readers: &Readers,
    draft: &Draft<'_>,
    told: &CommitReply,
) -> Result<Vec<CommitOutcome>, Fault> {
    let CommitReply { base, numbers, others, contended, stored } = told;
    let contended: Vec<&AggregateId> = contended
        .iter()
        .filter_map(|number| {
            draft.aggregate_ids.get(usize::try_from(*number).ok()?.checked_sub(1)?)
        })
        .copied()
        .collect();
    if numbers.len() != draft.batch.len() {
        return Err(Fault::damaged("commit_batch", format!("it has told {} fates", numbers.len())));
    }
    let mut outcomes: Vec<CommitOutcome> = Vec::with_capacity(numbers.len());
    for (index, number) in numbers.iter().enumerate() {
        let other = others.get(index).copied().unwrap_or(0);
        let place = usize::try_from(other).ok().and_then(|other| other.checked_sub(1));
        let before = Before { units: &draft.batch[..index], outcomes: &outcomes };
        let outcome = match (*number, place) {
            (SOUND, _) => {
                let written = draft.batch[index].states.iter().map(|state| &state.aggregate_id);
                let contended = written
                    .filter(|aggregate_id| contended.contains(aggregate_id))
                    .cloned()
                    .collect();
                CommitOutcome::Committed { first: base + draft.offsets[index] + 1, contended }
            }
            (MALFORMED, _) => malformed(draft, index),
            (FELL, Some(on)) => CommitOutcome::DependencyAborted { on },
            (KNOWN, Some(id)) => known(readers, draft, id, &before).await?,
            (STALE, Some(aggregate_id)) => {
                let aggregate_id =
                    *draft.aggregate_ids.get(aggregate_id).ok_or_else(|| odd(*number, other))?;
                let state = before.state(aggregate_id).or_else(|| stored.get(&other).cloned());
                CommitOutcome::VersionConflict {
                    aggregate_id: aggregate_id.clone(),
                    stored: state.map(Box::new),
                }
            }
            _ => return Err(odd(*number, other)),
        };
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

fn malformed(draft: &Draft<'_>, index: usize) -> CommitOutcome {
    let broken = || StoreError::permanent("a unit of work is malformed");
    CommitOutcome::Failed(draft.malformed.get(&index).cloned().unwrap_or_else(broken))
}

/// The row of a command's identifier: of a unit before this one, or of the log.
async fn known(
    readers: &Readers,
    draft: &Draft<'_>,
    id: usize,
    before: &Before<'_>,
) -> Result<CommitOutcome, Fault> {
    let id = *draft.ids.get(id).ok_or_else(|| odd(KNOWN, 0))?;
    for (unit, outcome) in before.stored() {
        let CommitOutcome::Committed { first, .. } = outcome else { continue };
        let place = unit.commands.iter().position(|command| command.id == id);
        if let Some(place) = place {
            let record = unit.commands[place].as_ref().clone();
            let command = Box::new(LogEntry { position: first + place as u64, record });
            // The first that was stored stays; it is the same one but for an author of units of work.
            let context = read::context(readers, unit.context.id).await?;
            let context = context.unwrap_or_else(|| Arc::clone(&unit.context));
            return Ok(CommitOutcome::DuplicateCommand { command, context });
        }
    }
    // The log only grows: what was there during the commit is there still.
    match read::command(readers, id).await {
        Ok(Some((command, context))) => {
            Ok(CommitOutcome::DuplicateCommand { command: Box::new(command), context })
        }
        Ok(None) => Err(Fault::damaged("command_log", format!("command {id} is gone"))),
        // Nothing of this unit is stored: only its answer cannot be told now.
        Err(fault) => Ok(CommitOutcome::Failed(fault.into())),
    }
}

/// The units before one in its batch, and what became of them.
struct Before<'b> {
    units: &'b [UnitOfWork],
    outcomes: &'b [CommitOutcome],
}

impl Before<'_> {
    /// Those that are stored, the last one first.
    fn stored(&self) -> impl Iterator<Item = (&UnitOfWork, &CommitOutcome)> {
        let pairs = self.units.iter().zip(self.outcomes).rev();
        pairs.filter(|(_, outcome)| matches!(outcome, CommitOutcome::Committed { .. }))
    }

    /// The row of an aggregate as they leave it, where one of them writes it.
    fn state(&self, aggregate_id: &AggregateId) -> Option<StateRecord> {
        let mut states = self.stored().flat_map(|(unit, _)| &unit.states);
        states.find(|state| state.aggregate_id == *aggregate_id).map(|state| state.as_ref().clone())
    }
}

fn odd(number: i32, other: i32) -> Fault {
    Fault::damaged("commit_batch", format!("{number} of {other} is no fate"))
}
