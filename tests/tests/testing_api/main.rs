//! The suite of the test kit for authors: scenarios and simulation.

#![allow(missing_docs, reason = "a test is told by its name")]
#![allow(unreachable_pub, reason = "no other crate uses the modules of a suite")]
#![allow(clippy::unwrap_used, reason = "helpers of tests end the test")]

mod caught_panics;
mod committed_view;
mod faulty_banks;
mod library_domain;
mod lost_updates;
mod scenarios;
mod secrets;
mod simulation;
mod state_inspection;
