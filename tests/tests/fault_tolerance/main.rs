//! Checkers over stores: processes that are killed, and histories of what clients have heard.
//!
//! | module | what it holds |
//! |---|---|
//! | `table`, `claims` | which claims are made of which stores, and what each runs |
//! | `kills` | T2: a process is killed, the bank is opened again and checked |
//! | `bank` | T7: processes move money and look at all of it, while some are killed |
//! | `linear` | T8: what was heard of each account, for a checker of linearizability |
//! | `oracle` | what must hold of the content |
//! | `places`, `server` | the table of stores; the one on a server, and what happens to it |
//! | `hosts`, `child`, `work`, `requests` | processes, their clients, and what these ask |
//! | `history` | what they have asked and heard, in one order |
//! | `altered`, `purse` | faults to be found; a rule that a write skew breaks |
#![allow(missing_docs, reason = "a test binary has no readers of its documentation")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(unreachable_pub, reason = "the modules of a test binary have no outside")]

mod altered;
mod bank;
mod child;
mod claims;
mod history;
mod hosts;
mod kills;
mod linear;
#[path = "../bank/log.rs"]
mod log;
mod oracle;
mod places;
mod purse;
mod requests;
mod server;
mod table;
mod work;
