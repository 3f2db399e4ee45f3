//! The parts that streams of events share: the tails that they follow, and the limits of their
//! number.

mod permits;
mod tail;

pub(crate) use permits::{Permits, StreamPermit};
pub(crate) use tail::{Item, Tail, TailKey, Tails};
