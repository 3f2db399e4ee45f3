//! T8: whether what clients have heard of each account could have been heard of one that does one
//! thing after the other, each between its request and its answer.
//!
//! Who says so is the checker of `todc-utils`; here is only what an account is, and how a history
//! becomes one of each account. A transfer is one thing on each of its two accounts. What has no
//! answer may have happened at any time since it was sent, or never.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fluvius_testing::SeededRng;
use rust_decimal::Decimal;
use todc_utils::linearizability::WGLChecker;
use todc_utils::{Action, History, Specification};
use uuid::Uuid;

use crate::history::{self, Asked, Client, Entry, Outcome, Request, Seen, Strike};
use crate::hosts::{Host, Hosts, Kind};
use crate::places::Place;
use crate::requests::Mix;
use crate::work::Conditions;

const PROCESSES: u64 = 2;
const CLIENTS_OF_ONE: u64 = 4;
const REQUESTS_OF_A_CLIENT: u64 = 20;
const KILLS: u64 = 5;

/// How long nothing may come from processes that are at work.
const HANGS_AFTER: Duration = Duration::from_secs(60);

/// What happens on an account.
#[derive(Debug, Clone)]
enum Operation {
    Open(Seen),
    /// A deposit, a withdrawal, or the sender's part of a transfer.
    Change(Decimal, Seen),
    /// The recipient's part of a transfer, which nobody is told of.
    Receive(Decimal),
    /// Refused for want of so much.
    Poor(Decimal),
    Read(Seen),
    /// Nobody knows whether it has happened.
    Perhaps(Decimal),
}

struct AccountSpecification;

impl Specification for AccountSpecification {
    /// `None`: it is not opened yet.
    type State = Option<Seen>;
    type Operation = Operation;

    fn init() -> Self::State {
        None
    }

    fn apply(operation: &Operation, state: &Self::State) -> (bool, Self::State) {
        let after = |delta: Decimal| {
            let Seen { version, balance } = (*state)?;
            let balance = balance + delta;
            (!balance.is_sign_negative()).then(|| Seen { version: version + 1, balance })
        };
        let (holds, next) = match operation {
            Operation::Open(seen) => (state.is_none() && seen.version == 1, Some(*seen)),
            Operation::Change(change, seen) => {
                let next = after(*change);
                (next == Some(*seen), next)
            }
            Operation::Receive(amount) => {
                let next = after(*amount);
                (next.is_some(), next)
            }
            Operation::Poor(amount) => (state.is_some_and(|seen| seen.balance < *amount), *state),
            Operation::Read(seen) => (*state == Some(*seen), *state),
            Operation::Perhaps(change) => (true, after(*change).or(*state)),
        };
        (holds, if holds { next } else { *state })
    }
}

/// What has come up.
#[derive(Debug, Default)]
pub struct Tally {
    pub histories: u64,
    pub requests: u64,
    pub open: u64,
    /// Requests during which a process was killed, or the server struck.
    pub under_fault: u64,
    pub struck: BTreeMap<Strike, u64>,
}

/// Runs clients, kills processes, and checks the history.
pub fn run<P: Place>(
    kind: Kind,
    seed: u64,
    conditions: Conditions,
    tally: &mut Tally,
) -> Result<(), String> {
    let history = at_work::<P>(kind, seed, conditions);
    let asked = history::requests(&history);
    tally.histories += 1;
    tally.requests += asked.len() as u64;
    tally.open += asked.iter().filter(|one| one.returned.is_none()).count() as u64;
    tally.under_fault += under_fault(&history, &asked);
    for (strike, count) in history::struck(&history) {
        *tally.struck.entry(strike).or_default() += count;
    }
    for (account, actions) in of_each_account(&asked) {
        let history = History::from_actions(actions.clone());
        if !WGLChecker::<AccountSpecification>::is_linearizable(history) {
            return Err(format!("the history of {account} is not linearizable:\n{actions:#?}"));
        }
    }
    Ok(())
}

/// A process between its start and its end.
struct Life {
    first: Client,
    /// How many requests each of its clients sends.
    requests: u64,
    host: Host,
}

impl Life {
    fn begin<P: Place>(hosts: &mut Hosts<P>, requests: u64, rng: &mut SeededRng) -> Self {
        let first = hosts.next_client;
        Self { first, requests, host: hosts.start(CLIENTS_OF_ONE, requests, rng) }
    }

    fn answers(&self, history: &[Entry]) -> u64 {
        let own = self.first..self.first + CLIENTS_OF_ONE;
        let is_own =
            |entry: &&Entry| matches!(entry, Entry::Return(client, _) if own.contains(client));
        history.iter().filter(is_own).count() as u64
    }

    /// How many of its requests are not answered yet.
    fn left<P: Place>(&self, hosts: &Hosts<P>) -> u64 {
        let answers = hosts.collected.look(|history| self.answers(history));
        (self.requests * CLIENTS_OF_ONE).saturating_sub(answers)
    }
}

