//! One round: opens the accounts, runs the clients, and reads the balances back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rust_decimal::Decimal;
use tokio::task::JoinSet;

use crate::bank::{Bank, BankCommand, BankError, Batches, OPENING, account_id};
use crate::cpu_time::cpu_time;
use crate::rng::{Rng, next_command};

/// The number of retries of one command after which the case counts as failed.
const MAX_CONFLICTS: u32 = 100_000;

/// The approximate number of accounts that are read back after a round.
const READ_BACK_COUNT: usize = 50;

/// The parameters of a round.
#[derive(Clone, Copy)]
pub(crate) struct Setting {
    pub(crate) accounts: usize,
    pub(crate) clients: usize,
    pub(crate) commands: u64,
    pub(crate) time_max: Duration,
    pub(crate) seed: u64,
}

/// The results of a round.
#[derive(Default)]
pub(crate) struct Round {
    pub(crate) latencies_ns: Vec<u64>,
    pub(crate) time: Duration,
    /// The time on all processors together, or `None` if the operating system does not report it.
    pub(crate) cpu_time: Option<Duration>,
    pub(crate) conflicts: u64,
    pub(crate) rejected: u64,
    /// The accounts opened per second, by 64 clients.
    pub(crate) opened_per_s: f64,
    /// `Some(true)` if the balances match the acknowledged commands, or `None` if they were not
    /// read.
    pub(crate) verified: Option<bool>,
    /// The batches committed in the round, if the bank counts them.
    pub(crate) batches: Option<Batches>,
}

/// The results of one client.
struct Sent {
    latencies_ns: Vec<u64>,
    changes: Vec<(usize, Decimal)>,
    rejected: u64,
}

/// Runs a round on a fresh bank.
///
/// # Errors
/// The error of a command, other than a rejection or a conflict.
pub(crate) async fn run<B: Bank>(bank: Arc<B>, setting: Setting) -> Result<Round, String> {
    let conflicts = Arc::new(AtomicU64::new(0));
    let opened_per_s = open(&bank, setting.accounts, &conflicts).await?;
    conflicts.store(0, Ordering::Relaxed);

    let opened = bank.batches();
    let left = Arc::new(AtomicU64::new(setting.commands));
    let (start, cpu_start) = (Instant::now(), cpu_time());
    let mut clients = JoinSet::new();
    for client in 0..setting.clients {
        let (bank, left, conflicts) =
            (Arc::clone(&bank), Arc::clone(&left), Arc::clone(&conflicts));
        clients.spawn(send(bank, setting, client, left, conflicts, start));
    }
    let mut round = Round { opened_per_s, ..Round::default() };
    let mut balances = vec![Decimal::from(OPENING); setting.accounts];
    while let Some(sent) = clients.join_next().await {
        let sent = sent.map_err(|error| error.to_string())??;
        round.latencies_ns.extend(sent.latencies_ns);
        round.rejected += sent.rejected;
        for (account, change) in sent.changes {
            balances[account] += change;
        }
    }
    round.time = start.elapsed();
    let cpu_times = cpu_start.zip(cpu_time());
    round.cpu_time = cpu_times.map(|(start, end)| end.saturating_sub(start));
    round.conflicts = conflicts.load(Ordering::Relaxed);
    round.batches = bank.batches().zip(opened).map(|(all, opened)| all.since(opened));
    round.verified = verify(&*bank, &balances).await;
    Ok(round)
}

async fn open<B: Bank>(
    bank: &Arc<B>,
    accounts: usize,
    conflicts: &Arc<AtomicU64>,
) -> Result<f64, String> {
    let start = Instant::now();
    let next = Arc::new(AtomicU64::new(0));
    let mut clients = JoinSet::new();
    for _ in 0..accounts.min(64) {
        let (bank, next, conflicts) = (Arc::clone(bank), Arc::clone(&next), Arc::clone(conflicts));
        clients.spawn(async move {
            loop {
                let index = usize::try_from(next.fetch_add(1, Ordering::Relaxed));
                let Some(index) = index.ok().filter(|index| *index < accounts) else {
                    return Ok::<(), String>(());
                };
                let command = BankCommand::Open(Decimal::from(OPENING));
                send_one(&*bank, account_id(index), command, &conflicts).await?;
            }
        });
    }
    while let Some(opened) = clients.join_next().await {
        opened.map_err(|error| error.to_string())??;
    }
    Ok(accounts as f64 / start.elapsed().as_secs_f64())
}

/// Runs one client. It sends the next command only after the answer to the previous one.
async fn send<B: Bank>(
    bank: Arc<B>,
    setting: Setting,
    client: usize,
    left: Arc<AtomicU64>,
    conflicts: Arc<AtomicU64>,
    start: Instant,
) -> Result<Sent, String> {
    let mut rng = Rng::new(setting.seed * 1000 + client as u64 + 1);
    let share = usize::try_from(setting.commands).unwrap_or(0) / setting.clients;
    let mut sent = Sent {
        latencies_ns: Vec::with_capacity(share * 2 + 16),
        changes: Vec::with_capacity(share * 2 + 16),
        rejected: 0,
    };
    let take = |left: u64| left.checked_sub(1);
    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
        let account = match setting.accounts {
            1 => 0,
            accounts => rng.below(u32::try_from(accounts).unwrap_or(u32::MAX)) as usize,
        };
        let command = next_command(&mut rng);
        let begun = Instant::now();
        let applied = send_one(&*bank, account_id(account), command, &conflicts).await?;
        let latency = begun.elapsed();
        sent.latencies_ns.push(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
        match command {
            _ if !applied => sent.rejected += 1,
            BankCommand::Open(amount) | BankCommand::Deposit(amount) => {
                sent.changes.push((account, amount));
            }
            BankCommand::Withdraw(amount) => sent.changes.push((account, -amount)),
        }
        if start.elapsed() > setting.time_max {
            break;
        }
    }
    Ok(sent)
}

