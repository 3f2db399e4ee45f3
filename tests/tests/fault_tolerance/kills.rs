//! T2: a process is killed in the middle of its work, again and again, and the bank is opened and
//! checked after each time.

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

/// How many kills one bank lives through.
const KILLS_PER_BANK: u64 = 5;

/// How many kills of a thousand do not wait until there is something to lose.
const EARLY_PER_MILLE: u64 = 150;

/// After how many kills of a thousand commands are sent again while the server may still be at work for who is gone.
const REOPEN_AT_ONCE_PER_MILLE: u64 = 300;

#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub seed: u64,
    pub kills: u64,
    pub clients: u64,
    /// A kill counts only with so many answers before it, and with a command in work.
    pub min_acknowledged: usize,
    pub mutant: Option<StoreMutant>,
}

/// What has come up.
#[derive(Debug, Default)]
pub struct Stats {
    pub kills: u64,
    /// Kills before that, after which the bank was checked all the same.
    pub early: u64,
    pub injected: BTreeMap<InjectedFault, u64>,
    pub acknowledged: u64,
    /// Commands whose answer was never heard, and which were sent again.
    pub resent: u64,
    /// Of these, those that were stored before the kill, where that was looked for.
    pub had_been_stored: u64,
    /// Commands that were told not to be stored, since the server was struck.
    pub failed: u64,
    /// Kills after which the bank was opened again at once.
    pub reopened_at_once: u64,
    /// Answers that were refusals.
    pub rejected: u64,
}

/// Kills as often as it is told.
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

/// What came of the commands of a process that was killed.
#[derive(Debug, Default)]
struct Answers {
    acknowledged: Vec<(CommandBundle, Outcome)>,
    /// Nobody knows what became of them.
    open: Vec<CommandBundle>,
    /// Told not to be stored.
    failed: Vec<CommandBundle>,
}

/// A bank, and what was ever sent to it.
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
            return Err("the other process hangs".to_owned());
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
        // A server may still be at work for the process that is gone: some do not wait for that.
        let reopens_at_once = !B::FAULTS.is_empty() && rng.happens(REOPEN_AT_ONCE_PER_MILLE);
        stats.reopened_at_once += u64::from(reopens_at_once);
        if !reopens_at_once {
            self.backend.wait_until_idle();
        }
        let checked = self.check(conditions, answers, reopens_at_once);
        stats.had_been_stored += processes::runtime().block_on(checked)?;
        Ok(())
    }

    /// Opens the bank again and checks everything; says how many of the open commands it had.
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
                return Err(format!("{command:?} was told not to be stored, and is in the log"));
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

        // What has no answer gets one, and from then on everything has that which it has.
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

    /// What came in less what went out, by the answers alone, is what is on the accounts.
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
            return Err(format!("by the answers there are {expected}, on the accounts {found}"));
        }
        Ok(())
    }
}

/// The row of an answered command is there, and says the same.
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
        Outcome::Applied(_) => row.status == CommandStatus::Applied,
        Outcome::Rejected { code, .. } => {
            row.status == CommandStatus::Rejected && row.code.as_deref() == Some(code)
        }
        _ => false,
    };
    if is_same { Ok(()) } else { Err(format!("{command:?}: {outcome:?}, and in the log {row:?}")) }
}

/// Sends commands, all at the same time; again where something may still happen to the server.
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
