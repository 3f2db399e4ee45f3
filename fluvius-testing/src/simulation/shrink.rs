//! Shrinking: reduces a failing plan while it still violates the same invariant.

use super::plan::{Mode, Plan};
use super::run::{Fault, Run};
use crate::fault_injection::Faults;
use crate::rng::SeededRng;

/// Maximum number of runs.
const MAX_RUNS: u32 = 2_000;

/// Maximum length of a short sequence. Short sequences get more attempts.
const SHORT_LENGTH: usize = 8;

/// Attempts per smaller plan in a simulated run, each with other store seeds: for a short plan, and
/// for a longer one. With fewer commands the same seeds give another interleaving.
const TIMINGS: (u64, u64) = (24, 4);

/// Consecutive failed attempts after which redrawing a short sequence with one command fewer stops.
const REDRAWN_COUNT: u32 = 100;

/// Returns the smallest plan found that fails like the given one, and its run.
pub(super) fn shrink(
    plan: Plan,
    run: Run,
    fault: &Fault,
    again: impl Fn(&Plan) -> Run,
) -> (Plan, Run) {
    let mut search = Search { best: (plan, run), fault, again, runs: 0 };
    search.quieter();
    search.fewer_steps();
    search.redrawn();
    search.quieter();
    search.best
}

struct Search<'a, F> {
    best: (Plan, Run),
    fault: &'a Fault,
    again: F,
    runs: u32,
}

impl<F: Fn(&Plan) -> Run> Search<'_, F> {
    /// Tries one runtime only, and then no faults. Delays stay.
    fn quieter(&mut self) {
        let plan = &self.best.0;
        let mut alone = plan.clone();
        alone.runtimes.truncate(1);
        if alone.runtimes.len() < plan.runtimes.len() {
            self.take(alone);
        }
        if self.best.0.has_faults() {
            let mut peaceful = self.best.0.clone();
            for runtime in &mut peaceful.runtimes {
                let max_delay = runtime.faults.max_delay;
                runtime.faults = Faults { max_delay, ..Faults::default() };
            }
            self.take(peaceful);
        }
    }

    /// Removes steps: half of them at first, finally single ones, until none can be removed.
    fn fewer_steps(&mut self) {
        let mut size = self.best.0.steps.len().div_ceil(2).max(1);
        loop {
            let mut start = 0;
            let mut found = false;
            while start < self.best.0.steps.len() {
                let mut fewer = self.best.0.clone();
                let end = (start + size).min(fewer.steps.len());
                fewer.steps.drain(start..end);
                // The steps behind the removed ones have moved to `start`.
                if self.take(fewer) {
                    found = true;
                } else {
                    start += size;
                }
            }
            if size > 1 {
                size = size.div_ceil(2);
            } else if !found {
                return;
            }
        }
    }

    /// Redraws all steps with one fewer. This helps if no step can be removed while the others stay
    /// the same, such as two withdrawals in place of one larger one.
    fn redrawn(&mut self) {
        let mut rng = SeededRng::new(0);
        let mut tries = 0;
        while tries < REDRAWN_COUNT && (2..=SHORT_LENGTH).contains(&self.best.0.steps.len()) {
            let mut fewer = self.best.0.clone();
            fewer.steps.pop();
            for step in &mut fewer.steps {
                step.seed = rng.next_u64();
            }
            tries = if self.take_with(fewer, 1) { 0 } else { tries + 1 };
        }
    }

    /// Keeps a plan that violates the same invariant.
    fn take(&mut self, plan: Plan) -> bool {
        let timings = match plan.mode {
            Mode::InOrder => 1,
            Mode::Simulated if plan.steps.len() < SHORT_LENGTH => TIMINGS.0,
            Mode::Simulated => TIMINGS.1,
        };
        self.take_with(plan, timings)
    }

    fn take_with(&mut self, mut plan: Plan, timings: u64) -> bool {
        for timing in 0..timings {
            if self.runs == MAX_RUNS {
                return false;
            }
            self.runs += 1;
            if timing > 0 {
                for runtime in &mut plan.runtimes {
                    runtime.store_seed = SeededRng::new(runtime.store_seed ^ timing).next_u64();
                }
            }
            let run = (self.again)(&plan);
            let fails = run.fault.as_ref().map(|fault| &fault.invariant);
            if fails == Some(&self.fault.invariant) {
                self.best = (plan, run);
                return true;
            }
        }
        false
    }
}
