//! Crash recovery: processes are killed at work. After each kill the bank is opened and checked.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fluvius_core::{CommandBundle, CommandStatus, DomainContext, DomainRuntime, Store};
use fluvius_testing::SeededRng;
use futures_util::future::join_all;
use rust_decimal::Decimal;
use uuid::Uuid;

use banking_domain::Account;
use fluvius_core::query::Filter;

use crate::backend::Backend;
use crate::history::{self, InjectedFault, Outcome, Request};
use crate::history_invariants::{self, CheckResult, text};
use crate::processes::{self, ProcessKind, Processes};
use crate::requests::RequestMix;
use crate::workload::{Conditions, SENDER};
use fluvius_tests::faulty_store::StoreMutant;

/// Kills per bank.
const KILLS_PER_BANK: u64 = 5;

/// Kills in a thousand that do not wait for acknowledged commands.
const EARLY_PER_MILLE: u64 = 150;

/// Kills in a thousand after which commands are sent again before the server has ended the work of
/// the killed process.
const REOPEN_AT_ONCE_PER_MILLE: u64 = 300;

#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub seed: u64,
    pub kills: u64,
    pub clients: u64,
    /// Minimum number of answers before a kill that counts. A command is in flight too.
    pub min_acknowledged: usize,
    pub mutant: Option<StoreMutant>,
}

/// Counts of a run.
#[derive(Debug, Default)]
pub struct Stats {
    pub kills: u64,
    /// Kills after fewer answers. The bank was checked after them too.
    pub early: u64,
    pub injected: BTreeMap<InjectedFault, u64>,
    pub acknowledged: u64,
    /// Commands without an answer, which were sent again.
    pub resent: u64,
    /// Resent commands that had been stored before the kill, if that was looked up.
    pub had_been_stored: u64,
    /// Commands that failed because of an injected fault.
    pub failed: u64,
    /// Kills after which the bank was opened again at once.
    pub reopened_at_once: u64,
    /// Answers that were rejections.
    pub rejected: u64,
}

/// Runs until the number of kills is reached.
pub fn run<B: Backend>(options: &Options) -> Result<Stats, String> {
    let mut rng = SeededRng::new(options.seed);
    let mut stats = Stats::default();
    while stats.kills < options.kills {
        let mut bank = Bank { backend: B::create(), answers: BTreeMap::new() };
        for _ in 0..KILLS_PER_BANK.min(options.kills - stats.kills) {
            let number = stats.kills + 1;
            bank.kill(options, &mut rng, &mut stats)
                .map_err(|fault| format!("kill {number}: {fault}"))?;
        }
    }
    Ok(stats)
}

/// Outcomes of the commands of a killed process.
#[derive(Debug, Default)]
struct Answers {
    acknowledged: Vec<(CommandBundle, Outcome)>,
    /// Commands in doubt.
    open: Vec<CommandBundle>,
    /// Commands that failed: nothing is stored.
    failed: Vec<CommandBundle>,
}

/// A bank, and all commands ever sent to it.
struct Bank<B> {
    backend: B,
    answers: BTreeMap<Uuid, (CommandBundle, Outcome)>,
}

impl<B: Backend> Bank<B> {
    fn kill(&mut self, options: &Options, rng: &mut SeededRng, stats: &mut Stats) -> CheckResult {
        let conditions = Conditions { mutant: options.mutant, ..Conditions::default() };
        let mut processes = Processes::new(
            ProcessKind::Processes,
            self.backend.clone(),
            RequestMix::Everything,
            conditions,
        );
        let process = processes.start(options.clients, u64::MAX, rng);
        // Some are killed while they open the bank, or soon after.
        let is_early = rng.happens(EARLY_PER_MILLE);
        let is_busy = is_early
            || processes
                .collector
                .wait_for_answers(options.min_acknowledged, Duration::from_secs(60));
        let mut is_injected = processes.inject(rng);
        std::thread::sleep(Duration::from_micros(rng.below(50_000)));
        processes.kill(process);
        is_injected |= processes.inject(rng);
        if !is_busy {
            return Err("the process makes no progress".to_owned());
        }
        let mut answers = Answers::default();
        let history = processes.end();
        for (inject, count) in history::injected(&history) {
            *stats.injected.entry(inject).or_default() += count;
        }
        for exchanges in history::requests(&history) {
            let Request::Send(command) = exchanges.request else { continue };
            match exchanges.outcome {
                Some(outcome) if outcome.is_recorded() => {
                    answers.acknowledged.push((command, outcome));
                }
                Some(Outcome::Unknown) if is_injected => answers.open.push(command),
                Some(outcome) if is_injected && outcome.is_unavailable() => {
                    answers.failed.push(command);
                }
                Some(outcome) => return Err(format!("{command:?} has met {outcome:?}")),
                None => answers.open.push(command),
            }
        }
        if answers.acknowledged.len() < options.min_acknowledged || answers.open.is_empty() {
            stats.early += 1;
        } else {
            stats.kills += 1;
        }
        stats.acknowledged += answers.acknowledged.len() as u64;
        stats.resent += answers.open.len() as u64;
        stats.failed += answers.failed.len() as u64;
        let rejected = |(_, outcome): &&(_, _)| matches!(outcome, Outcome::Rejected { .. });
        stats.rejected += answers.acknowledged.iter().filter(rejected).count() as u64;
        // A server may still run a commit of the killed process; some kills do not wait for its
        // end.
        let reopens_at_once = !B::FAULTS.is_empty() && rng.happens(REOPEN_AT_ONCE_PER_MILLE);
        stats.reopened_at_once += u64::from(reopens_at_once);
        if !reopens_at_once {
            self.backend.wait_until_idle();
        }
        let checked = self.check(conditions, answers, reopens_at_once);
        stats.had_been_stored += processes::runtime().block_on(checked)?;
        Ok(())
    }

