//! Admitted units of work: those that wait for the store, and the batch that is under way.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Ticket, UnitNumber};
use crate::few::Few;
use crate::hash::Map;
use crate::json::Change;
use crate::processor::Head;
use crate::unit_of_work::UnitOfWork;

/// Units that are committed together.
pub(crate) type Batch = Arc<[UnitOfWork]>;

/// Admitted units in the order of admission.
#[derive(Debug)]
pub(crate) struct Queue {
    waiting: VecDeque<(Admitted, UnitOfWork)>,
    /// Whether a batch is under way.
    is_taken: bool,
    under_way: Few<Admitted>,
    unit_count_max: usize,
    bytes_max: usize,
}

/// What the sequencer must know of an admitted unit.
#[derive(Debug, Clone)]
pub(crate) struct Admitted {
    pub(crate) number: UnitNumber,
    pub(crate) ticket: Ticket,
    /// The units whose heads it was decided on and that were not durable at its admission.
    pub(crate) depends_on: Vec<UnitNumber>,
    /// The heads that it writes, one a root.
    pub(crate) writes: Few<Arc<Head>>,
}

impl Queue {
    pub(crate) fn new(unit_count_max: usize, bytes_max: usize) -> Self {
        Self {
            waiting: VecDeque::new(),
            is_taken: false,
            under_way: Few::new(),
            unit_count_max,
            bytes_max,
        }
    }

    pub(crate) fn push(&mut self, admitted: Admitted, unit: UnitOfWork) {
        self.waiting.push_back((admitted, unit));
    }

    /// Whether units wait, and no batch is under way.
    pub(crate) fn has_next_batch(&self) -> bool {
        !self.is_taken && !self.waiting.is_empty()
    }

    /// The next batch, unless one is under way: what has come in since that, bounded by count and
    /// bytes.
    pub(crate) fn next_batch(&mut self) -> Option<Batch> {
        if !self.has_next_batch() {
            return None;
        }
        assert!(self.under_way.is_empty(), "one batch is under way at a time");
        self.is_taken = true;
        if self.waiting.len() == 1 {
            let (admitted, unit) = self.waiting.pop_front()?;
            self.under_way.push(admitted);
            return Some(Arc::from([unit]));
        }
        let mut units = Vec::with_capacity(self.waiting.len().min(self.unit_count_max));
        let mut bytes = 0;
        while let Some((admitted, mut unit)) = self.waiting.pop_front() {
            // What is not in this batch was in an earlier one, and stands. Numbers rise.
            let index_of = |on: &UnitNumber| {
                self.under_way.binary_search_by_key(on, |before| before.number).ok()
            };
            unit.depends_on = admitted.depends_on.iter().filter_map(index_of).collect();
            bytes += bytes_of(&unit);
            self.under_way.push(admitted);
            units.push(unit);
            if units.len() >= self.unit_count_max || bytes >= self.bytes_max {
                break;
            }
        }
        Some(units.into())
    }

    /// The batch that was under way; another may go now.
    pub(crate) fn landed(&mut self) -> Few<Admitted> {
        self.is_taken = false;
        std::mem::take(&mut self.under_way)
    }

    /// Takes out every waiting unit that stands on a fallen one, over however many steps.
    pub(crate) fn take_back(&mut self, fallen: &mut Map<UnitNumber, Ticket>) -> Vec<Admitted> {
        let mut taken = Vec::new();
        if fallen.is_empty() {
            return taken;
        }
        self.waiting.retain(|(admitted, _)| {
            let stands = !admitted.depends_on.iter().any(|on| fallen.contains_key(on));
            if !stands {
                fallen.insert(admitted.number, admitted.ticket);
                taken.push(admitted.clone());
            }
            stands
        });
        taken
    }

    /// How many units wait for the store.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }
}

fn change_len(change: &Change) -> usize {
    match change {
        Change::Whole(state) => state.len(),
        Change::Patch(patch) => patch.len(),
    }
}

/// About how many bytes a unit makes a store write.
fn bytes_of(unit: &UnitOfWork) -> usize {
    let states: usize = unit.states.iter().map(|state| state.data.len()).sum();
    let commands: usize = unit.commands.iter().map(|command| command.payload.len()).sum();
    let events: usize =
        unit.events.iter().map(|event| event.args.len() + change_len(&event.change)).sum();
    let messages: usize = unit.messages.iter().map(|message| message.data.len()).sum();
    // Names, identifiers and times of a row.
    const ROW_OVERHEAD_BYTES: usize = 256;
    states + commands + events + messages + ROW_OVERHEAD_BYTES * (unit.row_count() + 1)
}
