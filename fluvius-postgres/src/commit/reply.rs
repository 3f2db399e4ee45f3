//! The server's reply to a commit, and the outcomes of the units.

use std::collections::HashMap;
use std::sync::Arc;

use fluvius_store::{AggregateId, CommitOutcome, LogEntry, StateRecord, StoreError, UnitOfWork};
use tokio_postgres::Row;

use super::outcome_code::{
    COMMITTED, DEPENDENCY_ABORTED, DUPLICATE_COMMAND, MALFORMED, VERSION_CONFLICT,
};
use super::params::{BatchParams, index, number};
use crate::error::Fault;
use crate::pool::ReadPool;
use crate::read::{self, rows};

/// The columns of `commit_batch`; those of a state come last.
const BASE: usize = 0;
const OUTCOMES: usize = 1;
const CAUSES: usize = 2;
const CONTENDED: usize = 3;
const AGGREGATE: usize = 4;
const STATE: usize = 5;

/// The columns of `update_batch.sql` that differ from these.
mod update {
    pub(super) const ARE_CURRENT: usize = 1;
    pub(super) const CONTENDED: usize = 2;
    pub(super) const AGGREGATE: usize = 3;
    pub(super) const STATE: usize = 4;
}

/// The reply of an update statement.
pub(crate) enum UpdateReply {
    Stored(CommitReply),
    /// Nothing is stored, because other processes have changed these aggregates, by number.
    Conflicts(HashMap<i32, StateRecord>),
    /// Nothing is stored, and `commit_batch` finds the cause.
    None,
}

/// The reply to a batch whose transaction has committed.
pub(crate) struct CommitReply {
    /// The number that was added to the positions of the rows.
    base: u64,
    /// By unit: an outcome code, and the number of the cause.
    outcomes: Vec<i32>,
    causes: Vec<i32>,
    /// The numbers of the aggregates whose lease another process holds or waits for.
    contended: Vec<i32>,
    /// The states that units conflict with, by the number of the aggregate.
    stored: HashMap<i32, StateRecord>,
}

impl CommitReply {
    /// Reads the reply of `commit_batch`. Returns `None` if it has written nothing: a unit does not
    /// commit, and the call did not contain all states of the batch.
    pub(crate) fn from_function(found: &[Row]) -> Result<Option<Self>, Fault> {
        let mut stored = HashMap::new();
        let mut reply = None;
        for row in found {
            match row.try_get::<_, Option<i32>>(AGGREGATE)? {
                Some(aggregate) => drop(stored.insert(aggregate, rows::state(row, STATE)?)),
                None => reply = Some(row),
            }
        }
        let reply = reply.ok_or_else(no_outcomes)?;
        let Some(outcomes) = reply.try_get(OUTCOMES)? else { return Ok(None) };
        let causes = reply.try_get::<_, Option<Vec<i32>>>(CAUSES)?.unwrap_or_default();
        let contended = reply.try_get::<_, Option<Vec<i32>>>(CONTENDED)?.unwrap_or_default();
        let base = base(reply.try_get(BASE)?)?;
        Ok(Some(Self { base, outcomes, causes, contended, stored }))
    }

    /// Reads the reply of an update statement.
    pub(crate) fn from_update(
        found: &[Row],
        params: &BatchParams<'_>,
    ) -> Result<UpdateReply, Fault> {
        let mut stored = HashMap::new();
        let mut reply = None;
        for row in found {
            match row.try_get::<_, Option<i32>>(update::AGGREGATE)? {
                Some(aggregate) => {
                    drop(stored.insert(aggregate, rows::state(row, update::STATE)?));
                }
                None => reply = Some(row),
            }
        }
        let Some(reply) = reply else {
            let has_conflicts = !stored.is_empty();
            return Ok(if has_conflicts {
                UpdateReply::Conflicts(stored)
            } else {
                UpdateReply::None
            });
        };
        let are_current: Vec<bool> = reply.try_get(update::ARE_CURRENT)?;
        let is_current = |aggregate| index(aggregate).and_then(|index| are_current.get(index));
        // The units of an aggregate that was changed have no other aggregate. They all abort: those
        // that depend on none because of the conflict, the others because of their dependency.
        let outcome = |(unit, aggregate)| match is_current(aggregate) {
            Some(true) => (COMMITTED, 0),
            _ => match params.dependencies(number(unit)).first() {
                Some(on) => (DEPENDENCY_ABORTED, number(*on)),
                None => (VERSION_CONFLICT, aggregate),
            },
        };
        let (outcomes, causes) = params.unit_aggregates().enumerate().map(outcome).unzip();
        let contended = reply.try_get(update::CONTENDED)?;
        let base = base(reply.try_get(BASE)?)?;
        Ok(UpdateReply::Stored(Self { base, outcomes, causes, contended, stored }))
    }

    pub(crate) fn committed_units<'p>(
        &'p self,
        params: &'p BatchParams<'_>,
    ) -> impl Iterator<Item = &'p UnitOfWork> {
        let units = self.outcomes.iter().zip(params.batch);
        units.filter(|(outcome, _)| **outcome == COMMITTED).map(|(_, unit)| unit)
    }

    /// The position of the last row that was stored, if any was.
    pub(crate) fn newest(&self, params: &BatchParams<'_>) -> Option<i64> {
        let mut units = self.outcomes.iter().zip(params.batch).zip(&params.offsets);
        // The positions of a unit that has not committed remain a gap.
        let ((_, unit), offset) =
            units.rfind(|((outcome, unit), _)| **outcome == COMMITTED && unit.row_count() > 0)?;
        i64::try_from(self.base + offset + unit.row_count() as u64).ok()
    }
}

