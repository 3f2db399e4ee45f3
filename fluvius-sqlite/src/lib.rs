//! The embedded store of fluvius: states and logs in one SQLite file, with nothing to install.
//!
//! ```
//! use fluvius_store::{AggregateId, Store};
//! use fluvius_sqlite::SqliteStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("bank.db");
//! let store = SqliteStore::open(&path).await?;
//! // let domain = BankDomain::runtime(store).await?;
//! # let aggregate_id = AggregateId::new("bank-account", fluvius_store::uuid::Uuid::nil());
//! # assert!(store.load(&aggregate_id).await?.is_none());
//! # Ok(())
//! # }
//! ```
//!
//! # The way of a batch
//!
//! [`SqliteStore`] hands what is to be committed to one writer thread. The writer takes all that
//! waits into one transaction: it finds out what becomes of each unit before it writes a row, writes
//! the rows, and answers once SQLite has committed. Reads go to a few threads beside it, in parts, so
//! that no read transaction is long. Another thread copies the write-ahead log into the file.
//!
//! # What it survives
//!
//! With [`Durability::Full`], the default, an answered command survives a crash of the program and of
//! the machine, and a loss of power, as far as the disk keeps what it says that it has. Of a unit of
//! work everything is there or nothing is.
//!
//! Where a commit fails, nothing of it stands when its units are told as failed. A full disk, a disk
//! that fails and a file that is locked by another program are told as failures that may pass; once
//! they have passed the store goes on, without being opened again. While the disk takes nothing at
//! all, a commit that failed at its very end is [`CommitOutcome::InDoubt`](fluvius_store::CommitOutcome::InDoubt): only
//! the next commit makes sure that a crash does not bring it back.
//!
//! # Closing
//!
//! The newest commits may be in the write-ahead log beside the file. After
//! [`Store::close`](fluvius_store::Store::close) they are in the file alone, as after the shutdown of a
//! domain that has the last handle of the store. A file that is deleted, moved or replaced while it is
//! open is noticed before a commit is answered. See [`SqliteStore`].
//!
//! # Several programs
//!
//! Any number of programs may have one file open, on one machine and on a local disk. They commit in
//! turns, and each sees what the others have committed.
//!
//! # The file
//!
//! The tables are narrow. The views `resource_state`, `command_log`, `event_log`, `context_log`,
//! `message_log` and `activity_log` show them with the columns of the guide, for a person with the
//! shell of SQLite. Rows of logs are protected by triggers against being changed, deleted and
//! replaced by mistake. Whoever owns the file can still drop the triggers, or write to the file.
//!
//! The values of the fields that an aggregate declares (`#[aggregate(index(..))]`) lie in a table of
//! their own, `field_value`, with an index by which equalities, ranges and orders are looked up. The
//! writer keeps them in the transaction of the state. Where another program changes states or values,
//! triggers drop the declaration, and the next start of a domain fills the index again.
//!
//! An aggregate's commands have no index of their own: reading the command, message or activity log of one
//! aggregate, or of one realm, looks at all rows behind the given position. Events of an aggregate do have one.

mod backup;
mod busy_handler;
mod checkpointer;
mod connection;
mod database_path;
mod error;
mod failpoint;
mod field;
mod file_format;
mod migrations;
mod options;
mod read;
mod readers;
mod store;
mod writer;

pub use options::{Durability, SqliteOptions};
pub use store::SqliteStore;
