//! Invariants of the stored states and logs of the bank, which hold after any fault.

use std::collections::{BTreeMap, HashMap, HashSet};

use fluvius_core::{
    AggregateId, CommandRecord, CommandStatus, EventRecord, LogEntry, LogQuery, Store,
};
use rust_decimal::Decimal;
use serde_json::Value;
use uuid::Uuid;

/// Resource of an account. Other resources are ignored.
const ACCOUNT: &str = "bank-account";

/// A command that was answered as applied.
#[derive(Debug, Clone)]
pub struct AppliedCommand {
    pub command_id: Uuid,
    pub aggregate_id: AggregateId,
    pub version: u64,
}

/// Checks all invariants, and returns the last position of the event log.
pub async fn check(
    content: &impl Store,
    answers: impl IntoIterator<Item = AppliedCommand>,
) -> Result<u64, String> {
    let query = LogQuery::all();
    let mut events =
        content.read_log::<EventRecord>(&query).await.map_err(|error| error.to_string())?.rows;
    let mut commands =
        content.read_log::<CommandRecord>(&query).await.map_err(|error| error.to_string())?.rows;
    events.retain(|event| event.record.aggregate_id.resource == ACCOUNT);
    commands.retain(|command| command.record.aggregate_id.resource == ACCOUNT);

    let mut seen = HashSet::new();
    for command in &commands {
        if !seen.insert(command.record.id) {
            return Err(format!("command {} is in the log twice", command.record.id));
        }
    }
    check_answers(answers, &events, &commands)?;

    let states = replay(&events)?;
    for (id, (version, state)) in &states {
        let aggregate_id = AggregateId::new(ACCOUNT, *id);
        let stored = content.load(&aggregate_id).await.map_err(|error| error.to_string())?;
        let stored = stored.ok_or("an aggregate with events and no state")?;
        if stored.version != *version || stored.data.to_value() != *state {
            return Err(format!("{id}: the log gives {version} {state}, stored is {stored:?}"));
        }
    }
    check_balances(&events, &states)?;
    check_rejections(&events, &commands)?;
    Ok(events.last().map_or(0, |event| event.position))
}

/// Checks that each applied command is in the log, with the version of its answer.
fn check_answers(
    answers: impl IntoIterator<Item = AppliedCommand>,
    events: &[LogEntry<EventRecord>],
    commands: &[LogEntry<CommandRecord>],
) -> Result<(), String> {
    let applied = commands.iter().filter(|row| row.record.status == CommandStatus::Applied);
    let applied: HashSet<Uuid> = applied.map(|row| row.record.id).collect();
    let versions: HashMap<(Uuid, Uuid), u64> = events
        .iter()
        .map(|event| {
            ((event.record.command_id, event.record.aggregate_id.id), event.record.version)
        })
        .collect();
    for answer in answers {
        if answer.aggregate_id.resource != ACCOUNT {
            continue;
        }
        if !applied.contains(&answer.command_id) {
            return Err(format!("{answer:?} was answered, and is not in the log"));
        }
        let version = versions.get(&(answer.command_id, answer.aggregate_id.id));
        if version != Some(&answer.version) {
            return Err(format!("{answer:?} was answered, and the log has version {version:?}"));
        }
    }
    Ok(())
}

/// Returns the newest version and state of each aggregate, folded from the log.
fn replay(events: &[LogEntry<EventRecord>]) -> Result<BTreeMap<Uuid, (u64, Value)>, String> {
    let mut states: BTreeMap<Uuid, (u64, Value)> = BTreeMap::new();
    for event in events {
        let before = states.remove(&event.record.aggregate_id.id);
        let version = before.as_ref().map_or(0, |(version, _)| *version) + 1;
        if event.record.version != version {
            return Err(format!("version {} follows on {}", event.record.version, version - 1));
        }
        let state = event.record.delta.apply(before.map(|(_, state)| state));
        let state = state.map_err(|error| error.to_string())?;
        states.insert(event.record.aggregate_id.id, (version, state));
    }
    Ok(states)
}

