//! Commits by the store's own commit function. The batch is one unit of work, which takes one call
//! and one round trip. The accounts are kept in the process. If another writer has changed one, the
//! function reports that, and the accounts are read again.

use std::collections::{HashMap, HashSet};

use bench_common::Uuid;
use tokio_postgres::Statement;

use super::connection::{Connection, failed};
use super::plan::{Plan, accounts};
use super::rows::{RESOURCE, StateRow, Stored};
use crate::by_hand::command::{CommitOutcome, Job};

/// The number of tries of a batch that conflicts with other writers.
const TRY_COUNT: usize = 8;

const STORED: i32 = 0;
const KNOWN: i32 = 3;
const STALE: i32 = 4;

/// The commit of one unit. Either all of it is stored or nothing.
const COMMIT: &str = "SELECT unit_outcomes[1], unit_causes[1] FROM commit_batch(durability => \
    'on', own_process => 0, \
     are_states_last => false, resources => $1, \
     identifiers => $2, are_written => $3, first_versions => $4, is_consistent => true, row_count \
     => $5, outcomes => '{0}', \
     depends_units => '{}', depends_on => '{}', \
     expected_units => $6, expected_aggregates => $7, expected_versions => $4, ids => $8, \
     id_units => $9, \
     id_numbers => $10, states => $11, state_units => $12, state_aggregates => $13, commands => \
     $14, command_units => $9, \
     events => $15, event_units => $16, messages => '{}', message_units => '{}', activities => \
     '{}', \
     activity_units => '{}', contexts => '{}', context_units => '{}', context_numbers => '{}') \
     WHERE unit_outcomes IS NOT NULL";

pub(super) struct Function {
    connection: Connection,
    commit: Statement,
    accounts: HashMap<Uuid, Stored>,
    /// The accounts that did not exist when they were read.
    absent: HashSet<Uuid>,
}

/// The result of the function.
enum Told {
    Stored,
    /// The identifier of this command is already in the log.
    Known(Uuid),
    Stale,
}

impl Function {
    pub(super) async fn prepare(connection: Connection) -> Result<Self, tokio_postgres::Error> {
        let commit = connection.client.prepare(COMMIT).await?;
        Ok(Self { connection, commit, accounts: HashMap::new(), absent: HashSet::new() })
    }

    /// Writes commands in one transaction, and returns the outcome of each.
    pub(super) async fn commit(&mut self, batch: &[Job]) -> Result<Vec<CommitOutcome>, String> {
        let aggregate_ids = accounts(batch);
        let mut told = HashMap::new();
        let mut count = 0;
        while count < TRY_COUNT {
            self.read(&aggregate_ids).await?;
            let plan = Plan::of(batch, &told, &self.accounts, self.connection.context_id)?;
            if plan.commands.is_empty() {
                return Ok(plan.fates);
            }
            match self.call(&aggregate_ids, batch, &told, &plan).await? {
                Told::Stored => {
                    let Plan { fates, changed, .. } = plan;
                    self.absent.retain(|id| !changed.contains_key(id));
                    self.accounts.extend(changed);
                    return Ok(fates);
                }
                Told::Known(id) => drop(told.insert(id, CommitOutcome::Duplicate)),
                Told::Stale => {
                    count += 1;
                    for id in &aggregate_ids {
                        self.accounts.remove(id);
                        self.absent.remove(id);
                    }
                }
            }
        }
        Err("others were in the way".to_owned())
    }

    async fn read(&mut self, aggregate_ids: &[Uuid]) -> Result<(), String> {
        let is_unread = |id: &&Uuid| !self.accounts.contains_key(id) && !self.absent.contains(id);
        let unread: Vec<Uuid> = aggregate_ids.iter().filter(is_unread).copied().collect();
        if unread.is_empty() {
            return Ok(());
        }
        self.accounts.extend(self.connection.read_accounts(&unread).await?);
        let is_absent = |id: &Uuid| !self.accounts.contains_key(id);
        self.absent.extend(unread.into_iter().filter(is_absent));
        Ok(())
    }

    async fn call(
        &self,
        aggregate_ids: &[Uuid],
        batch: &[Job],
        told: &HashMap<Uuid, CommitOutcome>,
        plan: &Plan<'_>,
    ) -> Result<Told, String> {
        let resources = vec![RESOURCE; aggregate_ids.len()];
        let are_written: Vec<bool> =
            aggregate_ids.iter().map(|id| plan.changed.contains_key(id)).collect();
        let version = |id: &Uuid| self.accounts.get(id).map_or(0, |stored| stored.version);
        let wanted: Vec<i64> = aggregate_ids.iter().map(version).collect();
        let ids: Vec<Uuid> =
            batch.iter().map(|job| job.id).filter(|id| !told.contains_key(id)).collect();
        let states: Vec<StateRow> = plan.states(|_| true).collect();
        let state_aggregates: Vec<i32> = numbers(aggregate_ids.len())
            .zip(&are_written)
            .filter(|(_, is)| **is)
            .map(|(at, _)| at)
            .collect();
        let (all_aggregates, all_ids): (Vec<i32>, Vec<i32>) =
            (numbers(aggregate_ids.len()).collect(), numbers(ids.len()).collect());
        let of_unit = |count: usize| vec![1_i32; count];
        let row = self
            .connection
            .client
            .query_one(
                &self.commit,
                &[
                    &resources,
                    &aggregate_ids,
                    &are_written,
                    &wanted,
                    &plan.row_count,
                    &of_unit(aggregate_ids.len()),
                    &all_aggregates,
                    &ids,
                    &of_unit(ids.len()),
                    &all_ids,
                    &states,
                    &of_unit(states.len()),
                    &state_aggregates,
                    &plan.commands,
                    &plan.events,
                    &of_unit(plan.events.len()),
                ],
            )
            .await
            .map_err(failed)?;
        let (fate, other): (i32, Option<i32>) = (row.get(0), row.get(1));
        let at = usize::try_from(other.unwrap_or(0)).ok().and_then(|other| other.checked_sub(1));
        match (fate, at.and_then(|at| ids.get(at))) {
            (STORED, _) => Ok(Told::Stored),
            (KNOWN, Some(id)) => Ok(Told::Known(*id)),
            (STALE, _) => Ok(Told::Stale),
            _ => Err(format!("{fate} of {other:?} is no fate")),
        }
    }
}

/// Returns the numbers from 1 to `count`.
fn numbers(count: usize) -> impl Iterator<Item = i32> {
    (1..).take(count)
}
