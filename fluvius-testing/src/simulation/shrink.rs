//! Making a plan that fails smaller, while it still fails in the same way.

use super::plan::{Mode, Plan};
use super::run::{Fault, Run};
use crate::fault_injection::Faults;
use crate::rng::SeededRng;

/// How many runs may be spent.
const MAX_RUNS: u32 = 2_000;

/// A sequence of so many commands is short: more is spent on making it shorter still.
const SHORT_LENGTH: usize = 8;

/// How many ways of timing a smaller plan is tried with under the simulation, a short one and a
/// longer one: with fewer commands the same seeds give another interleaving.
const TIMINGS: (u64, u64) = (24, 4);

/// How often a short sequence is drawn anew with one command fewer.
const REDRAWN_COUNT: u32 = 100;

/// The smallest plan found that fails as the given one does, and its run.
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
    /// Without faults, with the first runtime alone, without delays.
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

    /// Leaves out steps: first many at once, at last one by one, until none can go.
    fn fewer_steps(&mut self) {
        let mut size = self.best.0.steps.len().div_ceil(2).max(1);
        loop {
            let mut start = 0;
            let mut found = false;
            while start < self.best.0.steps.len() {
                let mut fewer = self.best.0.clone();
                let end = (start + size).min(fewer.steps.len());
                fewer.steps.drain(start..end);
                // What follows has moved to where the removed steps were.
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

    /// Where no step can go without the others being as they were, others may do with fewer: two
    /// withdrawals where one larger one is enough.
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

    /// Keeps a plan that fails in the same way.
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
