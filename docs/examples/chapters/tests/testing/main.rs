//! The code of the chapter "Testing a domain" (`docs/src/testing.md`).

#![allow(missing_docs, unreachable_pub, reason = "the chapter documents the examples")]

mod actions;
mod scenarios;
mod simulation;
mod time;
