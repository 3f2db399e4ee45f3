//! The bank of the tests that run it by a seed: what was sent to it, and what must hold of its log.

pub mod log;
pub mod sent;
