//! Validation of units of work, which every store performs first.
//!
//! A malformed unit is a bug in the code that created it. The validation checks only the unit; the
//! store compares it with the stored data.

use std::cmp::Ordering;

use uuid::Uuid;

use crate::aggregate_id::AggregateId;
use crate::error::StoreError;
use crate::unit_of_work::UnitOfWork;

/// Maximum number of aggregates whose events are counted without an allocation.
const LINEAR_SEARCH_LEN: usize = 8;

impl UnitOfWork {
    /// Checks that the unit has the shape of [`UnitOfWork`], at this index of its batch.
    ///
    /// A store calls this first for each unit and reports an error as
    /// [`CommitOutcome::Failed`](crate::CommitOutcome::Failed), so that all stores accept the same
    /// units.
    ///
    /// # Errors
    /// Returns a permanent [`StoreError`] that states the fault.
    ///
    /// # Examples
    ///
    /// ```
    /// use fluvius_store::{StoreError, UnitOfWork};
    ///
    /// fn first_fault(batch: &[UnitOfWork]) -> Option<StoreError> {
    ///     batch.iter().enumerate().find_map(|(index, unit)| unit.validate(index).err())
    /// }
    /// ```
    pub fn validate(&self, index: usize) -> Result<(), StoreError> {
        match self.fault(index) {
            None => Ok(()),
            Some(fault) => {
                Err(StoreError::permanent(format!("a unit of work is malformed: {fault}")))
            }
        }
    }

    fn fault(&self, index: usize) -> Option<String> {
        if let Some(on) = self.depends_on.iter().find(|on| **on >= index) {
            return Some(format!("unit {index} depends on unit {on}, which is not before it"));
        }
        let (rows, bytes) = (self.row_count(), self.estimated_bytes());
        if rows > Self::MAX_ROWS || bytes > Self::MAX_BYTES {
            return Some(format!(
                "it has {rows} rows and about {bytes} bytes, and at most {} rows and {} bytes are \
                 stored together",
                Self::MAX_ROWS,
                Self::MAX_BYTES
            ));
        }
        let unsorted =
            self.expected.windows(2).find(|pair| pair[0].aggregate_id >= pair[1].aggregate_id);
        if let Some(pair) = unsorted {
            return Some(match pair[0].aggregate_id.cmp(&pair[1].aggregate_id) {
                Ordering::Equal => format!("two versions of {} are expected", pair[0].aggregate_id),
                _ => "the expected versions are not sorted by aggregate".to_owned(),
            });
        }
        self.fault_of_commands().or_else(|| self.fault_of_aggregates())
    }

    /// Returns a fault of the commands: a duplicate id, a row of another context, or a row of a
    /// missing command.
    fn fault_of_commands(&self) -> Option<String> {
        let contexts = self.commands.iter().map(|command| command.context_id);
        let mut contexts = contexts.chain(self.activities.iter().map(|row| row.context_id));
        if let Some(id) = contexts.find(|id| *id != self.context.id) {
            return Some(format!("a row has the context {id}, the unit has {}", self.context.id));
        }
        let mut many = Vec::new();
        let mut one = [Uuid::nil()];
        let ids = match &self.commands[..] {
            [command] => {
                one[0] = command.id;
                &one[..]
            }
            commands => {
                many.extend(commands.iter().map(|command| command.id));
                many.sort_unstable();
                &many[..]
            }
        };
        if let Some(pair) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
            return Some(format!("command {} is in it twice", pair[0]));
        }
        let sources = self.events.iter().map(|event| event.command_id);
        let mut sources = sources.chain(self.messages.iter().map(|message| message.command_id));
        let missing = sources.find(|id| ids.binary_search(id).is_err());
        missing.map(|id| format!("a row comes from command {id}, which is not in it"))
    }

    /// Returns a fault of the aggregates: events that do not continue the expected version, or a
    /// row that is not at the version of the last event.
    fn fault_of_aggregates(&self) -> Option<String> {
        let mut few = [0_u64; LINEAR_SEARCH_LEN];
        let mut many = Vec::new();
        let counts = match few.get_mut(..self.expected.len()) {
            Some(counts) => counts,
            None => {
                many.resize(self.expected.len(), 0);
                &mut many[..]
            }
        };
        for event in &self.events {
            let Some(place) = self.place(&event.aggregate_id) else {
                return Some(format!("no version of {} is expected", event.aggregate_id));
            };
            counts[place] += 1;
            if Some(event.version) != self.expected[place].version.checked_add(counts[place]) {
                return Some(format!(
                    "event {} of {} does not follow on version {}",
                    event.version,
                    event.aggregate_id,
                    self.expected[place].version.saturating_add(counts[place] - 1)
                ));
            }
        }
        for state in &self.states {
            let Some(place) = self.place(&state.aggregate_id) else {
                return Some(format!("no version of {} is expected", state.aggregate_id));
            };
            let count = std::mem::take(&mut counts[place]);
            if count == 0 {
                return Some(format!("{} has a row, and no event of its own", state.aggregate_id));
            }
            if state.version != self.expected[place].version + count {
                return Some(format!(
                    "the row of {} is at version {}, its last event is not",
                    state.aggregate_id, state.version
                ));
            }
        }
        let without = counts.iter().position(|count| *count > 0);
        without.map(|place| format!("{} has events, and no row", self.expected[place].aggregate_id))
    }

    fn place(&self, aggregate_id: &AggregateId) -> Option<usize> {
        if let [only] = &self.expected[..] {
            return (only.aggregate_id == *aggregate_id).then_some(0);
        }
        self.expected.binary_search_by(|expected| expected.aggregate_id.cmp(aggregate_id)).ok()
    }
}
