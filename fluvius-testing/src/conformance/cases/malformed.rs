//! Every store fails a unit that violates the invariants of [`UnitOfWork`].

use std::sync::Arc;

use crate::conformance::case_failure::{CaseFailure, CaseResult, ensure};
use crate::conformance::handle::Handle;
use crate::conformance::harness::Harness;
use crate::conformance::outcomes::{aborted, committed, failed};
use fluvius_store::{Json, UnitOfWork};

/// The name of a malformation, and the function that applies it. The unit changes one aggregate at
/// version 1 and creates another, in two commands, with a message and an activity.
type Fault = (&'static str, fn(&Harness, &mut UnitOfWork));

const FAULTS: &[Fault] = &[
    ("a version is left out", |_, unit| {
        Arc::make_mut(&mut unit.events[0]).version += 1;
        Arc::make_mut(&mut unit.states[0]).version += 1;
    }),
    ("a version comes twice", |_, unit| {
        Arc::make_mut(&mut unit.events[0]).version -= 1;
        Arc::make_mut(&mut unit.states[0]).version -= 1;
    }),
    ("the row is ahead of the last event", |_, unit| {
        Arc::make_mut(&mut unit.states[0]).version += 1
    }),
    ("the row is behind the last event", |_, unit| Arc::make_mut(&mut unit.states[0]).version -= 1),
    ("a row without an event", |_, unit| drop(unit.events.remove(0))),
    ("an event without a row", |_, unit| drop(unit.states.remove(0))),
    ("an aggregate has two rows", |_, unit| unit.states.push(unit.states[0].clone())),
    ("a written aggregate is not expected", |_, unit| drop(unit.expected.remove(0))),
    ("nothing is expected", |_, unit| unit.expected.clear()),
    ("an aggregate is expected twice", |_, unit| unit.expected.push(unit.expected[1].clone())),
    ("the expected aggregates are not sorted", |_, unit| unit.expected.reverse()),
    ("a command identifier comes twice", |_, unit| {
        Arc::make_mut(&mut unit.commands[1]).id = unit.commands[0].id;
        Arc::make_mut(&mut unit.events[1]).command_id = unit.commands[0].id;
        Arc::make_mut(&mut unit.messages[0]).command_id = unit.commands[0].id;
    }),
    ("an event of no command", |harness, unit| {
        Arc::make_mut(&mut unit.events[0]).command_id = harness.id()
    }),
    ("a message of no command", |harness, unit| {
        Arc::make_mut(&mut unit.messages[0]).command_id = harness.id()
    }),
    ("a command of another context", |harness, unit| {
        Arc::make_mut(&mut unit.commands[1]).context_id = harness.id()
    }),
    ("an activity of another context", |harness, unit| {
        Arc::make_mut(&mut unit.activities[0]).context_id = harness.id();
    }),
    ("it depends on itself", |_, unit| unit.depends_on.push(0)),
    ("it depends on a later unit", |_, unit| unit.depends_on.push(1)),
    ("it depends on a missing unit", |_, unit| unit.depends_on.push(usize::MAX)),
    ("more rows than a unit may have", |_, unit| {
        unit.messages = vec![Arc::clone(&unit.messages[0]); UnitOfWork::MAX_ROWS];
    }),
    ("more bytes than a unit may have", |_, unit| {
        let payload = format!("\"{}\"", "x".repeat(UnitOfWork::MAX_BYTES));
        Arc::make_mut(&mut unit.commands[0]).payload = Json::from_trusted(payload);
    }),
    ("a version at the end of all numbers", |_, unit| {
        unit.expected.iter_mut().for_each(|expected| expected.version = u64::MAX);
    }),
];

pub(crate) async fn a_malformed_unit_fails_and_leaves_nothing(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    for (what, break_it) in FAULTS {
        let mut unit = well_formed(harness, &store).await?;
        let whole = unit.clone();
        break_it(harness, &mut unit);
        ensure!(unit != whole, "{what}: nothing was broken");
        let aggregate_id = harness.aggregate_id();
        let draft = harness.draft(&harness.context(), &aggregate_id);
        let dependent = draft.after(0).writes(&aggregate_id, 0).done();
        let beside = well_formed(harness, &store).await?;
        let outcomes = harness.commit(&store, [unit, dependent, beside]).await?;
        failed(what, &outcomes[0])?;
        aborted(&format!("a dependent of a unit where {what}"), &outcomes[1], 0)?;
        committed(&format!("a unit beside one where {what}"), &outcomes[2])?;
        harness.holds(&store).await?;
    }
    Ok(())
}

async fn well_formed(harness: &Harness, store: &Handle) -> Result<UnitOfWork, CaseFailure> {
    let context = harness.context();
    let (aggregate_id, fresh) = (harness.aggregate_id(), harness.aggregate_id());
    let create = harness.draft(&context, &aggregate_id).writes(&aggregate_id, 0).done();
    harness.commit_all(store, [create]).await?;
    let draft = harness.draft(&harness.context(), &aggregate_id).writes(&aggregate_id, 1);
    Ok(draft.command(&fresh).writes(&fresh, 0).message().activity().done())
}
