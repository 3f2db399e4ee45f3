//! The pace of the executor: bounds the effects that one poll runs.

use std::time::Duration;

use super::Processor;
use super::job::Job;
use crate::scheduler::{Effect, Scheduler};
use crate::sync::{self, Instant};

/// Maximum number of effects that one poll runs before the rest moves to a separate task.
const EFFECTS_PER_POLL: usize = 128;

/// Maximum time that a caller's poll runs effects of other commands. An author's function that
/// takes longer counts as slow: all effects after it are left to other tasks.
const TIME_PER_POLL: Duration = Duration::from_micros(100);

/// The bounds of the effects that one poll runs.
pub(super) struct Pace {
    /// The time at which the last effect ended.
    pub(super) now: Instant,
    /// Total time of the effects.
    spent: Duration,
    effects_left: usize,
    /// Set if this is a caller's poll, after which the caller's own code runs.
    is_caller: bool,
    /// Set if a caller has run effects of other commands for long enough.
    is_over: bool,
    /// Set if an author's function was slow. Then only effects that other commands wait for are
    /// still run here.
    is_slow: bool,
    /// Set if a task was spawned or woken that this thread may keep from other workers.
    pub(super) has_woken: bool,
}

impl Pace {
    pub(super) fn new(now: Instant, is_caller: bool) -> Self {
        let (spent, effects_left) = (Duration::ZERO, EFFECTS_PER_POLL);
        Self {
            now,
            spent,
            effects_left,
            is_caller,
            is_over: false,
            is_slow: false,
            has_woken: false,
        }
    }

    pub(super) fn next_effect(&mut self, scheduler: &mut Scheduler<Job>) -> Option<Effect> {
        self.effects_left = self.effects_left.checked_sub(1)?;
        if self.is_slow {
            return scheduler.next_effect_except_decide();
        }
        if self.is_over {
            return None;
        }
        scheduler.next_effect()
    }

    /// Ends an effect that may have run the author's code. Returns its duration.
    pub(super) fn effect_ended(&mut self) -> Duration {
        let begun = std::mem::replace(&mut self.now, Instant::now());
        let took = self.now - begun;
        self.is_slow |= sync::is_longer(took, TIME_PER_POLL);
        self.spent += took;
        self.is_over = self.is_caller && sync::is_longer(self.spent, TIME_PER_POLL);
        took
    }

    /// Ends the run: no further effect runs on this thread.
    pub(super) fn end(mut self, processor: &Processor) {
        if self.is_caller {
            self.hand_over(processor);
        }
    }

    /// Hands tasks over to other workers, since the next code on this thread may take long.
    pub(super) fn hand_over(&mut self, processor: &Processor) {
        if std::mem::take(&mut self.has_woken) {
            processor.services.home.hand_over();
        }
    }
}