/// Sends a command until it is applied or rejected. Returns true if it was applied.
async fn send_one<B: Bank>(
    bank: &B,
    id: uuid::Uuid,
    command: BankCommand,
    conflicts: &AtomicU64,
) -> Result<bool, String> {
    let mut tries = 0;
    loop {
        match bank.run(id, command).await {
            Ok(()) => return Ok(true),
            Err(BankError::Rejected) => return Ok(false),
            Err(BankError::Conflict) => {
                conflicts.fetch_add(1, Ordering::Relaxed);
                tries += 1;
                if tries > MAX_CONFLICTS {
                    return Err(format!("gave up after {MAX_CONFLICTS} conflicts"));
                }
                tokio::task::yield_now().await;
            }
            Err(BankError::Other(error)) => return Err(error),
        }
    }
}

async fn verify<B: Bank>(bank: &B, balances: &[Decimal]) -> Option<bool> {
    let step = (balances.len() / READ_BACK_COUNT).max(1);
    let mut all_right = true;
    for (account, expected) in balances.iter().enumerate().step_by(step) {
        all_right &= bank.balance(account_id(account)).await? == *expected;
    }
    Some(all_right)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Mutex;

    use super::*;

    /// A bank over a map, with injected faults.
    #[derive(Default)]
    struct Planted {
        balances: Mutex<HashMap<uuid::Uuid, Decimal>>,
        runs: AtomicU64,
        /// The interval, in commands, at which one is acknowledged but not applied.
        lost_every: Option<u64>,
        /// The interval, in commands, at which one fails with a conflict.
        conflict_every: Option<u64>,
        fails: bool,
    }

    impl Bank for Planted {
        async fn run(&self, id: uuid::Uuid, command: BankCommand) -> Result<(), BankError> {
            let run = self.runs.fetch_add(1, Ordering::Relaxed) + 1;
            let happens = |every: Option<u64>| every.is_some_and(|every| run.is_multiple_of(every));
            if self.fails && run > 10 {
                return Err(BankError::other("planted"));
            }
            if happens(self.conflict_every) {
                return Err(BankError::Conflict);
            }
            if happens(self.lost_every) {
                return Ok(());
            }
            let mut balances = self.balances.lock().unwrap();
            let balance = balances.entry(id).or_default();
            match command {
                BankCommand::Open(amount) | BankCommand::Deposit(amount) => *balance += amount,
                BankCommand::Withdraw(amount) if *balance >= amount => *balance -= amount,
                BankCommand::Withdraw(_) => return Err(BankError::Rejected),
            }
            Ok(())
        }

        async fn balance(&self, id: uuid::Uuid) -> Option<Decimal> {
            self.balances.lock().unwrap().get(&id).copied()
        }

        /// Returns counts as if each batch had two units.
        fn batches(&self) -> Option<Batches> {
            let units = self.runs.load(Ordering::Relaxed);
            Some(Batches { batches: units / 2, units })
        }
    }

    fn check(bank: Planted, accounts: usize, clients: usize) -> Result<Round, String> {
        let time_max = Duration::from_secs(60);
        let setting = Setting { accounts, clients, commands: 1_000, time_max, seed: 1 };
        crate::place::runtime().block_on(run(Arc::new(bank), setting))
    }

    #[test]
    fn a_round_runs_all_its_commands_and_is_verified() {
        for (accounts, clients) in [(1, 1), (1, 64), (1000, 1), (1000, 64)] {
            let round = check(Planted::default(), accounts, clients).unwrap();
            assert_eq!((round.latencies_ns.len(), round.verified), (1_000, Some(true)));
            assert_eq!((round.conflicts, round.rejected), (0, 0));
            // The openings are not counted.
            assert_eq!(round.batches.map(|batches| batches.units), Some(1_000));
            assert_eq!(round.batches.and_then(Batches::mean), Some(2.0));
        }
    }

    #[test]
    fn an_acknowledged_command_that_is_lost_is_seen() {
        let bank = Planted { lost_every: Some(500), ..Planted::default() };
        assert_eq!(check(bank, 1, 64).unwrap().verified, Some(false));
    }

    #[test]
    fn a_conflict_is_tried_again_and_counted() {
        let bank = Planted { conflict_every: Some(100), ..Planted::default() };
        let round = check(bank, 1, 1).unwrap();
        assert_eq!((round.latencies_ns.len(), round.verified), (1_000, Some(true)));
        assert_eq!(round.conflicts, 10);
    }

    #[test]
    fn a_failure_ends_the_round() {
        let bank = Planted { fails: true, ..Planted::default() };
        assert_eq!(check(bank, 1, 1).err().as_deref(), Some("planted"));
    }
}
