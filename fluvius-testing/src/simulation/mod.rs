//! Simulations: random command sequences that check invariants.

mod committed_view;
mod failure;
mod plan;
mod run;
mod shrink;
mod stats;

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, Utc};

pub use committed_view::{CommittedAggregate, CommittedView};
pub use failure::{Failure, SentCommand};
pub use stats::Stats;

use plan::{Mode, Plan};

use super::block_on::{self, Time};
use super::fixture::{Fixture, Only};
use super::rng::SeededRng;
use fluvius_core::{Aggregate, CommandBundle, Domain, DomainContext, RuntimeBuilder};

type Draw = Box<dyn Fn(&mut SeededRng, &CommittedView) -> CommandBundle + Send + Sync>;
type Check = Box<dyn Fn(&CommittedView) -> Result<(), String> + Send + Sync>;

/// Random command sequences, and the invariants that must hold after each command.
///
/// The author provides one generator function for each kind of command, and invariants over the
/// states and the log. There are two modes:
///
/// - [sequential](Self::check_sequential): one client sends each command after the previous answer.
///   This checks the actions without concurrency.
/// - [simulated](Self::check_simulated): several clients send concurrently, over one or two
///   runtimes. Each runtime has a [`FaultyStore`](super::FaultyStore) that is slow, fails, and
///   loses replies. Clients give up on commands and send them again. This checks the actions under
///   all interleavings and faults that the runtime allows, and clients with stale reads.
///
/// Invariants are checked after every answer, on the durable states and log. A run also fails in
/// these cases: a command panics or ends in another programming error, the run does not end, or the
/// log does not fold to the stored states. As in a [`Scenario`](super::Scenario), a state or an
/// argument that is not read back unchanged is a failure.
///
/// A run depends on its seed alone: it uses one thread, and tokio's paused time. An action that
/// keeps a value in a `static` breaks this, and its runs are not reproducible.
///
/// A failing sequence is shrunk: commands, faults and the second runtime are removed while it still
/// fails. The report contains the seed and the shortest sequence found.
///
/// # Examples
///
/// ```
/// use fluvius_testing::{Simulation, command};
/// use fluvius_core::{SimpleRejection, aggregate};
/// use serde::{Deserialize, Serialize};
/// use uuid::Uuid;
///
/// #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
/// pub struct Hall { seats: u32, booked: u32 }
///
/// #[aggregate(resource = "hall")]
/// impl Hall {
///     #[action(evt_key = "hall-opened")]
///     pub fn open_hall(seats: u32) -> Result<Self, SimpleRejection> {
///         Ok(Self { seats, booked: 0 })
///     }
///
///     #[action(evt_key = "seats-booked")]
///     pub fn book_seats(&mut self, count: u32) -> Result<(), SimpleRejection> {
///         if self.seats - self.booked < count {
///             return Err(SimpleRejection::new("fully-booked", "too few seats are left"));
///         }
///         self.booked += count;
///         Ok(())
///     }
/// }
///
/// let hall = Uuid::from_u128(1);
/// let simulation = Simulation::for_aggregate::<Hall>()
///     .given([command(hall, OpenHall { seats: 20 })])
///     .command(move |rng, _| {
///         command(hall, BookSeats { count: u32::try_from(rng.below(8)).unwrap() })
///     })
///     .invariant("no hall is overbooked", |committed| {
///         match committed.all::<Hall>().iter().find(|hall| hall.state.booked > hall.state.seats) {
///             Some(hall) => Err(format!("{}: {:?}", hall.aggregate_id, hall.state)),
///             None => Ok(()),
///         }
///     });
/// simulation.check_sequential();
/// simulation.check_simulated();
/// ```
#[must_use = "call `check_sequential` and `check_simulated`"]
pub struct Simulation {
    fixture: Fixture,
    context: DomainContext,
    given: Vec<CommandBundle>,
    draws: Vec<(u64, Draw)>,
    invariants: Vec<(String, Check)>,
    settings: Settings,
}

#[derive(Debug, Clone)]
struct Settings {
    seed_count: u64,
    command_count: usize,
    max_pause: std::time::Duration,
}

impl Simulation {
    /// Creates a simulation of a single aggregate type whose actions use no other one.
    pub fn for_aggregate<A: Aggregate>() -> Self {
        Self::for_domain::<Only<A>>()
    }

    /// Creates a simulation of a domain.
    pub fn for_domain<D: Domain>() -> Self {
        Self {
            fixture: Fixture::of::<D>(),
            context: DomainContext::create("simulation"),
            given: Vec::new(),
            draws: Vec::new(),
            invariants: Vec::new(),
            settings: Settings {
                seed_count: 200,
                command_count: 30,
                max_pause: std::time::Duration::from_millis(2),
            },
        }
    }

    /// Sets the context of all commands.
    pub fn by(mut self, context: DomainContext) -> Self {
        self.context = context;
        self
    }

    /// Sets the start time of each run. The default is 2026-01-01T00:00:00Z. Time advances with the
    /// pauses and delays of the run.
    pub fn at(self, now: DateTime<Utc>) -> Self {
        self.fixture.clock.set(now);
        self
    }

    /// Configures the runtimes, such as a policy, observers or timeouts. The function is called for
    /// each runtime of each run.
    pub fn with_runtime(
        mut self,
        setup: impl Fn(RuntimeBuilder) -> RuntimeBuilder + Send + Sync + 'static,
    ) -> Self {
        self.fixture.set_up(setup);
        self
    }

    /// Adds commands that every run sends first, one after the other. Each must be applied.
    pub fn given(mut self, commands: impl IntoIterator<Item = CommandBundle>) -> Self {
        self.given.extend(commands);
        self
    }

