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

use crate::altered::Mutant;
use crate::history::{self, Outcome, Request, Strike};
use crate::hosts::{self, Hosts, Kind};
use crate::oracle::{self, Checked, text};
use crate::places::Place;
use crate::requests::Mix;
use crate::work::{Conditions, SENDER};

/// How many kills one bank lives through.
const KILLS_OF_A_BANK: u64 = 5;

/// How many kills of a thousand do not wait until there is something to lose.
const EARLY_PER_MILLE: u64 = 150;

/// After how many kills of a thousand commands are sent again while the server may still be at work for who is gone.
const AT_ONCE_PER_MILLE: u64 = 300;

#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub seed: u64,
    pub kills: u64,
    pub clients: u64,
    /// A kill counts only with so many answers before it, and with a command in work.
    pub acknowledged_min: usize,
    pub mutant: Option<Mutant>,
}

/// What has come up.
#[derive(Debug, Default)]
pub struct Tally {
    pub kills: u64,
    /// Kills before that, after which the bank was checked all the same.
    pub early: u64,
    pub struck: BTreeMap<Strike, u64>,
    pub acknowledged: u64,
    /// Commands whose answer was never heard, and which were sent again.
    pub settled: u64,
    /// Of these, those that were stored before the kill, where that was looked for.
    pub had_been_stored: u64,
    /// Commands that were told not to be stored, since the server was struck.
    pub failed: u64,
    /// Kills after which the bank was opened again at once.
    pub at_once: u64,
    /// Answers that were refusals.
    pub refused: u64,
}

/// Kills as often as it is told.
pub fn run<P: Place>(options: &Options) -> Result<Tally, String> {
    let mut rng = SeededRng::new(options.seed);
    let mut tally = Tally::default();
    while tally.kills < options.kills {
        let mut bank = Bank { place: P::fresh(), answers: BTreeMap::new() };
        for _ in 0..KILLS_OF_A_BANK.min(options.kills - tally.kills) {
            let number = tally.kills + 1;
            bank.kill(options, &mut rng, &mut tally)
                .map_err(|fault| format!("kill {number}: {fault}"))?;
        }
    }
    Ok(tally)
}

/// What came of the commands of a process that was killed.
#[derive(Debug, Default)]
struct Heard {
    acknowledged: Vec<(CommandBundle, Outcome)>,
    /// Nobody knows what became of them.
    open: Vec<CommandBundle>,
    /// Told not to be stored.
    failed: Vec<CommandBundle>,
}

/// A bank, and what was ever sent to it.
struct Bank<P> {
    place: P,
    answers: BTreeMap<Uuid, (CommandBundle, Outcome)>,
}

impl<P: Place> Bank<P> {
    fn kill(&mut self, options: &Options, rng: &mut SeededRng, tally: &mut Tally) -> Checked {
        let conditions = Conditions { mutant: options.mutant, ..Conditions::default() };
        let mut hosts =
            Hosts::new(Kind::Processes, self.place.clone(), Mix::Everything, conditions);
        let host = hosts.start(options.clients, u64::MAX, rng);
        // Some are killed while they open the bank, or soon after.
        let is_early = rng.happens(EARLY_PER_MILLE);
        let is_busy = is_early
            || hosts.collected.wait_for_answers(options.acknowledged_min, Duration::from_secs(60));
        let mut is_struck = hosts.strike(rng);
        std::thread::sleep(Duration::from_micros(rng.below(50_000)));
        hosts.kill(host);
        is_struck |= hosts.strike(rng);
        if !is_busy {
            return Err("the other process hangs".to_owned());
        }
        let mut heard = Heard::default();
        let history = hosts.end();
        for (strike, count) in history::struck(&history) {
            *tally.struck.entry(strike).or_default() += count;
        }
        for asked in history::requests(&history) {
            let Request::Send(command) = asked.request else { continue };
            match asked.outcome {
                Some(outcome) if outcome.is_kept() => {
                    heard.acknowledged.push((command, outcome));
                }
                Some(Outcome::Unknown) if is_struck => heard.open.push(command),
                Some(outcome) if is_struck && outcome.is_unavailable() => {
                    heard.failed.push(command);
                }
                Some(outcome) => return Err(format!("{command:?} has met {outcome:?}")),
                None => heard.open.push(command),
            }
        }
        if heard.acknowledged.len() < options.acknowledged_min || heard.open.is_empty() {
            tally.early += 1;
        } else {
            tally.kills += 1;
        }
        tally.acknowledged += heard.acknowledged.len() as u64;
        tally.settled += heard.open.len() as u64;
        tally.failed += heard.failed.len() as u64;
        let refused = |(_, outcome): &&(_, _)| matches!(outcome, Outcome::Refused { .. });
        tally.refused += heard.acknowledged.iter().filter(refused).count() as u64;
        // A server may still be at work for the process that is gone: some do not wait for that.
        let is_at_once = !P::STRIKES.is_empty() && rng.happens(AT_ONCE_PER_MILLE);
        tally.at_once += u64::from(is_at_once);
        if !is_at_once {
            self.place.wait_until_quiet();
        }
        let checked = self.check(conditions, heard, is_at_once);
        tally.had_been_stored += hosts::runtime().block_on(checked)?;
        Ok(())
    }

