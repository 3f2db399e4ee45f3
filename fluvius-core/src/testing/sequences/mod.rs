//! Random sequences of commands against invariants, one after the other and under a simulation.

mod durable;
mod failure;
mod plan;
mod run;
mod shrink;
mod tally;

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, Utc};

pub use durable::{Durable, DurableRoot};
pub use failure::{Failure, SentCommand};
pub use tally::Tally;

use plan::{Mode, Plan};

use super::own_thread::{self, Time};
use super::rng::SeededRng;
use super::world::{Only, World};
use crate::aggregate::Aggregate;
use crate::command::CommandBundle;
use crate::context::DomainContext;
use crate::domain::{Domain, RuntimeBuilder};

type Draw = Box<dyn Fn(&mut SeededRng, &Durable) -> CommandBundle + Send + Sync>;
type Check = Box<dyn Fn(&Durable) -> Result<(), String> + Send + Sync>;

/// Random sequences of commands, and the invariants that must hold whatever they do.
///
/// The author says what commands there are, each by a function that draws one, and what must
/// always be true of the states and the log. The sequences then run in two ways:
///
/// - [in order](Self::check_in_order): one client, each command after the answer to the one
///   before it. This checks the rules alone.
/// - [simulated](Self::check_simulated): several clients at once, over one or two runtimes that
///   share a [`FaultyStore`](super::FaultyStore) each, which is slow, fails, and loses answers.
///   Commands are given up half way and sent again. This checks the rules under everything that
///   the runtime may do with them, and what clients make of stale reads.
///
/// Invariants are checked after every answer, on what is durable then. Beyond those of the author
/// it is a failure if a command panics or ends in another fault of the code, if a run does not end,
/// or if the log does not fold to the stored states. As in a [`Scenario`](super::Scenario), a state
/// or an argument that is not read back as it was left is a failure too.
///
/// A run depends on its seed alone: time is tokio's paused time, and threads there are none. It
/// cannot depend on anything else as long as the rules do not, so a rule that keeps something in a
/// `static` makes runs that do not come back.
///
/// What fails is made smaller, by leaving out commands, faults and the second runtime, until
/// nothing more can be left out; the report tells the seed and the shortest sequence found.
///
/// # Examples
///
/// ```
/// use fluvius_core::testing::{Sequences, command};
/// use fluvius_core::{Refused, aggregate};
/// use serde::{Deserialize, Serialize};
/// use uuid::Uuid;
///
/// #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
/// pub struct Hall { seats: u32, booked: u32 }
///
/// #[aggregate(resource = "hall")]
/// impl Hall {
///     #[action(evt_key = "hall-opened")]
///     pub fn open_hall(seats: u32) -> Result<Self, Refused> {
///         Ok(Self { seats, booked: 0 })
///     }
///
///     #[action(evt_key = "seats-booked")]
///     pub fn book_seats(&mut self, count: u32) -> Result<(), Refused> {
///         if self.seats - self.booked < count {
///             return Err(Refused::new("fully-booked", "there are not so many seats left"));
///         }
///         self.booked += count;
///         Ok(())
///     }
/// }
///
/// let hall = Uuid::from_u128(1);
/// let sequences = Sequences::of::<Hall>()
///     .given([command(hall, OpenHall { seats: 20 })])
///     .command(move |rng, _| {
///         command(hall, BookSeats { count: u32::try_from(rng.below(8)).unwrap() })
///     })
///     .invariant("no hall is overbooked", |durable| {
///         match durable.all::<Hall>().iter().find(|hall| hall.state.booked > hall.state.seats) {
///             Some(hall) => Err(format!("{}: {:?}", hall.root, hall.state)),
///             None => Ok(()),
///         }
///     });
/// sequences.check_in_order();
/// sequences.check_simulated();
/// ```
#[must_use = "call `check_in_order` and `check_simulated`"]
pub struct Sequences {
    world: World,
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

impl Sequences {
    /// Sequences on one aggregate alone, for rules that ask for no other aggregate.
    pub fn of<A: Aggregate>() -> Self {
        Self::in_domain::<Only<A>>()
    }