    /// Opens the bank again and checks everything. Returns how many unanswered commands were
    /// stored.
    async fn check(
        &mut self,
        conditions: Conditions,
        answers: Answers,
        reopens_at_once: bool,
    ) -> Result<u64, String> {
        let Answers { acknowledged, open, failed } = answers;
        let store = self.backend.open().await;
        for (command, outcome) in &acknowledged {
            check_command_row(&store, command, outcome).await?;
        }
        for command in &failed {
            if store.command(command.id).await.map_err(text)?.is_some() {
                return Err(format!("{command:?} was answered as not stored, and is in the log"));
            }
        }
        let mut had_been_stored = 0;
        if !reopens_at_once {
            for command in &open {
                let found = store.command(command.id).await.map_err(text)?;
                had_been_stored += u64::from(found.is_some());
            }
            history_invariants::check_soundness(&store).await?;
            let applied =
                acknowledged.iter().chain(self.answers.values()).map(|(_, outcome)| outcome);
            history_invariants::check_logs(&store, applied.collect::<Vec<_>>()).await?;
        }

        // Commands without an answer get one now, which later replays must repeat.
        let domain = conditions.domain(&self.backend, 0).await;
        let open = [open, failed].concat();
        let resent = send_all(&domain, &open, reopens_at_once).await;
        let new = acknowledged.into_iter().chain(open.into_iter().zip(resent));
        let new: Vec<(CommandBundle, Outcome)> = new.collect();
        let commands: Vec<CommandBundle> = new.iter().map(|(command, _)| command.clone()).collect();
        let again = send_all(&domain, &commands, reopens_at_once).await;
        for ((command, first), again) in new.into_iter().zip(again) {
            if !first.is_recorded() || first != again {
                return Err(format!("two answers to {command:?}:\n{first:?}\n{again:?}"));
            }
            self.answers.insert(command.id, (command, first));
        }

        history_invariants::check_logs(&store, self.answers.values().map(|(_, outcome)| outcome))
            .await?;
        history_invariants::check_no_other_commands(
            &store,
            &self.answers.keys().copied().collect::<BTreeSet<_>>(),
        )
        .await?;
        self.check_balances(&domain).await?;
        domain.shutdown().await;
        Ok(had_been_stored)
    }

    /// Checks that acknowledged deposits minus withdrawals equal the stored balances.
    async fn check_balances(&self, domain: &DomainRuntime) -> CheckResult {
        let mut expected = Decimal::ZERO;
        for (command, outcome) in self.answers.values() {
            if !matches!(outcome, Outcome::Applied(_)) {
                continue;
            }
            let payload = command.payload.to_value();
            let amount = |name: &str| payload[name].as_str().unwrap().parse::<Decimal>().unwrap();
            match command.command.as_str() {
                "open-account" => expected += amount("initial_deposit"),
                "deposit-money" => expected += amount("amount"),
                "withdraw-money" => expected -= amount("amount"),
                _ => {}
            }
        }
        let accounts = domain.statemgr().find_all::<Account>(Filter::default()).await;
        let found: Decimal = accounts.map_err(text)?.iter().map(|account| account.balance).sum();
        if expected != found {
            return Err(format!("the answers add up to {expected}, the balances to {found}"));
        }
        Ok(())
    }
}

/// Checks that the row of an answered command is stored, with the same outcome.
async fn check_command_row(
    store: &impl Store,
    command: &CommandBundle,
    outcome: &Outcome,
) -> CheckResult {
    let row = store.command(command.id).await.map_err(text)?;
    let Some((row, _)) = row else {
        return Err(format!("{command:?} was answered with {outcome:?}, and is not in the log"));
    };
    let is_same = match outcome {
        Outcome::Applied(_) => row.record.status == CommandStatus::Applied,
        Outcome::Rejected { code, .. } => {
            row.record.status == CommandStatus::Rejected && row.record.code.as_deref() == Some(code)
        }
        _ => false,
    };
    if is_same { Ok(()) } else { Err(format!("{command:?}: {outcome:?}, and in the log {row:?}")) }
}

/// Sends commands concurrently, a second time if the server may still be at work.
async fn send_all(
    domain: &DomainRuntime,
    commands: &[CommandBundle],
    reopens_at_once: bool,
) -> Vec<Outcome> {
    let session = domain.session(DomainContext::create(SENDER));
    let sent = commands.iter().map(async |command| {
        let outcome = Outcome::of(session.process_command(command.clone()).await);
        if !reopens_at_once || outcome.is_recorded() {
            return outcome;
        }
        Outcome::of(session.process_command(command.clone()).await)
    });
    join_all(sent).await
}
