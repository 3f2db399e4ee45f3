//! PostgreSQL as a store of fluvius, for any number of processes.
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
//! # Commits
//!
//! A batch is one round trip and one transaction: a call of `commit_batch`, or, if all of its
//! aggregates are present, a cheaper update statement. Both lock the aggregates of the batch in the
//! same order, look up its command ids, omit the conflicting units, and write the rest. If an
//! update statement meets a conflict that it cannot resolve, it writes nothing, and `commit_batch`
//! is called. The last lock of a commit is one lock of the schema. The commit draws its positions
//! under this lock, and holds it to its end. So positions rise in commit order, and no row appears
//! at a position that a reader has passed. All batches of a store use one connection.
//!
//! Reads use two small pools of connections, one for queries and one for the reads of commands.
//! Each read is one statement, so all of its rows are of one snapshot. All connections, commits and
//! reads run on the tokio runtime of the store.
//!
//! # Durability
//!
//! With [`Durability::Full`], the default, an answered command survives a crash of the program or
//! the server, and a loss of power. This requires that the server and its disk keep what they
//! acknowledge. A server that runs with `fsync = off` does not, and is rejected unless
//! [`PostgresOptions::accept_fsync_off`] is set.
//!
//! If the connection is lost during a commit, its units are
//! [`InDoubt`](fluvius_store::CommitOutcome::InDoubt). Before
//! [`command`](fluvius_store::Store::command) looks up a command after that, it ends the
//! transactions of lost connections.
//!
//! # The database
//!
//! The tables are in a schema of their own, by default `fluvius`. Opening a store creates and
//! migrates the schema; any number of processes may do so at once. Triggers protect the rows of
//! logs against accidental changes. The owner of the tables and a superuser can still disable the
//! triggers.
//!
//! Each declared field (`#[aggregate(index(..))]`) has its own table, maintained by triggers, with
//! an index for equalities, ranges and orders. Building a domain creates and fills it while commits
//! continue.
//!
//! A pooler between the program and the server must keep sessions (in PgBouncer
//! `pool_mode = session`). The store prepares statements and holds session locks. Opening a store
//! over any other pooler fails.
//!
//! Only the event log has an index by aggregate. Reading the commands, messages or activities of
//! one aggregate, or the log of one realm, scans all rows after the given position.

mod address;
mod announcements;
mod backoff;
mod commit;
mod connection;
mod detached;
mod error;
mod indexes;
mod leases;
mod load_batcher;
mod migrations;
mod notifications;
mod options;
mod pool;
mod pooler;
mod privileges;
mod read;
mod runtime;
mod statement_params;
mod store;
mod tls;
mod work;

pub use options::{Durability, PostgresOptions};
pub use store::PostgresStore;
