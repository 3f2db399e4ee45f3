//! The prepared statements of the writer.

use rusqlite::{Connection, Statement};

pub(super) struct Statements<'c> {
    pub(super) begin: Statement<'c>,
    pub(super) commit: Statement<'c>,
    pub(super) last_position: Statement<'c>,
    pub(super) read: Statement<'c>,
    pub(super) insert_aggregate: Statement<'c>,
    pub(super) insert_command: Statement<'c>,
    pub(super) insert_event: Statement<'c>,
    pub(super) insert_state: Statement<'c>,
    pub(super) update_state: Statement<'c>,
}

impl<'c> Statements<'c> {
    pub(super) fn prepare(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            begin: connection.prepare("BEGIN IMMEDIATE")?,
            commit: connection.prepare("COMMIT")?,
            last_position: connection.prepare(
                "SELECT max((SELECT coalesce(max(position), 0) FROM command), \
                 (SELECT coalesce(max(position), 0) FROM event))",
            )?,
            read: connection.prepare(
                "SELECT number, version, event, data, updated_at \
                 FROM aggregate JOIN state ON aggregate = number WHERE identifier = ?1 AND \
                 resource = ?2",
            )?,
            insert_aggregate: connection.prepare(
                "INSERT INTO aggregate (resource, identifier, created_at) VALUES (?1, ?2, ?3)",
            )?,
            // A command that already exists is not inserted again. The number of inserted rows is 0
            // then.
            insert_command: connection.prepare(
                "INSERT INTO command (position, id, type, identifier, payload, payload_hash, \
                 context, is_rejected, code, response, received_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (id) DO NOTHING",
            )?,
            insert_event: connection.prepare(
                "INSERT INTO event (position, id, type, aggregate, version, previous, command, \
                args, \
                 delta, occurred_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?,
            insert_state: connection.prepare(
                "INSERT INTO state (aggregate, version, event, revision, data, updated_at) \
                 VALUES (?1, ?2, ?3, 1, ?4, ?5)",
            )?,
            update_state: connection.prepare(
                "UPDATE state SET version = ?2, event = ?3, data = ?4, updated_at = ?5 \
                 WHERE aggregate = ?1 AND version = ?6",
            )?,
        })
    }
}
