//! Scenarios of transfers: against each other, in rings, in groups and from a stream, over a
//! failing store.

use std::time::Duration;

use banking_domain::CloseAccount;
use fluvius_core::__private::test_seams::Mutant;
use fluvius_testing::Faults;

use crate::scheduled_bank::{BankOptions, ScheduledBank, deposit, transfer, withdraw};
use crate::schedules::{Stats, set_time_up};

/// Two clients transfer to each other's account, and two others transfer to both. Each transfer may
/// conflict until its command locks both accounts.
pub async fn opposite(mutant: Option<Mutant>) -> Result<Stats, String> {
    let options = BankOptions { balances: &[100, 100, 20, 20], ..BankOptions::default() };
    let mut bank = ScheduledBank::new(options, mutant).await?;
    for (from, to) in [(1, 2), (2, 1)] {
        let commands = [60, 60].map(|amount| vec![bank.command(from, transfer(amount, to))]);
        bank.client(bank.session(0), commands);
    }
    for (from, to) in [(3, 1), (4, 2)] {
        let commands = (0..5).map(|_| bank.command(from, transfer(1, to))).collect();
        bank.stream(bank.session(0), commands);
    }
    bank.end().await
}

/// Three clients, each of which transfers to the next account.
pub async fn ring(mutant: Option<Mutant>) -> Result<Stats, String> {
    let options = BankOptions { balances: &[50, 50, 50], ..BankOptions::default() };
    let mut bank = ScheduledBank::new(options, mutant).await?;
    for (from, to) in [(1, 2), (2, 3), (3, 1)] {
        let commands = [40, 40, 20].map(|amount| vec![bank.command(from, transfer(amount, to))]);
        bank.client(bank.session(0), commands);
    }
    bank.end().await
}

/// Runs clients whose commands are decided on results that may abort.
async fn on_top_of_each_other(mut bank: ScheduledBank, runtimes: usize) -> Result<Stats, String> {
    let commands = [
        [bank.command(1, withdraw(100)), bank.command(1, deposit(10))],
        [bank.command(1, withdraw(50)), bank.command(2, withdraw(10))],
        [bank.command(1, transfer(60, 2)), bank.command(2, transfer(70, 1))],
        [bank.command(2, deposit(5)), bank.command(2, transfer(3, 1))],
    ];
    for (client, commands) in commands.into_iter().enumerate() {
        let session = bank.session(client % runtimes);
        bank.client(session, commands.map(|command| vec![command]));
    }
    bank.end().await
}

/// Single units of work fail, with dependents.
pub async fn failing_units(mutant: Option<Mutant>) -> Result<Stats, String> {
    // The length of the delay does not matter: other tasks run during a call.
    let max_delay = Duration::from_micros(50);
    let faults = Faults { failed_units: 300, max_delay, ..Faults::default() };
    let options = BankOptions { balances: &[100, 0], faults, ..BankOptions::default() };
    let mut bank = ScheduledBank::new(options, mutant).await?;
    // Many on one aggregate, so that dependents have dependents.
    for _ in 0..4 {
        let commands = [bank.command(1, withdraw(20)), bank.command(1, deposit(10))];
        bank.client(bank.session(0), commands.map(|command| vec![command]));
    }
    on_top_of_each_other(bank, 1).await
}

/// The store is lost during commits and reads; some waits time out.
pub async fn lost_store(mutant: Option<Mutant>) -> Result<Stats, String> {
    let faults = Faults {
        failed_units: 100,
        lost_before: 200,
        lost_after: 200,
        failed_reads: 200,
        ..Faults::default()
    };
    let options = BankOptions { balances: &[100, 0], faults, ..BankOptions::default() };
    let bank = ScheduledBank::new(options, mutant).await?;
    set_time_up(200);
    on_top_of_each_other(bank, 1).await
}

/// Two runtimes over one store: each changes what the other has read.
pub async fn two_runtimes(mutant: Option<Mutant>) -> Result<Stats, String> {
    let options = BankOptions { balances: &[100, 0], runtimes: 2, ..BankOptions::default() };
    on_top_of_each_other(ScheduledBank::new(options, mutant).await?, 2).await
}

