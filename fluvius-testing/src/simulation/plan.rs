//! The plan of a run: everything that its seed determines in advance.

use std::num::{NonZeroU16, NonZeroUsize};
use std::time::Duration;

use super::Settings;
use crate::fault_injection::Faults;
use crate::rng::SeededRng;
use fluvius_core::RuntimeBuilder;

/// The mode of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    InOrder,
    Simulated,
}

#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) mode: Mode,
    pub(super) runtimes: Vec<RuntimePlan>,
    /// The steps in the order of drawing. Each client executes its own steps one after the other.
    pub(super) steps: Vec<Step>,
    pub(super) max_pause: Duration,
}

/// One runtime of a run, and its store.
#[derive(Debug, Clone)]
pub(super) struct RuntimePlan {
    pub(super) store_seed: u64,
    pub(super) faults: Faults,
    outcome_timeout: Duration,
    max_batch_units: NonZeroUsize,
    max_in_flight: NonZeroU16,
    cache_capacity: usize,
}

/// One command of one client. It is drawn from the seed of the step and the durable data at its
/// execution only. So a step stays the same if others are removed.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) client: usize,
    pub(super) seed: u64,
}

impl Plan {
    pub(super) fn draw(mode: Mode, seed: u64, settings: &Settings) -> Self {
        let mut rng = SeededRng::new(seed);
        let (runtimes, clients) = match mode {
            Mode::InOrder => (vec![RuntimePlan::peaceful()], 1),
            Mode::Simulated => {
                let runtimes = (0..=rng.below(2)).map(|_| RuntimePlan::draw(&mut rng)).collect();
                (runtimes, 2 + rng.below(4))
            }
        };
        let steps = (0..settings.command_count)
            .map(|_| Step { client: index(rng.below(clients)), seed: rng.next_u64() })
            .collect();
        Self { mode, runtimes, steps, max_pause: settings.max_pause }
    }

    pub(super) fn has_faults(&self) -> bool {
        self.runtimes.iter().any(|runtime| {
            let Faults { failed_units, lost_before, lost_after, failed_reads, .. } = runtime.faults;
            failed_units + lost_before + lost_after + failed_reads > 0
        })
    }
}

impl RuntimePlan {
    fn peaceful() -> Self {
        Self {
            store_seed: 0,
            faults: Faults::default(),
            outcome_timeout: Duration::from_secs(30),
            max_batch_units: NonZeroUsize::MIN.saturating_add(511),
            max_in_flight: NonZeroU16::MIN.saturating_add(4095),
            cache_capacity: 64 << 20,
        }
    }

    fn draw(rng: &mut SeededRng) -> Self {
        Self {
            store_seed: rng.next_u64(),
            faults: faults(rng),
            outcome_timeout: Duration::from_millis(1 + rng.below(50)),
            max_batch_units: NonZeroUsize::MIN.saturating_add(index(rng.below(8))),
            max_in_flight: NonZeroU16::MIN.saturating_add(small(rng.below(10))),
            cache_capacity: index(rng.below(8)) * 1024,
        }
    }

    pub(super) fn set_up(&self, builder: RuntimeBuilder) -> RuntimeBuilder {
        builder
            .outcome_timeout(self.outcome_timeout)
            .max_batch_units(self.max_batch_units)
            .max_in_flight(self.max_in_flight)
            .cache_capacity(self.cache_capacity)
    }
}

/// Draws the faults. Each has an even chance to occur, at its own rate.
fn faults(rng: &mut SeededRng) -> Faults {
    let mut some = |per_mille: u64| if rng.happens(500) { rng.below(per_mille) } else { 0 };
    Faults {
        failed_units: some(200),
        lost_before: some(100),
        lost_after: some(100),
        failed_reads: some(100),
        max_delay: Duration::from_micros(1 + some(3_000)),
    }
}

fn index(small: u64) -> usize {
    usize::try_from(small).unwrap_or(usize::MAX)
}

fn small(small: u64) -> u16 {
    u16::try_from(small).unwrap_or(u16::MAX)
}
