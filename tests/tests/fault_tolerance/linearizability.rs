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

/// How long nothing may come from processes that are at work.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// What happens on an account.
#[derive(Debug, Clone)]
enum Operation {
    Open(ObservedState),
    /// A deposit, a withdrawal, or the sender's part of a transfer.
    Change(Decimal, ObservedState),
    /// The recipient's part of a transfer, which nobody is told of.
    Receive(Decimal),
    /// Refused for want of so much.
    RejectWithdrawal(Decimal),
    Read(ObservedState),
    /// Nobody knows whether it has happened.
    Unknown(Decimal),
}

struct AccountSpecification;

impl Specification for AccountSpecification {
    /// `None`: it is not opened yet.
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

/// What has come up.
#[derive(Debug, Default)]
pub struct Stats {
    pub histories: u64,
    pub requests: u64,
    pub open: u64,
    /// Requests during which a process was killed, or the server struck.
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

/// A process between its start and its end.
struct RunningProcess {
    first: Client,
    /// How many requests each of its clients sends.
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

    /// How many of its requests are not answered yet.
    fn left<B: Backend>(&self, processes: &Processes<B>) -> u64 {
        let answers = processes.collector.look(|history| self.answers(history));
        (self.requests * CLIENTS_PER_PROCESS).saturating_sub(answers)
    }
}

/// The process that is ahead is killed, and another one does the rest: so all of them are at work to
/// the end.
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
        assert!(came, "the processes hang");
        // Only then are all of them in the middle of something.
        let have_answered =
            |history: &[Entry]| running.iter().all(|process| process.answers(history) > 0);
        assert!(
            processes.collector.wait_until(have_answered, MAX_WAIT),
            "a process does not begin"
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

/// How many requests were sent and not answered when a process was killed, or since the server was
/// struck before that.
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

/// The history of each account. What is open ends behind everything.
fn by_account(exchanges: &[Exchange]) -> BTreeMap<Uuid, Actions> {
    let mut entries: BTreeMap<Uuid, Vec<(usize, usize, Action<Operation>)>> = BTreeMap::new();
    // To the checker each request is a process of its own: when it began and ended is all that
    // orders it.
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

/// What a request is on which accounts.
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
            assert_eq!(code, "transfer-to-self", "nothing else is refused here");
            Vec::new()
        }
        // It says that nothing is stored; if something is, others see it.
        Some(Outcome::Failed { .. }) => Vec::new(),
        Some(Outcome::Unknown) | None => {
            if recipient == Some(account) {
                return Vec::new();
            }
            let received_at = recipient.map(|recipient| (recipient, Operation::Unknown(amount)));
            [(account, Operation::Unknown(change))].into_iter().chain(received_at).collect()
        }
        Some(Outcome::Rows(_)) => unreachable!("a command gives no rows"),
    }
}
