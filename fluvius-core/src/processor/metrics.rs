//! Metrics, through the `metrics` facade. The recorder is the program's choice, so its panics end
//! here.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use super::job::Outcome;
use crate::domain::Meta;
use crate::error::Error;
use crate::hash::Map;
use crate::unwind;

/// The handles of a domain's metrics. They are taken when the domain is built, so the recorder
/// has to be installed before.
pub(crate) struct Metrics {
    applied: Counter,
    /// By the code of the error.
    ended: Map<&'static str, Counter>,
    command_seconds: Histogram,
    decide_seconds: Histogram,
    commit_seconds: Histogram,
    batch_units: Histogram,
    queue_depth: Gauge,
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

    /// A command was decided.
    pub(crate) fn decided(&self, after: Duration) {
        unwind::catch(|| self.decide_seconds.record(after));
    }

    /// A batch is handed to the store, and this many units wait behind it.
    pub(crate) fn committing(&self, depth: usize, units: usize) {
        unwind::catch(|| {
            self.queue_depth.set(u32::try_from(depth).unwrap_or(u32::MAX));
            self.batch_units.record(u32::try_from(units).unwrap_or(u32::MAX));
        });
    }

    /// The store has answered a batch.
    pub(crate) fn landed(&self, after: Duration) {
        unwind::catch(|| self.commit_seconds.record(after));
    }

    /// A request was answered.
    pub(crate) fn answered(&self, commands: usize, outcome: &Outcome, after: Duration) {
        let counter = match outcome {
            Ok(_) => Some(&self.applied),
            Err((_, error)) => self.ended.get(error.code()),
        };
        unwind::catch(|| {
            if let Some(counter) = counter {
                counter.increment(commands as u64);
            }
            self.command_seconds.record(after);
        });
    }
}
