//! The store of fluvius for many processes: states and logs in PostgreSQL.
//!
//! ```no_run
//! use fluvius_postgres::PostgresStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = PostgresStore::open("postgres://bank@db.example/bank?sslmode=verify-full").await?;
//! // let domain = BankDomain::runtime(store).await?;
//! # let _ = store;
//! # Ok(())
//! # }
//! ```
//!
//! # The way of a batch
//!
//! A batch is one round trip and one transaction: one call of a function that lies in the database or, where all of its
//! aggregates are there, one statement, which costs less and has two shorter forms, for what most batches are. All lock the
//! aggregates of the batch in one order, find taken identifiers of commands, drop the units that do not hold, and write the
//! rest. What a statement cannot do alone it leaves to the function; then it has written nothing, and there is a second
//! round trip. All draw positions under one lock of the schema, as the last thing that they wait for, and hold that lock
//! to the end of the commit: so positions rise in the order of the commits, and nothing appears behind a reader. All
//! batches of a store go down one connection.
//!
//! Reads take connections from two small pools, one for queries and one for the reads of commands. Each read is one
//! statement, so all of its rows are of one moment. Everything runs in one tokio runtime, the store's; callers wait for
//! answers.
//!
//! # What it survives
//!
//! With [`Durability::Full`], the default, an answered command survives a crash of the program and of the server, and a
//! loss of power, as far as the server and its disk keep what they say that they have. A server that runs with `fsync =
//! off` keeps nothing of the kind and is refused, unless [`PostgresOptions::accept_fsync_off`] says otherwise.
//!
//! Where the connection is lost during a commit, the outcome of its units is
//! [`Unknown`](fluvius_core::CommitOutcome::InDoubt). Before [`command`](fluvius_core::Store::command) answers after that, it
//! sees to it that the server has ended what the lost connection had begun.
//!
//! # The database
//!
//! The tables lie in a schema of their own, `fluvius` unless set. It is made, and brought to this release, when a store
//! is opened; any number of processes may do so at once. Rows of logs are protected by triggers against being changed,
//! deleted and truncated by mistake; whoever owns the tables, and a superuser, can still disable the triggers.
//!
//! Each field that an aggregate declares (`#[aggregate(index(..))]`) has a table of its own, kept by triggers, by whose
//! index equalities, ranges and orders are looked up. It is made and filled when a domain is built, while commits go on.
//!
//! A pooler between the program and the server must keep sessions (in PgBouncer `pool_mode = session`): the store
//! prepares statements and holds a lock of its session. Any other is refused when a store is opened.
//!
//! An aggregate's commands have no index of their own: reading the command, message or activity log of one aggregate, or of one
//! realm, looks at all rows behind the given position. Events of an aggregate do have one.

mod abandoned;
mod address;
mod connect;
mod error;
mod gate;
mod home;
mod indexes;
mod leases;
mod load_batcher;
mod migrations;
mod notifications;
mod options;
mod params;
mod pooler;
mod read;
mod readers;
mod rights;
mod rows;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod tls;
mod writer;

pub use options::{Durability, PostgresOptions};
pub use store::PostgresStore;
