//! Seeded schedules: shuttle chooses the next task at each scheduling point of [`Shuttle`].

use std::any::Any;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use fluvius_core::__private::test_seams::{Mutant, Scheduler};

use futures_util::future::BoxFuture;
use shuttle::rand::Rng;
use shuttle::scheduler::{PctScheduler, RandomScheduler, UncontrolledNondeterminismCheckScheduler};
use shuttle::sync::atomic::{AtomicBool, Ordering};
use shuttle::{Config, FailurePersistence, MaxSteps, Runner};

/// Schedules per seed. The PCT of shuttle learns their length from the first ones.
const SCHEDULES_PER_SEED: u16 = 20;

/// Steps in a thousand that count as slow.
const SLOW_PER_MILLE: u16 = 100;

/// Limit of steps, far above those of any schedule that ends.
const MAX_STEPS: usize = 100_000;

/// Stack size above the deepest call chain of a command in an unoptimized build.
const STACK_BYTES: usize = 512 * 1024;

/// Number of answers by code.
pub type Stats = BTreeMap<String, u64>;

/// The scheduler of shuttle, in place of the one of tokio.
pub struct Shuttle;

impl Scheduler for Shuttle {
    fn point(&self) {
        // shuttle's own atomics are scheduling points.
        AtomicBool::new(false).load(Ordering::SeqCst);
    }

    fn wait(&self) {
        shuttle::thread::yield_now();
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        drop(shuttle::future::spawn(task));
    }

    fn is_time_up(&self) -> bool {
        happens(TIME_UP_PER_MILLE.get())
    }

    fn is_slow(&self) -> bool {
        happens(SLOW_PER_MILLE)
    }
}

thread_local! {
    static TIME_UP_PER_MILLE: Cell<u16> = const { Cell::new(0) };
}

/// Sets the probability, in thousandths, that a waiting operation times out in the current
/// schedule. The default is 0.
pub fn set_time_up(per_mille: u16) {
    TIME_UP_PER_MILLE.set(per_mille);
}

/// Returns true with this probability in thousandths, as part of the schedule.
pub fn happens(per_mille: u16) -> bool {
    per_mille > 0 && below(1000) < per_mille
}

/// Returns a number below a bound, as part of the schedule.
pub fn below(bound: u16) -> u16 {
    shuttle::rand::thread_rng().gen_range(0..bound)
}

/// Yields to other tasks.
pub async fn pause() {
    shuttle::future::yield_now().await;
}

/// Runs a scenario under the schedules of a seed.
pub fn explore<S, F>(seed: u64, mutant: Option<Mutant>, scenario: S) -> Result<Stats, String>
where
    S: Fn(Option<Mutant>) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Stats, String>>,
{
    let schedules = SCHEDULES_PER_SEED.into();
    if seed.is_multiple_of(2) {
        return run(RandomScheduler::new_from_seed(seed, schedules), mutant, scenario);
    }
    let depth = 2 + usize::try_from(seed / 2 % 4).expect("it is below 4");
    run(PctScheduler::new_from_seed(seed, depth, schedules), mutant, scenario)
}

/// Runs a scenario twice under each schedule of a seed, and checks that the same tasks are runnable
/// both times.
pub fn explore_twice<S, F>(seed: u64, scenario: S) -> Result<Stats, String>
where
    S: Fn(Option<Mutant>) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Stats, String>>,
{
    let scheduler = RandomScheduler::new_from_seed(seed, SCHEDULES_PER_SEED.into());
    run(UncontrolledNondeterminismCheckScheduler::new(scheduler), None, scenario)
}

fn run<S, F>(
    scheduler: impl shuttle::scheduler::Scheduler + 'static,
    mutant: Option<Mutant>,
    scenario: S,
) -> Result<Stats, String>
where
    S: Fn(Option<Mutant>) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Stats, String>>,
{
    let total = Arc::new(Mutex::new(Stats::new()));
    let stats = Arc::clone(&total);
    let body = move || {
        set_time_up(0);
        match shuttle::future::block_on(scenario(mutant)) {
            Ok(counts) => add(&mut stats.lock().expect("no holder of the lock panics"), counts),
            Err(fault) => panic!("{fault}"),
        }
    };
    let mut config = Config::new();
    config.stack_size = STACK_BYTES;
    config.max_steps = MaxSteps::FailAfter(MAX_STEPS);
    config.failure_persistence = FailurePersistence::None;
    config.ungraceful_shutdown_config.immediately_return_on_panic = true;
    let runner = Runner::new(scheduler, config);
    match catch_unwind(AssertUnwindSafe(|| Shuttle.run(|| runner.run(body)))) {
        Ok(_) => Ok(std::mem::take(&mut *total.lock().expect("no holder of the lock panics"))),
        Err(panic) => Err(text_of(panic.as_ref()).to_owned()),
    }
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a text")
}

/// Returns the number of seeds for this number of schedules.
pub fn seed_count(schedules: u64) -> u64 {
    schedules.div_ceil(SCHEDULES_PER_SEED.into())
}

pub fn add(total: &mut Stats, counts: Stats) {
    for (name, count) in counts {
        *total.entry(name).or_default() += count;
    }
}
