//! The suite of the test kit for authors: scenarios and simulation.

#![allow(missing_docs, reason = "the name of a test is its documentation")]
#![allow(unreachable_pub, reason = "no other crate uses the modules of a suite")]
#![allow(clippy::unwrap_used, reason = "a panic ends the test")]

mod caught_panics;
mod committed_view;
mod faulty_banks;
mod library_domain;
mod lost_updates;
mod scenarios;
mod secrets;
mod simulation;
mod state_inspection;