    /// Adds a generator of commands with weight 1. It receives the durable data at that moment,
    /// like a client that reads before it writes.
    ///
    /// The function must depend on nothing else, so that a seed reproduces a run.
    pub fn command(
        self,
        draw: impl Fn(&mut SeededRng, &CommittedView) -> CommandBundle + Send + Sync + 'static,
    ) -> Self {
        self.weighted(1, draw)
    }

    /// Adds a generator of commands that is drawn `weight` times as often as one of weight 1.
    pub fn weighted(
        mut self,
        weight: u64,
        draw: impl Fn(&mut SeededRng, &CommittedView) -> CommandBundle + Send + Sync + 'static,
    ) -> Self {
        self.draws.push((weight, Box::new(draw)));
        self
    }

    /// Adds an invariant over the durable data. If it is violated, the function returns the reason
    /// as an error.
    pub fn invariant(
        mut self,
        name: impl Into<String>,
        check: impl Fn(&CommittedView) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.invariants.push((name.into(), Box::new(check)));
        self
    }

    /// Sets the number of runs, each with its own seed. The default is 200.
    pub fn seeds(mut self, count: u64) -> Self {
        self.settings.seed_count = count;
        self
    }

    /// Sets the number of commands in a run. The default is 30.
    pub fn commands_per_run(mut self, count: usize) -> Self {
        self.settings.command_count = count;
        self
    }

    /// Sets the upper bound of the random pause between drawing a command and sending it. The
    /// default is 2 ms. The time is simulated, so long pauses cost nothing. Set days to test
    /// actions that depend on time.
    pub fn max_pause(mut self, pause: std::time::Duration) -> Self {
        self.settings.max_pause = pause;
        self
    }

    /// Runs the simulation with one client, each command after the previous answer.
    ///
    /// # Panics
    /// At the caller's line, with a [`Failure`], if a check fails. Also if no command of any run
    /// was applied, there is no command to draw, or the domain cannot be built.
    ///
    /// # Environment
    /// `FLUVIUS_SEED=17` runs this seed only. `FLUVIUS_SEEDS=100000` sets the number of seeds.
    #[track_caller]
    pub fn check_sequential(&self) -> Stats {
        self.check(Mode::InOrder)
    }

    /// Runs the simulation with concurrent clients and injected faults.
    ///
    /// # Panics
    /// As [`check_sequential`](Self::check_sequential).
    #[track_caller]
    pub fn check_simulated(&self) -> Stats {
        self.check(Mode::Simulated)
    }

    /// Returns the first failure of the sequential runs, for tests with a planted fault.
    ///
    /// # Panics
    /// If there is no command to draw, or the domain cannot be built.
    pub fn find_failure_sequential(&self) -> Option<Failure> {
        self.search(Mode::InOrder, 0..self.settings.seed_count).err().map(|failure| *failure)
    }

    /// Returns the first failure of the simulated runs, for tests with a planted fault.
    ///
    /// # Panics
    /// As [`find_failure_sequential`](Self::find_failure_sequential).
    pub fn find_failure_simulated(&self) -> Option<Failure> {
        self.search(Mode::Simulated, 0..self.settings.seed_count).err().map(|failure| *failure)
    }

    #[track_caller]
    fn check(&self, mode: Mode) -> Stats {
        let seeds = match (from_environment("FLUVIUS_SEED"), from_environment("FLUVIUS_SEEDS")) {
            (Some(seed), _) => seed..seed.saturating_add(1),
            (None, Some(count)) => 0..count,
            (None, None) => 0..self.settings.seed_count,
        };
        match self.search(mode, seeds) {
            Ok(stats) if stats.applied_count() == 0 => {
                panic!("no command was ever applied, which shows nothing: {stats}")
            }
            Ok(stats) => stats,
            Err(failure) => panic!("{failure}"),
        }
    }

    fn search(&self, mode: Mode, seeds: std::ops::Range<u64>) -> Result<Stats, Box<Failure>> {
        assert!(
            self.draws.iter().any(|(weight, _)| *weight > 0),
            "there is no command to draw: call `command`"
        );
        let mut stats = Stats::default();
        for seed in seeds {
            let plan = Plan::draw(mode, seed, &self.settings);
            let run = self.run(&plan);
            let Some(fault) = run.fault.clone() else {
                stats.count(&run);
                continue;
            };
            let drawn = plan.steps.len();
            let (plan, run) = shrink::shrink(plan, run, &fault, |plan| self.run_again(plan));
            let fault = run.fault.unwrap_or(fault);
            let clients: BTreeSet<usize> = plan.steps.iter().map(|step| step.client).collect();
            return Err(Box::new(Failure {
                seed,
                invariant: fault.invariant,
                message: fault.message,
                commands: run.sent,
                drawn_count: drawn,
                client_count: clients.len(),
                runtime_count: plan.runtimes.len(),
                has_faults: plan.has_faults(),
            }));
        }
        Ok(stats)
    }

    fn run(&self, plan: &Plan) -> run::Run {
        block_on::run(Time::Paused, || run::run(self, plan))
    }

    /// Repeats a run without output. The first run has already printed its panics.
    fn run_again(&self, plan: &Plan) -> run::Run {
        block_on::run(Time::Paused, || {
            block_on::quiet();
            run::run(self, plan)
        })
    }
}

impl fmt::Debug for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let invariants: Vec<&String> = self.invariants.iter().map(|(name, _)| name).collect();
        f.debug_struct("Simulation")
            .field("world", &self.fixture)
            .field("invariants", &invariants)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
