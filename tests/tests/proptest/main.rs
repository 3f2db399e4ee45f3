//! Properties: what holds for every input, shown on random ones.
//!
//! `FLUVIUS_SEED` replays a run, `FLUVIUS_CASES` raises how many cases each property has, and
//! `FLUVIUS_STEPS` how many steps the state machine takes at the most; a failure prints its seed.

#![allow(missing_docs, reason = "nobody reads the documentation of a test binary")]
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
