//! The statements of every commit, prepared once for the life of the connection.

use rusqlite::{Connection, Statement};

use crate::error::Fault;

pub(super) struct Statements<'c> {
    pub(super) begin: Statement<'c>,
    pub(super) commit: Statement<'c>,
    pub(super) rollback: Statement<'c>,
    pub(super) data_version: Statement<'c>,
    pub(super) is_known: Statement<'c>,
    pub(super) aggregate_id: Statement<'c>,
    pub(super) insert_command: Statement<'c>,
    pub(super) insert_event: Statement<'c>,
    pub(super) insert_state: Statement<'c>,
    pub(super) update_state: Statement<'c>,
    /// Those of most rows, whose other columns are empty: to bind nothing costs as much as a value.
    pub(super) insert_usual_command: Statement<'c>,
    pub(super) insert_usual_event: Statement<'c>,
    pub(super) update_usual_state: Statement<'c>,
}

impl<'c> Statements<'c> {
    pub(super) fn prepare(connection: &'c Connection) -> Result<Self, Fault> {
        Ok(Self {
            begin: connection.prepare("BEGIN IMMEDIATE")?,
            commit: connection.prepare("COMMIT")?,
            rollback: connection.prepare("ROLLBACK")?,
            data_version: connection.prepare("PRAGMA data_version")?,
            is_known: connection.prepare("SELECT 1 FROM command WHERE id = ?1")?,
            aggregate_id: connection.prepare(
                "SELECT a.number, s.version, s.event, a.created_at, a.created_by, a.realm \
                 FROM aggregate AS a JOIN state AS s ON s.aggregate = a.number \
                 WHERE a.identifier = ?1 AND a.resource = ?2",
            )?,
            insert_command: connection.prepare(
                "INSERT INTO command (position, id, parent, type, identifier, payload, \
                 payload_hash, context, is_rejected, code, response, received_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            )?,
            insert_event: connection.prepare(
                "INSERT INTO event (position, id, type, aggregate, version, previous, command, args, \
                 data, delta, occurred_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?,
            insert_state: connection.prepare(
                "INSERT INTO state (aggregate, version, event, etag, revision, data, updated_at, updated_by, \
                 closed_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?,
            update_state: connection.prepare(
                "UPDATE state SET version = ?2, event = ?3, etag = ?4, revision = ?5, data = ?6, \
                 updated_at = ?7, updated_by = ?8, closed_at = ?9 WHERE aggregate = ?1",
            )?,
            insert_usual_command: connection.prepare(
                "INSERT INTO command (position, id, type, identifier, payload, payload_hash, \
                 context, is_rejected, received_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8)",
            )?,
            insert_usual_event: connection.prepare(
                "INSERT INTO event (position, id, type, aggregate, version, previous, command, delta, \
                 occurred_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?,
            update_usual_state: connection.prepare(
                "UPDATE state SET version = ?2, event = ?3, etag = NULL, revision = ?4, \
                 data = ?5, updated_at = ?6, updated_by = NULL, closed_at = NULL WHERE aggregate = ?1",
            )?,
        })
    }
}
