//! Random sequences of commands against invariants, sequential and simulated.

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

/// Random sequences of commands, and the invariants that must hold after each of them.
///
/// The author gives one function for each kind of command, which draws one, and invariants over the states and the log.
/// There are two ways to run them:
///
/// - [sequential](Self::check_sequential): one client sends each command after the answer to the one before. This checks
///   the actions alone.
/// - [simulated](Self::check_simulated): several clients send at once, over one or two runtimes. Each runtime has a
///   [`FaultyStore`](super::FaultyStore) that is slow, fails, and loses answers. Clients give commands up and send them
///   again. This checks the actions under everything that the runtime may do with them, and the clients with stale reads.
///
/// Invariants are checked after every answer, on the durable states and log. It is a failure, too, if a command panics or
/// ends in another fault of the code, if a run does not end, or if the log does not fold to the stored states. As in a
/// [`Scenario`](super::Scenario), a state or an argument that is not read back as it was left is a failure.
///
/// A run depends on its seed alone: it has one thread, and tokio's paused time. An action that keeps a value in a `static`
/// breaks this, and its runs do not repeat.
///
/// A failing sequence is shrunk: commands, faults and the second runtime are left out as long as it still fails. The report
/// has the seed and the shortest sequence found.
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
///             return Err(SimpleRejection::new("fully-booked", "there are not so many seats left"));
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
    pause_max: std::time::Duration,
}

impl Simulation {
    /// Sequences on one aggregate type alone, whose actions read no other one.
    pub fn for_aggregate<A: Aggregate>() -> Self {
        Self::for_domain::<Only<A>>()
    }

    /// Sequences on a domain.
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
                pause_max: std::time::Duration::from_millis(2),
            },
        }
    }

    /// Who sends the commands.
    pub fn by(mut self, context: DomainContext) -> Self {
        self.context = context;
        self
    }

    /// The time at which each run begins: 2026-01-01T00:00:00Z unless set. It goes on with the
    /// pauses and delays of the run.
    pub fn at(self, now: DateTime<Utc>) -> Self {
        self.fixture.clock.set(now);
        self
    }

    /// Sets anything else of the runtimes: a policy, listeners, deadlines. The function is called
    /// for each runtime of each run.
    pub fn with_runtime(
        mut self,
        setup: impl Fn(RuntimeBuilder) -> RuntimeBuilder + Send + Sync + 'static,
    ) -> Self {
        self.fixture.set_up(setup);
        self
    }

    /// Commands that are sent first in every run, one after the other, and are applied.
    pub fn given(mut self, commands: impl IntoIterator<Item = CommandBundle>) -> Self {
        self.given.extend(commands);
        self
    }

    /// A kind of command: a function that draws one. It is given what is durable at the moment,
    /// as a client is that reads before it writes.
    ///
    /// The function should depend on nothing else, so that a seed gives the same run again.
    pub fn command(
        self,
        draw: impl Fn(&mut SeededRng, &CommittedView) -> CommandBundle + Send + Sync + 'static,
    ) -> Self {
        self.weighted(1, draw)
    }

    /// A kind of command that is drawn so many times as often as one of weight 1.
    pub fn weighted(
        mut self,
        weight: u64,
        draw: impl Fn(&mut SeededRng, &CommittedView) -> CommandBundle + Send + Sync + 'static,
    ) -> Self {
        self.draws.push((weight, Box::new(draw)));
        self
    }

    /// Something that must always hold of what is durable; else the function says what is wrong.
    pub fn invariant(
        mut self,
        name: impl Into<String>,
        check: impl Fn(&CommittedView) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.invariants.push((name.into(), Box::new(check)));
        self
    }

    /// How many runs a check makes, each of its own seed: 200 unless set.
    pub fn seeds(mut self, count: u64) -> Self {
        self.settings.seed_count = count;
        self
    }

    /// How many commands a run has at the most: 30 unless set.
    pub fn commands_per_run(mut self, count: usize) -> Self {
        self.settings.command_count = count;
        self
    }

    /// How long a client waits at the most between drawing a command and sending it: 2 ms
    /// unless set. The time of the runs is not that of the machine, so a day costs nothing; it
    /// is what rules about time need.
    pub fn pause_max(mut self, pause: std::time::Duration) -> Self {
        self.settings.pause_max = pause;
        self
    }

    /// Runs the simulation in order, each command after the answer to the one before it.
    ///
    /// # Panics
    /// At the caller's line, with a [`Failure`], where something does not hold; where no command
    /// of any run was applied, since that shows nothing; where no command is there to draw, or
    /// the domain cannot be built. As `FLUVIUS_SEED=17` says, one seed is run, or as
    /// `FLUVIUS_SEEDS=100000` says so many.
    #[track_caller]
    pub fn check_sequential(&self) -> Stats {
        self.check(Mode::InOrder)
    }

    /// Runs the simulation under the simulation.
    ///
    /// # Panics
    /// As [`check_sequential`](Self::check_sequential).
    #[track_caller]
    pub fn check_simulated(&self) -> Stats {
        self.check(Mode::Simulated)
    }

    /// The first failure of the runs in order, for tests that plant a fault to see it found.
    ///
    /// # Panics
    /// Where no command is there to draw, or the domain cannot be built.
    pub fn find_failure_sequential(&self) -> Option<Failure> {
        self.search(Mode::InOrder, 0..self.settings.seed_count).err().map(|failure| *failure)
    }

    /// The first failure under the simulation, for tests that plant a fault to see it found.
    ///
    /// # Panics
    /// As [`find_failure_sequential`](Self::find_failure_sequential).
    pub fn find_simulated(&self) -> Option<Failure> {
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

    /// What has panicked in the first run has printed it there.
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
