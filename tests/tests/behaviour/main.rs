//! The behaviour suite: what a domain promises to its authors and callers, over the memory store.

#![allow(missing_docs, reason = "a test is told by its name")]
#![allow(unreachable_pub, reason = "the modules of a test binary have no outside")]
#![allow(clippy::unwrap_used, reason = "helpers of tests end the test")]

mod altered;
mod invoked;
mod kit;
mod probe;
mod replays;
mod scripted;
mod ticket;

mod attempts;
mod audit;
mod authoring;
mod clocks;
mod concurrency;
mod context;
mod decimals;
mod domains;
mod errors;
mod every_code;
mod extremes;
mod faults_of_state;
mod faults_of_store;
mod following;
mod groups;
mod linked;
mod logs;
mod payload_bounds;
mod payloads;
mod policies;
mod queries;
mod read_back;
mod realms;
mod recall;
mod resuming;
mod secrets;
mod seed_example;
mod sessions;
mod signals;
mod verify;
