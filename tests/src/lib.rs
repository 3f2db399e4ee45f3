//! Support for the suites of this package: test domains, faulty stores and invariants.
//!
//! | module | content |
//! |---|---|
//! | `fixture`, `store_snapshot` | a domain over a memory store; the rows of a store, to compare |
//! | `probe`, `ticket`, `purse` | test domains: scripted actions, all options of an author, waits at a gate |
//! | `gate`, `trace` | control over running actions; captured output of `tracing` |
//! | `bank`, `invariants` | the example bank in randomized suites: sent commands, invariants of its logs |
//! | `faulty_store` | stores that fail, alter rows, or observe calls |
//! | `seeds` | settings from environment variables |
//!
//! The doctest of this crate compiles the code of the README.

#![allow(missing_docs, reason = "no other package uses this library")]
#![allow(missing_debug_implementations, reason = "no other package uses this library")]
#![allow(clippy::unwrap_used, reason = "a panic ends the test")]

pub mod bank;
pub mod faulty_store;
pub mod fixture;
pub mod gate;
pub mod invariants;
pub mod probe;
pub mod purse;
pub mod seeds;
pub mod store_snapshot;
pub mod ticket;
pub mod trace;

// Only for `cargo test --doc`. The code of the guide is in `docs/examples/`.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
