//! The parameters of the update statements.

use tokio_postgres::types::ToSql;

use super::params::BatchParams;
use super::writer_connection::WriterConnection;
use crate::error::Fault;
use crate::read::saturating_i64;

/// Names and types of the parameters of the update statements, in the order of
/// [`BatchParams::update_params`].
pub(crate) const UPDATE_PARAMS: [(&str, &str); 19] = [
    ("durability", "text"),
    ("process", "bigint"),
    ("resources", "text[]"),
    ("identifiers", "uuid[]"),
    ("first_versions", "bigint[]"),
    ("are_written", "boolean[]"),
    ("are_independent", "boolean[]"),
    ("row_count", "bigint"),
    ("ids", "uuid[]"),
    ("states", "resource_state[]"),
    ("state_aggregates", "int[]"),
    ("contexts", "context_log[]"),
    ("context_aggregates", "int[]"),
    ("context_numbers", "int[]"),
    ("row_aggregates", "int[]"),
    ("commands", "command_log[]"),
    ("events", "event_log[]"),
    ("messages", "message_log[]"),
    ("activities", "activity_log[]"),
];

impl BatchParams<'_> {
    /// Returns the values of [`UPDATE_PARAMS`].
    pub(crate) fn update_params<'t>(
        &self,
        connection: &'t WriterConnection,
        durability: &'static str,
        process: i64,
    ) -> Result<Vec<Box<dyn ToSql + Sync + Send + 't>>, Fault> {
        let has_context = |id| connection.has_context(id);
        let rows = self.rows(&connection.row_types, Some(&self.last_units()), has_context)?;
        let (resources, identifiers) = self.aggregate_columns();
        let unit_aggregates = self.unit_aggregates().zip(self.batch);
        let row_aggregates: Vec<i32> = unit_aggregates
            .flat_map(|(aggregate, unit)| std::iter::repeat_n(aggregate, unit.row_count()))
            .collect();
        Ok(vec![
            Box::new(durability),
            Box::new(process),
            Box::new(resources),
            Box::new(identifiers),
            Box::new(self.first_versions.clone()),
            Box::new(self.are_written.clone()),
            Box::new(self.are_independent()),
            Box::new(saturating_i64(self.row_count)),
            Box::new(self.ids.clone()),
            Box::new(rows.states.rows),
            Box::new(rows.states.numbers),
            Box::new(rows.contexts.rows),
            Box::new(self.aggregates_of(&rows.contexts.units)),
            Box::new(rows.contexts.numbers),
            Box::new(row_aggregates),
            Box::new(rows.commands.rows),
            Box::new(rows.events.rows),
            Box::new(rows.messages.rows),
            Box::new(rows.activities.rows),
        ])
    }
}
