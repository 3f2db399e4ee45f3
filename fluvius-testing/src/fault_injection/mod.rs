//! A store that is slow and fails at random, from a seed.

mod faulty_store;

pub use faulty_store::{Faults, FaultyStore};
