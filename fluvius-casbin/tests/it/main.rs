//! Policies by rules of casbin, in domains over the memory store and against casbin alone.

#![allow(missing_docs, reason = "the name of a test is its documentation")]
#![allow(unreachable_pub, reason = "no other crate uses the modules of a suite")]
#![allow(clippy::unwrap_used, reason = "a panic ends the test")]

mod access;
mod actors;
mod bank;
mod casbin_alone;
mod faults;
mod hostile_names;
mod listing;
mod models;
mod reload;
