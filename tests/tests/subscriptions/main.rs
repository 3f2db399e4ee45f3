//! Subscriptions over all stores: deliveries, checkpoints, ownership, and the acts of operators.
#![allow(missing_docs, reason = "the name of a test is its documentation")]
#![allow(clippy::unwrap_used, reason = "a panic ends the test")]
#![allow(unreachable_pub, reason = "no other crate uses the modules of a suite")]

mod content;
mod counter;
mod deliveries;
mod errors;
mod lifecycle;
mod operations;
mod ownership;
mod parked;
mod revisions;
