//! Streams of events (Server-Sent Events).
//!
//! A stream begins with pages of the log, and joins a tail at its end. Tails are shared: all streams
//! of one domain, realm and actor filter read from one follower of the log, and filter its rows in
//! memory. A stream that is too slow for its tail reads pages again until it has caught up, so it
//! never holds more than the buffer of the tail.
//!
//! # Source
//! WHATWG HTML, section 9.2 (Server-sent events).

mod permits;
mod stream;
mod tail;

pub(crate) use permits::{Permits, StreamPermit};
pub(crate) use stream::{Input, Start, run};
pub(crate) use tail::Tails;
