//! What draws and invariants see, and what a test sets of the runs.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use banking_domain::{
    Account, AccountEvent, CloseAccount, DepositMoney, OpenAccount, TransactionManagerDomain,
};
use chrono::{DateTime, TimeDelta, Utc};
use fluvius_core::testing::{Durable, Planted, Sequences, command};
use fluvius_core::{AggregateRoot, DomainContext};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::sequences::bank;

const ADA: Uuid = Uuid::from_u128(1);
const BOB: Uuid = Uuid::from_u128(2);
const NOBODY: Uuid = Uuid::from_u128(3);

fn open(deposit: u32) -> OpenAccount {
    OpenAccount {
        account_number: "1".to_owned(),
        owner_name: "Ada".to_owned(),
        initial_deposit: Decimal::from(deposit),
    }
}

fn deposit(amount: u32) -> DepositMoney {
    DepositMoney { amount: Decimal::from(amount) }
}

/// Runs one seed of one command after what is given, and shows what is durable at its end.
fn look_at(sequences: Sequences, look: impl Fn(&Durable) + Send + Sync + 'static) {
    let count = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&count);
    sequences
        .seeds(1)
        .commands_per_run(1)
        .invariant("the test looks", move |durable| {
            if durable.log().iter().any(|event| event.key() == "money-deposited") {
                look(durable);
                *counted.lock().unwrap() += 1;
            }
            Ok(())
        })
        .check_in_order();
    assert!(*count.lock().unwrap() > 0, "nothing was looked at");
}

#[test]
fn an_invariant_sees_all_roots_and_events() {
    let given = [command(ADA, open(5)), command(BOB, open(0)), command(BOB, CloseAccount {})];
    let sequences = Sequences::in_domain::<TransactionManagerDomain>()
        .given(given)
        .command(|_, _| command(ADA, deposit(2)));
    look_at(sequences, |durable| {
        let ada = durable.find::<Account>(ADA).unwrap();
        assert_eq!((ada.version, ada.state.balance, ada.closed), (2, Decimal::from(7), false));
        assert!(
            durable.find::<Account>(BOB).is_none() && durable.find::<Account>(NOBODY).is_none()
        );
        let all = durable.all::<Account>();
        let all: Vec<_> =
            all.iter().map(|one| (one.root.identifier, one.version, one.closed)).collect();
        assert_eq!(all, [(ADA, 2, false), (BOB, 2, true)]);
        let events = durable.events::<Account>();
        assert!(matches!(
            &events[..],
            [
                (_, AccountEvent::AccountOpened(_)),
                (_, AccountEvent::AccountOpened(_)),
                (_, AccountEvent::AccountClosed(_)),
                (ada, AccountEvent::MoneyDeposited(_)),
            ] if *ada == AggregateRoot::of::<Account>(ADA)
        ));
    });
}

#[test]
fn a_sender_may_be_named() {
    let sequences = Sequences::of::<Account>()
        .given([command(ADA, open(5))])
        .command(|_, _| command(ADA, deposit(2)))
        .by(DomainContext::create("desk").with_realm("north"))
        .with_runtime(|builder| builder.listener(InRealm { realm: "north", seen: Mutex::new(0) }));
    look_at(sequences, |_| {});
}

struct InRealm {
    realm: &'static str,
    seen: Mutex<u32>,
}

impl fluvius_core::Listener for InRealm {
    fn committing(&self, unit: &fluvius_core::UnitOfWork) -> Result<(), fluvius_core::Refused> {
        *self.seen.lock().unwrap() += 1;
        if unit.context.realm.as_deref() == Some(self.realm) {
            Ok(())
        } else {
            Err(fluvius_core::Refused::new("other-realm", "it is of another realm"))
        }
    }
}

#[test]
fn time_begins_where_it_is_set_and_goes_on_with_the_pauses() {
    let begins: DateTime<Utc> = "2030-01-01T00:00:00Z".parse().unwrap();
    let ends = Arc::new(Mutex::new(begins));
    let latest = Arc::clone(&ends);
    Sequences::of::<Account>()
        .given([command(ADA, open(5))])
        .command(|_, _| command(ADA, deposit(2)))
        .at(begins)
        .pause_max(Duration::from_secs(86_400 * 30))
        .seeds(3)
        .invariant("time does not go back", move |durable| {
            assert_eq!(durable.log().first().map(|event| event.occurred), Some(begins));
            let mut last = latest.lock().unwrap();
            *last = durable.log().iter().map(|event| event.occurred).fold(*last, DateTime::max);
            Ok(())
        })
        .check_simulated();
    let passed = *ends.lock().unwrap() - begins;
    assert!(passed > TimeDelta::days(30) && passed < TimeDelta::days(900), "{passed}");
}

#[test]
fn a_kind_of_command_is_drawn_as_often_as_it_weighs() {
    let tally = Sequences::of::<Account>()
        .given([command(ADA, open(5)), command(BOB, open(5))])
        .weighted(9, |_, _| command(ADA, deposit(2)))
        .command(|_, _| command(BOB, deposit(0)))
        .weighted(0, |_, _| command(NOBODY, deposit(2)))
        .seeds(50)
        .check_in_order();
    let often = tally.applied["deposit-money"];
    let refused: BTreeSet<&str> = tally.refused.keys().map(|(_, code)| code.as_str()).collect();
    assert_eq!(refused, BTreeSet::from(["deposit-not-positive"]));
    assert!((1300..1400).contains(&often) && tally.applied_count() == often, "{tally}");
}

#[test]
fn a_runtime_that_breaks_its_promises_is_found_too() {
    let sequences = bank().with_runtime(|builder| builder.plant(Planted::ForgetDependents));
    let failure = sequences.find_simulated().expect("it is found");
    assert_eq!(failure.invariant, "money is neither made nor lost", "{failure}");
}

/// The test itself when it runs as a child, with the variable set that the kit reads.
const CHILD: &str = "FLUVIUS_KIT_TEST_EXPECTS_RUNS";

#[test]
fn the_environment_says_how_many_seeds_and_which() {
    if let Ok(expected) = std::env::var(CHILD) {
        let tally = bank().seeds(7).check_in_order();
        assert_eq!(tally.run_count.to_string(), expected);
        return;
    }
    for (name, value, runs) in [("FLUVIUS_SEEDS", "3", "3"), ("FLUVIUS_SEED", "40", "1")] {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["durable::the_environment_says_how_many_seeds_and_which", "--exact"])
            .envs([(name, value), (CHILD, runs)])
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && text.contains("1 passed"), "{name}: {text}");
    }
}
