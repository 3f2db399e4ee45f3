//! Simulations: the faults that they find, their reports, and passing runs.

use std::time::Duration;

use banking_domain::{
    Account, AccountEvent, CloseAccount, DepositMoney, OpenAccount, TransactionManagerDomain,
    TransferMoney, WithdrawMoney,
};
use fluvius_testing::{Simulation, command};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::caught_panics::failure;
use crate::faulty_banks::{with_endless_rule, with_overdraft};

const ADA: Uuid = Uuid::from_u128(1);
const BOB: Uuid = Uuid::from_u128(2);
const EVE: Uuid = Uuid::from_u128(3);
const ACCOUNTS: [Uuid; 3] = [ADA, BOB, EVE];

fn amount(number: u64) -> Decimal {
    Decimal::from(1 + number)
}

/// The bank, with its invariants.
pub fn bank() -> Simulation {
    Simulation::for_domain::<TransactionManagerDomain>()
        .given(ACCOUNTS.map(|id| {
            command(
                id,
                OpenAccount {
                    account_number: id.to_string(),
                    owner_name: "Ada".to_owned(),
                    initial_deposit: Decimal::ONE_HUNDRED,
                },
            )
        }))
        .weighted(3, |rng, _| {
            command(*rng.pick(&ACCOUNTS), DepositMoney { amount: amount(rng.below(90)) })
        })
        .weighted(3, |rng, _| {
            command(*rng.pick(&ACCOUNTS), WithdrawMoney { amount: amount(rng.below(90)) })
        })
        .weighted(4, |rng, _| {
            let (from, recipient_id) = (*rng.pick(&ACCOUNTS), *rng.pick(&ACCOUNTS));
            command(from, TransferMoney { amount: amount(rng.below(90)), recipient_id })
        })
        .command(|rng, committed| {
            let id = *rng.pick(&ACCOUNTS);
            match committed.find::<Account>(id) {
                Some(account) if account.state.balance > Decimal::ZERO => {
                    command(id, WithdrawMoney { amount: account.state.balance })
                }
                _ => command(id, CloseAccount {}),
            }
        })
        .invariant("money is neither made nor lost", |committed| {
            let mut expected = Decimal::ZERO;
            for (_, event) in committed.events::<Account>() {
                match event {
                    AccountEvent::AccountOpened(event) => expected += event.initial_deposit,
                    AccountEvent::MoneyDeposited(event) => expected += event.amount,
                    AccountEvent::MoneyWithdrawn(event) => expected -= event.amount,
                    _ => {}
                }
            }
            let found: Decimal =
                committed.all::<Account>().iter().map(|account| account.state.balance).sum();
            if expected == found { Ok(()) } else { Err(format!("{expected} became {found}")) }
        })
        .invariant("closed accounts are empty", |committed| {
            let mut closed =
                committed.all::<Account>().into_iter().filter(|account| account.closed);
            match closed.find(|account| !account.state.balance.is_zero()) {
                Some(account) => Err(format!("{account:?}")),
                None => Ok(()),
            }
        })
}

#[test]
fn the_bank_passes_in_sequence_and_simulated() {
    let in_order = bank().check_sequential();
    let simulated = bank().check_simulated();
    for stats in [&in_order, &simulated] {
        for key in ["deposit-money", "withdraw-money", "transfer-money", "close-account"] {
            assert!(stats.applied.get(key).copied() > Some(20), "{key}: {stats}");
        }
        for (key, code) in [
            ("withdraw-money", "insufficient-funds"),
            ("transfer-money", "transfer-to-self"),
            ("deposit-money", "not-found"),
        ] {
            let count = stats.rejected.get(&(key.to_owned(), code.to_owned()));
            assert!(count.copied() > Some(20), "{key} {code}: {stats}");
        }
    }
    assert_eq!(in_order.given_up, 0);
    assert!(simulated.given_up > 20, "{simulated}");
}

#[test]
fn seeds_reproduce_their_runs() {
    let same = |sequences: fn() -> Simulation| {
        assert_eq!(sequences().check_simulated(), sequences().check_simulated());
        assert_eq!(sequences().check_sequential(), sequences().check_sequential());
    };
    same(|| bank().seeds(40));
}

fn overdraft() -> Simulation {
    use with_overdraft::*;
    Simulation::for_aggregate::<Account>()
        .given([command(ADA, OpenAccount { deposit: Decimal::TEN })])
        .weighted(3, |rng, _| command(ADA, DepositMoney { amount: amount(rng.below(40)) }))
        .weighted(3, |rng, _| command(ADA, WithdrawMoney { amount: amount(rng.below(40)) }))
}