/// The process that is ahead is killed, and another one does the rest: so all of them are at work to
/// the end.
fn at_work<P: Place>(kind: Kind, seed: u64, conditions: Conditions) -> Vec<Entry> {
    let mut rng = SeededRng::new(seed);
    let mut hosts = Hosts::new(kind, P::fresh(), Mix::Accounts, conditions);
    hosts.open();
    let mut lives: Vec<Life> =
        (0..PROCESSES).map(|_| Life::begin(&mut hosts, REQUESTS_OF_A_CLIENT, &mut rng)).collect();
    let part = PROCESSES * CLIENTS_OF_ONE * REQUESTS_OF_A_CLIENT / (KILLS + 1);
    for number in 0..KILLS {
        let answers = Mix::Accounts.accounts() + number * part + part / 2 + rng.below(part);
        let came = hosts.collected.wait_for_answers(usize::try_from(answers).unwrap(), HANGS_AFTER);
        assert!(came, "the processes hang");
        // Only then are all of them in the middle of something.
        let have_begun = |history: &[Entry]| lives.iter().all(|life| life.answers(history) > 0);
        assert!(hosts.collected.wait_until(have_begun, HANGS_AFTER), "a process does not begin");
        let left = |life: &Life| life.left(&hosts);
        let at_work = (0..lives.len()).filter(|index| left(&lives[*index]) > 0);
        let Some(index) = at_work.min_by_key(|index| left(&lives[*index])) else { break };
        let life = lives.swap_remove(index);
        let left = left(&life);
        hosts.strike(&mut rng);
        hosts.kill(life.host);
        lives.push(Life::begin(&mut hosts, left.div_ceil(CLIENTS_OF_ONE), &mut rng));
    }
    lives.into_iter().for_each(|life| life.host.wait());
    hosts.end()
}

/// How many requests were sent and not answered when a process was killed, or since the server was
/// struck before that.
fn under_fault(history: &[Entry], asked: &[Asked]) -> u64 {
    let mut hit = BTreeSet::new();
    let mut struck = None;
    for (at, entry) in history.iter().enumerate() {
        match entry {
            Entry::Strike(_) => struck = struck.or(Some(at)),
            Entry::Kill => {
                let begun = struck.take().unwrap_or(at);
                let during = asked.iter().enumerate().filter(|(_, one)| {
                    one.invoked < at && one.returned.is_none_or(|returned| begun < returned)
                });
                hit.extend(during.map(|(number, _)| number));
            }
            Entry::Invoke(..) | Entry::Return(..) => {}
        }
    }
    hit.len() as u64
}

type Actions = Vec<(usize, Action<Operation>)>;

/// The history of each account. What is open ends behind everything.
fn of_each_account(asked: &[Asked]) -> BTreeMap<Uuid, Actions> {
    let mut entries: BTreeMap<Uuid, Vec<(usize, usize, Action<Operation>)>> = BTreeMap::new();
    // To the checker each request is a process of its own: when it began and ended is all that
    // orders it.
    for (number, one) in asked.iter().enumerate() {
        let is_open = matches!(one.outcome, Some(Outcome::Unknown) | None);
        let end = one.returned.filter(|_| !is_open).unwrap_or(usize::MAX);
        for (account, operation) in operations(one) {
            let of_account = entries.entry(account).or_default();
            of_account.push((one.invoked, number, Action::Call(operation.clone())));
            of_account.push((end, number, Action::Response(operation)));
        }
    }
    let in_order = |mut entries: Vec<(usize, usize, Action<Operation>)>| {
        entries.sort_by_key(|(at, ..)| *at);
        entries.into_iter().map(|(_, number, action)| (number, action)).collect()
    };
    entries.into_iter().map(|(account, entries)| (account, in_order(entries))).collect()
}

/// What a request is on which accounts.
fn operations(asked: &Asked) -> Vec<(Uuid, Operation)> {
    let command = match &asked.request {
        Request::Send(command) => command,
        Request::Snapshot(aggregate_ids) => {
            let Some(Outcome::Rows(rows)) = &asked.outcome else { return Vec::new() };
            let rows = aggregate_ids.iter().zip(rows);
            return rows
                .map(|(aggregate_id, row)| {
                    (aggregate_id.id, Operation::Read(row.expect("an account is never closed")))
                })
                .collect();
        }
    };
    let account = command.aggregate_id.id;
    let payload = command.payload.to_value();
    let decimal = |name: &str| payload[name].as_str().unwrap_or("0").parse::<Decimal>().unwrap();
    let amount = decimal("amount");
    let recipient = payload["recipient_id"].as_str().map(|text| text.parse::<Uuid>().unwrap());
    let change = if command.command == "deposit-money" { amount } else { -amount };
    match &asked.outcome {
        Some(outcome @ Outcome::Applied(_)) => {
            let seen = Seen::of(&outcome.told().unwrap());
            let own = match command.command.as_str() {
                "open-account" => Operation::Open(seen),
                _ => Operation::Change(change, seen),
            };
            let received_at = recipient.map(|recipient| (recipient, Operation::Receive(amount)));
            [(account, own)].into_iter().chain(received_at).collect()
        }
        Some(Outcome::Refused { code, .. }) if code == "insufficient-funds" => {
            vec![(account, Operation::Poor(amount))]
        }
        Some(Outcome::Refused { code, .. }) => {
            assert_eq!(code, "transfer-to-self", "nothing else is refused here");
            Vec::new()
        }
        // It says that nothing is stored; if something is, others see it.
        Some(Outcome::Failed { .. }) => Vec::new(),
        Some(Outcome::Unknown) | None => {
            if recipient == Some(account) {
                return Vec::new();
            }
            let received_at = recipient.map(|recipient| (recipient, Operation::Perhaps(amount)));
            [(account, Operation::Perhaps(change))].into_iter().chain(received_at).collect()
        }
        Some(Outcome::Rows(_)) => unreachable!("a command gives no rows"),
    }
}
