//! Commits by plain statements. The first round trip reads and locks the accounts. The second
//! writes and commits all rows.

use std::collections::{HashMap, HashSet};

use bench_common::Uuid;
use tokio_postgres::Statement;

use super::connection::{Connection, failed};
use super::plan::{Plan, accounts};
use super::rows::StateRow;
use crate::by_hand::command::{CommitOutcome, Job};

const KNOWN: &str = "SELECT id FROM command_log WHERE id = ANY ($1)";

const INSERT_STATES: &str = "INSERT INTO resource_state SELECT * FROM unnest($1::resource_state[])";

const UPDATE_STATES: &str = "UPDATE resource_state AS s SET version = n.version, etag = n.etag, \
    revision = n.revision, \
     data = n.data, updated_at = n.updated_at FROM unnest($1::resource_state[]) AS n \
     WHERE s.resource = n.resource AND s.identifier = n.identifier";

/// The lock that all writers of the schema take last, so that positions have the order of commits.
const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtextextended(current_schema(), 0))";

const INSERT_LOGS: &str = "WITH first AS MATERIALIZED (\
         SELECT setval('position', nextval('position') - 1 + $1) - $1 AS base), \
     of_commands AS (INSERT INTO command_log SELECT base + position, id, parent, domain, \
     revision, command, resource, \
         identifier, payload, payload_hash, context_id, status, code, response, received_at \
         FROM unnest($2::command_log[]), first) \
     INSERT INTO event_log SELECT base + position, id, domain, revision, event, resource, \
     identifier, version, command_id, \
         args, data, delta, occurred_at FROM unnest($3::event_log[]), first";

pub(super) struct Statements {
    connection: Connection,
    known: Statement,
    insert_states: Statement,
    update_states: Statement,
    lock: Statement,
    insert_logs: Statement,
}

impl Statements {
    pub(super) async fn prepare(connection: Connection) -> Result<Self, tokio_postgres::Error> {
        let prepare = async |sql| connection.client.prepare(sql).await;
        Ok(Self {
            known: prepare(KNOWN).await?,
            insert_states: prepare(INSERT_STATES).await?,
            update_states: prepare(UPDATE_STATES).await?,
            lock: prepare(LOCK).await?,
            insert_logs: prepare(INSERT_LOGS).await?,
            connection,
        })
    }

    /// Writes commands in one transaction, and returns the outcome of each.
    pub(super) async fn commit(&self, batch: &[Job]) -> Result<Vec<CommitOutcome>, String> {
        let fates = self.transaction(batch).await;
        if fates.is_err() {
            // If the transaction has already ended, the server only warns.
            let _ = self.connection.client.batch_execute("ROLLBACK").await;
        }
        fates
    }

    async fn transaction(&self, batch: &[Job]) -> Result<Vec<CommitOutcome>, String> {
        let client = &self.connection.client;
        let aggregate_ids = accounts(batch);
        let ids: Vec<Uuid> = batch.iter().map(|job| job.id).collect();
        let known: [&(dyn postgres_types::ToSql + Sync); 1] = [&ids];
        let (begun, stored, known) = tokio::join!(
            client.batch_execute("BEGIN"),
            self.connection.lock_accounts(&aggregate_ids),
            client.query(&self.known, &known),
        );
        begun.map_err(failed)?;
        let (stored, known) = (stored?, known.map_err(failed)?);
        let known: HashSet<Uuid> = known.iter().map(|row| row.get(0)).collect();
        let told: HashMap<Uuid, CommitOutcome> =
            known.into_iter().map(|id| (id, CommitOutcome::Duplicate)).collect();
        let plan = Plan::of(batch, &told, &stored, self.connection.context_id)?;
        let (new, old): (Vec<StateRow>, Vec<StateRow>) = (
            plan.states(|id| !stored.contains_key(id)).collect(),
            plan.states(|id| stored.contains_key(id)).collect(),
        );
        let states = async |statement, rows: &Vec<StateRow>| match rows.len() {
            0 => Ok(0),
            _ => client.execute(statement, &[rows]).await,
        };
        let logs: [&(dyn postgres_types::ToSql + Sync); 3] =
            [&plan.row_count, &plan.commands, &plan.events];
        // Pipelined on the connection. If one fails, the others are sent nevertheless.
        let (inserted, updated_at, locked, logged, committed) = tokio::join!(
            states(&self.insert_states, &new),
            states(&self.update_states, &old),
            client.execute(&self.lock, &[]),
            client.execute(&self.insert_logs, &logs),
            client.batch_execute("COMMIT"),
        );
        inserted.map_err(failed)?;
        let updated_at = updated_at.map_err(failed)?;
        locked.map_err(failed)?;
        logged.map_err(failed)?;
        committed.map_err(failed)?;
        if updated_at != old.len() as u64 {
            return Err(format!("{updated_at} of {} locked accounts were written", old.len()));
        }
        Ok(plan.fates)
    }
}
