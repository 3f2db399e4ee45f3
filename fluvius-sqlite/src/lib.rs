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
//! # Commits and reads
//!
//! [`SqliteStore`] sends batches to one writer thread. The writer commits all waiting batches in
//! one transaction (group commit): it validates each unit of work, writes the rows, and answers
//! once SQLite has committed. Reads run on a few other threads, in parts, so that no read
//! transaction is long. The checkpointer copies the write-ahead log into the file.
//!
//! # Durability
//!
//! With [`Durability::Full`], the default, an answered command survives a crash of the program or
//! the machine, and a loss of power. This requires that the disk keeps what it has acknowledged. A
//! unit of work is stored completely or not at all.
//!
//! If a commit fails, nothing of it is stored when its units are answered. A full disk, a failing
//! disk and a lock of another program are retryable errors, after which the store continues without
//! being opened again. While the disk accepts no writes, a commit that failed at its end is
//! [`CommitOutcome::InDoubt`](fluvius_store::CommitOutcome::InDoubt): a crash before the next
//! commit may restore it.
//!
//! # Closing
//!
//! The newest commits may be in the write-ahead log beside the file. After
//! [`Store::close`](fluvius_store::Store::close), or the shutdown of a domain with the last handle
//! of the store, they are in the file itself. A file that is deleted, moved or replaced while it is
//! open is detected before a commit is answered. See [`SqliteStore`].
//!
//! # Several programs
//!
//! Any number of programs may have one file open, on one machine and on a local disk. Their commits
//! are serialized, and each program sees the commits of the others.
//!
//! # The file
//!
//! The tables are compact. The views `resource_state`, `command_log`, `event_log`, `context_log`,
//! `message_log` and `activity_log` have the documented columns, for the shell of SQLite. Triggers
//! reject changes of log rows by mistake; the owner of the file can drop them.
//!
//! The values of declared fields (`#[aggregate(index(..))]`) are in the indexed table
//! `field_value`, which the writer updates in the transaction of the state. If another program
//! changes states or values, triggers remove the declaration, and the next start of a domain fills
//! the index again.
//!
//! Only events are indexed by aggregate. A read of the command, message or activity log of one
//! aggregate, or of one realm, scans all rows after the given position.

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
mod processes;
mod read;
mod readers;
mod store;
mod writer;

pub use options::{Durability, SqliteOptions};
pub use store::SqliteStore;
