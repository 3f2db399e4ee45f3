//! The commit of one unit with one command and its event, which update a present aggregate. It
//! needs none of the preparation of a batch.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use fluvius_store::{CommandRecord, CommitOutcome, EventRecord, StateRecord, UnitOfWork};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::composite_encoding::SingleRow;
use super::params::{BatchParams, MAX_UNIT_BYTES};
use super::reply;
use super::row_arrays::{write_command, write_event, write_state};
use super::writer::{CommitPath, QueryError, Writer};
use super::writer_connection::WriterConnection;
use crate::error::Fault;
use crate::read::rows::serde_variant_name;
use crate::read::saturating_i64;

/// Names and types of the parameters of `update_one.sql`, in the order of
/// [`Writer::commit_single`].
pub(super) const PARAMS: [(&str, &str); 6] = [
    ("durability", "text"),
    ("process", "bigint"),
    ("first_version", "bigint"),
    ("state", "resource_state"),
    ("command", "command_log"),
    ("event", "event_log"),
];

/// A unit that `update_one.sql` stores, and a connection that is ready.
pub(crate) struct SingleUpdate {
    connection: Arc<WriterConnection>,
    first_version: i64,
    state: SingleRow,
    command: SingleRow,
    event: SingleRow,
}

impl SingleUpdate {
    /// Prepares a batch. Returns `None` if it is another one, if its context is not yet stored, or
    /// if no connection is ready.
    pub(crate) fn new(writer: &Writer, batch: &[UnitOfWork]) -> Option<Self> {
        let [unit] = batch else { return None };
        let (state, command, event) = rows(unit)?;
        let first_version = unit.expected[0].version;
        if first_version == 0 || unit.validate(0).is_err() {
            return None;
        }
        let connection = writer.ready_connection()?;
        if !connection.has_context(unit.context.id) {
            return None;
        }
        let status = serde_variant_name(&command.status).ok()?;
        let types = &connection.row_types;
        let update = Self {
            first_version: saturating_i64(first_version),
            state: SingleRow::new(&types.state, |row| write_state(row, state)),
            command: SingleRow::new(&types.command, |row| write_command(row, 1, command, &status)),
            event: SingleRow::new(&types.event, |row| write_event(row, 2, event)),
            connection,
        };
        let bytes = [&update.state, &update.command, &update.event].map(SingleRow::len);
        (bytes.iter().sum::<usize>() <= MAX_UNIT_BYTES).then_some(update)
    }
}

/// Returns the rows of a unit that has one of each kind and nothing else.
fn rows(unit: &UnitOfWork) -> Option<(&StateRecord, &CommandRecord, &EventRecord)> {
    let is_plain =
        unit.expected.len() == 1 && unit.messages.is_empty() && unit.activities.is_empty();
    match (&unit.states[..], &unit.commands[..], &unit.events[..]) {
        ([state], [command], [event]) if is_plain => Some((state, command, event)),
        _ => None,
    }
}

impl Writer {
    /// Stores the unit of an update. Returns `None` if nothing of it is stored and `commit_batch`
    /// must find the cause.
    pub(crate) async fn commit_single(
        &self,
        update: &SingleUpdate,
        unit: &UnitOfWork,
    ) -> Option<CommitOutcome> {
        let SingleUpdate { connection, first_version, state, command, event } = update;
        let values: [&(dyn ToSql + Sync); PARAMS.len()] =
            [&self.durability(), &self.process, first_version, state, command, event];
        self.calls[0].increment(1);
        let found = match self.query(connection, &connection.update_one, &values).await {
            Ok(found) => found,
            Err(QueryError::Failed(fault)) if fault.is_retryable_conflict() => return None,
            Err(error) => return Some(error.outcome()),
        };
        let row = found.first()?;
        Some(match read_reply(row) {
            Ok((base, is_contended)) => {
                self.newest.fetch_max(saturating_i64(base + 2), Ordering::SeqCst);
                let contended = is_contended.then(|| unit.states[0].aggregate_id.clone());
                CommitOutcome::Committed {
                    first: base + 1,
                    contended: contended.into_iter().collect(),
                }
            }
            // The unit has committed.
            Err(fault) => QueryError::InDoubt(fault).outcome(),
        })
    }

    /// Stores a unit by `commit_batch`, after an update that has stored nothing.
    pub(crate) async fn commit_by_function(&self, batch: &[UnitOfWork]) -> Vec<CommitOutcome> {
        let params = BatchParams::new(batch, 0);
        let path = CommitPath::Function(params.initial_states());
        let result = self.call(&params, path, false).await;
        self.outcomes(&params, result).await
    }
}

/// Reads the number that was added to the positions, and whether another process holds or waits for
/// the lease.
fn read_reply(row: &Row) -> Result<(u64, bool), Fault> {
    Ok((reply::base(row.try_get(0)?)?, row.try_get(1)?))
}
