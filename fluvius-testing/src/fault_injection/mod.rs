//! Seeded fault injection for stores.

mod faulty_store;

pub use faulty_store::{Faults, FaultyStore};
