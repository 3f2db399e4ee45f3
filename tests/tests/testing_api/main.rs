//! The test kit for authors: scenarios, and random sequences of commands.

#![allow(missing_docs, reason = "a test is told by its name")]
#![allow(unreachable_pub, reason = "the modules of a test binary have no outside")]
#![allow(clippy::unwrap_used, reason = "helpers of tests end the test")]

mod committed_view;
mod copied_bank;
mod failures;
mod inspected;
mod library;
mod lost_updates;
mod scenarios;
mod secrets;
mod simulation;
