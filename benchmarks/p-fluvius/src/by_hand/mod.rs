//! Our schemas by hand: plain programs that write the rows of `fluvius-sqlite` and `fluvius-postgres`, without fluvius.
//!
//! The client makes of a command what needs no state (identifier, payload, hash) and hands it to
//! the one thread that writes. That takes what is waiting into one transaction, reads the accounts
//! in it, runs the rule, and writes the rows that the store would write.
//!
//! | file | what it holds |
//! |---|---|
//! | `command` | what a command is, the rule |
//! | `schema` | the file: the store's own schema, the settings of its writer, the names |
//! | `statements` | the statements, prepared once |
//! | `writer` | the thread that writes |
//! | `postgres` | the same over PostgreSQL: one task, one connection, a batch a transaction |

mod command;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
#[cfg(feature = "sqlite")]
mod schema;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(feature = "sqlite")]
mod statements;
#[cfg(all(test, feature = "sqlite"))]
mod tests;
#[cfg(feature = "sqlite")]
mod writer;

#[cfg(feature = "sqlite")]
pub(crate) use command::{Fate, Job, job};
#[cfg(feature = "sqlite")]
pub(crate) use schema::{Settings, open};
#[cfg(feature = "sqlite")]
pub(crate) use sqlite::ByHand;
#[cfg(feature = "sqlite")]
pub(crate) use writer::Writer;