fn decimal(value: &Value) -> Decimal {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_default()
}

fn check_balances(
    events: &[LogEntry<EventRecord>],
    states: &BTreeMap<Uuid, (u64, Value)>,
) -> Result<(), String> {
    let mut expected = Decimal::ZERO;
    for event in events {
        let args = event.record.args.to_value();
        match event.record.key() {
            "account-opened" => expected += decimal(&args["initial_deposit"]),
            "money-deposited" => expected += decimal(&args["amount"]),
            "money-withdrawn" => expected -= decimal(&args["amount"]),
            _ => {}
        }
    }
    let found: Decimal = states.values().map(|(_, state)| decimal(&state["balance"])).sum();
    if states.values().any(|(_, state)| decimal(&state["balance"]) < Decimal::ZERO) {
        return Err("a balance is negative".to_owned());
    }
    if expected != found {
        return Err(format!("deposits less withdrawals are {expected}, the balances {found}"));
    }
    Ok(())
}

/// Checks each rejection against the states that precede it in the log.
fn check_rejections(
    events: &[LogEntry<EventRecord>],
    commands: &[LogEntry<CommandRecord>],
) -> Result<(), String> {
    let groups = group_members(commands);
    let mut balances: HashMap<Uuid, Decimal> = HashMap::new();
    let mut closed: HashSet<Uuid> = HashSet::new();
    let mut events = events.iter().peekable();
    for command in commands {
        while let Some(event) = events.next_if(|event| event.position < command.position) {
            let id = event.record.aggregate_id.id;
            let amount = decimal(&event.record.args.to_value()["amount"]);
            let balance = balances.entry(id).or_default();
            match event.record.key() {
                "account-opened" => {
                    *balance = decimal(&event.record.args.to_value()["initial_deposit"]);
                }
                "money-deposited" | "transfer-received" => *balance += amount,
                "money-withdrawn" | "money-transferred" => *balance -= amount,
                _ => drop(closed.insert(id)),
            }
        }
        if command.record.status == CommandStatus::Applied || groups.contains(&command.record.id) {
            continue;
        }
        let args = command.record.payload.to_value();
        let id = command.record.aggregate_id.id;
        let balance = balances.get(&id).copied().unwrap_or_default();
        let other = args["recipient_id"].as_str().and_then(|text| text.parse::<Uuid>().ok());
        let is_justified = match command.record.code.as_deref() {
            Some("insufficient-funds") => {
                !closed.contains(&id) && balance < decimal(&args["amount"])
            }
            Some("balance-not-zero") => !closed.contains(&id) && !balance.is_zero(),
            Some("transfer-to-self") => other == Some(id),
            Some("not-found") => {
                let is_open = |id: &Uuid| balances.contains_key(id) && !closed.contains(id);
                !is_open(&id) || other.is_some_and(|other| !is_open(&other))
            }
            Some("already-exists") => balances.contains_key(&id),
            code => return Err(format!("a rejection with {code:?}")),
        };
        if !is_justified {
            return Err(format!(
                "position {}: {} was rejected with {:?} at balance {balance}: {}",
                command.position,
                command.record.command,
                command.record.code,
                command.record.payload
            ));
        }
    }
    Ok(())
}

/// Returns the commands rejected in a group. The states of their decisions are not in the log.
fn group_members(commands: &[LogEntry<CommandRecord>]) -> HashSet<Uuid> {
    let mut members = HashSet::new();
    for command in commands {
        if command.record.code.as_deref() == Some("group-rejected") {
            members.insert(command.record.id);
            let cause = command.record.response.as_ref().map(|response| response.to_value());
            let rejected =
                cause.as_ref().and_then(|cause| cause["group-rejected"]["rejected"].as_str());
            members.extend(rejected.and_then(|text| text.parse::<Uuid>().ok()));
        }
    }
    members
}
