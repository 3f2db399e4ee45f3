//! Units of work: all changes of one command or one atomic group, as plain data.
//!
//! A unit is stored completely or not at all. It carries everything that a store must check.

mod validate;

use std::sync::Arc;

use crate::aggregate_id::AggregateId;
use crate::json::{Json, StateDelta};
use crate::record::{
    ActivityRecord, CommandRecord, ContextRecord, EventRecord, MessageRecord, StateRecord,
};
use crate::small_list::SmallList;

/// The estimated size of a row's names, identifiers and times, in bytes.
const ROW_OVERHEAD_BYTES: usize = 256;

/// All changes of one command or one atomic group.
///
/// # Shape
/// - `depends_on` lists earlier units of the batch.
/// - `expected` contains every aggregate of `states`, and the aggregates that were only read. It is
///   sorted by aggregate and has no duplicates.
/// - `states` contains one row for each aggregate, as it is after the last event. It is sorted by
///   aggregate.
/// - The event versions of an aggregate rise by one from its expected version, up to the version of
///   its row in `states`. No aggregate has an event and no row, or a row and no event.
/// - The commands have different identifiers. They and the activities have the unit's context. The
///   events and messages come from these commands.
/// - Rows get their positions in this order: commands, events, messages, activities.
///
/// [`validate`](Self::validate) checks this.
///
/// Rows never change, so the runtime, observers and the memory store share them.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct UnitOfWork {
    /// The units of the same batch that this one depends on, by index.
    pub depends_on: Vec<usize>,
    /// The version that each aggregate must have for the unit to be stored.
    pub expected: SmallList<ExpectedVersion>,
    /// The context of the commands. It is stored once, with the first stored unit that carries it.
    pub context: Arc<ContextRecord>,
    /// The states after the unit.
    pub states: SmallList<Arc<StateRecord>>,
    /// The commands: that of the caller first, then those that actions have invoked.
    pub commands: SmallList<Arc<CommandRecord>>,
    /// The events, in the order of their emission.
    pub events: SmallList<Arc<EventRecord>>,
    /// The outgoing messages.
    pub messages: Vec<Arc<MessageRecord>>,
    /// The activities.
    pub activities: Vec<Arc<ActivityRecord>>,
}

impl UnitOfWork {
    /// Maximum number of log rows in one unit.
    ///
    /// The runtime fails a larger command or group with `too-large` and does not pass it to a
    /// store. [`validate`](Self::validate) reports a larger unit as malformed, so every store fails
    /// it.
    pub const MAX_ROWS: usize = 65_536;

    /// Maximum size of one unit in bytes, by [`estimated_bytes`](Self::estimated_bytes): 64 MiB.
    pub const MAX_BYTES: usize = 64 << 20;

    /// Creates a unit that changes and expects nothing.
    pub fn new(context: Arc<ContextRecord>) -> Self {
        Self {
            depends_on: Vec::new(),
            expected: SmallList::new(),
            context,
            states: SmallList::new(),
            commands: SmallList::new(),
            events: SmallList::new(),
            messages: Vec::new(),
            activities: Vec::new(),
        }
    }

    /// Returns the number of positions that the unit's rows take.
    pub fn row_count(&self) -> usize {
        self.commands.len() + self.events.len() + self.messages.len() + self.activities.len()
    }

    /// Estimates the bytes that a store writes for the unit.
    ///
    /// The runtime and the stores all limit batches by this estimate.
    pub fn estimated_bytes(&self) -> usize {
        let len = |text: &Option<Json>| text.as_ref().map_or(0, Json::len);
        let states: usize = self.states.iter().map(|state| state.data.len()).sum();
        let commands: usize =
            self.commands.iter().map(|row| row.payload.len() + len(&row.response)).sum();
        let events: usize = self
            .events
            .iter()
            .map(|row| row.args.len() + len(&row.data) + delta_len(&row.delta))
            .sum();
        let messages: usize = self.messages.iter().map(|message| message.data.len()).sum();
        let activities: usize =
            self.activities.iter().map(|row| row.message.len() + len(&row.data)).sum();
        let rows = ROW_OVERHEAD_BYTES * (self.row_count() + self.states.len() + 1);
        states + commands + events + messages + activities + rows
    }
}

fn delta_len(delta: &StateDelta) -> usize {
    match delta {
        StateDelta::Snapshot(state) => state.len(),
        StateDelta::Patch(patch) => patch.len(),
    }
}

/// The version that an aggregate must have for a unit to be stored.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExpectedVersion {
    /// The aggregate.
    pub aggregate_id: AggregateId,
    /// Its version; 0 if it has no row.
    pub version: u64,
}
