//! For the tests of authors and of stores: a clock that stands still, identifiers that count,
//! and a store that fails by a seed.

mod clock;
mod faulty_store;
mod ids;
mod planted;
mod rng;

pub use clock::FixedClock;
pub use faulty_store::{Faults, FaultyStore};
pub use ids::CountedIds;
#[doc(hidden)]
pub use planted::Planted;
pub use rng::SeededRng;
