//! Scenarios of callers: dropped futures, duplicates, back-pressure, and shutdown.

use std::task::Poll;

use fluvius_core::__private::test_seams::Mutant;
use fluvius_core::{
    CommandBundle, CommandRecord, DomainRuntime, LogQuery, MemoryStore, Session, Store,
};
use fluvius_testing::Faults;
use futures_util::poll;
use tower::{Service, ServiceExt};

use crate::scheduled_bank::{AnswerLog, BankOptions, ScheduledBank, deposit, transfer, withdraw};
use crate::schedules::{Stats, below, happens, pause};
use fluvius_tests::bank;

/// Polls a command `polls` times, then drops it.
async fn send_and_drop(
    session: Session,
    command: CommandBundle,
    polls: u16,
    answers: AnswerLog,
) -> Result<(), String> {
    let commands = vec![command];
    let mut sending = Box::pin(bank::send(&session, commands.clone()));
    for _ in 0..polls {
        if let Poll::Ready(answer) = poll!(&mut sending) {
            return answers.answered(commands.clone(), answer).await;
        }
        pause().await;
    }
    drop(sending);
    answers.given_up(commands);
    Ok(())
}

/// Callers drop their futures at any moment, also while they wait for a permit.
pub async fn dropped(mutant: Option<Mutant>) -> Result<Stats, String> {
    let faults = Faults { failed_units: 100, ..Faults::default() };
    let options =
        BankOptions { balances: &[100, 100], max_in_flight: 2, faults, ..BankOptions::default() };
    let mut bank = ScheduledBank::new(options, mutant).await?;
    for (from, to) in [(1, 2), (2, 1), (1, 2)] {
        let command = bank.command(from, transfer(60, to));
        let dropped = send_and_drop(bank.session(0), command, below(6), bank.answers());
        bank.task(dropped);
    }
    let commands = [vec![bank.command(1, withdraw(50))], vec![bank.command(2, transfer(10, 1))]];
    bank.client(bank.session(0), commands);
    bank.end().await
}

/// The same command twice at once, and another command under the same id.
pub async fn twice_at_once(mutant: Option<Mutant>) -> Result<Stats, String> {
    let faults = Faults { failed_units: 100, ..Faults::default() };
    let options = BankOptions { balances: &[100, 0], faults, ..BankOptions::default() };
    let mut bank = ScheduledBank::new(options, mutant).await?;
    let command = bank.command(1, transfer(60, 2));
    for _ in 0..2 {
        bank.client(bank.session(0), [vec![command.clone()]]);
    }
    let other = bank.command(2, deposit(7)).with_id(command.id);
    let session = bank.session(0);
    let outcome = bank.answers();
    bank.task(async move {
        // Either this command is the duplicate, or the transfer is.
        let answer = bank::send(&session, vec![other.clone()]).await;
        if answer.is_ok() {
            outcome.answered(vec![other], answer).await?;
        }
        Ok(())
    });
    bank.end().await
}

/// More callers than permits: some fail fast, and one holds a permit that it does not use.
pub async fn overload(mutant: Option<Mutant>) -> Result<Stats, String> {
    let options = BankOptions { max_in_flight: 1, ..BankOptions::default() };
    let mut bank = ScheduledBank::new(options, mutant).await?;
    for (from, to) in [(1, 2), (2, 1)] {
        let commands = [30, 80].map(|amount| vec![bank.command(from, transfer(amount, to))]);
        bank.client(bank.session(0).fail_fast(), commands);
    }
    for number in [1, 2] {
        let command = bank.command(number, withdraw(20));
        bank.client(bank.session(0), [vec![command]]);
    }
    let (mut processor, answers) = (bank.session(0).command_processor(), bank.answers());
    let command = bank.command(1, deposit(1));
    let is_used = happens(500);
    bank.task(async move {
        let ready = processor.ready().await.map_err(|error| error.to_string())?;
        pause().await;
        if is_used {
            let answer = ready.call(command.clone()).await;
            answers.answered(vec![command], answer.map(|response| vec![response])).await?;
        }
        Ok(())
    });
    bank.end().await
}

/// One caller and one permit: the answer to a command releases its permit.
pub async fn one_by_one(mutant: Option<Mutant>) -> Result<Stats, String> {
    let options = BankOptions { balances: &[100], max_in_flight: 1, ..BankOptions::default() };
    let mut bank = ScheduledBank::new(options, mutant).await?;
    let commands = [10, 100, 10].map(|amount| vec![bank.command(1, withdraw(amount))]);
    bank.client(bank.session(0).fail_fast(), commands);
    // A second task, so that there are schedules to choose from.
    bank.task(async {
        for _ in 0..10 {
            pause().await;
        }
        Ok(())
    });
    let stats = bank.end().await?;
    match stats.get("overloaded") {
        Some(_) => Err("an answer came before its permit was released".to_owned()),
        None => Ok(stats),
    }
}

/// The runtime is shut down while its last command ends. The scenario is short enough to explore
/// all schedules.
pub async fn last_command(mutant: Option<Mutant>) -> Result<Stats, String> {
    let mut bank =
        ScheduledBank::new(BankOptions { balances: &[100], ..BankOptions::default() }, mutant)
            .await?;
    let command = bank.command(1, withdraw(50));
    bank.client(bank.session(0), [vec![command]]);
    let ends = shut_down(bank.domains[0].clone(), bank.content.clone());
    bank.task(ends);
    bank.end().await
}

/// Two tasks shut the runtime down while commands are in flight and others arrive.
pub async fn shutdown(mutant: Option<Mutant>) -> Result<Stats, String> {
    let faults = Faults { failed_units: 100, lost_before: 50, ..Faults::default() };
    let options = BankOptions { max_in_flight: 2, faults, ..BankOptions::default() };
    let mut bank = ScheduledBank::new(options, mutant).await?;
    for (from, to) in [(1, 2), (2, 1), (1, 2)] {
        let commands = [30, 80].map(|amount| vec![bank.command(from, transfer(amount, to))]);
        bank.client(bank.session(0), commands);
    }
    for _ in 0..2 {
        let ends = shut_down(bank.domains[0].clone(), bank.content.clone());
        bank.task(ends);
    }
    bank.end().await
}

/// Shuts a runtime down, and checks that nothing is stored afterwards.
async fn shut_down(domain: DomainRuntime, content: MemoryStore) -> Result<(), String> {
    domain.shutdown().await;
    let rows = log_len(&content).await?;
    for _ in 0..10 {
        pause().await;
    }
    match log_len(&content).await? {
        later if later == rows => Ok(()),
        later => Err(format!("the log grew after the shutdown, from {rows} to {later}")),
    }
}

async fn log_len(content: &MemoryStore) -> Result<usize, String> {
    let query = LogQuery::all();
    let commands =
        content.read_log::<CommandRecord>(&query).await.map_err(|error| error.to_string())?.rows;
    Ok(commands.len())
}