    /// Opens the bank again and checks everything; says how many of the open commands it had.
    async fn check(
        &mut self,
        conditions: Conditions,
        heard: Heard,
        is_at_once: bool,
    ) -> Result<u64, String> {
        let Heard { acknowledged, open, failed } = heard;
        let store = self.place.open().await;
        for (command, outcome) in &acknowledged {
            is_in_the_log(&store, command, outcome).await?;
        }
        for command in &failed {
            if store.command(command.id).await.map_err(text)?.is_some() {
                return Err(format!("{command:?} was told not to be stored, and is in the log"));
            }
        }
        let mut had_been_stored = 0;
        if !is_at_once {
            for command in &open {
                let found = store.command(command.id).await.map_err(text)?;
                had_been_stored += u64::from(found.is_some());
            }
            oracle::is_sound(&store).await?;
            let told = acknowledged.iter().chain(self.answers.values()).map(|(_, outcome)| outcome);
            oracle::logs(&store, told.collect::<Vec<_>>()).await?;
        }

        // What has no answer gets one, and from then on everything has that which it has.
        let domain = conditions.domain(&self.place, 0).await;
        let open = [open, failed].concat();
        let settled = send_all(&domain, &open, is_at_once).await;
        let new = acknowledged.into_iter().chain(open.into_iter().zip(settled));
        let new: Vec<(CommandBundle, Outcome)> = new.collect();
        let commands: Vec<CommandBundle> = new.iter().map(|(command, _)| command.clone()).collect();
        let again = send_all(&domain, &commands, is_at_once).await;
        for ((command, first), again) in new.into_iter().zip(again) {
            if !first.is_kept() || first != again {
                return Err(format!("two answers to {command:?}:\n{first:?}\n{again:?}"));
            }
            self.answers.insert(command.id, (command, first));
        }

        oracle::logs(&store, self.answers.values().map(|(_, outcome)| outcome)).await?;
        oracle::nothing_else(&store, &self.answers.keys().copied().collect::<BTreeSet<_>>())
            .await?;
        self.money_is_what_the_answers_tell(&domain).await?;
        domain.shutdown().await;
        Ok(had_been_stored)
    }

    /// What came in less what went out, by the answers alone, is what is on the accounts.
    async fn money_is_what_the_answers_tell(&self, domain: &DomainRuntime) -> Checked {
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
async fn is_in_the_log(store: &impl Store, command: &CommandBundle, outcome: &Outcome) -> Checked {
    let row = store.command(command.id).await.map_err(text)?;
    let Some((row, _)) = row else {
        return Err(format!("{command:?} was answered with {outcome:?}, and is not in the log"));
    };
    let is_same = match outcome {
        Outcome::Applied(_) => row.status == CommandStatus::Applied,
        Outcome::Refused { code, .. } => {
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
    is_at_once: bool,
) -> Vec<Outcome> {
    let session = domain.session(DomainContext::create(SENDER));
    let sent = commands.iter().map(async |command| {
        let outcome = Outcome::of(session.process_command(command.clone()).await);
        if !is_at_once || outcome.is_kept() {
            return outcome;
        }
        Outcome::of(session.process_command(command.clone()).await)
    });
    join_all(sent).await
}
