//! The report of a failed simulation.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

use fluvius_core::ActionDescriptor;
use fluvius_core::{CommandBundle, Error, Response};
use fluvius_store::Json;

/// A violated invariant, and the shortest sequence found that violates it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Failure {
    /// Seed of the first failing run.
    pub seed: u64,
    /// Name of the invariant.
    pub invariant: String,
    /// Message of the invariant.
    pub message: String,
    /// The shortest sequence found, in the order of sending. The given commands come first.
    pub commands: Vec<SentCommand>,
    /// Number of commands in the first failing run, without the given ones.
    pub drawn_count: usize,
    /// Number of clients in the shortest sequence.
    pub client_count: usize,
    /// Number of runtimes in the shortest sequence.
    pub runtime_count: usize,
    /// `true` if the store injects faults in the shortest sequence.
    pub has_faults: bool,
}

/// A command of a run, and its answer.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SentCommand {
    /// Number of the client, from 1. 0 marks a given command.
    pub client: usize,
    /// The command.
    pub command: CommandBundle,
    /// Time of sending, since the start of the run, in simulated time.
    pub sent: Duration,
    /// Time and value of the answer. `None` if the client gave up.
    pub answer: Option<(Duration, Result<Response, Error>)>,
    /// The payload in the report, without secrets.
    pub(super) shown: String,
}

impl Failure {
    /// Returns the drawn commands, without the given ones.
    pub fn drawn(&self) -> impl Iterator<Item = &SentCommand> {
        self.commands.iter().filter(|one| one.client > 0)
    }
}

impl std::error::Error for Failure {}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "it does not hold that {}: {}", self.invariant, self.message)?;
        write!(
            f,
            "the shortest sequence found has {} of {}, from {}, over {}, {} faults of the store:",
            counted(self.drawn().count(), "command"),
            self.drawn_count,
            counted(self.client_count, "client"),
            counted(self.runtime_count, "runtime"),
            if self.has_faults { "with" } else { "without" },
        )?;
        for one in &self.commands {
            write!(f, "\n  {one}")?;
        }
        let test = std::thread::current().name().unwrap_or_default().to_owned();
        write!(f, "\nthis seed alone: FLUVIUS_SEED={} cargo test {test}", self.seed)
    }
}

impl fmt::Display for SentCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client, command, sent, answer, shown } = self;
        match client {
            0 => write!(f, "given      ")?,
            client => write!(f, "client {client:<4}")?,
        }
        write!(f, "{} on {} {shown}", command.command, command.aggregate_id)?;
        if let Some(expected) = &command.if_match {
            write!(f, ", expecting {expected}")?;
        }
        write!(f, "\n             sent at {sent:?}, ")?;
        match answer {
            None => write!(f, "given up"),
            Some((at, Ok(response))) => {
                write!(f, "applied at {at:?} as version {}", response.version)
            }
            Some((at, Err(error))) => {
                let code = error.code();
                write!(f, "rejected at {at:?} with `{code}`: {error}")
            }
        }
    }
}

/// Formats a payload for a report.
///
/// # Shape
/// If the action has secret fields, their values become `[secret]`, and unknown fields are omitted:
/// a misspelt name may hold a secret too. For an unknown command only the size is shown.
pub(super) fn shown(action: Option<&ActionDescriptor>, payload: &Json) -> String {
    let Some(action) = action else { return format!("({} bytes)", payload.as_str().len()) };
    if !action.fields.iter().any(|field| field.secret) {
        return payload.to_string();
    }
    let Value::Object(members) = payload.to_value() else { return "[secret]".to_owned() };
    let members = members.into_iter().filter_map(|(name, value)| {
        let mut fields = action.fields.iter();
        let field = fields.find(|field| field.name == name || field.aliases.contains(&&*name))?;
        Some((name, if field.secret { Value::from("[secret]") } else { value }))
    });
    Value::Object(members.collect::<Map<_, _>>()).to_string()
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
