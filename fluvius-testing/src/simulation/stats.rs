//! Statistics of a simulation.

use std::collections::BTreeMap;
use std::fmt;

use super::run::Run;

/// Counts over all runs of a simulation, for tests that assert their coverage.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Number of runs.
    pub run_count: u64,
    /// Number of applied commands, by key.
    pub applied: BTreeMap<String, u64>,
    /// Number of commands that failed, by key and code. The code is that of the rejection,
    /// otherwise that of the error.
    pub rejected: BTreeMap<(String, String), u64>,
    /// Number of commands whose client gave up.
    pub given_up: u64,
}

impl Stats {
    /// Returns the number of applied commands.
    pub fn applied_count(&self) -> u64 {
        self.applied.values().sum()
    }

    /// Returns the number of commands with this key that failed with this code.
    pub fn failed_count(&self, key: &str, code: &str) -> u64 {
        let entry = (key.to_owned(), code.to_owned());
        self.rejected.get(&entry).copied().unwrap_or(0)
    }

    pub(super) fn count(&mut self, run: &Run) {
        self.run_count += 1;
        for one in run.sent.iter().filter(|one| one.client > 0) {
            let key = one.command.command.clone();
            match &one.answer {
                Some((_, Ok(_))) => *self.applied.entry(key).or_default() += 1,
                Some((_, Err(error))) => {
                    let code = error.code().to_owned();
                    *self.rejected.entry((key, code)).or_default() += 1;
                }
                None => self.given_up += 1,
            }
        }
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} runs", self.run_count)?;
        for (key, count) in &self.applied {
            write!(f, ", {key} applied {count} times")?;
        }
        for ((key, code), count) in &self.rejected {
            write!(f, ", {key} ended with {code} {count} times")?;
        }
        write!(f, ", {} given up", self.given_up)
    }
}
