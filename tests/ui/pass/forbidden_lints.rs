//! P33: single lints that an author forbids, or expects on an action.
#![forbid(dead_code, deprecated, missing_debug_implementations, non_snake_case, unreachable_pub)]
#![forbid(unused_imports, unused_variables)]
#![deny(warnings)]

use fluvius::{Domain, SimpleRejection, Rejection, aggregate};
use serde::{Deserialize, Serialize};

/// Only an index reads its fields, and one of them is deprecated.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    #[deprecated]
    pub failed: bool,
    pub r#type: u8,
}

#[derive(Debug, Rejection)]
pub enum JobError {
    Failed,
}

impl std::fmt::Display for JobError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("failed")
    }
}

impl std::error::Error for JobError {}

#[aggregate(index(failed: boolean, r#type: number))]
impl Job {
    #[action(evt_key = "job-typed")]
    pub fn set_type(
        &mut self,
        note: String,
        #[arg(secret)] pin: String,
        #[arg(default)] r#type: u8,
        #[arg(default = "none")] reason: String,
    ) -> Result<(), JobError> {
        drop((note, pin, reason));
        self.r#type = r#type;
        if r#type == 0 { Err(JobError::Failed) } else { Ok(()) }
    }

    #[action]
    pub fn read_type(&self) -> Result<u8, SimpleRejection> {
        Ok(self.r#type)
    }
}

#[derive(Debug, Domain)]
#[domain(aggregates(Job))]
pub struct JobDomain;

fn main() {
    let command: SetType = serde_json::from_str(r#"{ "note": "a", "pin": "1" }"#).unwrap();
    assert_eq!((command.r#type, command.reason.as_str()), (0, "none"));
}
