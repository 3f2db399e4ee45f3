//! Callers that go away, that ask twice, that do not wait, and a runtime that is shut down.

use std::task::Poll;

use fluvius_core::__private::test_seams::Mutant;
use fluvius_core::{CommandBundle, DomainRuntime, LogQuery, MemoryStore, Session, Store};
use fluvius_testing::Faults;
use futures_util::poll;
use tower::{Service, ServiceExt};

use crate::bank::sent;
use crate::schedules::{Tally, below, happens, pause};
use crate::world::{Books, Wanted, World, deposit, transfer, withdraw};

/// Polls a command so many times, then drops it.
async fn send_and_drop(
    session: Session,
    command: CommandBundle,
    polls: u16,
    books: Books,
) -> Result<(), String> {
    let commands = vec![command];
    let mut sending = Box::pin(sent::send(&session, commands.clone()));
    for _ in 0..polls {
        if let Poll::Ready(answer) = poll!(&mut sending) {
            return books.answered(commands.clone(), answer).await;
        }
        pause().await;
    }
    drop(sending);
    books.given_up(commands);
    Ok(())
}

/// Callers go away at any moment, also while they wait for a place.
pub async fn dropped(mutant: Option<Mutant>) -> Result<Tally, String> {
    let faults = Faults { failed_units: 100, ..Faults::default() };
    let wanted = Wanted { balances: &[100, 100], places: 2, faults, ..Wanted::default() };
    let mut world = World::new(wanted, mutant).await?;
    for (from, to) in [(1, 2), (2, 1), (1, 2)] {
        let order = world.order(from, transfer(60, to));
        let dropped = send_and_drop(world.session(0), order, below(6), world.books());
        world.task(dropped);
    }
    let orders = [vec![world.order(1, withdraw(50))], vec![world.order(2, transfer(10, 1))]];
    world.client(world.session(0), orders);
    world.end().await
}

/// The same command twice at once, and another one under the same identifier.
pub async fn twice_at_once(mutant: Option<Mutant>) -> Result<Tally, String> {
    let faults = Faults { failed_units: 100, ..Faults::default() };
    let wanted = Wanted { balances: &[100, 0], faults, ..Wanted::default() };
    let mut world = World::new(wanted, mutant).await?;
    let order = world.order(1, transfer(60, 2));
    for _ in 0..2 {
        world.client(world.session(0), [vec![order.clone()]]);
    }
    let other = world.order(2, deposit(7)).with_id(order.id);
    let session = world.session(0);
    let outcome = world.books();
    world.task(async move {
        // It is the duplicate, or the transfer is.
        let answer = sent::send(&session, vec![other.clone()]).await;
        if answer.is_ok() {
            outcome.answered(vec![other], answer).await?;
        }
        Ok(())
    });
    world.end().await
}

/// More callers than places: some do not wait for one, and one keeps a place that it may not use.
pub async fn overload(mutant: Option<Mutant>) -> Result<Tally, String> {
    let wanted = Wanted { places: 1, ..Wanted::default() };
    let mut world = World::new(wanted, mutant).await?;
    for (from, to) in [(1, 2), (2, 1)] {
        let orders = [30, 80].map(|amount| vec![world.order(from, transfer(amount, to))]);
        world.client(world.session(0).without_waiting(), orders);
    }
    for number in [1, 2] {
        let order = world.order(number, withdraw(20));
        world.client(world.session(0), [vec![order]]);
    }
    let (mut processor, books) = (world.session(0).command_processor(), world.books());
    let order = world.order(1, deposit(1));
    let is_used = happens(500);
    world.task(async move {
        let place = processor.ready().await.map_err(|error| error.to_string())?;
        pause().await;
        if is_used {
            let answer = place.call(order.clone()).await;
            books.answered(vec![order], answer.map(|response| vec![response])).await?;
        }
        Ok(())
    });
    world.end().await
}

/// One caller and one place: with the answer to a command the place for the next one is free.
pub async fn one_by_one(mutant: Option<Mutant>) -> Result<Tally, String> {
    let wanted = Wanted { balances: &[100], places: 1, ..Wanted::default() };
    let mut world = World::new(wanted, mutant).await?;
    let orders = [10, 100, 10].map(|amount| vec![world.order(1, withdraw(amount))]);
    world.client(world.session(0).without_waiting(), orders);
    // Somebody else at work, so that there is something to choose from.
    world.task(async {
        for _ in 0..10 {
            pause().await;
        }
        Ok(())
    });
    let tally = world.end().await?;
    match tally.get("overloaded") {
        Some(_) => Err("an answer came before its place was free".to_owned()),
        None => Ok(tally),
    }
}

/// The runtime is shut down while its last command ends: a schedule so short that none is missed.
pub async fn last_command(mutant: Option<Mutant>) -> Result<Tally, String> {
    let mut world = World::new(Wanted { balances: &[100], ..Wanted::default() }, mutant).await?;
    let order = world.order(1, withdraw(50));
    world.client(world.session(0), [vec![order]]);
    let ends = shut_down(world.domains[0].clone(), world.content.clone());
    world.task(ends);
    world.end().await
}

/// The runtime is shut down, by two at once, while commands are in work and others come in.
pub async fn shutdown(mutant: Option<Mutant>) -> Result<Tally, String> {
    let faults = Faults { failed_units: 100, lost_before: 50, ..Faults::default() };
    let wanted = Wanted { places: 2, faults, ..Wanted::default() };
    let mut world = World::new(wanted, mutant).await?;
    for (from, to) in [(1, 2), (2, 1), (1, 2)] {
        let orders = [30, 80].map(|amount| vec![world.order(from, transfer(amount, to))]);
        world.client(world.session(0), orders);
    }
    for _ in 0..2 {
        let ends = shut_down(world.domains[0].clone(), world.content.clone());
        world.task(ends);
    }
    world.end().await
}

/// Shuts a runtime down; from its end on nothing is stored any more.
async fn shut_down(domain: DomainRuntime, content: MemoryStore) -> Result<(), String> {
    domain.shutdown().await;
    let rows = log_len(&content).await?;
    for _ in 0..10 {
        pause().await;
    }
    match log_len(&content).await? {
        later if later == rows => Ok(()),
        later => Err(format!("after the end of shutdown the log grew from {rows} to {later}")),
    }
}

async fn log_len(content: &MemoryStore) -> Result<usize, String> {
    let query = LogQuery::all();
    let commands = content.commands(&query).await.map_err(|error| error.to_string())?.rows;
    Ok(commands.len())
}
