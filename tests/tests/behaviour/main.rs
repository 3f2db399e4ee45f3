//! The behaviour suite: the guarantees of a domain to its authors and callers, over the memory
//! store.

#![allow(missing_docs, reason = "the name of a test is its documentation")]
#![allow(unreachable_pub, reason = "no other crate uses the modules of a suite")]
#![allow(clippy::unwrap_used, reason = "a panic ends the test")]

mod action_context;
mod answer_positions;
mod atomic_groups;
mod attempts;
mod audit;
mod authoring;
mod bounded_queries;
mod clock_range;
mod concurrency;
mod decimals;
mod deduplication;
mod dependency_features;
mod descriptions;
mod domains;
mod dry_runs;
mod error_codes;
mod errors;
mod invalid_states;
mod invoked_options;
mod linked_types;
mod log_following;
mod log_queries;
mod log_reading;
mod log_tokens;
mod observers;
mod payload_bounds;
mod payloads;
mod policies;
mod policies_access;
mod policies_reasons;
mod preconditions;
mod queries;
mod realms;
mod rejection_codes;
mod replayed_responses;
mod schemas;
mod secrets;
mod seed_example;
mod serde_round_trips;
mod sessions;
mod setting_limits;
mod spans;
mod store_faults;
mod verify;
mod verify_ranges;
