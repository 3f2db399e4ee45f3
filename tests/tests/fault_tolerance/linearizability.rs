//! Linearizability of the history of each account: each request takes effect at one moment between
//! its start and its answer.
//!
//! `todc-utils` has the checker. This module specifies an account, and splits a history by account.
//! A transfer is one operation on each of its two accounts. A request without an answer took effect
//! at any time after its start, or never.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fluvius_testing::SeededRng;
use rust_decimal::Decimal;
use todc_utils::linearizability::WGLChecker;
use todc_utils::{Action, History, Specification};
use uuid::Uuid;

use crate::backend::Backend;
use crate::history::{
    self, Client, Entry, Exchange, InjectedFault, ObservedState, Outcome, Request,
};
use crate::processes::{Process, ProcessKind, Processes};
use crate::requests::RequestMix;
use crate::workload::Conditions;

const PROCESSES: u64 = 2;
const CLIENTS_PER_PROCESS: u64 = 4;
const REQUESTS_PER_CLIENT: u64 = 20;
const KILLS: u64 = 5;

/// Longest time without progress of running processes.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// An operation on an account.
#[derive(Debug, Clone)]
enum Operation {
    Open(ObservedState),
    /// A deposit, a withdrawal, or the sender's part of a transfer.
    Change(Decimal, ObservedState),
    /// The recipient's part of a transfer, which has no answer of its own.
    Receive(Decimal),
    /// A rejection: the balance is below this amount.
    RejectWithdrawal(Decimal),
    Read(ObservedState),
    /// In doubt.
    Unknown(Decimal),
}

struct AccountSpecification;

impl Specification for AccountSpecification {
    /// `None`: not opened yet.
    type State = Option<ObservedState>;
    type Operation = Operation;

    fn init() -> Self::State {
        None
    }

    fn apply(operation: &Operation, state: &Self::State) -> (bool, Self::State) {
        let after = |delta: Decimal| {
            let ObservedState { version, balance } = (*state)?;
            let balance = balance + delta;
            (!balance.is_sign_negative()).then(|| ObservedState { version: version + 1, balance })
        };
        let (holds, next) = match operation {
            Operation::Open(observed) => {
                (state.is_none() && observed.version == 1, Some(*observed))
            }
            Operation::Change(change, observed) => {
                let next = after(*change);
                (next == Some(*observed), next)
            }
            Operation::Receive(amount) => {
                let next = after(*amount);
                (next.is_some(), next)
            }
            Operation::RejectWithdrawal(amount) => {
                (state.is_some_and(|observed| observed.balance < *amount), *state)
            }
            Operation::Read(observed) => (*state == Some(*observed), *state),
            Operation::Unknown(change) => (true, after(*change).or(*state)),
        };
        (holds, if holds { next } else { *state })
    }
}

/// Counts of all runs.
#[derive(Debug, Default)]
pub struct Stats {
    pub histories: u64,
    pub requests: u64,
    pub open: u64,
    /// Requests in flight during a kill or an injected fault.
    pub interrupted: u64,
    pub injected: BTreeMap<InjectedFault, u64>,
}

/// Runs clients, kills processes, and checks the history.
pub fn run<B: Backend>(
    kind: ProcessKind,
    seed: u64,
    conditions: Conditions,
    stats: &mut Stats,
) -> Result<(), String> {
    let history = run_clients::<B>(kind, seed, conditions);
    let exchanges = history::requests(&history);
    stats.histories += 1;
    stats.requests += exchanges.len() as u64;
    stats.open += exchanges.iter().filter(|one| one.returned.is_none()).count() as u64;
    stats.interrupted += interrupted(&history, &exchanges);
    for (inject, count) in history::injected(&history) {
        *stats.injected.entry(inject).or_default() += count;
    }
    for (account, actions) in by_account(&exchanges) {
        let history = History::from_actions(actions.clone());
        if !WGLChecker::<AccountSpecification>::is_linearizable(history) {
            return Err(format!("the history of {account} is not linearizable:\n{actions:#?}"));
        }
    }
    Ok(())
}

/// A running process.
struct RunningProcess {
    first: Client,
    /// Requests per client.
    requests: u64,
    process: Process,
}

impl RunningProcess {
    fn start<B: Backend>(processes: &mut Processes<B>, requests: u64, rng: &mut SeededRng) -> Self {
        let first = processes.next_client;
        Self { first, requests, process: processes.start(CLIENTS_PER_PROCESS, requests, rng) }
    }

    fn answers(&self, history: &[Entry]) -> u64 {
        let own = self.first..self.first + CLIENTS_PER_PROCESS;
        let is_own =
            |entry: &&Entry| matches!(entry, Entry::Return(client, _) if own.contains(client));
        history.iter().filter(is_own).count() as u64
    }

