//! Scenarios and simulations find states and arguments that do not survive a round trip through
//! JSON.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::convert::Infallible;

use fluvius_core::chrono::serde::ts_seconds;
use fluvius_core::chrono::{DateTime, TimeDelta, Utc};
use fluvius_core::{ActionContext, aggregate};
use fluvius_testing::{Scenario, Simulation, command};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::caught_panics::failure;

const ID: Uuid = Uuid::from_u128(1);

/// Numbers as keys below a tag: serde writes them as strings, and reads them as numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub enum Steps {
    Counted { by_step: BTreeMap<u32, u32> },
    Unknown,
}

impl Steps {
    fn counted() -> Self {
        Self::Counted { by_step: BTreeMap::from([(1, 2)]) }
    }
}

/// A state with everything that JSON does not preserve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Door {
    #[serde(with = "ts_seconds")]
    pub opened: DateTime<Utc>,
    pub answer: Option<Option<u8>>,
    #[serde(skip)]
    pub tries: u32,
    pub steps: Steps,
    pub names: HashSet<String>,
}

#[aggregate(resource = "door")]
impl Door {
    /// Hang a door.
    #[action(evt_key = "door-hung")]
    pub fn hang_door(cx: &mut ActionContext) -> Result<Self, Infallible> {
        let (steps, names) = (Steps::Unknown, HashSet::new());
        Ok(Self { opened: cx.now(), answer: None, tries: 0, steps, names })
    }

    /// Open it.
    #[action(evt_key = "door-opened")]
    pub fn open_door(&mut self) -> Result<(), Infallible> {
        self.opened += TimeDelta::milliseconds(1);
        Ok(())
    }

    /// Knock.
    #[action(evt_key = "door-knocked")]
    pub fn knock_door(&mut self) -> Result<(), Infallible> {
        self.answer = Some(None);
        Ok(())
    }

    /// Try to open it.
    #[action(evt_key = "door-tried")]
    pub fn try_door(&mut self) -> Result<(), Infallible> {
        self.tries += 1;
        Ok(())
    }

    /// Count the steps before it.
    #[action(evt_key = "steps-counted")]
    pub fn count_steps(&mut self) -> Result<(), Infallible> {
        self.steps = Steps::counted();
        Ok(())
    }

    /// Put names on it.
    #[action(evt_key = "door-labelled")]
    pub fn label_door(&mut self, count: u32) -> Result<(), Infallible> {
        self.names = (0..count).map(|number| number.to_string()).collect();
        Ok(())
    }

    /// Receive the steps.
    #[action(evt_key = "steps-set")]
    pub fn set_steps(&mut self, steps: Steps) -> Result<(), Infallible> {
        let _ = steps;
        Ok(())
    }

    /// Receive names.
    #[action(evt_key = "names-set")]
    pub fn set_names(&mut self, names: HashSet<String>) -> Result<(), Infallible> {
        let _ = names;
        Ok(())
    }
}

/// A state without `PartialEq`, with a hash map, whose `Debug` text differs each time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Box3 {
    pub pieces: HashMap<String, u32>,
    #[serde(skip)]
    pub seen: u32,
}

#[aggregate(resource = "box")]
impl Box3 {
    /// Make a box.
    #[action(evt_key = "box-made")]
    pub fn make_box() -> Result<Self, Infallible> {
        let pieces = (0..40).map(|number| (number.to_string(), number)).collect();
        Ok(Self { pieces, seen: 0 })
    }

    /// See it.
    #[action(evt_key = "box-seen")]
    pub fn see_box(&mut self) -> Result<(), Infallible> {
        self.seen += 1;
        Ok(())
    }
}

fn door() -> Scenario {
    Scenario::for_aggregate::<Door>().given(ID, HangDoor {})
}

/// Checks that a failure contains all of these texts.
#[track_caller]
fn check<T>(expected: &[&str], run: impl FnOnce() -> T) {
    let (message, _) = failure(run);
    for part in expected {
        assert!(message.contains(part), "{part:?} is not in:\n{message}");
    }
}

const ANOTHER: &str = "the state of door/00000000-0000-0000-0000-000000000001 differs after it is \
    stored and read back";

#[test]
fn a_skipped_field_is_found_by_its_name() {
    check(&[ANOTHER, "- ", "-     tries: 1,", "+     tries: 0,", "stored is {"], || {
        drop(door().when(ID, TryDoor {}));
    });
}

#[test]
fn a_nested_option_is_found() {
    check(&[ANOTHER, "answer: Some(", "+     answer: None,"], || {
        drop(door().when(ID, KnockDoor {}));
    });
}

#[test]
fn a_truncated_time_is_found() {
    check(&[ANOTHER, "-     opened: 2026-01-01T00:00:00.001Z,"], || {
        drop(door().when(ID, OpenDoor {}));
    });
}

#[test]
fn a_state_that_cannot_be_read_is_found() {
    let (message, _) = failure(|| drop(door().when(ID, CountSteps {}).then_applied()));
    let is_reported = message.contains("cannot be read back") || message.contains("invalid-state");
    assert!(is_reported && message.contains("steps"), "{message}");
}

#[test]
fn a_set_is_found() {
    check(&["is written differently after it is read back", "`BTreeSet`", "/names"], || {
        drop(door().when(ID, LabelDoor { count: 40 }));
    });
    let names = (0..40).map(|number| number.to_string()).collect();
    check(&["the arguments of `set-names`", "`BTreeSet`"], || {
        drop(door().when(ID, SetNames { names }));
    });
}

#[test]
fn arguments_that_cannot_be_read_are_found() {
    check(&["the arguments of `set-steps`: cannot be read back", "steps"], || {
        drop(door().when(ID, SetSteps { steps: Steps::counted() }));
    });
}

#[test]
fn given_states_and_commands_are_checked() {
    let state = Door {
        opened: DateTime::UNIX_EPOCH,
        answer: None,
        tries: 7,
        steps: Steps::Unknown,
        names: HashSet::new(),
    };
    check(&["given the state of door/", "tries: 7"], || {
        drop(Scenario::for_aggregate::<Door>().given_state(ID, state));
    });
    check(&["tries: 1"], || drop(door().given(ID, TryDoor {})));
}

#[test]
fn without_partial_eq_the_debug_text_is_compared() {
    let made = Scenario::for_aggregate::<Box3>().given(ID, MakeBox {});
    check(&["-     seen: 1,", "+     seen: 0,"], || drop(made.when(ID, SeeBox {})));
}

#[test]
fn simulations_find_states_that_are_not_read_back() {
    let sequences = Simulation::for_aggregate::<Door>()
        .given([command(ID, HangDoor {})])
        .command(|_, _| command(ID, TryDoor {}));
    for found in [sequences.find_failure_sequential(), sequences.find_failure_simulated()] {
        let report = found.expect("it is found").to_string();
        assert!(report.contains("stored values are read back as they were left"), "{report}");
        assert!(report.contains("tries: 1"), "{report}");
    }
}
