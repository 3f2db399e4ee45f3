//! Round-trip checks for states and arguments.
//!
//! A runtime that loads a state from its store decides on the value that serde reads. So a field
//! that serde skips or truncates differs in the next process. If serde cannot read a state, every
//! later command on it fails.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use super::diff;
use fluvius_core::__private::{InspectErased, Inspector, SharedState};
use fluvius_core::{ActionDescriptor, AggregateDescriptor};
use fluvius_store::{AggregateId, Json, StateDelta};

/// An inspector that collects the round-trip faults of the states and arguments in a test.
#[derive(Debug, Clone, Default)]
pub(crate) struct StateInspector {
    faults: Arc<Mutex<Vec<String>>>,
}

impl Inspector for StateInspector {
    /// Inspects the state after an action.
    fn state(
        &self,
        aggregate_id: &AggregateId,
        aggregate: &'static AggregateDescriptor,
        state: &SharedState,
        data: &Json,
    ) {
        if let Some(fault) = state_fault(aggregate, state, data) {
            self.keep(format!("the state of {aggregate_id} {fault}"));
        }
    }

    /// Inspects the arguments of an applied command. Arguments with a secret field are skipped,
    /// since secrets are not stored.
    fn args(&self, action: &'static ActionDescriptor, args: &Json) {
        if action.fields.iter().any(|field| field.secret) {
            return;
        }
        let again = (action.decode)(args).and_then(|command| (action.record)(command.as_ref()));
        let fault = match again {
            Err(error) => format!("cannot be read back from what is stored: {error}: {args}"),
            Ok(again) => match written_differently(args, &again) {
                Some(difference) => difference,
                None => return,
            },
        };
        self.keep(format!("the arguments of `{}`: {fault}", action.key));
    }
}

impl StateInspector {
    /// Removes and returns the faults so far.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.faults.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn keep(&self, fault: String) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        if !faults.contains(&fault) {
            faults.push(fault);
        }
    }
}

/// Returns the round-trip fault of a state whose JSON is `data`.
pub(super) fn state_fault(
    aggregate: &'static AggregateDescriptor,
    state: &SharedState,
    data: &Json,
) -> Option<String> {
    let read = match aggregate.decode(aggregate.revision, data) {
        Ok(read) => read,
        Err(error) => {
            return Some(format!("cannot be read back from what is stored: {error}: {data}"));
        }
    };
    if let Some(difference) = difference(&aggregate.inspect(), state, &read) {
        return Some(format!(
            "differs after it is stored and read back{difference}\n  stored is {data}"
        ));
    }
    match aggregate.encode(&read) {
        Ok(again) => written_differently(data, &again),
        Err(error) => Some(format!("cannot be written again after it is read back: {error}")),
    }
}

fn written_differently(first: &Json, again: &Json) -> Option<String> {
    if first.as_str() == again.as_str() {
        return None;
    }
    let change = StateDelta::between(Some(first), again).to_json();
    Some(format!(
        "is written differently after it is read back, so a replay or an equal command is not the \
        same (write `BTreeSet` in place of `HashSet`); the change is {change}"
    ))
}

/// Returns the difference between two states. It compares by `PartialEq`, otherwise by the `Debug`
/// text.
fn difference(inspect: &InspectErased, left: &SharedState, read: &SharedState) -> Option<String> {
    let texts = inspect.debug.map(|debug| (debug(left), debug(read)));
    let is_equal = match (inspect.is_equal, &texts) {
        (Some(is_equal), _) => is_equal(left, read),
        (None, Some((left, read))) => sorted_lines(left) == sorted_lines(read),
        (None, None) => true,
    };
    if is_equal {
        return None;
    }
    let mut text = String::new();
    if let Some((left, read)) = texts.filter(|(left, read)| left != read) {
        let _ = write!(
            text,
            " (- left by the action, + read back):\n{}",
            diff::difference(&left, &read)
        );
    }
    Some(text)
}

/// Returns the sorted lines of a text, since a hash map prints its entries in no fixed order.
fn sorted_lines(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}
