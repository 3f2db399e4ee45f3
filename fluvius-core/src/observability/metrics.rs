//! Metrics, recorded through the `metrics` facade. The program chooses the recorder, so its panics
//! are caught here.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use crate::collections::FastMap;
use crate::error::Error;
use crate::model::DomainMetadata;
use crate::unwind;

/// The handles of a domain's metrics. They are created when the domain is built, so the recorder
/// must be installed before.
pub(crate) struct Metrics {
    applied: Counter,
    /// One counter for each framework code that can end a command.
    ended: FastMap<&'static str, Counter>,
    command_seconds: Histogram,
    decide_seconds: Histogram,
    commit_seconds: Histogram,
    batch_units: Histogram,
    queue_depth: Gauge,
    version_conflicts: Counter,
}

/// Codes of queries, of log readers, and of calls without a command.
const CODES_WITHOUT_COMMAND: &[&str] = &[
    "no-aggregate-root",
    "invalid-query",
    "multiple-results",
    "invalid-position",
    "invalid-subscription",
    "store-unsupported",
];

impl Metrics {
    pub(crate) fn new(metadata: &'static DomainMetadata) -> Self {
        let domain = metadata.namespace;
        let commands = |kind: &'static str, outcome: &'static str| {
            let name = "fluvius_commands_total";
            counter!(name, "domain" => domain, "kind" => kind, "outcome" => outcome)
        };
        let seconds = |stage: &'static str| {
            let name = "fluvius_stage_duration_seconds";
            histogram!(name, "domain" => domain, "stage" => stage)
        };
        Self {
            applied: commands("applied", "applied"),
            ended: Error::CODES
                .iter()
                .filter(|(code, _)| !CODES_WITHOUT_COMMAND.contains(code))
                .map(|(code, kind)| (*code, commands(kind.as_str(), code)))
                .collect(),
            command_seconds: histogram!("fluvius_command_duration_seconds", "domain" => domain),
            decide_seconds: seconds("decide"),
            commit_seconds: seconds("commit"),
            batch_units: histogram!("fluvius_commit_batch_size", "domain" => domain),
            queue_depth: gauge!("fluvius_commit_queue_depth", "domain" => domain),
            version_conflicts: counter!("fluvius_version_conflicts_total", "domain" => domain),
        }
    }

    /// Records the duration of an attempt to decide a command.
    pub(crate) fn decided(&self, after: Duration) {
        unwind::catch(|| self.decide_seconds.record(after));
    }

    /// Records a batch handed to the store, and the number of waiting units.
    pub(crate) fn committing(&self, depth: usize, units: usize) {
        unwind::catch(|| {
            self.queue_depth.set(u32::try_from(depth).unwrap_or(u32::MAX));
            self.batch_units.record(u32::try_from(units).unwrap_or(u32::MAX));
        });
    }

    /// Records the duration of a commit.
    pub(crate) fn committed(&self, after: Duration) {
        unwind::catch(|| self.commit_seconds.record(after));
    }

    /// Counts the units of a commit that other processes have made stale.
    pub(crate) fn conflicted(&self, units: usize) {
        unwind::catch(|| self.version_conflicts.increment(units as u64));
    }

    /// Counts a command that failed to decode. It was not accepted, so it has no duration.
    pub(crate) fn not_decoded(&self, error: &Error) {
        unwind::catch(|| self.count_error(error));
    }

    /// Counts the commands of an answered request: the applied ones, and the errors of the others.
    pub(crate) fn answered(
        &self,
        applied: usize,
        errors: impl Iterator<Item = Error>,
        after: Duration,
    ) {
        unwind::catch(|| {
            self.applied.increment(applied as u64);
            errors.for_each(|error| self.count_error(&error));
            self.command_seconds.record(after);
        });
    }

    fn count_error(&self, error: &Error) {
        if let Some(counter) = self.ended.get(error.framework_code()) {
            counter.increment(1);
        }
    }
}
