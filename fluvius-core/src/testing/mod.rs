//! For the tests of authors and of stores: scenarios, random sequences of commands, a clock that
//! stands still, identifiers that count, and a store that fails by a seed.

mod block_on;
mod clock;
mod command;
pub mod conformance;
mod diff;
mod faulty_store;
mod fixture;
mod ids;
pub(crate) mod inspector;
mod leases;
mod mutants;
mod rng;
mod scenario;
pub(crate) mod scheduled;
mod simulation;

#[doc(inline)]
pub use crate::store_conformance;
pub use clock::FixedClock;
pub use command::command;
pub use faulty_store::{Faults, FaultyStore};
pub use ids::{SequentialIds, invoked_id};
#[doc(hidden)]
pub use leases::{LeaseState, LeaseWait, lease_cycle};
#[doc(hidden)]
pub use mutants::Mutant;
pub use rng::SeededRng;
pub use scenario::{ExpectedEvent, Scenario, Then, event};
#[doc(hidden)]
pub use scheduled::Scheduler;
pub use simulation::{CommittedAggregate, CommittedView, Failure, SentCommand, Simulation, Stats};