/// Groups against single commands on the same accounts.
pub async fn groups(mutant: Option<Mutant>) -> Result<Stats, String> {
    let faults = Faults { failed_units: 100, ..Faults::default() };
    let options = BankOptions { balances: &[50, 50, 0], faults, ..BankOptions::default() };
    let mut bank = ScheduledBank::new(options, mutant).await?;
    let groups = [
        vec![
            bank.command(1, withdraw(40)),
            bank.command(2, withdraw(40)),
            bank.command(3, deposit(80)),
        ],
        vec![bank.command(3, withdraw(30)), bank.command(1, deposit(30))],
    ];
    bank.client(bank.session(0), groups);
    let groups = [vec![bank.command(2, transfer(20, 1)), bank.command(1, transfer(60, 3))]];
    bank.client(bank.session(0), groups);
    let singles = [bank.command(1, transfer(30, 2)), bank.command(3, withdraw(20))];
    bank.client(bank.session(0), singles.map(|command| vec![command]));
    bank.end().await
}

/// A stream withdraws what it has deposited, while another runtime changes the account.
pub async fn paid_in_and_taken_out(mutant: Option<Mutant>) -> Result<Stats, String> {
    let options = BankOptions { balances: &[0, 20], runtimes: 2, ..BankOptions::default() };
    let mut bank = ScheduledBank::new(options, mutant).await?;
    let commands: Vec<_> = (1..=3)
        .flat_map(|amount| [bank.command(1, deposit(amount)), bank.command(1, withdraw(amount))])
        .collect();
    bank.stream(bank.session(0), commands);
    for command in [bank.command(1, deposit(50)), bank.command(2, transfer(20, 1))] {
        bank.client(bank.session(1), [vec![command]]);
    }
    let stats = bank.end().await?;
    match stats.get("insufficient-funds") {
        Some(_) => Err(format!("a command was not decided on its predecessor: {stats:?}")),
        None => Ok(stats),
    }
}

/// A stream withdraws from one account what it has transferred there, while another runtime changes
/// both accounts.
pub async fn moved_and_taken_out(mutant: Option<Mutant>) -> Result<Stats, String> {
    let options = BankOptions { balances: &[50, 0], runtimes: 2, ..BankOptions::default() };
    let mut bank = ScheduledBank::new(options, mutant).await?;
    let commands: Vec<_> = (1..=3)
        .flat_map(|amount| {
            [bank.command(1, transfer(amount, 2)), bank.command(2, withdraw(amount))]
        })
        .collect();
    bank.stream(bank.session(0), commands);
    for command in [bank.command(1, deposit(50)), bank.command(1, deposit(20))] {
        bank.client(bank.session(1), [vec![command]]);
    }
    let stats = bank.end().await?;
    match stats.get("insufficient-funds") {
        Some(_) => Err(format!("a command was not decided on its predecessor: {stats:?}")),
        None => Ok(stats),
    }
}

/// A stream of commands against a client that sends single commands, and an account that is closed.
pub async fn stream(mutant: Option<Mutant>) -> Result<Stats, String> {
    let faults = Faults { failed_units: 50, ..Faults::default() };
    let options = BankOptions { balances: &[100, 0], faults, ..BankOptions::default() };
    let mut bank = ScheduledBank::new(options, mutant).await?;
    let streamed = vec![
        bank.command(1, withdraw(60)),
        bank.command(1, withdraw(60)),
        bank.command(1, transfer(30, 2)),
        bank.command(2, deposit(1)),
    ];
    bank.stream(bank.session(0), streamed);
    let singles = [bank.command(1, deposit(20)), bank.command(2, transfer(30, 1))];
    bank.client(bank.session(0), singles.map(|command| vec![command]));
    let close = bank.command(2, CloseAccount {});
    bank.client(bank.session(0), [vec![close]]);
    bank.end().await
}
