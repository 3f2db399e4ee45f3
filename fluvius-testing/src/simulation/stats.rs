//! What came up in the runs of a check.

use std::collections::BTreeMap;
use std::fmt;

use super::run::Run;

/// What came up in the runs of a check, for tests that make sure of what they have tried.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// How many runs there were.
    pub run_count: u64,
    /// How often each command was applied, by key.
    pub applied: BTreeMap<String, u64>,
    /// How often each command ended in an error, by key and by the code of the rejection, or else
    /// of the error.
    pub refused: BTreeMap<(String, String), u64>,
    /// Commands whose answer was not waited for.
    pub given_up: u64,
}

impl Stats {
    /// How many commands were applied.
    pub fn applied_count(&self) -> u64 {
        self.applied.values().sum()
    }

    pub(super) fn count(&mut self, run: &Run) {
        self.run_count += 1;
        for one in run.sent.iter().filter(|one| one.client > 0) {
            let key = one.command.command.clone();
            match &one.answer {
                Some((_, Ok(_))) => *self.applied.entry(key).or_default() += 1,
                Some((_, Err(error))) => {
                    let code = error.code().to_owned();
                    *self.refused.entry((key, code)).or_default() += 1;
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
        for ((key, code), count) in &self.refused {
            write!(f, ", {key} refused with {code} {count} times")?;
        }
        write!(f, ", {} given up", self.given_up)
    }
}