fn not_negative() -> Simulation {
    overdraft().invariant("no balance is negative", |committed| {
        let mut all = committed.all::<with_overdraft::Account>().into_iter();
        match all.find(|account| account.state.balance < Decimal::ZERO) {
            Some(account) => Err(format!("{} has {}", account.aggregate_id, account.state.balance)),
            None => Ok(()),
        }
    })
}

#[test]
fn a_missing_check_is_found_with_one_command() {
    for found in [not_negative().find_failure_sequential(), not_negative().find_failure_simulated()]
    {
        let failure = found.unwrap();
        let keys: Vec<&str> = failure.drawn().map(|one| one.command.command.as_str()).collect();
        assert_eq!(keys, ["withdraw-money"], "{failure}");
        assert!(failure.drawn_count > 1 && !failure.has_faults && failure.client_count == 1);
    }
}

#[test]
fn a_failure_shows_the_run_and_how_to_repeat_it() {
    let (message, location) = failure(|| not_negative().check_sequential());
    let found = not_negative().find_failure_sequential().unwrap();
    let withdrawn = found.drawn().next().unwrap().command.payload.clone();
    let lines: Vec<&str> = message.lines().collect();
    let aggregate_id = format!("overdrawn-account/{ADA}");
    let expected = [
        format!("it does not hold that no balance is negative: {}", found.message),
        "the shortest sequence found has 1 command of 30, from 1 client, over 1 runtime, without \
        faults of the store:"
            .to_owned(),
        format!("  given      open-account on {aggregate_id} {{\"deposit\":\"10\"}}"),
        "             sent at 0ns, applied at 0ns as version 1".to_owned(),
        format!("  client 1   withdraw-money on {aggregate_id} {withdrawn}"),
    ];
    assert_eq!(lines[..5], expected, "{message}");
    assert!(lines[5].contains("as version 2"), "{message}");
    assert_eq!(
        lines[6],
        format!(
            "this seed alone: FLUVIUS_SEED={} cargo test \
            simulation::a_failure_shows_the_run_and_how_to_repeat_it",
            found.seed
        )
    );
    assert!(location.file.ends_with("testing_api/simulation.rs"), "{location:?}");
}

#[test]
fn a_panicking_action_is_found_without_an_invariant() {
    let sequences = overdraft().command(|_, _| command(ADA, with_overdraft::HalveBalance {}));
    let failure = sequences.find_failure_sequential().unwrap();
    assert_eq!(failure.invariant, "no command ends in a fault of the code");
    assert_eq!(
        failure.message,
        "`halve-balance` ended in `panicked`: the code of `halve-balance` panicked"
    );
    let keys: Vec<&str> = failure.drawn().map(|one| one.command.command.as_str()).collect();
    assert_eq!(keys, ["withdraw-money", "halve-balance"], "{failure}");
    assert_eq!(sequences.find_failure_simulated().unwrap().drawn().count(), 2);
}

#[test]
fn an_action_that_does_not_end_is_found() {
    let sequences = Simulation::for_aggregate::<with_endless_rule::Account>()
        .given([command(ADA, with_endless_rule::OpenAccount {})])
        .command(|_, _| command(ADA, with_endless_rule::WaitForMoney {}));
    let failure = sequences.find_failure_sequential().unwrap();
    assert_eq!(
        failure.message,
        "`wait-for-money` ended in `timed-out`: `wait-for-money` did not end within 30s"
    );
    let patient = sequences.with_runtime(|builder| builder.timeout(Duration::from_secs(1 << 30)));
    let failure = patient.seeds(1).commands_per_run(2).find_failure_simulated().unwrap();
    assert_eq!(failure.invariant, "every run ends", "{failure}");
}

#[test]
fn a_rejected_given_command_is_a_failure() {
    let sequences = overdraft().given([command(BOB, with_overdraft::HalveBalance {})]);
    let failure = sequences.find_failure_sequential().unwrap();
    assert_eq!(failure.invariant, "every given command is applied");
}

#[test]
fn simulations_that_prove_nothing_are_rejected() {
    let nothing = Simulation::for_aggregate::<with_overdraft::Account>()
        .command(|_, _| command(BOB, with_overdraft::HalveBalance {}))
        .seeds(3)
        .commands_per_run(2);
    let (message, _) = failure(|| nothing.check_sequential());
    assert_eq!(
        message,
        "no command was ever applied, which shows nothing: 3 runs, halve-balance ended with \
        not-found 6 times, 0 given up"
    );
    let (message, _) = failure(|| Simulation::for_aggregate::<Account>().check_sequential());
    assert_eq!(message, "there is no command to draw: call `command`");
}

#[tokio::test]
async fn simulations_run_inside_an_async_test() {
    assert_eq!(bank().seeds(5).check_simulated().run_count, 5);
}
