//! The schemas of the stores by hand: plain programs that write the rows of a store, without
//! fluvius.
//!
//! The client makes the parts of a command that need no state (identifier, payload, hash) and sends
//! them to the one writer. The writer takes all waiting commands into one transaction.
//!
//! | file | contents |
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