    /// Sequences on a domain.
    pub fn in_domain<D: Domain>() -> Self {
        Self {
            world: World::of::<D>(),
            context: DomainContext::create("sequences"),
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
        self.world.clock.set(now);
        self
    }

    /// Sets anything else of the runtimes: a policy, listeners, deadlines. The function is called
    /// for each runtime of each run.
    pub fn with_runtime(
        mut self,
        setup: impl Fn(RuntimeBuilder) -> RuntimeBuilder + Send + Sync + 'static,
    ) -> Self {
        self.world.set_up(setup);
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
        draw: impl Fn(&mut SeededRng, &Durable) -> CommandBundle + Send + Sync + 'static,
    ) -> Self {
        self.weighted(1, draw)
    }

    /// A kind of command that is drawn so many times as often as one of weight 1.
    pub fn weighted(
        mut self,
        weight: u64,
        draw: impl Fn(&mut SeededRng, &Durable) -> CommandBundle + Send + Sync + 'static,
    ) -> Self {
        self.draws.push((weight, Box::new(draw)));
        self
    }

    /// Something that must always hold of what is durable; else the function says what is wrong.
    pub fn invariant(
        mut self,
        name: impl Into<String>,
        check: impl Fn(&Durable) -> Result<(), String> + Send + Sync + 'static,
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

    /// Runs the sequences in order, each command after the answer to the one before it.
    ///
    /// # Panics
    /// At the caller's line, with a [`Failure`], where something does not hold; where no command
    /// of any run was applied, since that shows nothing; where no command is there to draw, or
    /// the domain cannot be built. As `FLUVIUS_SEED=17` says, one seed is run, or as
    /// `FLUVIUS_SEEDS=100000` says so many.
    #[track_caller]
    pub fn check_in_order(&self) -> Tally {
        self.check(Mode::InOrder)
    }

    /// Runs the sequences under the simulation.
    ///
    /// # Panics
    /// As [`check_in_order`](Self::check_in_order).
    #[track_caller]
    pub fn check_simulated(&self) -> Tally {
        self.check(Mode::Simulated)
    }

    /// The first failure of the runs in order, for tests that plant a fault to see it found.
    ///
    /// # Panics
    /// Where no command is there to draw, or the domain cannot be built.
    pub fn find_in_order(&self) -> Option<Failure> {
        self.search(Mode::InOrder, 0..self.settings.seed_count).err().map(|failure| *failure)
    }

    /// The first failure under the simulation, for tests that plant a fault to see it found.
    ///
    /// # Panics
    /// As [`find_in_order`](Self::find_in_order).
    pub fn find_simulated(&self) -> Option<Failure> {
        self.search(Mode::Simulated, 0..self.settings.seed_count).err().map(|failure| *failure)
    }

    #[track_caller]
    fn check(&self, mode: Mode) -> Tally {
        let seeds = match (from_environment("FLUVIUS_SEED"), from_environment("FLUVIUS_SEEDS")) {
            (Some(seed), _) => seed..seed.saturating_add(1),
            (None, Some(count)) => 0..count,
            (None, None) => 0..self.settings.seed_count,
        };
        match self.search(mode, seeds) {
            Ok(tally) if tally.applied_count() == 0 => {
                panic!("no command was ever applied, which shows nothing: {tally}")
            }
            Ok(tally) => tally,
            Err(failure) => panic!("{failure}"),
        }
    }

    fn search(&self, mode: Mode, seeds: std::ops::Range<u64>) -> Result<Tally, Box<Failure>> {
        assert!(
            self.draws.iter().any(|(weight, _)| *weight > 0),
            "there is no command to draw: call `command`"
        );
        let mut tally = Tally::default();
        for seed in seeds {
            let plan = Plan::draw(mode, seed, &self.settings);
            let run = self.run(&plan);
            let Some(fault) = run.fault.clone() else {
                tally.count(&run);
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
        Ok(tally)
    }

    fn run(&self, plan: &Plan) -> run::Run {
        own_thread::run(Time::Paused, || run::run(self, plan))
    }

    /// What has panicked in the first run has printed it there.
    fn run_again(&self, plan: &Plan) -> run::Run {
        own_thread::run(Time::Paused, || {
            own_thread::quiet();
            run::run(self, plan)
        })
    }
}

impl fmt::Debug for Sequences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let invariants: Vec<&String> = self.invariants.iter().map(|(name, _)| name).collect();
        f.debug_struct("Sequences")
            .field("world", &self.world)
            .field("invariants", &invariants)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