    /// Returns the number of requests without an answer.
    fn left<B: Backend>(&self, processes: &Processes<B>) -> u64 {
        let answers = processes.collector.look(|history| self.answers(history));
        (self.requests * CLIENTS_PER_PROCESS).saturating_sub(answers)
    }
}

/// Runs the clients. After a kill, a new process sends the rest of the requests. The process with
/// the most answers is killed, so that all processes run until the end.
fn run_clients<B: Backend>(kind: ProcessKind, seed: u64, conditions: Conditions) -> Vec<Entry> {
    let mut rng = SeededRng::new(seed);
    let mut processes = Processes::new(kind, B::create(), RequestMix::Accounts, conditions);
    processes.open();
    let mut running: Vec<RunningProcess> = (0..PROCESSES)
        .map(|_| RunningProcess::start(&mut processes, REQUESTS_PER_CLIENT, &mut rng))
        .collect();
    let part = PROCESSES * CLIENTS_PER_PROCESS * REQUESTS_PER_CLIENT / (KILLS + 1);
    for number in 0..KILLS {
        let answers = RequestMix::Accounts.accounts() + number * part + part / 2 + rng.below(part);
        let came =
            processes.collector.wait_for_answers(usize::try_from(answers).unwrap(), MAX_WAIT);
        assert!(came, "the processes make no progress");
        // All processes have answered, so all have requests in flight.
        let have_answered =
            |history: &[Entry]| running.iter().all(|process| process.answers(history) > 0);
        assert!(
            processes.collector.wait_until(have_answered, MAX_WAIT),
            "a process has not started"
        );
        let left = |process: &RunningProcess| process.left(&processes);
        let run_clients = (0..running.len()).filter(|index| left(&running[*index]) > 0);
        let Some(index) = run_clients.min_by_key(|index| left(&running[*index])) else { break };
        let process = running.swap_remove(index);
        let left = left(&process);
        processes.inject(&mut rng);
        processes.kill(process.process);
        running.push(RunningProcess::start(
            &mut processes,
            left.div_ceil(CLIENTS_PER_PROCESS),
            &mut rng,
        ));
    }
    running.into_iter().for_each(|process| process.process.wait());
    processes.end()
}

/// Counts the requests that were in flight during a kill, or between a fault injected before it and
/// the kill.
fn interrupted(history: &[Entry], exchanges: &[Exchange]) -> u64 {
    let mut hit = BTreeSet::new();
    let mut injected = None;
    for (at, entry) in history.iter().enumerate() {
        match entry {
            Entry::InjectedFault(_) => injected = injected.or(Some(at)),
            Entry::Kill => {
                let begun = injected.take().unwrap_or(at);
                let during = exchanges.iter().enumerate().filter(|(_, one)| {
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

/// Returns the history of each account. Requests without an answer end after all others.
fn by_account(exchanges: &[Exchange]) -> BTreeMap<Uuid, Actions> {
    let mut entries: BTreeMap<Uuid, Vec<(usize, usize, Action<Operation>)>> = BTreeMap::new();
    // For the checker each request is its own process: only its start and end order it.
    for (number, one) in exchanges.iter().enumerate() {
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

/// Returns the operations of a request, by account.
fn operations(exchanges: &Exchange) -> Vec<(Uuid, Operation)> {
    let command = match &exchanges.request {
        Request::Send(command) => command,
        Request::Snapshot(aggregate_ids) => {
            let Some(Outcome::Rows(rows)) = &exchanges.outcome else { return Vec::new() };
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
    match &exchanges.outcome {
        Some(outcome @ Outcome::Applied(_)) => {
            let observed = ObservedState::of(&outcome.applied().unwrap());
            let own = match command.command.as_str() {
                "open-account" => Operation::Open(observed),
                _ => Operation::Change(change, observed),
            };
            let received_at = recipient.map(|recipient| (recipient, Operation::Receive(amount)));
            [(account, own)].into_iter().chain(received_at).collect()
        }
        Some(Outcome::Rejected { code, .. }) if code == "insufficient-funds" => {
            vec![(account, Operation::RejectWithdrawal(amount))]
        }
        Some(Outcome::Rejected { code, .. }) => {
            assert_eq!(code, "transfer-to-self", "no other rejection is possible");
            Vec::new()
        }
        // Nothing is stored. Otherwise, later operations show it.
        Some(Outcome::Failed { .. }) => Vec::new(),
        Some(Outcome::Unknown) | None => {
            if recipient == Some(account) {
                return Vec::new();
            }
            let received_at = recipient.map(|recipient| (recipient, Operation::Unknown(amount)));
            [(account, Operation::Unknown(change))].into_iter().chain(received_at).collect()
        }
        Some(Outcome::Rows(_)) => unreachable!("a command has no rows"),
    }
}
