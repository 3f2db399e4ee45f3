//! The fault tolerance suite: killed processes and broken connections over every store.
//!
//! | module | content |
//! |---|---|
//! | `cases`, `checks` | the test cases of each store; the checks that they run |
//! | `kills` | crash recovery: a process is killed, the bank is opened again and checked |
//! | `jepsen_bank` | processes transfer money and read snapshots while others are killed |
//! | `http_bank`, `http_client` | the same over HTTP: servers are killed, and clients send requests again |
//! | `subscribers` | subscribers are killed and suspended: no event is skipped |
//! | `linearizability` | the history of each account, checked for linearizability |
//! | `history_invariants` | invariants of a store's content and of a history |
//! | `backend`, `postgres_backend` | the stores under test; the one on a server, and its injected faults |
//! | `processes`, `child_process`, `workload`, `requests` | processes, their clients, and the requests of these |
//! | `history` | the requests and outcomes of all clients, in one order |
//! | `linked_account` | an aggregate type whose constraint a write skew breaks |
#![allow(missing_docs, reason = "the name of a test is its documentation")]
#![allow(clippy::unwrap_used, reason = "a panic ends the test")]
#![allow(unreachable_pub, reason = "no other crate uses the modules of a suite")]

mod backend;
mod cases;
mod checks;
mod child_process;
mod history;
mod history_invariants;
mod http_bank;
mod http_client;
mod jepsen_bank;
mod kills;
mod linearizability;
mod linked_account;
mod postgres_backend;
mod processes;
mod requests;
mod subscribers;
mod workload;
