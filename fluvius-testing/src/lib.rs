//! The test kit of fluvius, for authors of domains and of stores.
//!
//! | to test | see |
//! |---|---|
//! | an action: given a history, when a command is sent, then events and states | [`Scenario`] |
//! | a domain under random commands of several clients | [`Simulation`] |
//! | a store against the contract | [`store_conformance!`] |
//! | behaviour over a slow or failing store | [`FaultyStore`] |
//! | a store over PostgreSQL, on servers for tests | `servers` (feature `servers`) |
//!
//! A fixed clock, sequential ids and a seeded random number generator make runs repeatable.

mod block_on;
mod clock;
mod command;
pub mod conformance;
mod diff;
mod fault_injection;
mod fixture;
mod ids;
mod inspector;
mod rng;
mod scenario;
#[cfg(feature = "servers")]
pub mod servers;
mod simulation;

pub use clock::FixedClock;
pub use command::command;
pub use fault_injection::{Faults, FaultyStore};
pub use ids::{SequentialIds, invoked_id};
pub use rng::SeededRng;
pub use scenario::{ExpectedEvent, Scenario, Then, event};
pub use simulation::{CommittedAggregate, CommittedView, Failure, SentCommand, Simulation, Stats};
