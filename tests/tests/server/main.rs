//! The HTTP API, over a real connection to a real server.

#![allow(missing_docs, reason = "a test binary has no readers of its documentation")]
#![allow(unreachable_pub, reason = "the modules of a test binary have no outside")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bodies;
mod bounded_pages;
mod build;
mod catalogue;
mod client;
mod commands;
mod dry_runs;
mod events;
mod foreign_issuer;
mod groups;
mod idempotency;
mod issuer;
mod jwt;
mod library;
mod mcp;
mod operators;
mod people;
mod policies;
mod preconditions;
mod problems;
mod proxy;
mod queries;
mod reads;
mod realms;
mod shop;
mod shutdown;
mod streams;
#[allow(dead_code, reason = "the unit tests of the server use all of it")]
#[path = "../../../fluvius-server/src/auth/jwt/fixture.rs"]
mod tokens;
