//! The pace of the driver: how many steps one thread does at one go, and which of them.

use std::time::Duration;

use super::Processor;
use super::job::Job;
use crate::sequencer::{Sequencer, Step};
use crate::sync::{self, Instant};

/// Largest number of steps done at one go before the rest is moved to a task of its own.
const STEPS_AT_ONE_GO: usize = 128;

/// Longest time that a caller's poll does the work of others. An author's function that takes longer is slow: all steps
/// after it are left to other tasks.
const TIME_AT_ONE_GO: Duration = Duration::from_micros(100);

/// The bounds of the steps that one poll does.
pub(super) struct Pace {
    /// When the last step ended.
    pub(super) now: Instant,
    /// Total time of the steps.
    spent: Duration,
    steps_left: usize,
    /// Set if this is the poll of a caller, whose own code comes after it.
    is_caller: bool,
    /// Set if a caller has done enough of the work of others.
    is_over: bool,
    /// Set if an author's function took long: only steps that others wait for are still done.
    is_slow: bool,
    /// Set if a task was spawned or woken, which this thread may keep from other workers.
    pub(super) has_woken: bool,
}

impl Pace {
    pub(super) fn new(now: Instant, is_caller: bool) -> Self {
        let (spent, steps_left) = (Duration::ZERO, STEPS_AT_ONE_GO);
        Self { now, spent, steps_left, is_caller, is_over: false, is_slow: false, has_woken: false }
    }

    pub(super) fn next_step(&mut self, sequencer: &mut Sequencer<Job>) -> Option<Step> {
        self.steps_left = self.steps_left.checked_sub(1)?;
        if self.is_slow {
            return sequencer.next_step_but_decide();
        }
        if self.is_over {
            return None;
        }
        sequencer.next_step()
    }

    /// Ends a step that may have run an author's code. Returns its duration.
    pub(super) fn step_ended(&mut self) -> Duration {
        let begun = std::mem::replace(&mut self.now, Instant::now());
        let took = self.now - begun;
        self.is_slow |= sync::is_longer(took, TIME_AT_ONE_GO);
        self.spent += took;
        self.is_over = self.is_caller && sync::is_longer(self.spent, TIME_AT_ONE_GO);
        took
    }

    /// Notes that no step comes next on this thread.
    pub(super) fn end(mut self, processor: &Processor) {
        if self.is_caller {
            self.hand_over(processor);
        }
    }

    /// Notes that code that may take long comes next on this thread.
    pub(super) fn hand_over(&mut self, processor: &Processor) {
        if std::mem::take(&mut self.has_woken) {
            processor.environment.home.hand_over();
        }
    }
}
