//! Dependencies with names of the standard library, and actions and events whose names could
//! collide with those of generated code.
#![deny(warnings)]

extern crate serde_json as core;
extern crate serde_json as alloc;
extern crate serde_json as std;

use fluvius::{Aggregate, Domain, aggregate};
use serde::{Deserialize, Serialize};

mod answers {
    pub type Answer<T> = Result<T, fluvius::SimpleRejection>;
}

use answers::Answer;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Job {
    Command,
    Event,
    Error,
    Output,
}

#[aggregate(index("Error": text), revision = 2, upcast = lift)]
impl Job {
    #[action(evt_key = "job-failed", timeout = "2s")]
    pub fn error(&mut self, #[arg(default)] text: String) -> Answer<()> {
        drop(text);
        *self = Self::Error;
        Ok(())
    }

    #[action(evt_key = "command")]
    pub async fn fail(&mut self, #[arg(secret)] pin: String) -> Answer<usize> {
        *self = Self::Command;
        Ok(pin.len())
    }

    #[action(evt_key = "event")]
    pub fn run(&self) -> Answer<()> {
        Ok(())
    }

    #[action(command = "Key", evt_key = "output")]
    pub fn key(&mut self) -> Answer<()> {
        *self = Self::Event;
        Ok(())
    }

    #[action(evt_key = "data", command = "Action")]
    pub fn action(self) -> Answer<()> {
        Ok(())
    }

    #[action(evt_key = "error-seen")]
    pub fn warn(&mut self) -> Answer<()> {
        Ok(())
    }

    #[action(evt_key = "self-made")]
    pub fn variant() -> Answer<Self> {
        Ok(Self::Output)
    }
}

fn lift(
    _: u32,
    _: fluvius::UpcastInput<'_>,
    _: &mut serde_json::Value,
) -> Result<(), fluvius::UpcastError> {
    Ok(())
}

#[derive(Domain)]
#[domain(aggregates(Job), tags("a"))]
pub struct JobDomain;

fn main() {
    let keys: Vec<&str> = Job::ACTIONS.iter().map(|action| action.key).collect();
    assert_eq!(keys, ["error", "fail", "run", "key", "action", "warn", "variant"]);
    assert!(matches!(JobEvent::Event(Event { data: () }), JobEvent::Event(_)));
    assert!(matches!(JobCommand::Error(serde_json::from_str("{}").unwrap()), JobCommand::Error(_)));
}
