//! Invariants of a store's content and of a history, which hold after any fault.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use fluvius_core::CommandRecord;
use fluvius_core::verify::verify;
use fluvius_core::{EventRecord, LogEntry, LogQuery, Store};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::history::{Exchange, ObservedState, Outcome, Request};
use crate::requests::{LINKED_ACCOUNTS, LINKED_BALANCE, linked_account, partner};
use fluvius_tests::invariants::{self, AppliedCommand};

pub type CheckResult = Result<(), String>;

pub fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

pub fn whole_log() -> LogQuery {
    LogQuery::all()
}

/// Runs `verify` on the store.
pub async fn check_soundness(content: &impl Store) -> CheckResult {
    let found = verify(content).await.map_err(text)?;
    if found.is_sound() { Ok(()) } else { Err(format!("verify: {found}")) }
}

/// Checks the invariants of the bank, with the commands that were answered as applied.
pub async fn check_logs<'a>(
    content: &impl Store,
    outcomes: impl IntoIterator<Item = &'a Outcome>,
) -> CheckResult {
    let applied = outcomes.into_iter().filter_map(Outcome::applied);
    let applied = applied.map(|applied| AppliedCommand {
        command_id: applied.command_id,
        aggregate_id: applied.aggregate_id,
        version: applied.version,
    });
    invariants::check(content, applied).await.map(drop)
}

/// Checks that the log has only commands that clients have sent.
pub async fn check_no_other_commands(content: &impl Store, sent: &BTreeSet<Uuid>) -> CheckResult {
    for row in content.read_log::<CommandRecord>(&whole_log()).await.map_err(text)?.rows {
        if !sent.contains(&row.record.parent.unwrap_or(row.record.id)) {
            return Err(format!("the log has command {}, which no client has sent", row.record.id));
        }
    }
    Ok(())
}

/// Checks that no pair of linked accounts is overdrawn at any position of the log.
pub fn check_linked_accounts(events: &[LogEntry<EventRecord>]) -> CheckResult {
    let couples: HashMap<Uuid, u64> = (0..LINKED_ACCOUNTS)
        .map(|number| (linked_account(number).id, number.min(partner(number))))
        .collect();
    let mut sums: BTreeMap<u64, i64> = BTreeMap::new();
    for event in
        events.iter().filter(|event| event.record.aggregate_id.resource == "linked-account")
    {
        let sum = sums.entry(couples[&event.record.aggregate_id.id]).or_default();
        let amount = event.record.args.to_value()["amount"].as_i64();
        *sum += match event.record.key() {
            "linked-account-opened" => LINKED_BALANCE,
            "linked-account-debited" => -amount.unwrap(),
            _ => amount.unwrap(),
        };
        if *sum < 0 {
            return Err(format!(
                "a write skew: with position {} the pair of {} has {sum}",
                event.position, event.record.aggregate_id
            ));
        }
    }
    Ok(())
}

/// Checks that each snapshot shows the states and the total at one position of the log. The
/// position is not older than any answer before the request. Returns the number of snapshots.
pub fn check_snapshots(
    exchanges: &[Exchange],
    events: &[LogEntry<EventRecord>],
) -> Result<u64, String> {
    // Positions of the versions of each aggregate, from version 1 on.
    let mut positions: HashMap<Uuid, Vec<u64>> = HashMap::new();
    // Total of all balances after each position that changed it.
    let mut totals: Vec<(u64, Decimal)> = vec![(0, Decimal::ZERO)];
    for event in events {
        positions.entry(event.record.aggregate_id.id).or_default().push(event.position);
        let args = event.record.args.to_value();
        let amount =
            |name: &str| args[name].as_str().map_or(Decimal::ZERO, |text| text.parse().unwrap());
        let change = match event.record.key() {
            "account-opened" => amount("initial_deposit"),
            "money-deposited" => amount("amount"),
            "money-withdrawn" => -amount("amount"),
            _ => continue,
        };
        let before = totals[totals.len() - 1].1;
        totals.push((event.position, before + change));
    }
    let answered = answered_positions(exchanges, events);
    let mut count = 0;
    for one in exchanges {
        let (Request::Snapshot(aggregate_ids), Some(Outcome::Rows(rows))) =
            (&one.request, &one.outcome)
        else {
            continue;
        };
        count += 1;
        let (mut first, mut end) = (0, u64::MAX);
        let mut sum = Decimal::ZERO;
        for (aggregate_id, row) in aggregate_ids.iter().zip(rows) {
            let Some(ObservedState { version, balance }) = row else {
                return Err(format!("a snapshot has no row of {aggregate_id}"));
            };
            let of_aggregate = positions.get(&aggregate_id.id).map_or(&[][..], Vec::as_slice);
            let at = usize::try_from(*version).unwrap();
            let Some(position) = of_aggregate.get(at - 1) else {
                return Err(format!(
                    "a snapshot shows version {version} of {aggregate_id}: none is stored"
                ));
            };
            first = first.max(*position);
            end = end.min(of_aggregate.get(at).copied().unwrap_or(u64::MAX));
            if aggregate_id.resource == "bank-account" {
                if balance.is_sign_negative() {
                    return Err(format!("a snapshot shows {balance} on {aggregate_id}"));
                }
                sum += balance;
            }
        }
        if first >= end {
            return Err(format!("a snapshot is inconsistent: {first} to {end}: {rows:?}"));
        }
        let before = answered.partition_point(|(returned, _)| *returned < one.invoked);
        if let Some((_, answered_position)) =
            answered[..before].last().filter(|(_, answered_position)| *answered_position >= end)
        {
            return Err(format!(
                "a snapshot is older than an answer: position {answered_position}, snapshot \
                before {end}"
            ));
        }
        let expected = totals.iter().rev().find(|(position, _)| *position <= first);
        if expected.map(|(_, total)| *total) != Some(sum) {
            return Err(format!(
                "a snapshot is inconsistent: the total is {sum}, expected {expected:?}"
            ));
        }
    }
    Ok(count)
}

/// Returns the highest answered position after each answer.
fn answered_positions(
    exchanges: &[Exchange],
    events: &[LogEntry<EventRecord>],
) -> Vec<(usize, u64)> {
    let positions: HashMap<Uuid, u64> =
        events.iter().map(|event| (event.record.command_id, event.position)).collect();
    let mut answered: Vec<(usize, u64)> = Vec::new();
    for one in exchanges {
        let applied = one.outcome.as_ref().and_then(Outcome::applied);
        let position = applied.and_then(|applied| positions.get(&applied.command_id));
        answered.extend(one.returned.zip(position.copied()));
    }
    answered.sort_unstable();
    let mut highest = 0;
    for (_, position) in &mut answered {
        highest = highest.max(*position);
        *position = highest;
    }
    answered
}
