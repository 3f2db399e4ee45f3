//! The parts of a request, read and checked.

pub(crate) mod accept;
pub(crate) mod body;
pub(crate) mod filter;
pub(crate) mod idempotency_key;
pub(crate) mod params;
pub(crate) mod preconditions;
