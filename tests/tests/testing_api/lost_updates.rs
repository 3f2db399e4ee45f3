//! Lost updates of realistic code, which the test kit finds; and the same code without the fault.

use std::time::{Duration, Instant};

use fluvius_core::{Aggregate, CommandBundle};
use fluvius_testing::{CommittedView, Failure, Simulation, command};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::faulty_banks::{with_cache, with_interest};

const ADA: Uuid = Uuid::from_u128(1);
const BOB: Uuid = Uuid::from_u128(2);
const ACCOUNTS: [Uuid; 2] = [ADA, BOB];

/// Time within which a planted fault is found and its sequence shortened.
const FOUND_WITHIN: Duration = Duration::from_secs(10);

fn amount(number: u64) -> Decimal {
    Decimal::from(1 + number)
}

fn compare(expected: Decimal, found: Decimal) -> Result<(), String> {
    if expected == found {
        Ok(())
    } else {
        Err(format!("the events add up to {expected}, the balances to {found}"))
    }
}

/// Simulates deposits, withdrawals, transfers, and a job that adds interest under this guard.
fn bank_with_interest(
    guard: impl Fn(CommandBundle, u64) -> CommandBundle + Send + Sync + 'static,
) -> Simulation {
    use with_interest::*;
    Simulation::for_aggregate::<Account>()
        .given(ACCOUNTS.map(|id| command(id, OpenAccount { deposit: Decimal::ONE_HUNDRED })))
        .weighted(2, |rng, _| {
            command(*rng.pick(&ACCOUNTS), DepositMoney { amount: amount(rng.below(50)) })
        })
        .weighted(2, |rng, _| {
            command(*rng.pick(&ACCOUNTS), WithdrawMoney { amount: amount(rng.below(50)) })
        })
        .weighted(2, |rng, _| {
            let (from, to) = if rng.happens(500) { (ADA, BOB) } else { (BOB, ADA) };
            command(from, SendMoney { amount: amount(rng.below(50)), to })
        })
        .command(move |rng, committed| {
            let account = committed.find::<Account>(*rng.pick(&ACCOUNTS)).unwrap();
            let new_balance = account.state.balance + Decimal::ONE;
            let interest = AddInterest { interest: Decimal::ONE, new_balance };
            guard(command(&account.aggregate_id, interest), account.version)
        })
        .invariant("the balances are what the events add up to", |committed| {
            let mut expected = Decimal::ZERO;
            for (_, event) in committed.events::<Account>() {
                expected += match event {
                    AccountEvent::AccountOpened(event) => event.deposit,
                    AccountEvent::MoneyDeposited(event) => event.amount,
                    AccountEvent::MoneyWithdrawn(event) => -event.amount,
                    AccountEvent::InterestAdded(event) => event.interest,
                    AccountEvent::MoneySent(_) | AccountEvent::MoneyTaken(_) => Decimal::ZERO,
                };
            }
            let found =
                committed.all::<Account>().iter().map(|account| account.state.balance).sum();
            compare(expected, found)
        })
}

fn check_found(sequences: &Simulation, length_max: usize) -> Failure {
    let began = Instant::now();
    let failure = sequences.find_failure_simulated().expect("the fault is found");
    let took = began.elapsed();
    println!("found in {took:?}: {failure}");
    assert!(took < FOUND_WITHIN, "{took:?}");
    assert!(failure.drawn().count() <= length_max, "{failure}");
    failure
}

#[test]
fn a_lost_update_is_found() {
    let sequences = bank_with_interest(|command, _| command);
    // No command runs between the read and the write.
    sequences.check_sequential();
    let failure = check_found(&sequences, 2);
    assert_eq!(failure.invariant, "the balances are what the events add up to");
    assert!(failure.drawn().any(|one| one.command.command == "add-interest"), "{failure}");
    assert_eq!((failure.client_count, failure.has_faults), (2, false), "{failure}");
}

#[test]
fn a_precondition_prevents_the_lost_update() {
    let sequences = bank_with_interest(|command, version| command.if_match(version));
    let stats = sequences.check_simulated();
    let key = ("add-interest".to_owned(), "precondition-failed".to_owned());
    assert!(stats.rejected.get(&key).copied() > Some(20), "{stats}");
    assert!(stats.applied.get("add-interest").copied() > Some(20), "{stats}");
}

#[test]
fn a_cache_outside_the_context_is_found() {
    use with_cache::*;
    fn total(committed: &CommittedView) -> Decimal {
        committed.all::<Account>().iter().map(|account| account.state.balance).sum()
    }
    let sequences = Simulation::for_aggregate::<Account>()
        .given(ACCOUNTS.map(|id| command(id, OpenAccount { deposit: Decimal::ONE_HUNDRED })))
        .command(|rng, _| {
            command(*rng.pick(&ACCOUNTS), DepositMoney { amount: amount(rng.below(50)) })
        })
        .command(|rng, _| {
            let (from, to) = if rng.happens(500) { (ADA, BOB) } else { (BOB, ADA) };
            command(from, SendMoney { amount: amount(rng.below(50)), to })
        })
        .invariant("money is conserved", |committed| {
            let mut expected = Decimal::ZERO;
            for (_, event) in committed.events::<Account>() {
                match event {
                    AccountEvent::AccountOpened(event) => expected += event.deposit,
                    AccountEvent::MoneyDeposited(event) => expected += event.amount,
                    AccountEvent::MoneySent(_) | AccountEvent::MoneyTaken(_) => {}
                }
            }
            compare(expected, total(committed))
        });
    // In sequence, the cache is correct.
    sequences.check_sequential();
    check_found(&sequences, 4);
    assert_eq!(Account::RESOURCE, "cached-account");
}
