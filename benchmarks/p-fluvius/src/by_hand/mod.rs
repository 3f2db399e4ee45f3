//! Our schema by hand: a plain program that writes the rows of a store, without fluvius.
//!
//! The client makes of a command what needs no state (identifier, payload, hash) and hands it to
//! the one writer, which takes what is waiting into one transaction.
//!
//! | file | what it holds |
//! |---|---|
//! | `command` | a command before it is written, the account, and the rule |
//! | `sqlite/` | the rows of `fluvius-sqlite` |
//! | `postgres/` | the rows of `fluvius-postgres`, by its commit function and by statements |

mod command;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;

#[cfg(feature = "sqlite")]
pub(crate) use command::{CommitOutcome, Job, job};
