//! The fold: the states of one aggregate, computed from its log.
//!
//! A snapshot after the first could hide a wrong delta before it. So the fold does not use it: at
//! that version it runs the action on the folded state, and compares the result with the snapshot.

use std::fmt;

use fluvius_core::json::{self, Json};
use fluvius_core::{Aggregate, EventRecord, StateDelta};
use serde_json::Value;

/// The method behind an event, run on the state before it, or the text of its rejection.
pub(crate) type ActionFn<A> = fn(Option<A>, &EventRecord) -> Result<A, String>;

/// Reasons that the rows of an aggregate do not give its states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A version is missing or duplicated.
    Hole { expected: u64, found: u64 },
    /// The numbers of rows and states differ.
    Length { rows: usize, states: usize },
    /// The first row is not a snapshot.
    FirstIsNotWhole,
    /// A patch does not apply to the folded state.
    Misfit { version: u64, why: String },
    /// The action rejects the folded state.
    Rejected { version: u64, why: String },
    /// A snapshot differs from the result of the action on the folded state.
    Whole { version: u64 },
    /// The folded state is not the expected one.
    State { version: u64 },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Checks that the rows of one aggregate give exactly these states, one per version.
///
/// # Errors
/// The first fault.
pub(crate) fn check<A: Aggregate>(
    rows: &[EventRecord],
    states: &[Value],
    action: ActionFn<A>,
) -> Result<(), Fault> {
    let mut count = 0;
    fold(rows, action, |version, folded| {
        let expected = states.get(count);
        count += 1;
        if expected == Some(folded) { Ok(()) } else { Err(Fault::State { version }) }
    })?;
    if count == states.len() {
        Ok(())
    } else {
        Err(Fault::Length { rows: count, states: states.len() })
    }
}

/// Returns the states that the deltas give, without the help of any snapshot but the first.
///
/// # Errors
/// The first fault in the log, or that `see` finds.
pub(crate) fn fold<A: Aggregate>(
    rows: &[EventRecord],
    action: ActionFn<A>,
    mut see: impl FnMut(u64, &Value) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut folded: Option<Value> = None;
    for (row, version) in rows.iter().zip(1..) {
        if row.version != version {
            return Err(Fault::Hole { expected: version, found: row.version });
        }
        let state = match (&row.delta, folded) {
            (StateDelta::Snapshot(whole), None) => whole.to_value(),
            (StateDelta::Patch(_), None) => return Err(Fault::FirstIsNotWhole),
            (StateDelta::Snapshot(whole), Some(before)) => {
                let state = by_action(Some(&before), row, action)
                    .map_err(|why| Fault::Rejected { version, why })?;
                if whole.to_value() != state {
                    return Err(Fault::Whole { version });
                }
                state
            }
            (patch, Some(before)) => patch
                .apply(Some(before))
                .map_err(|error| Fault::Misfit { version, why: error.to_string() })?,
        };
        see(version, &state)?;
        folded = Some(state);
    }
    Ok(())
}

/// Returns the states that the methods give when they are run on the events.
pub(crate) fn replay<A: Aggregate>(rows: &[EventRecord], action: ActionFn<A>) -> Vec<Value> {
    let mut states: Vec<Value> = Vec::with_capacity(rows.len());
    for row in rows {
        states.push(by_action(states.last(), row, action).unwrap());
    }
    states
}

fn by_action<A: Aggregate>(
    before: Option<&Value>,
    row: &EventRecord,
    action: ActionFn<A>,
) -> Result<Value, String> {
    // Through text, as a store would return it.
    let before = before.map(|value| Json::from_value(value).unwrap().decode::<A>().unwrap());
    action(before, row).map(|state| value_of(&state))
}

/// Returns a state as it is stored.
pub(crate) fn value_of<A: Aggregate>(state: &A) -> Value {
    json::encode(state).unwrap().to_value()
}

/// Result of the mutants of a log.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Mutants {
    /// Number of mutants that were found.
    pub(crate) found: usize,
    /// Number of mutants with the same states, which are no fault.
    pub(crate) harmless: usize,
}

/// Plants every fault of two kinds into a log, "drop one delta" and "swap two". Asserts that
/// [`check`] finds each one that makes a difference.
pub(crate) fn assert_mutants_are_found<A: Aggregate>(
    rows: &[EventRecord],
    states: &[Value],
    action: ActionFn<A>,
) -> Mutants {
    let mut mutants = Mutants::default();
    let mut judge = |what: &str, at: usize, mutated: &[EventRecord], differs: bool| {
        let found = check(mutated, states, action);
        assert_eq!(
            found.is_err(),
            differs,
            "{what} at version {}: {found:?}, {:?}",
            at + 1,
            rows[at].delta
        );
        *if differs { &mut mutants.found } else { &mut mutants.harmless } += 1;
    };
    for at in 0..rows.len() {
        let mut without_effect = rows.to_vec();
        without_effect[at].delta = StateDelta::from_json(&Json::parse("[]").unwrap()).unwrap();
        let differs = at == 0 || states[at] != states[at - 1];
        judge("a change without effect", at, &without_effect, differs);

        let mut without_row = rows.to_vec();
        without_row.remove(at);
        judge("a row left out", at, &without_row, true);
        for row in &mut without_row[at..] {
            row.version -= 1;
        }
        judge("a row left out and the rest moved up", at, &without_row, true);
    }
    for at in 0..rows.len().saturating_sub(1) {
        let mut swapped = rows.to_vec();
        let (first, second) = (rows[at].delta.clone(), rows[at + 1].delta.clone());
        let before = at.checked_sub(1).map(|before| states[before].clone());
        let middle = second.apply(before).ok();
        let last = middle.clone().and_then(|middle| first.apply(Some(middle)).ok());
        let differs = at == 0
            || middle.as_ref() != Some(&states[at])
            || last.as_ref() != Some(&states[at + 1]);
        swapped[at].delta = second;
        swapped[at + 1].delta = first;
        judge("two changes swapped", at, &swapped, differs);
    }
    mutants
}
