//! Units of work: everything that one command, or one atomic group, changes, as plain data.
//!
//! A unit is stored wholly or not at all. It knows no store, and it carries all that a store
//! must check.

mod validate;

use std::sync::Arc;

use crate::aggregate_id::AggregateId;
use crate::json::{Json, StateDelta};
use crate::record::{
    ActivityRecord, CommandRecord, ContextRecord, EventRecord, MessageRecord, StateRecord,
};

/// The estimated size of a row's names, identifiers and times.
const ROW_OVERHEAD_BYTES: usize = 256;

/// Everything that one command or one atomic group changes.
///
/// # Shape
/// `depends_on` names units before it in the batch. `expected` has every aggregate of `states`, and
/// besides those the aggregates that were only read; it is sorted by aggregate and names none twice.
/// `states` holds one row an aggregate, sorted by aggregate, as it is after the last event. The events of an aggregate rise by one
/// from its expected version, and the last one's version is that of its row in `states`; no aggregate
/// has an event and no row, or a row and no event. The commands have different identifiers; they
/// and the activities have the unit's context, and the events and messages come from them.
/// Positions are given to the rows in this order: commands, events, messages, activities.
///
/// [`validate`](Self::validate) checks this.
///
/// Rows never change, so they are shared: by the runtime, by listeners, and by a store in memory.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct UnitOfWork {
    /// The units of the same batch whose outcome this one was decided on, by their index.
    pub depends_on: Vec<usize>,
    /// The version that each aggregate must have for the unit to be stored.
    pub expected: Vec<ExpectedVersion>,
    /// The context of the commands; stored once, with the first unit that carries it.
    pub context: Arc<ContextRecord>,
    /// The states after the unit.
    pub states: Vec<Arc<StateRecord>>,
    /// The commands: that of the caller first, then those that rules have invoked.
    pub commands: Vec<Arc<CommandRecord>>,
    /// The events, in the order in which they happened.
    pub events: Vec<Arc<EventRecord>>,
    /// The outgoing messages.
    pub messages: Vec<Arc<MessageRecord>>,
    /// The activities.
    pub activities: Vec<Arc<ActivityRecord>>,
}

impl UnitOfWork {
    /// The largest number of log rows in one unit.
    ///
    /// The runtime ends a command or a group with `too-large` instead of handing a larger unit to a
    /// store. [`validate`](Self::validate) finds a larger unit malformed, so every store fails it.
    pub const MAX_ROWS: usize = 65_536;

    /// The largest size of one unit in bytes, by [`estimated_bytes`](Self::estimated_bytes): 64 MiB.
    pub const MAX_BYTES: usize = 64 << 20;

    /// A unit that changes and expects nothing.
    pub fn new(context: Arc<ContextRecord>) -> Self {
        Self {
            depends_on: Vec::new(),
            expected: Vec::new(),
            context,
            states: Vec::new(),
            commands: Vec::new(),
            events: Vec::new(),
            messages: Vec::new(),
            activities: Vec::new(),
        }
    }

    /// How many positions the unit's rows take.
    pub fn row_count(&self) -> usize {
        self.commands.len() + self.events.len() + self.messages.len() + self.activities.len()
    }

    /// An estimate of the bytes that a store writes for the unit.
    ///
    /// The runtime and the stores bound batches by this one estimate.
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
    /// Its version; 0: there is no row of it.
    pub version: u64,
}
