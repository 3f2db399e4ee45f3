//! The proptest suite: properties of random inputs.
//!
//! `FLUVIUS_SEED` replays a run, `FLUVIUS_CASES` raises the number of cases per property, and
//! `FLUVIUS_STEPS` the number of steps of the state machine. A failure prints its seed.

#![allow(missing_docs, reason = "the documentation of a test binary has no readers")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod bank_fold;
mod bank_model;
mod corpus;
mod document_fold;
mod hostile_commands;
mod hostile_texts;
mod log_fold;
mod property;
mod queries;
mod sample_aggregate;
mod state_machine;
mod stores;
