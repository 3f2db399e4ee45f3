//! Metrics, through the `metrics` facade: the recorder is the program's choice.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use super::job::Outcome;
use crate::domain::Meta;
use crate::error::Error;
use crate::hash::Map;

/// The handles of a domain's metrics. They are taken when the domain is built, so the recorder
/// has to be installed before.
pub(crate) struct Metrics {
    applied: Counter,
    /// By the code of the error.
    ended: Map<&'static str, Counter>,
    pub(crate) command_seconds: Histogram,
    pub(crate) decide_seconds: Histogram,
    pub(crate) commit_seconds: Histogram,
    pub(crate) batch_units: Histogram,
    pub(crate) queue_depth: Gauge,
}

impl Metrics {
    pub(crate) fn new(meta: &'static Meta) -> Self {
        let domain = meta.namespace;
        let commands = |outcome: &'static str| counter!("fluvius_commands_total", "domain" => domain, "outcome" => outcome);
        let seconds = |stage: &'static str| histogram!("fluvius_stage_seconds", "domain" => domain, "stage" => stage);
        Self {
            applied: commands("applied"),
            ended: Error::CODES.iter().map(|code| (*code, commands(code))).collect(),
            command_seconds: histogram!("fluvius_command_seconds", "domain" => domain),
            decide_seconds: seconds("decide"),
            commit_seconds: seconds("commit"),
            batch_units: histogram!("fluvius_commit_batch_units", "domain" => domain),
            queue_depth: gauge!("fluvius_queue_depth", "domain" => domain),
        }
    }

    /// A request was answered.
    pub(crate) fn answered(&self, commands: usize, outcome: &Outcome, after: Duration) {
        let counter = match outcome {
            Ok(_) => Some(&self.applied),
            Err((_, error)) => self.ended.get(error.code()),
        };
        if let Some(counter) = counter {
            counter.increment(commands as u64);
        }
        self.command_seconds.record(after);
    }
}