pub(super) fn base(found: i64) -> Result<u64, Fault> {
    u64::try_from(found)
        .map_err(|_| Fault::damaged("commit_batch", format!("{found} is no position")))
}

/// Returns the outcomes of a batch whose transaction has committed.
pub(crate) async fn outcomes(
    pool: &ReadPool,
    params: &BatchParams<'_>,
    reply: &CommitReply,
) -> Result<Vec<CommitOutcome>, Fault> {
    let CommitReply { base, outcomes: codes, causes, contended, stored } = reply;
    let aggregate_id = |number: i32| params.aggregate_ids.get(index(number)?).copied();
    let contended: Vec<&AggregateId> =
        contended.iter().filter_map(|number| aggregate_id(*number)).collect();
    if codes.len() != params.batch.len() {
        let count = codes.len();
        return Err(Fault::damaged("commit_batch", format!("it has returned {count} outcomes")));
    }
    let mut outcomes: Vec<CommitOutcome> = Vec::with_capacity(codes.len());
    for (unit, code) in codes.iter().enumerate() {
        let cause = causes.get(unit).copied().unwrap_or(0);
        let earlier = EarlierUnits { units: &params.batch[..unit], outcomes: &outcomes };
        let outcome = match (*code, index(cause)) {
            (COMMITTED, _) => {
                let written = params.batch[unit].states.iter().map(|state| &state.aggregate_id);
                let contended = written.filter(|written| contended.contains(written)).cloned();
                CommitOutcome::Committed {
                    first: base + params.offsets[unit] + 1,
                    contended: contended.collect(),
                }
            }
            (MALFORMED, _) => malformed(params, unit),
            (DEPENDENCY_ABORTED, Some(on)) => CommitOutcome::DependencyAborted { on },
            (DUPLICATE_COMMAND, Some(id)) => duplicate(pool, params, id, &earlier).await?,
            (VERSION_CONFLICT, Some(_)) => {
                let aggregate_id = aggregate_id(cause).ok_or_else(|| unknown(*code, cause))?;
                let state = earlier.state(aggregate_id).or_else(|| stored.get(&cause).cloned());
                CommitOutcome::VersionConflict {
                    aggregate_id: aggregate_id.clone(),
                    stored: state.map(Box::new),
                }
            }
            _ => return Err(unknown(*code, cause)),
        };
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

fn malformed(params: &BatchParams<'_>, unit: usize) -> CommitOutcome {
    let malformed = || StoreError::permanent("a unit of work is malformed");
    CommitOutcome::Failed(params.malformed.get(&unit).cloned().unwrap_or_else(malformed))
}

/// Finds the row that has a command id: in an earlier unit of the batch, or in the log.
async fn duplicate(
    pool: &ReadPool,
    params: &BatchParams<'_>,
    id: usize,
    earlier: &EarlierUnits<'_>,
) -> Result<CommitOutcome, Fault> {
    let id = *params.ids.get(id).ok_or_else(|| unknown(DUPLICATE_COMMAND, 0))?;
    for (unit, outcome) in earlier.committed() {
        let CommitOutcome::Committed { first, .. } = outcome else { continue };
        let found = unit.commands.iter().position(|command| command.id == id);
        if let Some(found) = found {
            let record = unit.commands[found].as_ref().clone();
            let command = Box::new(LogEntry { position: first + found as u64, record });
            // The first row of a context is kept. Only a unit that was not made by a runtime may
            // differ from it.
            let context = read::context(pool, unit.context.id).await?;
            let context = context.unwrap_or_else(|| Arc::clone(&unit.context));
            return Ok(CommitOutcome::DuplicateCommand { command, context });
        }
    }
    // The log is append-only, so it still has the row.
    match read::command(pool, id).await {
        Ok(Some((command, context))) => {
            Ok(CommitOutcome::DuplicateCommand { command: Box::new(command), context })
        }
        Ok(None) => {
            Err(Fault::damaged("command_log", format!("the row of command {id} is missing")))
        }
        // Nothing of this unit is stored, so the command may be sent again.
        Err(fault) => Ok(CommitOutcome::Failed(fault.into())),
    }
}

/// The units of a batch before one of them, and their outcomes.
struct EarlierUnits<'b> {
    units: &'b [UnitOfWork],
    outcomes: &'b [CommitOutcome],
}

impl EarlierUnits<'_> {
    /// The committed units, the last one first.
    fn committed(&self) -> impl Iterator<Item = (&UnitOfWork, &CommitOutcome)> {
        let pairs = self.units.iter().zip(self.outcomes).rev();
        pairs.filter(|(_, outcome)| matches!(outcome, CommitOutcome::Committed { .. }))
    }

    /// The state of an aggregate that the last of them writes.
    fn state(&self, aggregate_id: &AggregateId) -> Option<StateRecord> {
        let mut states = self.committed().flat_map(|(unit, _)| &unit.states);
        states.find(|state| state.aggregate_id == *aggregate_id).map(|state| state.as_ref().clone())
    }
}

pub(crate) fn no_outcomes() -> Fault {
    Fault::damaged("commit_batch", "it has returned no outcomes")
}

fn unknown(code: i32, cause: i32) -> Fault {
    Fault::damaged("commit_batch", format!("{code} with cause {cause} is no outcome"))
}
