//! The view that generators and invariants receive, and the settings of a simulation.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use banking_domain::{
    Account, AccountEvent, CloseAccount, DepositMoney, OpenAccount, TransactionManagerDomain,
};
use chrono::{DateTime, TimeDelta, Utc};
use fluvius_core::__private::test_seams::Mutant;
use fluvius_core::{Aggregate, DomainContext};
use fluvius_testing::{CommittedView, Simulation, command};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::simulation::bank;

const ADA: Uuid = Uuid::from_u128(1);
const BOB: Uuid = Uuid::from_u128(2);
const CAROL: Uuid = Uuid::from_u128(3);

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

/// Runs one seed of one command after the given ones, and shows the durable states at its end.
fn look_at(sequences: Simulation, look: impl Fn(&CommittedView) + Send + Sync + 'static) {
    let count = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&count);
    sequences
        .seeds(1)
        .commands_per_run(1)
        .invariant("the test looks", move |committed| {
            if committed.log().iter().any(|event| event.record.key() == "money-deposited") {
                look(committed);
                *counted.lock().unwrap() += 1;
            }
            Ok(())
        })
        .check_sequential();
    assert!(*count.lock().unwrap() > 0, "the view was never shown");
}

#[test]
fn an_invariant_sees_all_aggregates_and_events() {
    let given = [command(ADA, open(5)), command(BOB, open(0)), command(BOB, CloseAccount {})];
    let sequences = Simulation::for_domain::<TransactionManagerDomain>()
        .given(given)
        .command(|_, _| command(ADA, deposit(2)));
    look_at(sequences, |committed| {
        let ada = committed.find::<Account>(ADA).unwrap();
        assert_eq!((ada.version, ada.state.balance, ada.closed), (2, Decimal::from(7), false));
        assert!(
            committed.find::<Account>(BOB).is_none() && committed.find::<Account>(CAROL).is_none()
        );
        let all = committed.all::<Account>();
        let all: Vec<_> =
            all.iter().map(|one| (one.aggregate_id.id, one.version, one.closed)).collect();
        assert_eq!(all, [(ADA, 2, false), (BOB, 2, true)]);
        let events = committed.events::<Account>();
        assert!(matches!(
            &events[..],
            [
                (_, AccountEvent::AccountOpened(_)),
                (_, AccountEvent::AccountOpened(_)),
                (_, AccountEvent::AccountClosed(_)),
                (ada, AccountEvent::MoneyDeposited(_)),
            ] if *ada == Account::aggregate_id(ADA)
        ));
    });
}

#[test]
fn the_sender_can_be_set() {
    let sequences = Simulation::for_aggregate::<Account>()
        .given([command(ADA, open(5))])
        .command(|_, _| command(ADA, deposit(2)))
        .by(DomainContext::create("desk").with_realm("north"))
        .with_runtime(|builder| builder.observer(InRealm { realm: "north", seen: Mutex::new(0) }));
    look_at(sequences, |_| {});
}

struct InRealm {
    realm: &'static str,
    seen: Mutex<u32>,
}

impl fluvius_core::Observer for InRealm {
    fn before_commit(
        &self,
        unit: &fluvius_core::UnitOfWork,
    ) -> Result<(), fluvius_core::SimpleRejection> {
        *self.seen.lock().unwrap() += 1;
        if unit.context.realm.as_deref() == Some(self.realm) {
            Ok(())
        } else {
            Err(fluvius_core::SimpleRejection::new(
                "other-realm",
                "the account belongs to another realm",
            ))
        }
    }
}

#[test]
fn time_starts_as_set_and_advances_with_pauses() {
    let begins: DateTime<Utc> = "2030-01-01T00:00:00Z".parse().unwrap();
    let ends = Arc::new(Mutex::new(begins));
    let latest = Arc::clone(&ends);
    Simulation::for_aggregate::<Account>()
        .given([command(ADA, open(5))])
        .command(|_, _| command(ADA, deposit(2)))
        .at(begins)
        .max_pause(Duration::from_secs(86_400 * 30))
        .seeds(3)
        .invariant("time does not go back", move |committed| {
            assert_eq!(committed.log().first().map(|event| event.record.occurred_at), Some(begins));
            let mut last = latest.lock().unwrap();
            *last = committed
                .log()
                .iter()
                .map(|event| event.record.occurred_at)
                .fold(*last, DateTime::max);
            Ok(())
        })
        .check_simulated();
    let passed = *ends.lock().unwrap() - begins;
    assert!(passed > TimeDelta::days(30) && passed < TimeDelta::days(900), "{passed}");
}

#[test]
fn commands_are_drawn_by_weight() {
    let stats = Simulation::for_aggregate::<Account>()
        .given([command(ADA, open(5)), command(BOB, open(5))])
        .weighted(9, |_, _| command(ADA, deposit(2)))
        .command(|_, _| command(BOB, deposit(0)))
        .weighted(0, |_, _| command(CAROL, deposit(2)))
        .seeds(50)
        .check_sequential();
    let often = stats.applied["deposit-money"];
    let codes: BTreeSet<&str> = stats.rejected.keys().map(|(_, code)| code.as_str()).collect();
    assert_eq!(codes, BTreeSet::from(["deposit-not-positive"]));
    assert!((1300..1400).contains(&often) && stats.applied_count() == often, "{stats}");
}

#[test]
fn a_mutant_of_the_runtime_is_found() {
    let sequences = bank().with_runtime(|builder| builder.plant(Mutant::ForgetDependents));
    let failure = sequences.find_failure_simulated().expect("the planted fault is found");
    assert_eq!(failure.invariant, "money is neither made nor lost", "{failure}");
}

/// Runs this test again as a child, with a variable that the kit reads.
const CHILD: &str = "FLUVIUS_KIT_TEST_EXPECTS_RUNS";

#[test]
fn the_environment_sets_the_seeds() {
    if let Ok(expected) = std::env::var(CHILD) {
        let stats = bank().seeds(7).check_sequential();
        assert_eq!(stats.run_count.to_string(), expected);
        return;
    }
    for (name, value, runs) in [("FLUVIUS_SEEDS", "3", "3"), ("FLUVIUS_SEED", "40", "1")] {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["committed_view::the_environment_sets_the_seeds", "--exact"])
            .envs([(name, value), (CHILD, runs)])
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && text.contains("1 passed"), "{name}: {text}");
    }
}
