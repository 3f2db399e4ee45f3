//! Random commands with faults against the bank, beside a model of it and of its logs.
//!
//! The model predicts the answer and the rows of every command. After every step the stored states,
//! the logs and the view of each realm equal the model's (P4, P7). At the end the log reproduces
//! every state (P6).
//!
//! Each run is repeated on every store with the same ids and times: at the end they hold the same
//! rows.

mod model;
mod strategies;
mod system;

use std::cell::RefCell;
use std::collections::BTreeMap;

use fluvius_tests::seeds;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};

use crate::property;

use model::*;
use system::*;

const CASES: u32 = 256;
/// Average number of steps of a case.
const STEPS: usize = 50;
const ACCOUNTS: usize = 5;
const REALMS: [Option<&str>; 3] = [None, Some("north"), Some("south")];
/// The command that a transfer invokes.
const INVOKED: &str = "receive-transfer";

#[test]
fn the_bank_behaves_like_its_model() {
    let steps = seeds::number("FLUVIUS_STEPS").and_then(|steps| usize::try_from(steps).ok());
    // From one step, so that a failing case can shrink; `STEPS` on average.
    let strategy = Model::sequential_strategy(1..2 * steps.unwrap_or(STEPS));
    property::check("the_bank_behaves_like_its_model", CASES, strategy, |(model, steps, seen)| {
        Machine::test_sequential(property::config(CASES), model, steps, seen);
        Ok(())
    });
    // An answer that never occurred was not tested.
    let often = [
        ("applied", 1_000),
        ("applied as a group", 50),
        ("applied once more", 50),
        ("rejected", 500),
        ("rejected once more", 50),
        ("not-found", 100),
        ("already-exists", 100),
        ("precondition-failed", 100),
        ("command-id-reused", 100),
        ("group-rejected", 100),
        ("group-rejected once more", 10),
        ("unknown-command", 100),
        ("resource-not-allowed", 50),
        ("invalid-payload", 50),
    ];
    TALLY.with_borrow(|tally| {
        for (answer, least) in often {
            assert!(tally.get(answer) > Some(&least), "{answer}: {tally:?}");
        }
    });
}

thread_local! {
    /// Number of answers by code.
    static TALLY: RefCell<BTreeMap<String, usize>> = const { RefCell::new(BTreeMap::new()) };
}

fn count(expected: &Expected, answer: &Answer) {
    let what = match answer {
        Answer::Applied(_) if expected.is_group && !expected.rows.is_empty() => {
            "applied as a group".to_owned()
        }
        Answer::Applied(_) => "applied".to_owned(),
        Answer::Rejected(rejection) => rejection.code.to_owned(),
        Answer::GroupRejected(..) => "group-rejected".to_owned(),
    };
    let again = if expected.is_again { " once more" } else { "" };
    TALLY.with_borrow_mut(|tally| *tally.entry(what + again).or_default() += 1);
}
