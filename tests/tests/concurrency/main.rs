//! The concurrency suite: locks, leases, batches, back-pressure, and the tokio runtimes of callers.
#![allow(missing_docs, reason = "the name of a test is its documentation")]
#![allow(clippy::unwrap_used, reason = "a panic ends the test")]

mod capacity_limits;
mod command_streams;
mod denied_senders;
mod dropped_futures;
mod duplicates_in_flight;
mod foreign_runtimes;
mod group_replays;
mod leases;
mod long_computations;
mod metrics;
mod panics;
mod paused_clock;
mod shared_file;
mod shutdown;
mod slow_action_locks;
mod slow_store;
mod tower_layers;
mod wake_ups;
