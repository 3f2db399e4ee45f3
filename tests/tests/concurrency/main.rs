//! The promises of the runtime under concurrency: turns, batches, back-pressure, ownership.
#![allow(missing_docs, reason = "a test binary has no readers of its documentation")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod across;
mod denied_senders;
mod dropped;
mod foreign_runtimes;
mod gate;
mod gated_account;
mod hooked_store;
mod joined;
mod limits;
mod observed;
mod panics;
mod paused_clock;
mod replays;
mod shutdown;
mod slow_actions;
mod slow_store;
mod stream;
mod tower_layers;
