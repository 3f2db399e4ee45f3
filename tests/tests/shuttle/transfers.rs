//! Transfers against each other, in rings, in groups and from a stream, over a store that may fail.

use std::time::Duration;

use banking_domain::CloseAccount;
use fluvius_core::__private::test_seams::Mutant;
use fluvius_testing::Faults;

use crate::schedules::{Tally, set_time_up};
use crate::world::{Wanted, World, deposit, transfer, withdraw};

/// Two clients send money to each other's account, to which two others send as well: so each of
/// them may lose until it takes the turns of both.
pub async fn opposite(mutant: Option<Mutant>) -> Result<Tally, String> {
    let wanted = Wanted { balances: &[100, 100, 20, 20], ..Wanted::default() };
    let mut world = World::new(wanted, mutant).await?;
    for (from, to) in [(1, 2), (2, 1)] {
        let orders = [60, 60].map(|amount| vec![world.order(from, transfer(amount, to))]);
        world.client(world.session(0), orders);
    }
    for (from, to) in [(3, 1), (4, 2)] {
        let orders = (0..5).map(|_| world.order(from, transfer(1, to))).collect();
        world.stream(world.session(0), orders);
    }
    world.end().await
}

/// Three clients, each of which sends to the next account.
pub async fn ring(mutant: Option<Mutant>) -> Result<Tally, String> {
    let wanted = Wanted { balances: &[50, 50, 50], ..Wanted::default() };
    let mut world = World::new(wanted, mutant).await?;
    for (from, to) in [(1, 2), (2, 3), (3, 1)] {
        let orders = [40, 40, 20].map(|amount| vec![world.order(from, transfer(amount, to))]);
        world.client(world.session(0), orders);
    }
    world.end().await
}

/// Clients whose commands are decided on results that may fall.
async fn on_top_of_each_other(mut world: World, runtimes: usize) -> Result<Tally, String> {
    let orders = [
        [world.order(1, withdraw(100)), world.order(1, deposit(10))],
        [world.order(1, withdraw(50)), world.order(2, withdraw(10))],
        [world.order(1, transfer(60, 2)), world.order(2, transfer(70, 1))],
        [world.order(2, deposit(5)), world.order(2, transfer(3, 1))],
    ];
    for (client, orders) in orders.into_iter().enumerate() {
        let session = world.session(client % runtimes);
        world.client(session, orders.map(|order| vec![order]));
    }
    world.end().await
}

/// Units of work fail, each alone, with others on top of them.
pub async fn failing_units(mutant: Option<Mutant>) -> Result<Tally, String> {
    // Any delay will do: while a call takes its time, the others go on.
    let delay_max = Duration::from_micros(50);
    let faults = Faults { failed_units: 300, delay_max, ..Faults::default() };
    let wanted = Wanted { balances: &[100, 0], faults, ..Wanted::default() };
    let mut world = World::new(wanted, mutant).await?;
    // Many on one aggregate, so that there are others on top of those on top.
    for _ in 0..4 {
        let orders = [world.order(1, withdraw(20)), world.order(1, deposit(10))];
        world.client(world.session(0), orders.map(|order| vec![order]));
    }
    on_top_of_each_other(world, 1).await
}

/// The store goes away in commits and in reads; sometimes it is not waited for to the end.
pub async fn lost_store(mutant: Option<Mutant>) -> Result<Tally, String> {
    let faults = Faults {
        failed_units: 100,
        lost_before: 200,
        lost_after: 200,
        failed_reads: 200,
        ..Faults::default()
    };
    let wanted = Wanted { balances: &[100, 0], faults, ..Wanted::default() };
    let world = World::new(wanted, mutant).await?;
    set_time_up(200);
    on_top_of_each_other(world, 1).await
}

/// Two runtimes over one store: what one has read, the other changes.
pub async fn two_runtimes(mutant: Option<Mutant>) -> Result<Tally, String> {
    let wanted = Wanted { balances: &[100, 0], runtimes: 2, ..Wanted::default() };
    on_top_of_each_other(World::new(wanted, mutant).await?, 2).await
}

/// Groups that must be whole, against single commands on the same accounts.
pub async fn groups(mutant: Option<Mutant>) -> Result<Tally, String> {
    let faults = Faults { failed_units: 100, ..Faults::default() };
    let wanted = Wanted { balances: &[50, 50, 0], faults, ..Wanted::default() };
    let mut world = World::new(wanted, mutant).await?;
    let groups = [
        vec![
            world.order(1, withdraw(40)),
            world.order(2, withdraw(40)),
            world.order(3, deposit(80)),
        ],
        vec![world.order(3, withdraw(30)), world.order(1, deposit(30))],
    ];
    world.client(world.session(0), groups);
    let groups = [vec![world.order(2, transfer(20, 1)), world.order(1, transfer(60, 3))]];
    world.client(world.session(0), groups);
    let singles = [world.order(1, transfer(30, 2)), world.order(3, withdraw(20))];
    world.client(world.session(0), singles.map(|order| vec![order]));
    world.end().await
}

/// A stream that takes out what it has paid in, while another runtime changes the account.
pub async fn paid_in_and_taken_out(mutant: Option<Mutant>) -> Result<Tally, String> {
    let wanted = Wanted { balances: &[0, 20], runtimes: 2, ..Wanted::default() };
    let mut world = World::new(wanted, mutant).await?;
    let orders: Vec<_> = (1..=3)
        .flat_map(|amount| [world.order(1, deposit(amount)), world.order(1, withdraw(amount))])
        .collect();
    world.stream(world.session(0), orders);
    for order in [world.order(1, deposit(50)), world.order(2, transfer(20, 1))] {
        world.client(world.session(1), [vec![order]]);
    }
    let tally = world.end().await?;
    match tally.get("insufficient-funds") {
        Some(_) => Err(format!("a command was not decided on the one before it: {tally:?}")),
        None => Ok(tally),
    }
}

/// A stream that takes out of one account what it has moved in from another, while another
/// runtime changes both.
pub async fn moved_and_taken_out(mutant: Option<Mutant>) -> Result<Tally, String> {
    let wanted = Wanted { balances: &[50, 0], runtimes: 2, ..Wanted::default() };
    let mut world = World::new(wanted, mutant).await?;
    let orders: Vec<_> = (1..=3)
        .flat_map(|amount| [world.order(1, transfer(amount, 2)), world.order(2, withdraw(amount))])
        .collect();
    world.stream(world.session(0), orders);
    for order in [world.order(1, deposit(50)), world.order(1, deposit(20))] {
        world.client(world.session(1), [vec![order]]);
    }
    let tally = world.end().await?;
    match tally.get("insufficient-funds") {
        Some(_) => Err(format!("a command was not decided on the one before it: {tally:?}")),
        None => Ok(tally),
    }
}

/// A stream of commands against a client that sends one by one, and an account that is closed.
pub async fn stream(mutant: Option<Mutant>) -> Result<Tally, String> {
    let faults = Faults { failed_units: 50, ..Faults::default() };
    let wanted = Wanted { balances: &[100, 0], faults, ..Wanted::default() };
    let mut world = World::new(wanted, mutant).await?;
    let streamed = vec![
        world.order(1, withdraw(60)),
        world.order(1, withdraw(60)),
        world.order(1, transfer(30, 2)),
        world.order(2, deposit(1)),
    ];
    world.stream(world.session(0), streamed);
    let singles = [world.order(1, deposit(20)), world.order(2, transfer(30, 1))];
    world.client(world.session(0), singles.map(|order| vec![order]));
    let close = world.order(2, CloseAccount {});
    world.client(world.session(0), [vec![close]]);
    world.end().await
}
