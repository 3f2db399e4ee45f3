//! For the tests of authors: a clock that stands still and identifiers that count.

mod clock;
mod ids;

pub use clock::FixedClock;
pub use ids::CountedIds;
