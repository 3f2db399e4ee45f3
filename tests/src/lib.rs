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
//! The doctests of this crate compile the code of the guide and of the README.

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

// Only for `cargo test --doc`: the chapters are published in the guide, not in rustdoc.
#[cfg(doctest)]
mod guide {
    #[doc = include_str!("../../docs/src/authoring.md")]
    mod authoring {}
    #[doc = include_str!("../../docs/src/context.md")]
    mod context {}
    #[doc = include_str!("../../docs/src/errors.md")]
    mod errors {}
    #[doc = include_str!("../../docs/src/evolution.md")]
    mod evolution {}
    #[doc = include_str!("../../docs/src/first-domain.md")]
    mod first_domain {}
    #[doc = include_str!("../../docs/src/from-python.md")]
    mod from_python {}
    #[doc = include_str!("../../docs/src/introduction.md")]
    mod introduction {}
    #[doc = include_str!("../../docs/src/reading.md")]
    mod reading {}
    #[doc = include_str!("../../docs/src/reliability.md")]
    mod reliability {}
    #[doc = include_str!("../../docs/src/testing.md")]
    mod testing {}
    #[doc = include_str!("../../README.md")]
    mod readme {}
    #[doc = include_str!("../../docs/src/running.md")]
    mod running {}
    #[doc = include_str!("../../docs/src/sqlite.md")]
    mod sqlite {}
    #[doc = include_str!("../../docs/src/postgres.md")]
    mod postgres {}
    #[doc = include_str!("../../docs/src/store.md")]
    mod store {}
    #[doc = include_str!("../../docs/src/stored.md")]
    mod stored {}
}
