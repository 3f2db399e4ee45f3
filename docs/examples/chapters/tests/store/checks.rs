//! The checks of a commit, in their order.

// ANCHOR: check
use std::sync::Arc;

use fluvius::{
    AggregateId, CommandRecord, CommitOutcome, ContextRecord, LogEntry, StateRecord, UnitOfWork,
};
use uuid::Uuid;

/// The rows that a store looks up for a commit, including those of the units before it.
trait Content {
    fn command(&self, id: Uuid) -> Option<(LogEntry<CommandRecord>, Arc<ContextRecord>)>;
    fn row(&self, aggregate_id: &AggregateId) -> Option<StateRecord>;
}

/// Returns the outcome of a unit that cannot be stored.
///
/// `outcomes` are those of the units before it in the batch.
fn check(
    content: &impl Content,
    unit: &UnitOfWork,
    outcomes: &[CommitOutcome],
) -> Option<CommitOutcome> {
    if let Err(fault) = unit.validate(outcomes.len()) {
        return Some(CommitOutcome::Failed(fault));
    }
    let is_stored = |on: usize| matches!(outcomes[on], CommitOutcome::Committed { .. });
    if let Some(on) = unit.depends_on.iter().find(|on| !is_stored(**on)) {
        return Some(CommitOutcome::DependencyAborted { on: *on });
    }
    let duplicate = unit.commands.iter().find_map(|command| content.command(command.id));
    if let Some((command, context)) = duplicate {
        return Some(CommitOutcome::DuplicateCommand { command: Box::new(command), context });
    }
    unit.expected.iter().find_map(|expected| {
        let row = content.row(&expected.aggregate_id);
        let version = row.as_ref().map_or(0, |row| row.version);
        let is_stale = version != expected.version;
        is_stale.then(|| CommitOutcome::VersionConflict {
            aggregate_id: expected.aggregate_id.clone(),
            stored: row.map(Box::new),
        })
    })
}
// ANCHOR_END: check

/// A store without rows. The chapter does not show it.
struct Empty;

impl Content for Empty {
    fn command(&self, _id: Uuid) -> Option<(LogEntry<CommandRecord>, Arc<ContextRecord>)> {
        None
    }

    fn row(&self, _aggregate_id: &AggregateId) -> Option<StateRecord> {
        None
    }
}

/// Returns a unit that only checks that an account has this version.
fn unit_at(version: u64) -> UnitOfWork {
    let context = ContextRecord::new(Uuid::from_u128(1), "bank", "test");
    let mut unit = UnitOfWork::new(Arc::new(context));
    let aggregate_id = AggregateId::new("bank-account", Uuid::from_u128(2));
    unit.expected.push(fluvius::ExpectedVersion { aggregate_id, version });
    unit
}

#[test]
fn an_absent_aggregate_has_version_zero() {
    assert!(check(&Empty, &unit_at(0), &[]).is_none());
    let outcome = check(&Empty, &unit_at(1), &[]);
    assert!(matches!(outcome, Some(CommitOutcome::VersionConflict { stored: None, .. })));
}

#[test]
fn a_unit_aborts_with_its_dependency() {
    let aborted = check(&Empty, &unit_at(1), &[]).expect("the version is another one");
    let mut unit = unit_at(0);
    unit.depends_on.push(0);
    let outcome = check(&Empty, &unit, &[aborted]);
    assert!(matches!(outcome, Some(CommitOutcome::DependencyAborted { on: 0 })));
}

#[test]
fn a_unit_cannot_depend_on_itself() {
    let mut unit = unit_at(0);
    unit.depends_on.push(0);
    assert!(matches!(check(&Empty, &unit, &[]), Some(CommitOutcome::Failed(_))));
}
