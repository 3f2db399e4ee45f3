//! Reports of the test kit show no secret argument.

use std::collections::BTreeMap;

use fluvius_core::{AggregateId, CommandBundle, SimpleRejection, aggregate};
use fluvius_testing::{Scenario, Simulation, command};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::caught_panics::failure;

const SECRET: &str = "hunter2-5f0e";
const DOOR: Uuid = Uuid::from_u128(1);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Door {
    opened: u64,
}

#[aggregate(resource = "door")]
impl Door {
    #[action(evt_key = "door-built")]
    pub fn build_door(
        #[arg(secret, alias = "pin")] password: String,
    ) -> Result<Self, SimpleRejection> {
        let _ = password;
        Ok(Self { opened: 0 })
    }

    #[action(evt_key = "door-opened")]
    pub fn open_door(
        &mut self,
        by: String,
        #[arg(secret)] password: String,
        #[arg(secret, default)] weights: BTreeMap<String, f64>,
    ) -> Result<(), SimpleRejection> {
        let _ = (by, weights);
        if password.starts_with("wrong") {
            return Err(SimpleRejection::new("wrong-password", "the password is wrong"));
        }
        self.opened += 1;
        Ok(())
    }
}

fn open(password: &str) -> OpenDoor {
    let password = password.to_owned();
    OpenDoor { by: "Ada".to_owned(), password, weights: BTreeMap::new() }
}

fn by_key(key: &str, payload: &serde_json::Value) -> CommandBundle {
    let build = command(DOOR, BuildDoor { password: String::new() });
    CommandBundle { command: key.to_owned(), payload: payload.clone().try_into().unwrap(), ..build }
}

#[test]
fn a_simulation_report_masks_secrets() {
    let commands = [
        by_key("open-door", &json!({ "by": "Ada", "password": SECRET })),
        by_key("open-door", &json!({ "by": "Ada", "pasword": SECRET })),
        by_key("open-door", &json!([SECRET])),
        by_key("open-dor", &json!({ "password": SECRET })),
    ];
    for sent in commands {
        let (report, _) = failure(|| {
            Simulation::for_aggregate::<Door>()
                .given([command(DOOR, BuildDoor { password: SECRET.to_owned() })])
                .command(move |_, _| sent.clone())
                .invariant("the door stays closed", |committed| {
                    match committed.find::<Door>(DOOR) {
                        Some(door) if door.state.opened > 0 => Err("the door is open".to_owned()),
                        _ => Ok(()),
                    }
                })
                .check_sequential();
        });
        assert!(!report.contains(SECRET), "{report}");
    }
}

#[test]
fn a_simulation_report_shows_other_arguments() {
    let (report, _) = failure(|| {
        Simulation::for_aggregate::<Door>()
            .given([command(DOOR, BuildDoor { password: SECRET.to_owned() })])
            .command(|_, _| command(DOOR, open(SECRET)))
            .invariant("the door stays closed", |committed| match committed.find::<Door>(DOOR) {
                Some(door) if door.state.opened > 0 => Err("the door is open".to_owned()),
                _ => Ok(()),
            })
            .check_sequential();
    });
    assert!(!report.contains(SECRET), "{report}");
    assert!(report.contains(r#"{"password":"[secret]"}"#), "{report}");
    let opened = r#"{"by":"Ada","password":"[secret]","weights":"[secret]"}"#;
    assert!(report.contains(opened), "{report}");
}

#[test]
fn a_scenario_report_shows_no_secret() {
    let reports = [
        failure(|| {
            let wrong = open(&format!("wrong-{SECRET}"));
            Scenario::for_aggregate::<Door>()
                .given_state(DOOR, Door { opened: 0 })
                .when(DOOR, wrong)
                .then_applied();
        }),
        failure(|| {
            Scenario::for_aggregate::<Door>()
                .given_state(DOOR, Door { opened: 0 })
                .when(DOOR, open(SECRET))
                .then_state(DOOR, &Door { opened: 7 });
        }),
        failure(|| {
            let payload = json!({ "by": "Ada", "password": [SECRET] });
            Scenario::for_aggregate::<Door>()
                .given_state(DOOR, Door { opened: 0 })
                .when_json(AggregateId::new("door", DOOR), "open-door", payload)
                .then_applied();
        }),
        failure(|| {
            let mut unstorable = open("");
            unstorable.weights.insert(SECRET.to_owned(), f64::NAN);
            command(DOOR, unstorable)
        }),
    ];
    for (report, _) in reports {
        assert!(!report.contains(SECRET), "{report}");
    }
}
