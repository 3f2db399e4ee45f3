//! The error answers of an operation: all codes that the route can give, each with an example.

use std::collections::BTreeMap;

use fluvius_core::RejectionCode;
use serde_json::{Map, Value, json};

use super::components::{Components, reference};
use crate::problem::{self, MEDIA_TYPE, Problem};
use crate::schemas;

/// The codes of every route that reads or sends.
const COMMON: [&str; 8] = [
    "invalid-parameter",
    "not-found",
    "not-acceptable",
    "panicked",
    "invalid-state",
    "store-error",
    "store-unavailable",
    "shutting-down",
];

/// The codes of every route that sends commands.
const OF_COMMANDS: [&str; 19] = [
    "invalid-json",
    "invalid-idempotency-key",
    "permission-denied",
    "rejected",
    "already-exists",
    "conflict",
    "precondition-failed",
    "too-large",
    "unsupported-media-type",
    "invalid-payload",
    "command-id-reused",
    "precondition-required",
    "invalid-command-id",
    "reentrant-invoke",
    "invoke-depth-exceeded",
    "no-runtime",
    "overloaded",
    "timed-out",
    "outcome-unknown",
];

/// The error answers of an operation.
#[derive(Debug)]
pub(super) struct Errors {
    /// The examples by status and name.
    by_status: BTreeMap<u16, BTreeMap<String, Value>>,
    base_path: String,
    /// Set if the action may reject with codes that are not listed.
    is_open: bool,
}

impl Errors {
    /// Returns the errors of a route that reads.
    pub(super) fn of_read(base_path: &str, has_authenticator: bool, codes: &[&str]) -> Self {
        let base_path = base_path.to_owned();
        let mut errors = Self { by_status: BTreeMap::new(), base_path, is_open: false };
        errors.add(&COMMON);
        errors.add(codes);
        errors.add(match has_authenticator {
            true => &["unauthenticated", "permission-denied"],
            false => &["foreign-origin"],
        });
        errors
    }

    /// Returns the errors of a route that sends commands.
    pub(super) fn of_command(base_path: &str, has_authenticator: bool, codes: &[&str]) -> Self {
        let mut errors = Self::of_read(base_path, has_authenticator, codes);
        errors.add(&OF_COMMANDS);
        errors
    }

    fn add(&mut self, codes: &[&str]) {
        for code in codes {
            // The author's codes are the examples of a rejection.
            if *code == "rejected" {
                self.by_status.entry(409).or_default();
                continue;
            }
            let detail = problem::find(code).map_or("", |code| code.docs);
            self.add_example(code, Problem::new(code, detail));
        }
    }

    /// Adds the codes that an action may reject a command with.
    pub(super) fn add_rejections(
        &mut self,
        namespace: &'static str,
        codes: &[RejectionCode],
        is_open: bool,
    ) {
        self.is_open |= is_open;
        for code in codes {
            let mut example = Problem::new("rejected", code.message);
            example.rejection = Some((namespace, *code));
            self.add_example(code.code, example);
        }
    }

    fn add_example(&mut self, name: &str, problem: Problem) {
        let value = Value::Object(problem.members(&self.base_path));
        let examples = self.by_status.entry(problem.status().as_u16()).or_default();
        examples.insert(name.to_owned(), json!({ "value": value }));
    }

    /// Adds the answers to those of the operation.
    pub(super) fn write(self, responses: &mut Map<String, Value>) {
        for (status, examples) in self.by_status {
            let names: Vec<String> = examples.keys().map(|name| format!("`{name}`")).collect();
            let mut description = match names.is_empty() {
                true => "The action rejected the command".to_owned(),
                false => names.join(", "),
            };
            if status == 409 && self.is_open {
                description += ", or another code of the action";
            }
            let mut content = json!({ "schema": reference("Problem") });
            if !examples.is_empty() {
                content["examples"] = Value::Object(examples.into_iter().collect());
            }
            let response =
                json!({ "description": description, "content": { MEDIA_TYPE: content } });
            responses.insert(status.to_string(), response);
        }
    }
}

/// Adds the schema of problems.
pub(super) fn add_schema(components: &mut Components) {
    components.insert("Problem", schemas::problem());
}
